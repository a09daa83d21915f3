"""Turns the entries of a delta page into lines.

An entry is an object with its properties, or an id with ``@removed``; relations stand beside the properties as
``<name>@delta``. The record is the entry's own bytes with those members cut out. (Graph: "Use delta query to track
changes", "Get incremental changes for groups".)
"""

import re
from typing import Any

import msgspec
from msgspec import Raw

from shared.adapters.graph import slicer, slow_slicer
from shared.adapters.graph.links import link_lines
from shared.domain.records import Line, encode_id, gone, prefix_gone, put
from shared.domain.resources import Relation, Stream

_ABSENT = Raw(b"")
_COLON = re.compile(rb"[ \t]*:[ \t]*")
_COMMA_AFTER = re.compile(rb"[ \t]*,")
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")


class _Related(msgspec.Struct, frozen=True):
    """A relation with what the loop over entries needs of it, made once."""

    relation: Relation
    resource: bytes
    segment: bytes
    field: str
    member: str
    quoted: bytes


class DeltaShape:
    """How the entries of one delta stream become lines. One for each stream, shared by its pages."""

    def __init__(self, stream: Stream) -> None:
        self._resource = stream.resource.encode()
        self._resources = tuple(name.encode() for name in stream.resources)
        self._related = tuple(_related(n, relation) for n, relation in enumerate(stream.relations))
        self._witnesses = tuple(f"witness{n}" for n in range(len(stream.witness)))
        optional = [("removed", "@removed"), *((related.field, related.member) for related in self._related)]
        optional += zip(self._witnesses, stream.witness, strict=True)
        fields = [(field, Raw, msgspec.field(name=name, default=_ABSENT)) for field, name in optional]
        self._entry: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
            msgspec.defstruct("Entry", [("id", str), *fields], gc=False)
        )

    def beginning(self) -> list[Line]:
        """The lines that a full read begins with: what older runs hold of these resources is no more."""
        return [prefix_gone(resource, b"") for resource in self._resources]

    def lines(self, text: Raw, incomplete: list[str]) -> list[Line]:
        """The lines of one entry; its id is added to ``incomplete`` if it came without its witness properties.

        Raises ValueError if the entry has no id.
        """
        entry = slicer.read(text, self._entry)
        key = self._resource + b"/" + encode_id(entry.id)
        if entry.removed:
            folders = [prefix_gone(related.resource, key + related.segment) for related in self._related]
            return [gone(self._resource, key), *folders]
        value = bytes(text)
        links: list[Line] = []
        for related in self._related:
            relation = getattr(entry, related.field)
            if relation:
                value = _without(value, related, relation)
                links += _links(key, related, relation)
        if self._is_whole(entry):
            return [put(self._resource, key, value), *links]
        if _has_properties(value):
            incomplete.append(entry.id)
        return links

    def _is_whole(self, entry: Any) -> bool:
        for witness in self._witnesses:
            value = getattr(entry, witness)
            if not value or (len(value) == 4 and bytes(value) == b"null"):
                return False
        return True


def _related(n: int, relation: Relation) -> _Related:
    return _Related(
        relation=relation,
        resource=relation.resource.encode(),
        segment=f"/{relation.name}/".encode(),
        field=f"relation{n}",
        member=f"{relation.name}@delta",
        quoted=f'"{relation.name}@delta"'.encode(),
    )


def _has_properties(value: bytes) -> bool:
    """Whether there is more than the id and annotations."""
    return any(member.name != "id" and "@" not in member.name for member in slow_slicer.members(value))


def _links(owner: bytes, related: _Related, array: Raw) -> list[Line]:
    """The lines of a relation's changes. One to a single object comes whole, so what was before it is gone."""
    below = owner + related.segment
    lines = link_lines(related.resource, below, array)
    return [prefix_gone(related.resource, below), *lines] if related.relation.to_one else lines


def _without(value: bytes, related: _Related, relation: Raw) -> bytes:
    """The object without the relation's member and one adjoining comma."""
    at = value.find(related.quoted)
    escaped = b"\\" in value and _ESCAPED_LETTER.search(value)
    if at >= 0 and value.find(related.quoted, at + 1) < 0 and not escaped:
        colon = _COLON.match(value, at + len(related.quoted))
        if colon is not None and value.startswith(bytes(relation), colon.end()):
            return cut(value, at, colon.end() + len(relation))
    for member in reversed(slow_slicer.members(value)):
        if member.name == related.member:
            value = cut(value, member.start, member.stop)
    return value


def cut(value: bytes, start: int, stop: int) -> bytes:
    """An object without the member from ``start`` to ``stop`` and without the comma after it, else the one before it."""
    comma = _COMMA_AFTER.match(value, stop)
    if comma is not None:
        return value[:start] + value[comma.end() :]
    before = value[:start].rstrip(b" \t")
    return before.removesuffix(b",") + value[stop:] if before.endswith(b",") else value[:start] + value[stop:]
