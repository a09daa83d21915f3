"""Compare records: which of two sorted maps' records differ, and in which properties.

Two values are equal if their bytes are. Otherwise their JSON is compared: null equals absent, annotations of OData do not
count, numbers are compared by value, and lists are sets, because Graph returns no list in a defined order.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Set
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

import msgspec

from shared.domain.json_text import canonical, elements, is_annotation, members
from shared.domain.records import decode_id

Record = tuple[bytes, bytes]
"""A key and its value."""

_KEY = itemgetter(0)
_STRETCH = 1_000
"""Records of each map that are compared at a time. Equal ones are compared without a step of Python for each record."""
_ESCAPED = str.maketrans({"\\": "\\\\", ".": "\\."})


class ChangedRecord(NamedTuple):
    """A record whose bytes differ between two sorted maps."""

    key: bytes
    before: bytes | None
    """Its value in the first map, None if it is not there."""
    after: bytes | None
    """Its value in the second map, None if it is not there."""


class PropertyChange(msgspec.Struct, frozen=True, kw_only=True):
    """A property whose values differ, with both values byte for byte as they were stored."""

    path: str
    """Names from the outside to the inside, separated by dots. Empty if the values are not objects."""
    before: bytes | None
    """The JSON of the first value, None if it is absent."""
    after: bytes | None
    """The JSON of the second value, None if it is absent."""
    added: list[bytes] | None = None
    """Of lists: the elements of the second value alone. None if the values are not lists."""
    removed: list[bytes] | None = None
    """Of lists: the elements of the first value alone. None if the values are not lists."""


def changed_records(before: Iterator[Record], after: Iterator[Record]) -> Iterator[ChangedRecord]:
    """Yield the records that differ, sorted by key. Both maps are given as keys and values, sorted by key."""
    old, new = list(islice(before, _STRETCH)), list(islice(after, _STRETCH))
    while old or new:
        last = min(records[-1][0] for records in (old, new) if records)
        old_end, new_end = bisect_right(old, last, key=_KEY), bisect_right(new, last, key=_KEY)
        yield from _changed(old[:old_end], new[:new_end])
        old, new = old[old_end:], new[new_end:]
        old, new = old or list(islice(before, _STRETCH)), new or list(islice(after, _STRETCH))


def _changed(before: list[Record], after: list[Record]) -> list[ChangedRecord]:
    """Return the records that differ between two lists of records, sorted."""
    if before == after:
        return []
    old = dict(before)
    changed = [ChangedRecord(key, was, value) for key, value in after if (was := old.pop(key, None)) != value]
    changed += [ChangedRecord(key, was, None) for key, was in old.items()]
    changed.sort(key=_KEY)
    return changed


def property_changes(before: bytes, after: bytes, ignored: Set[str] = frozenset()) -> list[PropertyChange]:
    """Return the properties that differ between two values, sorted by path.

    Leave out those whose path is in ``ignored``.
    """
    try:
        return list(_changes("", before, after, ignored))
    except RecursionError:  # nested deeper than any object of Graph
        return [PropertyChange(path="", before=before, after=after)]


def within(path: str, properties: Set[str]) -> bool:
    """Return True if a path is one of these properties, or a part of one."""
    return any(path == each or path.startswith(f"{each}.") for each in properties)


def link_ends(key: str) -> tuple[str, str]:
    """Return the ids of a link's owner and of the object that it names."""
    ids = key.split("/")[1::2]
    return decode_id(ids[0]), decode_id(ids[-1])


def _changes(path: str, before: bytes | None, after: bytes | None, ignored: Set[str]) -> Iterator[PropertyChange]:
    """Yield the differences at and below a path."""
    if before == after or path in ignored:
        return
    old, new = (members(value) if value is not None else None for value in (before, after))
    if old is not None and new is not None:
        for name in sorted(old.keys() | new.keys()):
            if not is_annotation(name):
                inner = name.translate(_ESCAPED)
                yield from _changes(f"{path}.{inner}" if path else inner, old.get(name), new.get(name), ignored)
    elif canonical(before) != canonical(after):
        added, removed = _set_changes(before, after)
        yield PropertyChange(path=path, before=before, after=after, added=added, removed=removed)


def _set_changes(before: bytes | None, after: bytes | None) -> tuple[list[bytes] | None, list[bytes] | None]:
    """Return the elements that were added, and those that were removed.

    Return None twice unless both values are lists, or one is a list and the other is null.
    """
    lists = [elements(value) if value is not None else None for value in (before, after)]
    if any(items is None and canonical(value) != "null" for items, value in zip(lists, (before, after), strict=True)):
        return None, None
    old, new = (items or [] for items in lists)
    return _only(new, old), _only(old, new)


def _only(items: list[bytes], others: list[bytes]) -> list[bytes]:
    """Return the items that have no equal in ``others``. Each of the others matches one item only."""
    counts = Counter(map(canonical, others))
    remaining: list[bytes] = []
    for item in items:
        meaning = canonical(item)
        if counts[meaning]:
            counts[meaning] -= 1
        else:
            remaining.append(item)
    return remaining
