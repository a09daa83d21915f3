"""What commands stand on, wired when a command runs: importing it takes longer than showing a page of help may."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.engine.context import Context
    from shared.ports.catalog import Catalog


def open_catalog() -> "Catalog":
    """SQL alone. Raises Refuse ``SETTINGS_INVALID``, ``CATALOG_UNREACHABLE``, ``CATALOG_NEEDS_MIGRATION``."""
    from shared import wiring

    return wiring.open_catalog()


def open_engine() -> "Context":
    """The engine, for what needs keys, store or Graph. Raises as ``open_catalog``."""
    from shared import wiring

    return wiring.command_context()


def home() -> Path:
    """The folder for all that is kept on this machine. Raises Refuse ``SETTINGS_INVALID``."""
    from shared import wiring

    return wiring.home()


def now() -> datetime:
    """The time of day, aware, in UTC."""
    from shared import wiring

    return wiring.clock().now()
