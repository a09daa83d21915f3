"""Protected users: of them, Graph lets only the holder of a directory role change sensitive properties.

They are administrators, and members and owners of role-assignable groups. (Microsoft Graph, "Working with users":
who can perform sensitive actions.)
"""

import re
from collections.abc import Iterator
from functools import cached_property

from shared.domain.restore.bodies import text_at
from shared.domain.restore.named import ends, first_id
from shared.domain.restore.world import Side, World

NEED = "directory role Privileged Authentication Administrator on the restoring application"
_ROLES = frozenset(
    {
        "62e90394-69f5-4237-9190-012177145e10",  # Global Administrator
        "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",  # Privileged Authentication Administrator
    }
)
"""Templates of the roles that suffice for all users."""
_UNPRIVILEGED = frozenset(
    {
        "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",  # Directory Readers
        "95e79109-95c0-4d8e-aee3-d01accf2d47b",  # Guest Inviter
        "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b",  # Message Center Reader
        "4a5d8f65-41da-4de4-8968-e035b65339cf",  # Reports Reader
        "75934031-6c7e-415a-99d7-48dbd49e875e",  # Usage Summary Reports Reader
        "a0b1b346-4d3e-4e8b-98f8-753987be4970",  # User
        "10dae51f-b6af-4016-8d66-8c2a99b929b3",  # Guest User
    }
)
"""Templates of roles whose holders are ordinary users."""
_ROLE_ASSIGNABLE = re.compile(rb'"isAssignableToRole"\s*:\s*true')


class Protection:
    """Decides which users are protected, and whether the restoring application may write them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def covers(self, object_id: str) -> bool:
        """Return True if an object is protected."""
        return object_id in self._ids

    def permits(self, object_id: str) -> bool:
        """Return False if an object is protected, and the application certainly lacks the role that writing it needs."""
        own = self._world.own_roles
        return own is None or not own.isdisjoint(_ROLES) or not self.covers(object_id)

    @cached_property
    def _ids(self) -> frozenset[str]:
        """Return the protected ids on both sides, because an undeleted object gets its roles and memberships back."""
        return frozenset(
            each for side in (self._world.snapshot, self._world.live) for each in (*_holders(side), *_of_groups(side))
        )


def _holders(side: Side) -> Iterator[str]:
    """Yield the ids of the principals with a privileged directory role."""
    for _, value in side.records("roleAssignments"):
        role, principal = text_at(value, "roleDefinitionId"), text_at(value, "principalId")
        if principal is not None and (role or "").lower() not in _UNPRIVILEGED:
            yield principal.lower()


def _of_groups(side: Side) -> Iterator[str]:
    """Yield the ids of members and owners of role-assignable groups."""
    groups = {first_id(key.decode()) for key, value in side.records("groups") if _ROLE_ASSIGNABLE.search(value)}
    if groups:
        for resource in ("groups.members", "groups.owners"):
            yield from (ends(key.decode())[1] for key, _ in side.records(resource, groups))
