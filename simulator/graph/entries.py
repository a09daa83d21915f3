"""The entries of a delta round: what one object looks like there, and how a round is cut into entries and pages.

What Graph does now and then is done here by rule, changed by `POST /_sim/delta`:
- `page_size` (500): entries in a page.
- `links_per_entry` (200): an object with more links comes again on the next page with further ones, and
  there with its id alone, or with `repeat_properties` (none) as well.
- `repeat` (true): each page of a first round but the first begins with the object that ended the page before.
- `replay` (0): a later round also shows this many entries of the log from before its link.
A soft-deleted object stays a member in delta (and in `/_sim/objects`) until it is purged; listings leave it out.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import msgspec

from simulator.graph import letter
from simulator.graph.directory import Directory
from simulator.graph.kinds import KINDS, Kind
from simulator.graph.selecting import shown_in_delta, wanted_in_delta
from simulator.graph.stored import State, Stored


@dataclass
class Habits:
    """How rounds are cut into pages and entries; see the module's first lines."""

    page_size: int = 500
    links_per_entry: int = 200
    repeat: bool = True
    repeat_properties: tuple[str, ...] = ()
    replay: int = 0


def habits(old: Habits, given: dict[str, object]) -> Habits:
    """`old` with what is given put over it. ValueError with one sentence for a habit or a value that there is not."""
    try:
        new = msgspec.convert({**asdict(old), **given}, Habits)
    except msgspec.ValidationError as error:
        raise ValueError(f"delta cannot have that habit: {error}") from None
    unknown = set(given) - set(asdict(old))
    if unknown:
        raise ValueError(f"delta has no habit {min(unknown)}; it has {', '.join(asdict(old))}")
    if new.page_size < 1 or new.links_per_entry < 1 or new.replay < 0:
        raise ValueError("page_size and links_per_entry are at least 1, replay at least 0")
    return new


class Shape(NamedTuple):
    """What a round shows: it stays the same over all its links."""

    select: tuple[str, ...] | None
    ids: tuple[str, ...] | None


class Entry(NamedTuple):
    """One entry of a page, and the offset at which its object's links go on, 0 if they are all told."""

    text: bytes
    goes_on: int


@dataclass
class Touched:
    """What happened to one object between two places of the log."""

    whole: bool = False
    names: set[str] = field(default_factory=set)
    links: dict[tuple[str, str], None] = field(default_factory=dict)


class Reader:
    """Makes the entries of one page."""

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
        """The entry of a first round for one place, None if nothing lives there."""
        if self._ids is None:
            key, stored = self._directory.at(self._kind, position)
        else:
            key = self._ids[position]
            found = self._directory.live(self._kind, key)
            if found is None:
                return None
            stored = found
        if stored.state is not State.LIVE:
            return None
        return self._object(key, stored, self._links_of(key, None), offset)

    def changes(self, since: int, upto: int) -> list[tuple[str, Touched]]:
        """What the log touched, object by object, in the order of first touch."""
        found: dict[str, Touched] = {}
        for touch in self._directory.touched(self._kind, since, upto):
            if self._ids is not None and touch.id not in self._ids:
                continue
            touched = found.setdefault(touch.id, Touched())
            if touch.relation:
                touched.links[touch.relation, touch.target] = None
            elif touch.names is None:
                touched.whole = True
            else:
                touched.names |= touch.names
        return list(found.items())

    def changed(self, changes: list[tuple[str, Touched]], minimal: bool, position: int, offset: int) -> Entry | None:
        """The entry of a later round for one object, None if nothing that the round shows was touched."""
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
            stored = Stored(letter.picked(stored.value, {*names, "id"}), to_the_letter=True)
        return self._object(key, stored, links, offset)

    def _links_of(self, id: str, touched: Touched | None) -> dict[str, list[bytes]]:
        """By relation: the links to tell. None or a whole object: all; else those touched.

        One that was removed is told only if it was touched; else an empty place stands for it, so that offsets stay true.
        """
        found: dict[str, list[bytes]] = {}
        for relation in self._relations:
            links = self._directory.links(self._kind, id, relation)
            hit = {} if touched is None else {target: None for name, target in touched.links if name == relation.name}
            shown = {**links, **hit} if touched is None or touched.whole else hit
            found[relation.name] = list(self._told(shown, links, hit))
        return found

    def _told(self, shown: Iterable[str], links: dict[str, bytes | None], hit: dict[str, None]) -> Iterator[bytes]:
        for target in shown:
            value = links.get(target)
            if value is not None:
                yield value
            elif target not in hit:
                yield b""
            else:
                kind = next((kind.odata_type for kind in KINDS.values() if self._directory.state(kind, target)), "")
                gone = {"@odata.type": kind or "#microsoft.graph.user", "id": target, "@removed": {"reason": "deleted"}}
                yield json.dumps(gone, separators=(",", ":")).encode()

    def _object(self, id: str, stored: Stored, links: dict[str, list[bytes]], offset: int) -> Entry:
        """An entry with its properties, or from the second on little but its id, and a stretch of its links."""
        text = shown_in_delta(stored, self._wanted)
        if offset:
            text = letter.picked(text, {"id", *self._habits.repeat_properties})
        flat = [(name, value) for name, values in links.items() for value in values]
        stretch = flat[offset : offset + self._habits.links_per_entry]
        if not stretch:
            return Entry(text, 0)
        told: dict[str, list[bytes]] = {}
        for relation, value in stretch:
            if value:
                told.setdefault(relation, []).append(value)
        if told:
            put = letter.before if zlib.crc32(id.encode()) & 1 else letter.after
            arrays = [letter.written(f"{name}@delta", b"[" + b",".join(values) + b"]") for name, values in told.items()]
            text = put(text, b",".join(arrays))
        stop = offset + len(stretch)
        return Entry(text, stop if stop < len(flat) else 0)
