"""Filters of listings by the values of properties (Graph: "filter query parameter"): `eq`, `in`, `any` and `and`."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from simulator.graph import raw_json
from simulator.graph.directory import Directory
from simulator.graph.kinds import Kind
from simulator.graph.stored import Stored, texts
from simulator.graph.visibility import listed

_CLAUSE = re.compile(
    r"\s*(?:(?P<name>[\w/]+)\s+eq\s+(?P<value>'(?:[^']|'')*'|[\w-]+)"
    r"|(?P<one>[\w/]+)\s+in\s+\((?P<values>\s*'[^']*'(?:\s*,\s*'[^']*')*\s*)\)"
    r"|(?P<list>\w+)/any\(\s*(?P<each>\w+)\s*:\s*(?P=each)\s+eq\s+(?P<member>'(?:[^']|'')*')\s*\))\s*"
)


class Clause(NamedTuple):
    """One condition: a property has one of these values, or a list contains one of them. Case is ignored.

    A value with blanks or line breaks at its ends is never found.
    """

    name: str
    values: tuple[str, ...]

    def holds(self, value: bytes) -> bool:
        """Return whether an object meets the condition."""
        member, wanted = raw_json.member(value, self.name), {each.lower() for each in self.values}
        if member in (b"true", b"false"):
            return member.decode() in wanted
        return any(text.lower() in wanted for text in texts(member) if text == text.strip())


def clauses(text: str) -> tuple[Clause, ...] | None:
    """Return the conditions of a filter that the simulator supports, or None for another filter."""
    matches = [_CLAUSE.fullmatch(part) for part in re.split(r"\s+and\s+(?=[^']*(?:'[^']*'[^']*)*$)", text)]
    if not all(matches):
        return None
    return tuple(map(_clause, filter(None, matches)))


def _clause(match: re.Match[str]) -> Clause:
    if match["one"]:
        return Clause(match["one"], tuple(re.findall(r"'([^']*)'", match["values"])))
    return Clause(match["name"] or match["list"], (_plain(match["value"] or match["member"]),))


def _plain(value: str) -> str:
    return value[1:-1].replace("''", "'") if value.startswith("'") else value


def matching(directory: Directory, kind: Kind, conditions: tuple[Clause, ...]) -> Iterator[str]:
    """Yield the ids of the live objects that meet all conditions. An index finds them if one of the properties has one."""
    indexed = next((clause for clause in conditions if clause.name in kind.indexed), None)
    candidates: Iterable[tuple[str, Stored]] = directory.walk(kind)
    if indexed:
        candidates = chain.from_iterable(directory.with_value(kind, indexed.name, each) for each in indexed.values)
    for key, stored in candidates:
        visible = listed(directory, kind, key, stored)
        if visible is not None and all(clause.holds(visible.value) for clause in conditions):
            yield key
