"""The kinds of objects in the simulated directory, and how Graph treats each of them."""

import re

from simulator.graph.kinds.agents import BLUEPRINT_PRINCIPALS, BLUEPRINTS, IDENTITIES
from simulator.graph.kinds.agents import KINDS as AGENTS
from simulator.graph.kinds.aliases import plain
from simulator.graph.kinds.conditional_access import KINDS as CONDITIONAL_ACCESS
from simulator.graph.kinds.conditional_access import POLICIES
from simulator.graph.kinds.core import (
    APPLICATIONS,
    ASSIGNMENTS,
    DEVICES,
    DIRECTORY_ROLES,
    EXTENSIONS,
    GRANTS,
    GROUP_SETTINGS,
    GROUPS,
    ORGANIZATION,
    SERVICE_PRINCIPALS,
    USERS,
)
from simulator.graph.kinds.cross_tenant import KINDS as CROSS_TENANT
from simulator.graph.kinds.external_identities import KINDS as EXTERNAL_IDENTITIES
from simulator.graph.kinds.governance import KINDS as GOVERNANCE
from simulator.graph.kinds.licences import SUBSCRIBED_SKUS
from simulator.graph.kinds.lifecycle import KINDS as LIFECYCLE
from simulator.graph.kinds.model import DIRECTORY_READ, DIRECTORY_WRITE, LICENCES, Kind, Relation, Reverse
from simulator.graph.kinds.others import KINDS as OTHERS
from simulator.graph.kinds.partners import KINDS as PARTNERS
from simulator.graph.kinds.provisioning import KINDS as PROVISIONING
from simulator.graph.kinds.roles import KINDS as ROLES
from simulator.graph.kinds.roles import ROLE_ASSIGNMENTS, UNITS
from simulator.graph.kinds.settings import KINDS as SETTINGS
from simulator.graph.kinds.tenant import KINDS as TENANT

__all__ = [
    "APPLICATIONS",
    "ASSIGNMENTS",
    "DEVICES",
    "DIRECTORY_OBJECTS",
    "DIRECTORY_READ",
    "DIRECTORY_ROLES",
    "DIRECTORY_WRITE",
    "EXTENSIONS",
    "GRANTS",
    "GROUPS",
    "GROUP_SETTINGS",
    "KINDS",
    "LICENCES",
    "ORGANIZATION",
    "POLICIES",
    "ROLE_ASSIGNMENTS",
    "SERVICE_PRINCIPALS",
    "SUBSCRIBED_SKUS",
    "UNITS",
    "USERS",
    "Kind",
    "Relation",
    "Reverse",
    "cast",
    "is_cast",
    "is_delta",
    "split",
]

_DELTA = re.compile(r"(microsoft\.graph\.)?delta(\(\))?")
_CAST = re.compile(r"(?:microsoft\.)?graph\.(\w+)")
_CORE = (
    *(USERS, GROUPS, APPLICATIONS, SERVICE_PRINCIPALS, DEVICES, GRANTS, ORGANIZATION, DIRECTORY_ROLES),
    SUBSCRIBED_SKUS,
)

_ALL = (
    *_CORE,
    *CONDITIONAL_ACCESS,
    *ROLES,
    *TENANT,
    *SETTINGS,
    *OTHERS,
    *PARTNERS,
    *CROSS_TENANT,
    *EXTERNAL_IDENTITIES,
    *GOVERNANCE,
    *LIFECYCLE,
    *AGENTS,
    *PROVISIONING,
)
KINDS: dict[str, Kind] = {kind.path: kind for kind in _ALL}
"""All kinds with a collection or a singleton, by path without version."""

DIRECTORY_OBJECTS = (
    *(USERS, GROUPS, APPLICATIONS, SERVICE_PRINCIPALS, DEVICES, UNITS),
    *(BLUEPRINTS, BLUEPRINT_PRINCIPALS, IDENTITIES),
)
"""The kinds to which links can lead."""

_LONGEST = max(path.count("/") + 1 for path in KINDS)


def split(path: str) -> tuple[Kind, list[str]] | None:
    """Split a path without version into its kind and the segments after it. Return None if the path has no kind.

    The segments of a singleton begin with its id, as those of every other object do.
    """
    segments = [segment for segment in plain(path.strip("/")).split("/") if segment]
    if len(segments) > 1 and is_cast(segments[-1]) and "/".join([*segments[:-2], segments[-1]]) in KINDS:
        segments[-2:] = segments[:-3:-1]  # an object's cast comes after its id
    for length in range(min(_LONGEST, len(segments)), 0, -1):
        kind = KINDS.get("/".join(segments[:length]))
        if kind is not None:
            return kind, [kind.singleton] * bool(kind.singleton) + segments[length:]
    return None


def is_delta(tail: list[str]) -> bool:
    """Return whether the segments after a kind are its delta function, in one of the spellings that clients use."""
    return len(tail) == 1 and _DELTA.fullmatch(tail[0]) is not None


def is_cast(segment: str) -> bool:
    """Return whether a segment is a type cast. SDKs also use a shortened namespace."""
    return _CAST.fullmatch(segment) is not None


def cast(segment: str) -> Kind | None:
    """Return the kind that a cast names, or None if the simulator does not have it."""
    match = _CAST.fullmatch(segment)
    return next((kind for kind in KINDS.values() if match and kind.type == match[1]), None)
