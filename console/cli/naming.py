"""Names for shell completion: tenants from the catalog, resources and families from their table."""

import re

from shared.domain.resources import RESOURCES
from shared.domain.resources.choice import BETA, FAMILIES, refused_switch

_PLAIN = re.compile(r"[a-z0-9-]+")


def known_tenants(incomplete: str) -> list[str]:
    """Return the tenants whose names start with ``incomplete``; none if the catalog does not answer at once.

    Invalid names are left out, because shells evaluate the completions that they get.
    """
    try:
        from shared import wiring

        names = wiring.tenant_names()
    except Exception:
        return []  # no error may be printed into the line that the user is typing
    return [name for name in names if name.startswith(incomplete) and _PLAIN.fullmatch(name)]


def known_resources(incomplete: str) -> list[str]:
    """Return the resources whose names start with ``incomplete``."""
    return [name for name in RESOURCES if name.startswith(incomplete)]


def known_families(incomplete: str) -> list[str]:
    """Return the families whose names start with ``incomplete``."""
    return [name for name in FAMILIES if name.startswith(incomplete)]


def known_switches(incomplete: str) -> list[str]:
    """Return the names starting with ``incomplete`` that a choice may switch."""
    names = dict.fromkeys((BETA, *FAMILIES, *RESOURCES))
    return [name for name in names if name.startswith(incomplete) and refused_switch(name) is None]


def newest_snapshot(incomplete: str) -> list[str]:
    """Return ``latest``, the only name of a snapshot beside its id, if it starts with ``incomplete``."""
    return [name for name in ("latest",) if name.startswith(incomplete)]
