"""Generated objects: realistic, derived from the seed and the object's number alone, made on request.

Nothing is stored: the id of object number n can be converted back to n. So a directory of any size starts at once and takes
no memory. Assignments also have numbers, but with gaps. They have no collection, and are found by the objects that they
connect.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from simulator.graph import numbering
from simulator.graph.links import Links
from simulator.graph.numbering import GROUP, PRINCIPAL, USER, Numbers
from simulator.graph.reverse_links import Backward
from simulator.graph.values import Values

ASSIGNMENTS, GRANTS = "appRoleAssignments", "oauth2PermissionGrants"
PATHS = (*numbering.PATHS, GRANTS)
"""The collections that contain generated objects."""
_NUMBERED = re.compile(r"(\d+)(?:@[^@]*)?$")
_WITH_NUMBER = frozenset(
    (
        ("users", "userPrincipalName"),
        ("users", "mail"),
        ("users", "mailNickname"),
        ("users", "proxyAddresses"),
        ("groups", "displayName"),
        ("groups", "mailNickname"),
        ("groups", "proxyAddresses"),
        ("applications", "displayName"),
        ("servicePrincipals", "displayName"),
    )
)
"""Properties whose generated values end with the object's number, before the domain."""
_TYPES = {USER: "user", GROUP: "group", PRINCIPAL: "servicePrincipal"}


@lru_cache
def property_names(path: str) -> frozenset[str]:
    """Return the names of all properties that a generated object of this path may have; none if none are generated."""
    if path not in (*PATHS, ASSIGNMENTS):
        return frozenset()
    sample = Generator(dict.fromkeys(numbering.PATHS, 64), seed=0)
    return frozenset(name for number in range(64) for name in json.loads(sample.value(path, number)))


class Generator:
    """All generated objects of one directory. `counts` has their number by path, `seed` determines their content."""

    def __init__(self, counts: dict[str, int], seed: int) -> None:
        self._numbers = Numbers(counts, seed)
        self._links = Links(self._numbers)
        self._backward = Backward(self._links)
        values = Values(self._links)
        self._counts = {**dict(zip(numbering.PATHS, self._numbers.counts, strict=True)), GRANTS: self._links.grants()}
        self._by_value: dict[tuple[str, str], dict[str, list[int]]] = {}
        self._values: dict[str, Callable[[int], str]] = {
            "users": values.user,
            "groups": values.group,
            "applications": values.application,
            "servicePrincipals": values.service_principal,
            "identity/conditionalAccess/policies": values.policy,
            GRANTS: values.grant,
            ASSIGNMENTS: values.assignment,
        }

    def count(self, path: str) -> int:
        """Return the number of generated objects of this path."""
        return self._counts.get(path, 0)

    def id(self, path: str, number: int) -> str:
        """Return the id of object `number` of a path."""
        if path == GRANTS:
            return self._links.grant_id(number)
        return self._numbers.id(numbering.PATHS.index(path), number)

    def number(self, path: str, id: str) -> int | None:
        """Return the number of a generated object, computed from its id, or None if no generated object has this id."""
        if path == ASSIGNMENTS:
            return self._links.assignment_number(id)
        if path == GRANTS:
            return self._links.grant_number(id)
        return self._numbers.number(numbering.PATHS.index(path), id) if path in numbering.PATHS else None

    def value(self, path: str, number: int) -> bytes:
        """Return the JSON of one object. Properties that were never set are absent."""
        return self._values[path](number).encode()

    def links(self, path: str, number: int, relation: str) -> Iterator[tuple[str, bytes]]:
        """Yield the links of one object under a relation: the target's id and the link's value, in a fixed order."""
        for kind, other in self._links.ends(numbering.PATHS.index(path), number, relation):
            end = self._numbers.id(kind, other)
            yield end, b'{"@odata.type":"#microsoft.graph.%s","id":"%s"}' % (_TYPES[kind].encode(), end.encode())

    def owners_of_link(self, path: str, id: str) -> Iterator[tuple[str, str, str]]:
        """Yield every generated link to an object: path and id of the object where it starts, and the relation."""
        number = self.number(path, id)
        if number is not None:
            for kind, start, relation in self._backward.links(numbering.PATHS.index(path), number):
                yield numbering.PATHS[kind], self._numbers.id(kind, start), relation

    def with_value(self, path: str, name: str, value: str) -> list[int]:
        """Return the numbers of generated objects with this text as property `name`. Case is ignored."""
        if not self._counts.get(path) or path not in numbering.PATHS:
            return []
        digits = _NUMBERED.search(value)
        if digits and (path, name) in _WITH_NUMBER:
            candidates = [int(digits[1])] if int(digits[1]) < self._counts[path] else []
            return [number for number in candidates if value.lower() in self._texts(path, number, name)]
        return self._numbers_by_value(path, name).get(value.lower(), [])

    def _texts(self, path: str, number: int, name: str) -> list[str]:
        value = json.loads(self.value(path, number)).get(name)
        return [text.lower() for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]

    def _numbers_by_value(self, path: str, name: str) -> dict[str, list[int]]:
        """Return the numbers of all objects of a path by a property. The table is built on first use."""
        if (path, name) not in self._by_value:
            table: dict[str, list[int]] = {}
            for number in range(self._counts[path]):
                for text in self._texts(path, number, name):
                    table.setdefault(text, []).append(number)
            self._by_value[path, name] = table
        return self._by_value[path, name]

    def naming(self, path: str, name: str, id: str) -> list[str]:
        """Return the ids of generated assignments or grants whose property `name` is this id, in a fixed order."""
        if path not in (GRANTS, ASSIGNMENTS):
            return []
        end = next((kind for kind in (USER, GROUP, PRINCIPAL) if self._numbers.number(kind, id) is not None), None)
        number = None if end is None else self._numbers.number(end, id)
        if end is None or number is None:
            return []
        if path == GRANTS:
            return [self._links.grant_id(grant) for grant in self._grants(name, end, number)]
        if name == "resourceId":
            numbers = self._links.assignments(number) if end == PRINCIPAL else range(0)
            return [self._links.assignment_id(assignment) for assignment in numbers]
        return [self._links.assignment_id(assignment) for assignment in self._backward.assignments(end, number)]

    def _grants(self, name: str, kind: int, number: int) -> list[int]:
        if (name, kind) == ("principalId", USER):
            return self._backward.grants_for(number)
        if kind == PRINCIPAL and name != "principalId":
            return list(self._links.grants_of(number)) if name == "clientId" else self._backward.grants_on(number)
        return []
