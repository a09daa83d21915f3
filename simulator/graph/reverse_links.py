"""Relations of generated objects in reverse: links to an object, assignments to it and grants for it.

Tables of numbers are built on first use (about a second for a directory of a million objects). They answer without a scan of
all objects.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property

from simulator.graph.links import REPORTS, Links, Stretch
from simulator.graph.numbering import APPLICATION, GROUP, PRINCIPAL, USER

_SHIFT = 34
_REST = (1 << _SHIFT) - 1


class _Pairs:
    """A sorted table of numbers below 2^34 by keys below 2^30."""

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        self._pairs = array("Q", sorted(key << _SHIFT | value for key, value in pairs))

    def between(self, first: int, last: int) -> Iterator[int]:
        """Yield the numbers of all keys from `first` to `last`, both included."""
        start, stop = (bisect_left(self._pairs, key << _SHIFT) for key in (first, last + 1))
        return (pair & _REST for pair in self._pairs[start:stop])


class _Stretches:
    """A table of stretches in a ring of `modulus` points, to find those that may contain a point."""

    def __init__(self, stretches: Iterable[tuple[int, Stretch]], modulus: int) -> None:
        entries = [(number, stretch) for number, stretch in stretches if stretch.size]
        self._longest = max((stretch.size for _, stretch in entries), default=0)
        self._firsts = _Pairs((stretch.first, number) for number, stretch in entries)
        self._modulus = modulus

    def near(self, point: int) -> Iterator[int]:
        """Yield the numbers of the stretches that start close enough before the point to reach it."""
        lowest = point - self._longest + 1
        yield from self._firsts.between(max(0, lowest), point)
        if lowest < 0:
            yield from self._firsts.between(max(point + 1, lowest + self._modulus), self._modulus - 1)


class Backward:
    """All reverse relations of one directory. Objects are identified by kind and number."""

    def __init__(self, links: Links) -> None:
        self._links = links

    # -- links

    def links(self, kind: int, number: int) -> Iterator[tuple[int, int, str]]:
        """Yield every link to an object: kind and number of the object where it starts, and the relation."""
        if kind == USER:
            yield from self._to_user(number)
        elif kind == GROUP and number and (number - 1) % 10 == 0:
            yield GROUP, number - 1, "members"
        elif kind == PRINCIPAL:
            for group in range(number, self._links.groups, self._links.principals):
                if group % 15 == 0:
                    yield GROUP, group, "members"

    def _to_user(self, number: int) -> Iterator[tuple[int, int, str]]:
        for group in self._members.near(number):
            first, size = self._links.members(group)
            if (number - first) % self._links.users < size:
                yield GROUP, group, "members"
        for owner_link in self._owners.between(number, number):
            yield owner_link >> 32, owner_link & 0xFFFFFFFF, "owners"
        first = number * REPORTS + 1
        for report in range(first, min(first + REPORTS, self._links.users)):
            if report % 23:
                yield USER, report, "manager"

    @cached_property
    def _members(self) -> _Stretches:
        return _Stretches(
            ((group, self._links.members(group)) for group in range(self._links.groups)), self._links.users
        )

    @cached_property
    def _owners(self) -> _Pairs:
        return _Pairs(
            (user, kind << 32 | number)
            for kind in (GROUP, APPLICATION, PRINCIPAL)
            for number in range(self._links.numbers.counts[kind])
            for user in self._links.owners(kind, number)
        )

    # -- app role assignments

    def assignments(self, kind: int, number: int) -> list[int]:
        """Return the numbers of the assignments whose principal is an object."""
        if kind == PRINCIPAL:
            resources: Iterable[int] = [(number - 1) % self._links.principals]
        else:
            resources = sorted((self._users if kind == USER else self._groups).near(number))
        return [
            assignment for resource in resources for assignment in self._links.assignments_of(resource, kind, number)
        ]

    @cached_property
    def _users(self) -> _Stretches:
        return _Stretches(self._assigned(0), self._links.users)

    @cached_property
    def _groups(self) -> _Stretches:
        return _Stretches(self._assigned(1), self._links.groups)

    def _assigned(self, which: int) -> Iterator[tuple[int, Stretch]]:
        for resource in range(self._links.principals):
            users, groups, _ = self._links.assigned(resource)
            yield resource, (users, groups)[which]

    # -- permission grants

    def grants_for(self, user: int) -> list[int]:
        """Return the numbers of the grants for a user."""
        return list(self._grants_by_user.between(user, user))

    def grants_on(self, resource: int) -> list[int]:
        """Return the numbers of the grants on a service principal."""
        return list(self._grants_by_resource.between(resource, resource))

    @cached_property
    def _grants_by_user(self) -> _Pairs:
        grants = ((number, self._links.grant(number)) for number in range(self._links.grants()))
        return _Pairs((grant.user, number) for number, grant in grants if grant.user is not None)

    @cached_property
    def _grants_by_resource(self) -> _Pairs:
        return _Pairs((self._links.grant(number).resource, number) for number in range(self._links.grants()))
