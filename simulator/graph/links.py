"""Relations of generated objects: links, app role assignments and permission grants. All are computed and never stored.

A group's members are a stretch of the users. Every tenth group also contains the next group, every fifteenth a service
principal, and every sixtieth is large. Managers form a tree. Every third service principal has assignments: to a stretch of
the users, to a few groups, and sometimes to another service principal. Every forty-eighth has several pages of them. Each
client has two grants on average, with the first service principals as resources.

An assignment's number is the number of its resource, times `_MAX_ASSIGNED`, plus its position there. So numbers have gaps.
"""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from simulator.graph.numbering import (
    APPLICATION,
    ASSIGNMENT,
    GRANT,
    GROUP,
    PRINCIPAL,
    USER,
    Numbers,
    joined,
    parted,
)

REPORTS = 8
_MAX_ASSIGNED = 2048
_GRANT_RESOURCES = 8
"""Number of service principals that are resources of grants."""


class Stretch(NamedTuple):
    """A range of consecutive objects of a kind, which wraps around after the last one."""

    first: int
    size: int


class Grant(NamedTuple):
    """The numbers of the objects that a grant connects."""

    client: int
    resource: int
    user: int | None
    """The user; None if the grant is for all users."""


class Links:
    """All relations of one directory, from the objects where they start."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self.users, self.groups, _, self.principals, _ = numbers.counts
        # Grants of each of four consecutive clients. With fewer than four users, several grants of a client could be equal.
        self._shares = (4, 0, 2, 2) if self.users >= 4 else (1, 1, 1, 1)
        self._clients = [position for position, share in enumerate(self._shares) for _ in range(share)]

    # -- links

    def ends(self, kind: int, number: int, relation: str) -> Iterator[tuple[int, int]]:
        """Yield kind and number of each target of an object's links, in a fixed order."""
        if (kind, relation) == (USER, "manager"):
            if number > 0 and number % 23:
                yield USER, (number - 1) // REPORTS
        elif (kind, relation) == (GROUP, "members"):
            first, size = self.members(number)
            for step in range(size):
                yield USER, (first + step) % self.users
            if number % 10 == 0 and number + 1 < self.groups:
                yield GROUP, number + 1
            if number % 15 == 0 and self.principals:
                yield PRINCIPAL, number % self.principals
        elif relation == "owners" and kind in (GROUP, APPLICATION, PRINCIPAL):
            yield from ((USER, user) for user in self.owners(kind, number))

    def members(self, group: int) -> Stretch:
        """Return the users in a group."""
        if not self.users:
            return Stretch(0, 0)
        mix = self.numbers.mix(GROUP, group)
        size = 700 + mix % 300 if group % 60 == 7 else mix % 40
        return Stretch((mix >> 16) % self.users, min(size, self.users))

    def owners(self, kind: int, number: int) -> list[int]:
        """Return the users who own an object."""
        if not self.users:
            return []
        first = self.numbers.mix(kind, number) % self.users
        second = (first * 7 + 5) % self.users
        return [first, second] if kind == GROUP and number % 2 and second != first else [first]

    # -- app role assignments

    def assigned(self, resource: int) -> tuple[Stretch, Stretch, int | None]:
        """Return the users, the groups and the service principal that are assigned to a service principal."""
        if resource % 3 or resource >= self.principals:
            return Stretch(0, 0), Stretch(0, 0), None
        mix = self.numbers.mix(ASSIGNMENT, resource)
        users = min(self.users, 250 + mix % 900 if resource % 48 == 12 else 1 + mix % 24)
        groups = min(self.groups, (mix >> 12) % 4)
        other = (resource + 1) % self.principals if resource % 2 == 0 and self.principals > 1 else None
        return (
            Stretch((mix >> 16) % self.users if users else 0, users),
            Stretch((mix >> 40) % self.groups if groups else 0, groups),
            other,
        )

    def assignments(self, resource: int) -> range:
        """Return the numbers of the assignments to a service principal."""
        users, groups, other = self.assigned(resource)
        first = resource * _MAX_ASSIGNED
        return range(first, first + users.size + groups.size + (other is not None))

    def assignment(self, number: int) -> tuple[int, int, int]:
        """Return the resource of an assignment, and the kind and number of its principal."""
        resource, position = divmod(number, _MAX_ASSIGNED)
        users, groups, other = self.assigned(resource)
        if position < users.size:
            return resource, USER, (users.first + position) % self.users
        if position < users.size + groups.size:
            return resource, GROUP, (groups.first + position - users.size) % self.groups
        return resource, PRINCIPAL, other or 0

    def assignments_of(self, resource: int, kind: int, number: int) -> Iterator[int]:
        """Yield the numbers of the assignments of one principal to one service principal."""
        users, groups, other = self.assigned(resource)
        first = resource * _MAX_ASSIGNED
        position = {
            USER: (number - users.first) % max(1, self.users),
            GROUP: (number - groups.first) % max(1, self.groups),
        }.get(kind, 0)
        if (kind == USER and position < users.size) or (kind == PRINCIPAL and number == other):
            yield first + (position if kind == USER else users.size + groups.size)
        elif kind == GROUP and position < groups.size:
            yield first + users.size + position

    def assignment_id(self, number: int) -> str:
        """Return the id of an assignment: the principal's id and sixteen further bytes."""
        _, kind, principal = self.assignment(number)
        suffix = (
            self.numbers.scrambled(number).to_bytes(4)
            + self.numbers.mix(ASSIGNMENT, number).to_bytes(8)
            + b"\x84\x71\x16\x0e"
        )
        return joined(self.numbers.id(kind, principal), suffix)

    def assignment_number(self, id: str) -> int | None:
        """Return the number of a generated assignment, or None if none has this id."""
        parts = parted(id)
        if len(parts) != 2:
            return None
        number = self.numbers.unscrambled(int.from_bytes(parts[1][:4]))
        exists = number in self.assignments(number // _MAX_ASSIGNED)
        return number if exists and self.assignment_id(number) == id else None

    # -- permission grants

    def grants(self) -> int:
        """Return the number of grants."""
        blocks, rest = divmod(self.principals, len(self._shares))
        return blocks * len(self._clients) + sum(self._shares[:rest])

    def grants_of(self, client: int) -> range:
        """Return the numbers of the grants to a client."""
        block, position = divmod(client, len(self._shares))
        first = block * len(self._clients) + sum(self._shares[:position])
        return range(first, first + self._shares[position])

    def grant(self, number: int) -> Grant:
        """Return the objects that a grant connects. A client's first grant is for all users, the others are for one each."""
        block, position = divmod(number, len(self._clients))
        client = block * len(self._shares) + self._clients[position]
        step = number - self.grants_of(client).start
        resource = self.numbers.mix(GRANT, number) % min(_GRANT_RESOURCES, self.principals)
        user = (self.numbers.mix(GRANT, self.grants() + client) + step) % self.users if step else None
        return Grant(client, resource, user)

    def grant_id(self, number: int) -> str:
        """Return the id of a grant, made of the ids of client, resource and user."""
        grant = self.grant(number)
        ids = [self.numbers.id(PRINCIPAL, grant.client), self.numbers.id(PRINCIPAL, grant.resource)]
        return joined(*ids, *([] if grant.user is None else [self.numbers.id(USER, grant.user)]))

    def grant_number(self, id: str) -> int | None:
        """Return the number of a generated grant, or None if none has this id."""
        parts = parted(id)
        client = self.numbers.number(PRINCIPAL, str(UUID(bytes_le=parts[0]))) if len(parts) in (2, 3) else None
        if client is None:
            return None
        return next((number for number in self.grants_of(client) if self.grant_id(number) == id), None)
