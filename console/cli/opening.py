"""Catalog and engine for commands. They are imported when a command runs, so that pages of help appear fast."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.engine.access.people import Asker
    from shared.engine.context import Context
    from shared.ports.catalog.database import Catalog


def open_catalog() -> "Catalog":
    """Open the catalog, which needs SQL alone.

    Raise Refuse ``SETTINGS_INVALID``, ``CATALOG_UNREACHABLE``, ``CATALOG_NEEDS_MIGRATION``.
    """
    from shared import wiring

    return wiring.open_catalog()


def open_engine() -> "Context":
    """Return the engine, for commands that need keys, store or Graph. Raise the same as ``open_catalog``."""
    from shared import wiring

    return wiring.command_context()


def home() -> Path:
    """Return the folder for local data. Raise Refuse ``SETTINGS_INVALID``."""
    from shared import wiring

    return wiring.home()


def asker(catalog: "Catalog") -> "Asker":
    """Return the user of this command, who may do everything about access, because they own the database."""
    from shared.engine.access.people import Asker

    return Asker(actor=catalog.actor)


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    from shared import wiring

    return wiring.clock().now()
