"""The directory's state: objects, links and the log of what was touched, in which delta reads.

Generated objects stay with their generator until something happens to one. Whatever has once had a place keeps it: deleted
objects and removed links leave their slot behind, so that a position in a page token means the same before and after a
change. Everything runs on one event loop: a change is whole before the next request is looked at. No question that Graph's
callers can ask is answered by a look at every object.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from simulator.graph import letter
from simulator.graph.clock import SimulatedClock
from simulator.graph.generator import Generator
from simulator.graph.kinds import ASSIGNMENTS, DIRECTORY_OBJECTS, GRANTS, KINDS, LICENCES, Kind, Relation
from simulator.graph.linking import Links
from simulator.graph.stored import Names, State, Stored


class Touch(NamedTuple):
    """One entry of the log: an object as a whole (`names` None), some of its properties, or one of its links."""

    sequence: int
    id: str
    names: frozenset[str] | None
    relation: str = ""
    target: str = ""


class Directory:
    """All objects and links. Ids are compared as they are written."""

    def __init__(self, generator: Generator, clock: SimulatedClock, id: str) -> None:
        self.id = id
        self.generator = generator
        self.clock = clock
        self.sequence = 0
        self.licences = frozenset(LICENCES)
        paths = (*KINDS, ASSIGNMENTS.path)
        self._stored: dict[str, dict[str, Stored]] = {path: {} for path in paths}
        self._altered: dict[str, set[int]] = {path: set() for path in paths}
        self._added: dict[str, list[str]] = {path: [] for path in paths}
        self._live = {path: generator.count(path) for path in paths}
        self._bins: dict[str, dict[str, None]] = {path: {} for path in paths}
        self._log: dict[str, list[Touch]] = {path: [] for path in paths}
        self._names = Names()
        self._links = Links(generator)

    # -- reading objects

    def slots(self, kind: Kind) -> int:
        """How many places a listing of this kind walks over."""
        return self.generator.count(kind.path) + len(self._added[kind.path])

    def count(self, kind: Kind) -> int:
        """How many objects of a kind are live."""
        return self._live[kind.path]

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

    def state(self, kind: Kind, id: str) -> State | None:
        """The state of the object with this id, or None if there never was one."""
        stored = self._stored[kind.path].get(id)
        if stored is not None:
            return stored.state
        return None if self.generator.number(kind.path, id) is None else State.LIVE

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

    def walk(self, kind: Kind) -> Iterator[tuple[str, Stored]]:
        """Every live object of a kind, in the order of their places."""
        for slot in range(self.slots(kind)):
            key, stored = self.at(kind, slot)
            if stored.state is State.LIVE:
                yield key, stored

    def binned(self, kind: Kind) -> list[str]:
        """The ids of all that ever lay in the recycle bin of a kind, in the order in which they first came there."""
        return list(self._bins[kind.path])

    def anywhere(self, id: str, state: State = State.LIVE) -> tuple[Kind, Stored] | None:
        """The directory object with this id, whatever its kind."""
        for kind in DIRECTORY_OBJECTS:
            stored = self.find(kind, id)
            if stored is not None and stored.state is state:
                return kind, stored
        return None

    def named(self, kind: Kind, name: str, value: str) -> Iterator[tuple[str, Stored]]:
        """The objects, live or deleted, of which a property among `kind.named` was set to this value, in whatever case."""
        for key in self._names.ids(kind, name, value):
            stored = self._stored[kind.path][key]
            if stored.state is not State.GONE and (letter.text(stored.value, name) or "").lower() == value.lower():
                yield key, stored

    def naming(self, kind: Kind, name: str, id: str) -> list[str]:
        """The ids of those that name an object by one of their kind's `ends`, or ever did, in the order of their places."""
        generated = self.generator.naming(kind.path, name, id)
        return list(dict.fromkeys((*generated, *self._names.ids(kind, name, id))))

    def tied(self, kind: Kind, name: str, id: str, key: str) -> Stored | None:
        """The one with this key if it names the object by this property now."""
        stored = self.live(kind, key)
        return stored if stored is not None and letter.text(stored.value, name) == id else None

    def ties(self, kind: Kind, name: str, id: str) -> Iterator[tuple[str, Stored]]:
        """All that name an object by this property now."""
        for key in self.naming(kind, name, id):
            stored = self.tied(kind, name, id, key)
            if stored is not None:
                yield key, stored

    # -- reading links

    def links(self, kind: Kind, id: str, relation: Relation) -> dict[str, bytes | None]:
        """The links of an object by the other end's id, in the order of their places; None where one was removed."""
        return self._links.read(kind.path, id, relation.name)

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
        self._bins[kind.path][id] = None

    def restore(self, kind: Kind, id: str) -> None:
        """Brings an object back out of the recycle bin. KeyError if it does not lie there."""
        stored = self.find(kind, id)
        if stored is None or stored.state is not State.DELETED:
            raise KeyError(id)
        self._store(kind, id, Stored(stored.value, stored.to_the_letter))
        self._touch(kind, id, None)

    def purge(self, kind: Kind, id: str) -> None:
        """Removes an object for good, and with it every link from it or to it, its assignments and its grants.

        KeyError if there is none.
        """
        stored = self.find(kind, id)
        if stored is None or stored.state is State.GONE:
            raise KeyError(id)
        self._store(kind, id, Stored(b"{}", stored.to_the_letter, State.GONE))
        self._touch(kind, id, None)
        if kind not in DIRECTORY_OBJECTS:
            return
        for relation in kind.relations:
            for target, _ in self.linked(kind, id, relation):
                self._unlink(kind, id, relation.name, target)
        starts = {*self.generator.owners_of_link(kind.path, id), *self._links.starts(id)}
        for path, start, name in sorted(starts):
            if self._links.read(path, start, name).get(id) is not None:
                self._unlink(KINDS[path], start, name, id)
        for tie in (ASSIGNMENTS, GRANTS):
            for name in tie.ends:
                for key, _ in self.ties(tie, name, id):
                    self.purge(tie, key)

    def link(self, kind: Kind, id: str, relation: Relation, target: str, value: bytes) -> None:
        """Adds a link, or puts another value in the place of the one to this target. A to-one relation loses its old one."""
        if relation.to_one:
            for other, _ in self.linked(kind, id, relation):
                if other != target:
                    self.unlink(kind, id, relation, other)
        self._links.put(kind.path, id, relation.name, target, value)
        self._touch(kind, id, frozenset(), relation.name, target)

    def unlink(self, kind: Kind, id: str, relation: Relation, target: str) -> None:
        """Removes a link. KeyError if there is none."""
        if self.links(kind, id, relation).get(target) is None:
            raise KeyError(target)
        self._unlink(kind, id, relation.name, target)

    def _unlink(self, kind: Kind, id: str, relation: str, target: str) -> None:
        self._links.put(kind.path, id, relation, target, None)
        self._touch(kind, id, frozenset(), relation, target)

    def _store(self, kind: Kind, id: str, stored: Stored) -> None:
        path = kind.path
        known = self._stored[path].get(id)
        lived = known is not None and known.state is State.LIVE
        if known is None:
            number = self.generator.number(path, id)
            lived = number is not None
            if number is None:
                self._added[path].append(id)
            else:
                self._altered[path].add(number)
        self._live[path] += (stored.state is State.LIVE) - lived
        self._stored[path][id] = stored
        self._names.note(kind, id, stored.value)
