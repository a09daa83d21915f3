"""The objects that a record names: ids in its properties, in texts such as membership rules, and in the keys of links."""

from collections.abc import Iterator
from typing import NamedTuple

from shared.domain.compare import link_ends
from shared.domain.json_text import elements, string, values_at
from shared.domain.records import is_guid
from shared.domain.resources import REMAPPED, RESOURCES, Reference, ReferenceKind
from shared.domain.restore.id_map import ids_of

_NAMING = REMAPPED | {ReferenceKind.NAME}
"""Kinds of references whose objects must exist."""


class Named(NamedTuple):
    """An object that a property names."""

    reference: Reference
    id: str
    """In lower case: an id, or an ``appId`` if the reference is by it. Of a text, any GUID in it."""

    @property
    def property(self) -> str:
        """Return the name of the record's member that has the reference."""
        return self.reference.path.partition(".")[0]


def named(resource: str, value: bytes) -> Iterator[Named]:
    """Yield the objects that a record names in its properties, as the table says."""
    for reference in RESOURCES[resource].references:
        yield from _named_at(reference, reference.path, value)


def named_in(resource: str, name: str, value: bytes) -> Iterator[Named]:
    """Yield the objects that one property of a record names, given its value."""
    for reference in RESOURCES[resource].references:
        first, _, rest = reference.path.partition(".")
        if first == name:
            yield from _named_at(reference, rest, value)


def ends(key: str) -> tuple[str, str]:
    """Return the ids of a link's owner and target, in lower case. They are empty for a singleton."""
    if "/" not in key:
        return "", ""
    owner, target = link_ends(key)
    return owner.lower(), target.lower()


def first_id(key: str) -> str:
    """Return the first id of a key, in lower case: the object's own, or that of a link's owner. Empty for a singleton."""
    return ends(key)[0]


def last_id(key: str) -> str:
    """Return the last id of a key, in lower case: the object's own, or that of a link's target. Empty for a singleton."""
    return ends(key)[1]


def is_link(resource: str) -> bool:
    """Return True if the records of a resource are links or rows, which are written as such."""
    restoring = RESOURCES[resource].restoring
    return restoring is not None and restoring.kind.connects


def _named_at(reference: Reference, path: str, value: bytes) -> Iterator[Named]:
    """Yield the objects that a reference names at a path of a value."""
    if reference.kind in _NAMING and reference.resources:
        for inner in values_at(value, path.split(".") if path else ()):
            yield from (Named(reference, each) for each in _ids(reference, inner) if each not in reference.words)


def _ids(reference: Reference, value: bytes) -> Iterator[str]:
    """Yield the ids in the value of a reference, in lower case."""
    if reference.kind is ReferenceKind.TEXT:
        yield from sorted(ids_of(value))
        return
    for each in elements(value) or [value]:
        text = string(each)
        if text is not None and (is_guid(text) or reference.kind is ReferenceKind.NAME):
            yield text.lower()
