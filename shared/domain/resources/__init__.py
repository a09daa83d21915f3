"""The declarative table of the protected resources, with one module for each family."""

import msgspec

from shared.domain.resources import applications, identity, organization, policies
from shared.domain.resources.table import Children, Reading, Reference, Relation, Resource, Stream

_FAMILIES = (identity, applications, policies, organization)

RESOURCES: dict[str, Resource] = {row.resource: row for family in _FAMILIES for row in family.RESOURCES}
"""Every protected resource, by name."""

STREAMS: dict[str, Stream] = {
    stream.name: msgspec.structs.replace(stream, api=RESOURCES[stream.resource].api)
    for family in _FAMILIES
    for stream in family.STREAMS
}
"""Every stream, by name."""

LINKS = frozenset(
    name
    for stream in STREAMS.values()
    for name in stream.resources
    if name != stream.resource or (stream.children is not None and stream.children.links)
)
"""Resources whose records are links between objects; the records of all others are objects."""


def properties_of(resource: str) -> tuple[str, ...]:
    """Return the properties of a resource's records that can be named: those selected, or those that Graph documents."""
    if resource in LINKS:
        return ("id",)
    return STREAMS[RESOURCES[resource].stream].select or RESOURCES[resource].properties


def volatile_of(resource: str) -> frozenset[str]:
    """Return the properties of a resource whose changes do not count; none of a resource that only another version knows."""
    return frozenset(RESOURCES[resource].volatile) if resource in RESOURCES else frozenset()


__all__ = [
    "LINKS",
    "RESOURCES",
    "STREAMS",
    "Children",
    "Reading",
    "Reference",
    "Relation",
    "Resource",
    "Stream",
    "properties_of",
    "volatile_of",
]
