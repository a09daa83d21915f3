"""Documents of the permissions that an application needs."""

from collections.abc import Mapping, Sequence

import msgspec

from shared.domain.resources import Resource


class NeededPermission(msgspec.Struct, frozen=True, kw_only=True):
    """An application permission of Microsoft Graph, and what needs it."""

    permission: str
    """The permission's name."""
    families: list[str]
    """The families of these resources."""
    resources: list[str]
    """The resources that need it."""


def needed_permissions(needed: Mapping[str, Sequence[Resource]]) -> list[NeededPermission]:
    """Return a document for each permission."""
    return [
        NeededPermission(
            permission=name,
            families=list(dict.fromkeys(row.family for row in rows)),
            resources=[row.resource for row in rows],
        )
        for name, rows in needed.items()
    ]
