"""Documents of the protected resources."""

import msgspec

from shared.domain.resources import RESOURCES, STREAMS, Reading, properties_of


class ProtectedResource(msgspec.Struct, frozen=True, kw_only=True):
    """A protected resource, and what it needs."""

    resource: str
    """The resource's name."""
    family: str
    """The family that the resource belongs to."""
    api: str
    """The version of Microsoft Graph that is asked."""
    path: str
    """The path in Microsoft Graph."""
    delta: bool
    """Whether only changes are read after the first backup."""
    select: list[str]
    """The properties that are requested, as sent, with the relations of the resource's stream."""
    permission_read: str
    """The permission that reading needs."""
    permission_write: str
    """The permission that a restore needs."""
    licence: str
    """The licence that reading needs, or ``none``."""
    restore: str
    """How a restore writes it back."""
    properties: list[str]
    """The properties that ``compare --property`` and ``--ignore`` take, with the parts of each."""
    volatile: list[str]
    """Properties that change by themselves, or with every other change. ``compare`` ignores them by default."""


def protected_resources() -> list[ProtectedResource]:
    """Return a document for each protected resource."""
    return [
        ProtectedResource(
            resource=row.resource,
            family=row.family,
            api=row.api,
            path=row.path,
            delta=STREAMS[row.stream].reading is Reading.DELTA,
            select=list(STREAMS[row.stream].selected),
            permission_read=row.permission_read,
            permission_write=row.permission_write,
            licence=row.licence,
            restore=row.restore,
            properties=list(properties_of(row.resource)),
            volatile=list(row.volatile),
        )
        for row in RESOURCES.values()
    ]
