"""The entries of a delta round: the content of one entry, and the division of a round into entries and pages.

Behaviour that Graph shows only sometimes follows fixed rules here, which `POST /_sim/delta` changes (defaults in brackets):
- `page_size` (500): entries in a page.
- `links_per_entry` (200): an object with more links appears again on the next page with further links. There it has only its
  id, and the properties named in `repeat_properties` (none).
- `repeat` (true): in a first round, each page after the first starts with the last object of the previous page.
- `replay` (0): a later round also shows this many entries of the log from before its link.
A soft-deleted object stays a member in delta (and in `/_sim/objects`) until it is purged. Listings omit it.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import msgspec

from simulator.graph import raw_json
from simulator.graph.directory import Directory
from simulator.graph.kinds import KINDS, Kind
from simulator.graph.selecting import shown_in_delta, wanted_in_delta
from simulator.graph.stored import State, Stored
from simulator.graph.visibility import listed


@dataclass
class Habits:
    """The rules by which rounds are divided into pages and entries."""

    page_size: int = 500
    """Entries in a page, at least 1."""
    links_per_entry: int = 200
    """Most links in an entry, at least 1."""
    repeat: bool = True
    """Whether a page of a first round starts with the last object of the previous page."""
    repeat_properties: tuple[str, ...] = ()
    """Properties that an object's further entries have beside its id."""
    replay: int = 0
    """Entries of the log from before its link that a later round shows again."""


def habits(old: Habits, changes: dict[str, object]) -> Habits:
    """Return `old` with some rules changed. Raises ValueError with a sentence for an unknown rule or invalid value."""
    try:
        new = msgspec.convert({**asdict(old), **changes}, Habits)
    except msgspec.ValidationError as error:
        raise ValueError(f"delta cannot have that habit: {error}") from None
    unknown = set(changes) - set(asdict(old))
    if unknown:
        raise ValueError(f"delta has no habit {min(unknown)}; it has {', '.join(asdict(old))}")
    if new.page_size < 1 or new.links_per_entry < 1 or new.replay < 0:
        raise ValueError("page_size and links_per_entry are at least 1, replay at least 0")
    return new


class Shape(NamedTuple):
    """The selection of a round, which is the same for all its links."""

    select: tuple[str, ...] | None
    """Names in `$select`; None if it is absent."""
    ids: tuple[str, ...] | None
    """Ids in `$filter`; None if it is absent."""


class Entry(NamedTuple):
    """One entry of a page."""

    text: bytes
    """The entry as JSON."""
    next_offset: int
    """The offset of the object's first link that is still to be sent, or 0 if the object is complete."""


@dataclass
class Touched:
    """The changes of one object between two positions of the log."""

    whole: bool = False
    """Whether the object as a whole was created, replaced, deleted or restored."""
    names: set[str] = field(default_factory=set)
    """Names of updated properties."""
    links: dict[tuple[str, str], None] = field(default_factory=dict)
    """Added and removed links, as relation and target id, in the order of their first change."""


class Reader:
    """A builder of the entries of one page."""

    def __init__(self, directory: Directory, habits: Habits, kind: Kind, shape: Shape) -> None:
        self._directory = directory
        self._habits = habits
        self._kind = kind
        self._select = shape.select
        self._ids = shape.ids
        self._wanted = wanted_in_delta(kind, shape.select)
        self._relations = [
            relation
            for relation in kind.relations
            if relation.delta and (relation.by_default if shape.select is None else relation.name in shape.select)
        ]

    def first(self, position: int, offset: int) -> Entry | None:
        """Return the entry of a first round for one position, or None if no live object is there."""
        if self._ids is None:
            key, slot = self._directory.object_at(self._kind, position)
            stored = listed(self._directory, self._kind, key, slot)
        else:
            key = self._ids[position]
            stored = listed(self._directory, self._kind, key, self._directory.find(self._kind, key))
        if stored is None:
            return None
        return self._object(key, stored, self._links_of(key, None), offset)

    def changes(self, since: int, upto: int) -> list[tuple[str, Touched]]:
        """Return the changes in a part of the log by object, in the order of their first change."""
        by_id: dict[str, Touched] = {}
        for touch in self._directory.log.between(self._kind, since, upto):
            if self._ids is not None and touch.id not in self._ids:
                continue
            touched = by_id.setdefault(touch.id, Touched())
            if touch.relation:
                touched.links[touch.relation, touch.target] = None
            elif touch.names is None:
                touched.whole = True
            else:
                touched.names |= touch.names
        return list(by_id.items())

    def changed(self, changes: list[tuple[str, Touched]], minimal: bool, position: int, offset: int) -> Entry | None:
        """Return the entry of a later round for one object, or None if nothing that the round shows has changed."""
        key, touched = changes[position]
        stored = self._directory.find(self._kind, key)
        if stored is None or stored.state is not State.LIVE:
            reason = "changed" if stored is not None and stored.state is State.DELETED else "deleted"
            return Entry(json.dumps({"id": key, "@removed": {"reason": reason}}, separators=(",", ":")).encode(), 0)
        links = self._links_of(key, touched)
        names = touched.names if self._select is None else touched.names.intersection(self._select)
        if not (touched.whole or names or any(any(values) for values in links.values())):
            return None
        if minimal and not touched.whole:
            stored = Stored(raw_json.picked(stored.value, {*names, "id"}), to_the_letter=True)
        return self._object(key, stored, links, offset)

    def _links_of(self, id: str, touched: Touched | None) -> dict[str, list[bytes]]:
        """Return the links to send, by relation: the changed ones, or all if the object is sent as a whole.

        `touched` is None in a first round. A removed link is sent only if it changed in this round. Otherwise it is
        represented by empty bytes, so that offsets stay valid.
        """
        values_by_relation: dict[str, list[bytes]] = {}
        for relation in self._relations:
            links = self._directory.links(self._kind, id, relation)
            changed = (
                {} if touched is None else {target: None for name, target in touched.links if name == relation.name}
            )
            shown = {**links, **changed} if touched is None or touched.whole else changed
            values_by_relation[relation.name] = list(self._link_values(shown, links, changed))
        return values_by_relation

    def _link_values(
        self, shown: Iterable[str], links: dict[str, bytes | None], changed: dict[str, None]
    ) -> Iterator[bytes]:
        for target in shown:
            value = links.get(target)
            if value is not None:
                yield value
            elif target not in changed:
                yield b""
            else:
                kind = next((kind.odata_type for kind in KINDS.values() if self._directory.state(kind, target)), "")
                removed = {
                    "@odata.type": kind or "#microsoft.graph.user",
                    "id": target,
                    "@removed": {"reason": "deleted"},
                }
                yield json.dumps(removed, separators=(",", ":")).encode()

    def _object(self, id: str, stored: Stored, links: dict[str, list[bytes]], offset: int) -> Entry:
        """Return an entry of an object: its properties and a range of its links.

        An entry after the first has only the id and the properties in `repeat_properties`.
        """
        text = shown_in_delta(stored, self._wanted)
        if offset:
            text = raw_json.picked(text, {"id", *self._habits.repeat_properties})
        flat = [(name, value) for name, values in links.items() for value in values]
        stretch = flat[offset : offset + self._habits.links_per_entry]
        if not stretch:
            return Entry(text, 0)
        sent: dict[str, list[bytes]] = {}
        for relation, value in stretch:
            if value:
                sent.setdefault(relation, []).append(value)
        if sent:
            insert = raw_json.before if zlib.crc32(id.encode()) & 1 else raw_json.after
            arrays = [
                raw_json.written(f"{name}@delta", b"[" + b",".join(values) + b"]") for name, values in sent.items()
            ]
            text = insert(text, b",".join(arrays))
        stop = offset + len(stretch)
        return Entry(text, stop if stop < len(flat) else 0)
