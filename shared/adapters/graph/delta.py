"""Conversion of the entries of a delta page into lines.

An entry is an object with its properties, or an id with ``@removed``. Changes of relations are members of the entry named
``<name>@delta``. The record is the entry's own bytes with those members cut out. (Graph: "Use delta query to track
changes", "Get incremental changes for groups".)
"""

import re
from typing import Any

import msgspec
from msgspec import Raw

from shared.adapters.graph import slicer, slow_slicer
from shared.adapters.graph.links import link_lines
from shared.domain.records import Line, encode_id, prefix_tombstone, put, tombstone
from shared.domain.resources import Relation, Stream

_ABSENT = Raw(b"")
_COLON = re.compile(rb"[ \t]*:[ \t]*")
_COMMA_AFTER = re.compile(rb"[ \t]*,")
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")


class _Related(msgspec.Struct, frozen=True):
    """A relation with values for the loop over entries, computed once."""

    relation: Relation
    resource: bytes
    """The relation's resource, as bytes."""
    segment: bytes
    """The key segment between the owner's id and the linked id: ``/<name>/``."""
    field: str
    """The field's name in the decoded entry."""
    member: str
    """The member's name in Graph's JSON: ``<name>@delta``."""
    quoted: bytes
    """The member's name as a JSON string."""


class DeltaShape:
    """The conversion of one delta stream's entries into lines. The pages of a stream share it."""

    def __init__(self, stream: Stream) -> None:
        """Build the decoder of the stream's entries."""
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
        """Return the lines that start a full read: prefix tombstones that hide the resources' records in older runs."""
        return [prefix_tombstone(resource, b"") for resource in self._resources]

    def lines(self, text: Raw, incomplete: list[str]) -> list[Line]:
        """Return the lines of one entry. Add its id to ``incomplete`` if it lacks witness properties but has others.

        Raises ValueError if the entry has no id.
        """
        entry = slicer.read(text, self._entry)
        key = self._resource + b"/" + encode_id(entry.id)
        if entry.removed:
            folders = [prefix_tombstone(related.resource, key + related.segment) for related in self._related]
            return [tombstone(self._resource, key), *folders]
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
        """Return True if every witness property is present and not null."""
        for witness in self._witnesses:
            value = getattr(entry, witness)
            if not value or (len(value) == 4 and bytes(value) == b"null"):
                return False
        return True


def _related(n: int, relation: Relation) -> _Related:
    """Return the computed values of the stream's relation number ``n``."""
    return _Related(
        relation=relation,
        resource=relation.resource.encode(),
        segment=f"/{relation.name}/".encode(),
        field=f"relation{n}",
        member=f"{relation.name}@delta",
        quoted=f'"{relation.name}@delta"'.encode(),
    )


def _has_properties(value: bytes) -> bool:
    """Return True if the object has members besides its id and annotations."""
    return any(member.name != "id" and "@" not in member.name for member in slow_slicer.members(value))


def _links(owner: bytes, related: _Related, array: Raw) -> list[Line]:
    """Return the lines of a relation's changes.

    Graph sends a relation to a single object as a whole, so a prefix tombstone removes the earlier link.
    """
    below = owner + related.segment
    lines = link_lines(related.resource, below, array)
    return [prefix_tombstone(related.resource, below), *lines] if related.relation.to_one else lines


def _without(value: bytes, related: _Related, relation: Raw) -> bytes:
    """Return the object without the relation's member and one adjoining comma."""
    start = value.find(related.quoted)
    escaped = b"\\" in value and _ESCAPED_LETTER.search(value)
    if start >= 0 and value.find(related.quoted, start + 1) < 0 and not escaped:
        colon = _COLON.match(value, start + len(related.quoted))
        if colon is not None and value.startswith(bytes(relation), colon.end()):
            return cut(value, start, colon.end() + len(relation))
    for member in reversed(slow_slicer.members(value)):
        if member.name == related.member:
            value = cut(value, member.start, member.stop)
    return value


def cut(value: bytes, start: int, stop: int) -> bytes:
    """Return an object without the member from ``start`` to ``stop`` and without the comma after it or else before it."""
    comma = _COMMA_AFTER.match(value, stop)
    if comma is not None:
        return value[:start] + value[comma.end() :]
    before = value[:start].rstrip(b" \t")
    return before.removesuffix(b",") + value[stop:] if before.endswith(b",") else value[:start] + value[stop:]
