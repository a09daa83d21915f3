"""Names that a shell completes while somebody types: from the catalog, and from the table of resources."""

import re

from shared.domain.resources import RESOURCES

_PLAIN = re.compile(r"[a-z0-9-]+")


def known_tenants(incomplete: str) -> list[str]:
    """The tenants whose names begin like that; none if the catalog cannot say so at once.

    Shells evaluate what they are given, so a name that is none is left out.
    """
    try:
        from shared import wiring

        names = wiring.tenant_names()
    except Exception:
        return []  # whatever it is: nothing may be said into a line that somebody is typing
    return [name for name in names if name.startswith(incomplete) and _PLAIN.fullmatch(name)]


def known_resources(incomplete: str) -> list[str]:
    """The resources whose names begin like that."""
    return [name for name in RESOURCES if name.startswith(incomplete)]


def newest_snapshot(incomplete: str) -> list[str]:
    """The one name that a snapshot has beside its id."""
    return [name for name in ("latest",) if name.startswith(incomplete)]
