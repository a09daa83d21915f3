"""The application permissions of Microsoft Graph that resources need: least privilege for reading and for restoring."""

from collections.abc import Iterable

from shared.domain.resources import RESOURCES, STREAMS, Resource

HIDDEN_MEMBERS = "Member.Read.Hidden"
"""The permission without which groups with hidden membership look empty. No resource needs it, so it is never added."""
TOTAL = frozenset(
    {
        "AppRoleAssignment.ReadWrite.All",
        "Application.ReadWrite.All",
        "DelegatedPermissionGrant.ReadWrite.All",
        "Directory.ReadWrite.All",
        "RoleManagement.ReadWrite.Directory",
    }
)
"""Permissions with which an application can give itself every right. (Microsoft Graph permissions reference.)"""


def permissions_to_read(rows: Iterable[Resource]) -> dict[str, list[Resource]]:
    """Return the permissions that reading these resources needs, sorted, each with the resources that need it.

    What belongs to objects also needs the permission to list these objects. Resources that Graph shows to people only need
    none: an application is refused with every permission.
    """
    return _needed((row, needed_to_read(row)) for row in rows if not row.for_people)


def needed_to_read(row: Resource) -> tuple[str, ...]:
    """Return the permissions that reading a resource needs: its own, then that to list the objects that it belongs to."""
    stream = STREAMS[row.stream]
    owner = RESOURCES.get(stream.children.owner) if stream.children is not None else None
    return tuple(dict.fromkeys(filter(None, (row.permission_read, owner.permission_read if owner else ""))))


def permissions_to_restore(rows: Iterable[Resource]) -> dict[str, list[Resource]]:
    """Return the permissions that restoring these resources needs, sorted, each with the resources that need it."""
    return _needed((row, row.permissions_to_restore) for row in rows)


def roles_to_restore(rows: Iterable[Resource]) -> list[str]:
    """Return the directory roles that restoring these resources may need beside the permissions."""
    written = [row.restoring for row in rows if row.restoring is not None and row.permissions_to_restore]
    return sorted({role for restoring in written for role in restoring.roles})


def _needed(pairs: Iterable[tuple[Resource, Iterable[str]]]) -> dict[str, list[Resource]]:
    """Return the permissions, sorted, with the resources that need them. An empty name is none."""
    by_name: dict[str, list[Resource]] = {}
    for row, names in pairs:
        for name in filter(None, names):
            by_name.setdefault(name, []).append(row)
    return dict(sorted(by_name.items()))
