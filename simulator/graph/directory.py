"""The directory's state: objects, links and the log of what was touched, in which delta reads.

Generated objects stay with their generator until something happens to one. Whatever has once had a place keeps it: deleted
objects and removed links leave their slot behind, so that a position in a page token means the same before and after a
change. Everything runs on one event loop: a change is whole before the next request is looked at.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from simulator.graph import letter
from simulator.graph.clock import SimulatedClock
from simulator.graph.generator import Generator
from simulator.graph.kinds import DIRECTORY_OBJECTS, KINDS, Kind, Relation


class State(Enum):
    LIVE = "live"
    DELETED = "deleted"
    """In the recycle bin."""
    GONE = "gone"


@dataclass(slots=True)
class Stored:
    """One object that is no longer, or never was, the generator's. `to_the_letter`: served whole, whatever is selected."""

    value: bytes
    to_the_letter: bool
    state: State = State.LIVE
    deleted_at: str = ""


class Touch(NamedTuple):
    """One entry of the log: an object as a whole (`names` None), some of its properties, or one of its links."""

    sequence: int
    id: str
    names: frozenset[str] | None
    relation: str = ""
    target: str = ""


class Directory:
    """All objects and links. Ids are compared as they are written."""

    def __init__(self, generator: Generator, clock: SimulatedClock) -> None:
        self.generator = generator
        self.clock = clock
        self.sequence = 0
        self._stored: dict[str, dict[str, Stored]] = {path: {} for path in KINDS}
        self._altered: dict[str, set[int]] = {path: set() for path in KINDS}
        self._added: dict[str, list[str]] = {path: [] for path in KINDS}
        self._links: dict[tuple[str, str, str], dict[str, bytes | None]] = {}
        self._log: dict[str, list[Touch]] = {path: [] for path in KINDS}

    # -- reading objects

    def slots(self, kind: Kind) -> int:
        """How many places a listing of this kind walks over."""
        return self.generator.count(kind.path) + len(self._added[kind.path])

    def untouched(self, kind: Kind, slot: int) -> bool:
        """Whether the object at a place is still exactly what the generator makes."""
        return slot < self.generator.count(kind.path) and slot not in self._altered[kind.path]

    def id_at(self, kind: Kind, slot: int) -> str:
        """The id of the object at a place."""
        generated = self.generator.count(kind.path)
        return self.generator.id(kind.path, slot) if slot < generated else self._added[kind.path][slot - generated]

    def find(self, kind: Kind, id: str) -> Stored | None:
        """The object with this id in whatever state, or None if there never was one."""
        stored = self._stored[kind.path].get(id)
        if stored is not None:
            return stored
        number = self.generator.number(kind.path, id)
        return None if number is None else Stored(self.generator.value(kind.path, number), to_the_letter=False)

    def live(self, kind: Kind, id: str) -> Stored | None:
        """The object with this id if it is neither deleted nor gone."""
        stored = self.find(kind, id)
        return stored if stored is not None and stored.state is State.LIVE else None

    def at(self, kind: Kind, slot: int) -> tuple[str, Stored]:
        """The object at a place, in whatever state."""
        if self.untouched(kind, slot):
            value = self.generator.value(kind.path, slot)
            return self.generator.id(kind.path, slot), Stored(value, to_the_letter=False)
        key = self.id_at(kind, slot)
        return key, self._stored[kind.path][key]

    def walk(self, kind: Kind, state: State = State.LIVE) -> Iterator[tuple[str, Stored]]:
        """Every object of a kind in one state, in the order of their places."""
        for slot in range(self.slots(kind)):
            key, stored = self.at(kind, slot)
            if stored.state is state:
                yield key, stored

    def changed(self, kind: Kind) -> list[tuple[str, Stored]]:
        """Every object of a kind that is not, or no longer, the generator's, in whatever state."""
        return list(self._stored[kind.path].items())

    def deleted(self, kind: Kind) -> list[tuple[str, Stored]]:
        """The recycle bin of a kind."""
        return [(key, stored) for key, stored in self._stored[kind.path].items() if stored.state is State.DELETED]

    def anywhere(self, id: str, state: State = State.LIVE) -> tuple[Kind, Stored] | None:
        """The directory object with this id, whatever its kind."""
        for kind in DIRECTORY_OBJECTS:
            stored = self.find(kind, id)
            if stored is not None and stored.state is state:
                return kind, stored
        return None

    # -- reading links

    def links(self, kind: Kind, id: str, relation: Relation) -> dict[str, bytes | None]:
        """The links of an object by the other end's id, in the order of their places; None where one was removed."""
        known = self._links.get((kind.path, id, relation.name))
        if known is not None:
            return known
        number = self.generator.number(kind.path, id)
        return {} if number is None else dict(self.generator.links(kind.path, number, relation.name))

    def linked(self, kind: Kind, id: str, relation: Relation) -> list[tuple[str, bytes]]:
        """The links that stand."""
        return [(target, value) for target, value in self.links(kind, id, relation).items() if value is not None]

    # -- the log

    def touched(self, kind: Kind, since: int, upto: int) -> list[Touch]:
        """What was touched after `since`, up to and with `upto`."""
        log = self._log[kind.path]
        start, stop = (bisect_right(log, sequence, key=lambda touch: touch.sequence) for sequence in (since, upto))
        return log[start:stop]

    def _touch(self, kind: Kind, id: str, names: frozenset[str] | None, relation: str = "", target: str = "") -> None:
        self.sequence += 1
        self._log[kind.path].append(Touch(self.sequence, id, names, relation, target))

    # -- changing

    def keep(self, kind: Kind, id: str, value: bytes, to_the_letter: bool) -> None:
        """Creates an object, or puts another value in the place of the one with its id."""
        self._store(kind, id, Stored(value, to_the_letter))
        self._touch(kind, id, None)

    def update(self, kind: Kind, id: str, change: bytes, to_the_letter: bool) -> None:
        """Merges top-level properties into a live object. KeyError if there is none."""
        stored = self.live(kind, id)
        if stored is None:
            raise KeyError(id)
        value = letter.merged(stored.value, change)
        self._store(kind, id, Stored(value, to_the_letter or stored.to_the_letter))
        self._touch(kind, id, frozenset(member.name for member in letter.members(change)))

    def delete(self, kind: Kind, id: str) -> None:
        """Moves an object to the recycle bin, or removes it if its kind has none. KeyError if it is not live."""
        stored = self.live(kind, id)
        if stored is None:
            raise KeyError(id)
        if not kind.bin:
            self.purge(kind, id)
            return
        self._store(kind, id, Stored(stored.value, stored.to_the_letter, State.DELETED, self.clock.text()))
        self._touch(kind, id, None)

    def restore(self, kind: Kind, id: str) -> None:
        """Brings an object back out of the recycle bin. KeyError if it does not lie there."""
        stored = self.find(kind, id)
        if stored is None or stored.state is not State.DELETED:
            raise KeyError(id)
        self._store(kind, id, Stored(stored.value, stored.to_the_letter))
        self._touch(kind, id, None)

    def purge(self, kind: Kind, id: str) -> None:
        """Removes an object for good, and with it every link from it or to it. KeyError if there is none."""
        stored = self.find(kind, id)
        if stored is None or stored.state is State.GONE:
            raise KeyError(id)
        self._store(kind, id, Stored(b"{}", stored.to_the_letter, State.GONE))
        self._touch(kind, id, None)
        for relation in kind.relations:
            own = self._writable_links(kind, id, relation)
            own.update(dict.fromkeys(own))
        starts = set(self.generator.owners_of_link(kind.path, id))
        starts |= {start for start, links in self._links.items() if links.get(id) is not None}
        for path, start, name in sorted(starts):
            owner = KINDS[path]
            relation_found = owner.relation(name)
            if relation_found and self.links(owner, start, relation_found).get(id) is not None:
                self.unlink(owner, start, relation_found, id)

    def link(self, kind: Kind, id: str, relation: Relation, target: str, value: bytes) -> None:
        """Adds a link, or puts another value in the place of the one to this target. A to-one relation loses its old one."""
        links = self._writable_links(kind, id, relation)
        if relation.to_one:
            for other in [other for other, known in links.items() if known is not None and other != target]:
                self.unlink(kind, id, relation, other)
        links[target] = value
        self._touch(kind, id, frozenset(), relation.name, target)

    def unlink(self, kind: Kind, id: str, relation: Relation, target: str) -> None:
        """Removes a link. KeyError if there is none."""
        links = self._writable_links(kind, id, relation)
        if links.get(target) is None:
            raise KeyError(target)
        links[target] = None
        self._touch(kind, id, frozenset(), relation.name, target)

    def _writable_links(self, kind: Kind, id: str, relation: Relation) -> dict[str, bytes | None]:
        return self._links.setdefault((kind.path, id, relation.name), self.links(kind, id, relation))

    def _store(self, kind: Kind, id: str, stored: Stored) -> None:
        if id not in self._stored[kind.path]:
            number = self.generator.number(kind.path, id)
            if number is None:
                self._added[kind.path].append(id)
            else:
                self._altered[kind.path].add(number)
        self._stored[kind.path][id] = stored
