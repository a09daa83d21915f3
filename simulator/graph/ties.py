"""What ties generated objects together: links, app role assignments and permission grants, reckoned and never kept.

A group's members are a stretch of the users; every tenth group also holds the next one, every fifteenth a service principal,
every sixtieth is large. Managers form a tree. To every third service principal users are assigned, in a stretch too, with a
few groups and at times another service principal; every forty-eighth has several pages of them. Grants come two to a client
on average, for the first service principals as resources.

An assignment's number is its resource's, times `_MOST_ASSIGNED`, plus its place there; so numbers have gaps.
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
_MOST_ASSIGNED = 2048
_APIS = 8
"""So many service principals are the resources of all grants."""


class Stretch(NamedTuple):
    """Neighbours among the objects of a kind, going on at the first after the last."""

    first: int
    size: int


class Grant(NamedTuple):
    """The numbers of what a grant ties together; without a user it is for all of them."""

    client: int
    resource: int
    user: int | None


class Ties:
    """All ties of one directory, from where they start."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self.users, self.groups, _, self.principals, _ = numbers.counts
        # How many grants each of four neighbouring clients has: few users would make equal ones.
        self._shares = (4, 0, 2, 2) if self.users >= 4 else (1, 1, 1, 1)
        self._clients = [place for place, share in enumerate(self._shares) for _ in range(share)]

    # -- links

    def ends(self, kind: int, number: int, relation: str) -> Iterator[tuple[int, int]]:
        """Kind and number of each object at the other end of an object's links, in a fixed order."""
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
        """The users in a group."""
        if not self.users:
            return Stretch(0, 0)
        mix = self.numbers.mix(GROUP, group)
        size = 700 + mix % 300 if group % 60 == 7 else mix % 40
        return Stretch((mix >> 16) % self.users, min(size, self.users))

    def owners(self, kind: int, number: int) -> list[int]:
        """The users who own an object."""
        if not self.users:
            return []
        first = self.numbers.mix(kind, number) % self.users
        second = (first * 7 + 5) % self.users
        return [first, second] if kind == GROUP and number % 2 and second != first else [first]

    # -- app role assignments

    def assigned(self, resource: int) -> tuple[Stretch, Stretch, int | None]:
        """The users, the groups and the service principal that are assigned to a service principal."""
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
        """The numbers of the assignments to a service principal."""
        users, groups, other = self.assigned(resource)
        first = resource * _MOST_ASSIGNED
        return range(first, first + users.size + groups.size + (other is not None))

    def assignment(self, number: int) -> tuple[int, int, int]:
        """The resource of an assignment, and kind and number of the principal."""
        resource, place = divmod(number, _MOST_ASSIGNED)
        users, groups, other = self.assigned(resource)
        if place < users.size:
            return resource, USER, (users.first + place) % self.users
        if place < users.size + groups.size:
            return resource, GROUP, (groups.first + place - users.size) % self.groups
        return resource, PRINCIPAL, other or 0

    def assignments_of(self, resource: int, kind: int, number: int) -> Iterator[int]:
        """The assignments of one principal to one service principal."""
        users, groups, other = self.assigned(resource)
        first = resource * _MOST_ASSIGNED
        place = {
            USER: (number - users.first) % max(1, self.users),
            GROUP: (number - groups.first) % max(1, self.groups),
        }.get(kind, 0)
        if (kind == USER and place < users.size) or (kind == PRINCIPAL and number == other):
            yield first + (place if kind == USER else users.size + groups.size)
        elif kind == GROUP and place < groups.size:
            yield first + users.size + place

    def assignment_id(self, number: int) -> str:
        """The id of an assignment: the principal's, and sixteen bytes of its own."""
        _, kind, principal = self.assignment(number)
        own = (
            self.numbers.scrambled(number).to_bytes(4)
            + self.numbers.mix(ASSIGNMENT, number).to_bytes(8)
            + b"\x84\x71\x16\x0e"
        )
        return joined(self.numbers.id(kind, principal), own)

    def assignment_number(self, id: str) -> int | None:
        """The number of a generated assignment; None if no such one has this id."""
        parts = parted(id)
        if len(parts) != 2:
            return None
        number = self.numbers.unscrambled(int.from_bytes(parts[1][:4]))
        known = number in self.assignments(number // _MOST_ASSIGNED)
        return number if known and self.assignment_id(number) == id else None

    # -- permission grants

    def grants(self) -> int:
        """How many grants there are."""
        blocks, rest = divmod(self.principals, len(self._shares))
        return blocks * len(self._clients) + sum(self._shares[:rest])

    def grants_of(self, client: int) -> range:
        """The numbers of the grants to a client."""
        block, place = divmod(client, len(self._shares))
        first = block * len(self._clients) + sum(self._shares[:place])
        return range(first, first + self._shares[place])

    def grant(self, number: int) -> Grant:
        """What a grant ties together: the first of a client is for all users, each other one for one of them."""
        block, place = divmod(number, len(self._clients))
        client = block * len(self._shares) + self._clients[place]
        step = number - self.grants_of(client).start
        resource = self.numbers.mix(GRANT, number) % min(_APIS, self.principals)
        user = (self.numbers.mix(GRANT, self.grants() + client) + step) % self.users if step else None
        return Grant(client, resource, user)

    def grant_id(self, number: int) -> str:
        """The id of a grant: those of client, resource and user."""
        grant = self.grant(number)
        ids = [self.numbers.id(PRINCIPAL, grant.client), self.numbers.id(PRINCIPAL, grant.resource)]
        return joined(*ids, *([] if grant.user is None else [self.numbers.id(USER, grant.user)]))

    def grant_number(self, id: str) -> int | None:
        """The number of a generated grant; None if no such one has this id."""
        parts = parted(id)
        client = self.numbers.number(PRINCIPAL, str(UUID(bytes_le=parts[0]))) if len(parts) in (2, 3) else None
        if client is None:
            return None
        return next((number for number in self.grants_of(client) if self.grant_id(number) == id), None)
