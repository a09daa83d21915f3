"""The directory's state: objects and links, and what has changed of them.

Generated objects are not stored until they change. Every object and link keeps its slot; deleted objects and removed links
leave theirs empty. So a position in a page token stays valid after a change. Everything runs on one event loop, so a
change is complete before the next request is handled. No request of Graph's clients needs a scan of all objects.
"""

from collections import deque
from collections.abc import Iterator

from simulator.graph import raw_json
from simulator.graph.change_log import ChangeLog
from simulator.graph.clock import SimulatedClock
from simulator.graph.created import Created
from simulator.graph.generator import Generator
from simulator.graph.kinds import ASSIGNMENTS, DIRECTORY_OBJECTS, KINDS, LICENCES, Kind, Relation
from simulator.graph.lag import Lag
from simulator.graph.linking import Links
from simulator.graph.quirks import Quirks
from simulator.graph.stored import Names, State, Stored, texts


class Directory:
    """All objects and links. Ids are compared with case."""

    def __init__(self, generator: Generator, clock: SimulatedClock, id: str) -> None:
        self.id = id
        self.generator = generator
        self.clock = clock
        self.log = ChangeLog(clock)
        self.lag = Lag(clock)
        self.quirks = Quirks(clock)
        self.created = Created()
        self.deletions: deque[tuple[float, Kind, str]] = deque()
        """Time, kind and id of each move to the recycle bin."""
        self.licences = frozenset(LICENCES)
        self.object_limit: int | None = None
        paths = (*KINDS, ASSIGNMENTS.path)
        self._stored: dict[str, dict[str, Stored]] = {path: {} for path in paths}
        self._altered: dict[str, set[int]] = {path: set() for path in paths}
        self._added: dict[str, list[str]] = {path: [] for path in paths}
        self._live = {path: generator.count(path) for path in paths}
        self._bins: dict[str, dict[str, None]] = {path: {} for path in paths}
        self._names = Names()
        self._links = Links(generator)

    # -- reading objects

    def slots(self, kind: Kind) -> int:
        """Return the number of slots of a kind, including empty ones."""
        return self.generator.count(kind.path) + len(self._added[kind.path])

    def count(self, kind: Kind) -> int:
        """Return the number of live objects of a kind."""
        return self._live[kind.path]

    def untouched(self, kind: Kind, slot: int) -> bool:
        """Return whether the object in a slot is still the generated one."""
        return slot < self.generator.count(kind.path) and slot not in self._altered[kind.path]

    def id_at(self, kind: Kind, slot: int) -> str:
        """Return the id of the object in a slot."""
        generated = self.generator.count(kind.path)
        return self.generator.id(kind.path, slot) if slot < generated else self._added[kind.path][slot - generated]

    def find(self, kind: Kind, id: str) -> Stored | None:
        """Return the object with this id in any state, or None if it never existed."""
        stored = self._stored[kind.path].get(id)
        if stored is not None:
            return stored
        number = self.generator.number(kind.path, id)
        return None if number is None else Stored(self.generator.value(kind.path, number), to_the_letter=False)

    def state(self, kind: Kind, id: str) -> State | None:
        """Return the state of the object with this id, or None if it never existed."""
        stored = self._stored[kind.path].get(id)
        if stored is not None:
            return stored.state
        return None if self.generator.number(kind.path, id) is None else State.LIVE

    def live(self, kind: Kind, id: str) -> Stored | None:
        """Return the object with this id if it is live, otherwise None."""
        stored = self.find(kind, id)
        return stored if stored is not None and stored.state is State.LIVE else None

    def reachable(self, kind: Kind, id: str) -> Stored | None:
        """Return the object with this id if a write that names it finds it, otherwise None."""
        stored = self.live(kind, id)
        return stored if stored and self.lag.unchanged(kind.path, id, self.lag.seconds.get) else None

    def object_at(self, kind: Kind, slot: int) -> tuple[str, Stored]:
        """Return id and object of a slot, in any state."""
        if self.untouched(kind, slot):
            value = self.generator.value(kind.path, slot)
            return self.generator.id(kind.path, slot), Stored(value, to_the_letter=False)
        key = self.id_at(kind, slot)
        return key, self._stored[kind.path][key]

    def walk(self, kind: Kind) -> Iterator[tuple[str, Stored]]:
        """Yield every live object of a kind with its id, in the order of slots."""
        for slot in range(self.slots(kind)):
            key, stored = self.object_at(kind, slot)
            if stored.state is State.LIVE:
                yield key, stored

    def binned(self, kind: Kind) -> list[str]:
        """Return the ids of all objects that were ever in a kind's recycle bin, in the order of their first deletion."""
        return list(self._bins[kind.path])

    def find_any(self, id: str, state: State = State.LIVE) -> tuple[Kind, Stored] | None:
        """Return kind and object of the directory object with this id in the given state, or None."""
        for kind in DIRECTORY_OBJECTS:
            stored = self.find(kind, id)
            if stored is not None and stored.state is state:
                return kind, stored
        return None

    def target(self, relation: Relation, id: str) -> tuple[Kind, Stored] | None:
        """Return kind and object of the possible target of a link if a reference to it is accepted, otherwise None."""
        for kind in (KINDS[path] for path in relation.targets) if relation.targets else DIRECTORY_OBJECTS:
            stored = self.reachable(kind, id)
            if stored is not None:
                return kind, stored
        return None

    def with_value(self, kind: Kind, name: str, value: str) -> Iterator[tuple[str, Stored]]:
        """Yield live and deleted objects with this value of a property in `kind.indexed`. Case is ignored.

        If the property is a list, one of its elements must have the value.
        """
        for number in self.generator.with_value(kind.path, name, value):
            if self.untouched(kind, number):
                yield self.object_at(kind, number)
        for key in self._names.ids(kind, name, value):
            stored = self._stored[kind.path][key]
            current = map(str.lower, texts(raw_json.member(stored.value, name)))
            if stored.state is not State.GONE and value.lower() in current:
                yield key, stored

    def was_used(self, kind: Kind, name: str, value: str) -> bool:
        """Return whether an object, even a purged one, ever had this value of a property in `kind.indexed`."""
        return bool(self.generator.with_value(kind.path, name, value) or self._names.ids(kind, name, value))

    def referrer_ids(self, kind: Kind, name: str, id: str) -> list[str]:
        """Return the ids of objects whose property `name` (of `kind.references`) is or was this id, in the order of slots."""
        generated = self.generator.naming(kind.path, name, id)
        return list(dict.fromkeys((*generated, *self._names.ids(kind, name, id))))

    def referrer(self, kind: Kind, name: str, id: str, key: str) -> Stored | None:
        """Return the live object `key` if its property `name` is this id now, otherwise None."""
        stored = self.live(kind, key)
        return stored if stored is not None and raw_json.text(stored.value, name) == id else None

    def referrers(self, kind: Kind, name: str, id: str) -> Iterator[tuple[str, Stored]]:
        """Yield the live objects whose property `name` is this id now."""
        for key in self.referrer_ids(kind, name, id):
            stored = self.referrer(kind, name, id, key)
            if stored is not None:
                yield key, stored

    # -- reading links

    def links(self, kind: Kind, id: str, relation: Relation) -> dict[str, bytes | None]:
        """Return the links of an object by target id, in the order of slots. The value of a removed link is None."""
        return self._links.read(kind.path, id, relation.name)

    def existing_links(self, kind: Kind, id: str, relation: Relation) -> list[tuple[str, bytes]]:
        """Return the existing links of an object as target id and value."""
        return [(target, value) for target, value in self.links(kind, id, relation).items() if value is not None]

    def starts(self, id: str, kind: Kind | None = None) -> list[tuple[str, str, str]]:
        """Return the starts of the links to a directory object: path, id and relation. `kind` is that of the object."""
        kinds = DIRECTORY_OBJECTS if kind is None else (kind,)
        generated = (start for each in kinds for start in self.generator.owners_of_link(each.path, id))
        starts = sorted({*generated, *self._links.starts(id)})
        return [start for start in starts if not self._links.removed(start, id)]

    # -- changing

    def keep(self, kind: Kind, id: str, value: bytes, to_the_letter: bool) -> None:
        """Create an object, or replace the value of the one with this id."""
        self._store(kind, id, Stored(value, to_the_letter))
        self.log.note(kind, id)

    def create(self, kind: Kind, id: str, value: bytes) -> None:
        """Create an object through Graph."""
        self.keep(kind, id, value, to_the_letter=False)
        self.created.note(kind, value)
        self.quirks.created(kind.path, id)
        self.lag.note(kind.path, id, None)

    def patch(self, kind: Kind, id: str, change: bytes) -> None:
        """Merge top-level properties into a live object through Graph. Raises KeyError if it is not live."""
        stored = self.live(kind, id)
        effective = self.quirks.effective(kind.path, id, change)
        if stored is not None and raw_json.members(effective):
            self.quirks.updated(kind.path, id, stored.value, effective)
            self.update(kind, id, effective, to_the_letter=False)

    def remove(self, kind: Kind, id: str) -> None:
        """Delete an object through Graph. Raises KeyError if it is not live."""
        stored = self.live(kind, id)
        self.delete(kind, id)
        self.lag.note(kind.path, id, stored)

    def update(self, kind: Kind, id: str, change: bytes, to_the_letter: bool) -> None:
        """Merge top-level properties into a live object. Raises KeyError if it is not live."""
        stored = self.live(kind, id)
        if stored is None:
            raise KeyError(id)
        value = raw_json.merged(stored.value, change)
        self._store(kind, id, Stored(value, to_the_letter or stored.to_the_letter))
        self.log.note(kind, id, frozenset(member.name for member in raw_json.members(change)))

    def delete(self, kind: Kind, id: str) -> None:
        """Move an object to the recycle bin, or purge it if its kind has none. Raises KeyError if it is not live."""
        stored = self.live(kind, id)
        if stored is None:
            raise KeyError(id)
        if not kind.bin and kind.own_bin is None:
            self.purge(kind, id)
            return
        now = self.clock.now()
        self._store(kind, id, Stored(stored.value, stored.to_the_letter, State.DELETED, self.clock.text(), now))
        self.log.note(kind, id)
        self._bins[kind.path][id] = None
        self.deletions.append((now, kind, id))

    def restore(self, kind: Kind, id: str) -> None:
        """Restore an object from the recycle bin. Raises KeyError if it is not there."""
        stored = self.find(kind, id)
        if stored is None or stored.state is not State.DELETED:
            raise KeyError(id)
        value = raw_json.merged(stored.value, kind.own_bin.restored) if kind.own_bin else stored.value
        self._store(kind, id, Stored(value, stored.to_the_letter))
        self.log.note(kind, id)

    def purge(self, kind: Kind, id: str) -> None:
        """Delete an object permanently, with every link from it or to it, its assignments, grants and roles.

        Raises KeyError if it does not exist or was purged before.
        """
        stored = self.find(kind, id)
        if stored is None or stored.state is State.GONE:
            raise KeyError(id)
        self._store(kind, id, Stored(b"{}", stored.to_the_letter, State.GONE))
        self.log.note(kind, id)
        if kind in DIRECTORY_OBJECTS or kind.reverse:
            for path, start, name in self.starts(id, kind):
                self._unlink(KINDS[path], start, name, id)
        for relation in kind.relations:
            for target, _ in self.existing_links(kind, id, relation):
                self._unlink(kind, id, relation.name, target)
        if kind not in DIRECTORY_OBJECTS:
            return
        for dependent in (*KINDS.values(), ASSIGNMENTS):
            for name in dependent.references:
                for key, _ in self.referrers(dependent, name, id):
                    self.purge(dependent, key)

    def link(self, kind: Kind, id: str, relation: Relation, target: str, value: bytes) -> None:
        """Add a link, or replace the value of the one to this target. In a to-one relation, remove the previous link."""
        if relation.to_one:
            for end, _ in self.existing_links(kind, id, relation):
                if end != target:
                    self.unlink(kind, id, relation, end)
        self._links.put(kind.path, id, relation.name, target, value)
        self.log.note(kind, id, frozenset(), relation.name, target)

    def unlink(self, kind: Kind, id: str, relation: Relation, target: str) -> None:
        """Remove a link. Raises KeyError if it does not exist."""
        if self.links(kind, id, relation).get(target) is None:
            raise KeyError(target)
        self._unlink(kind, id, relation.name, target)

    def _unlink(self, kind: Kind, id: str, relation: str, target: str) -> None:
        self._links.put(kind.path, id, relation, target, None)
        self.log.note(kind, id, frozenset(), relation, target)

    def _store(self, kind: Kind, id: str, stored: Stored) -> None:
        path = kind.path
        previous = self._stored[path].get(id)
        was_live = previous is not None and previous.state is State.LIVE
        if previous is None:
            number = self.generator.number(path, id)
            was_live = number is not None
            if number is None:
                self._added[path].append(id)
            else:
                self._altered[path].add(number)
        self._live[path] += (stored.state is State.LIVE) - was_live
        self._stored[path][id] = stored
        self._names.note(kind, id, stored.value)
