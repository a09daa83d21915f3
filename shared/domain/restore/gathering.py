"""Gather the differences in the scope of a restore, without those that the backups do not hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from shared.domain.json_text import members, string
from shared.domain.resources import RESOURCES
from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.restore.id_map import EntryState, IdMap, MapEntry
from shared.domain.restore.named import first_id, last_id, named
from shared.domain.restore.operations import Hindrance, Impossible
from shared.domain.restore.packing import Differences
from shared.domain.restore.pairing import identified_by, joined_again, record_ids, row_key
from shared.domain.restore.world import Coverage, RecordDifference, Request, World

_BIN = ".deleted"
"""Ends the name of a recycle bin. What is in it follows from the restore of the live objects."""


@dataclass
class Gathered:
    """The differences in scope, by resource."""

    missing: dict[str, Differences] = field(default_factory=dict)
    """Objects that the directory does not have."""
    changed: dict[str, Differences] = field(default_factory=dict)
    """Objects and rows with other values."""
    newer: dict[str, Differences] = field(default_factory=dict)
    """Objects that were created after the snapshot and are to be deleted."""
    to_add: dict[str, Differences] = field(default_factory=dict)
    """Links and rows that the directory does not have."""
    to_remove: dict[str, Differences] = field(default_factory=dict)
    """Links and rows that the snapshot does not have."""

    def add(self, difference: RecordDifference, kind: RestoreKind) -> None:
        """Put a difference where it belongs."""
        is_link = kind.connects
        if kind is RestoreKind.SINGLETON and None in (difference.wanted, difference.live):
            if difference.wanted is None or not first_id(difference.key):
                return  # it is always there
            difference = difference._replace(live=b"{}")  # settings of an object, which have no values now
        if difference.live is None:
            where = self.to_add if is_link else self.missing
        elif difference.wanted is None:
            where = self.to_remove if is_link else self.newer
        elif kind is RestoreKind.LINK:
            return  # a link is its key
        else:
            where = self.changed
        where.setdefault(difference.resource, Differences(difference.resource)).append(difference)

    def all(self) -> Iterator[Differences]:
        """Yield the differences of each resource and kind."""
        for group in (self.missing, self.changed, self.newer, self.to_add, self.to_remove):
            yield from group.values()


def gather(
    world: World, request: Request, resources: list[str], adopted: Mapping[str, str], needed: frozenset[str]
) -> tuple[Gathered, list[Impossible]]:
    """Return the differences of these resources in scope, and the parts of the scope that the backups lack.

    ``adopted`` are live objects that take the place of others. ``needed`` are ids that are in scope besides the chosen
    ones.
    """
    gathered, not_held = Gathered(), list[Impossible]()
    choice = _Choice(world, request, adopted, needed)
    for resource in resources:
        restoring = RESOURCES[resource].restoring
        sides = (("snapshot", world.snapshot.coverage(resource)), ("directory", world.live.coverage(resource)))
        unread = [(side, coverage) for side, coverage in sides if not coverage.whole]
        if unread:
            # Nobody misses what the owner left out of the snapshot, unless it is named.
            if not sides[0][1].left_out or resource in request.scope.resources:
                not_held += choice.unread(resource, *unread[0])
            continue
        refused = dict.fromkeys(sorted(sides[0][1].refused), "snapshot")
        refused.update(dict.fromkeys(sorted(sides[1][1].refused - sides[0][1].refused), "directory"))
        not_held += (
            choice.refused(resource, each, side) for each, side in refused.items() if choice.has(resource, each)
        )
        if restoring is None or (resource.endswith(_BIN) and resource not in request.scope.resources):
            continue
        for difference in _with_adopted(world.differences(resource), resource, adopted):
            if _is_derived(restoring, difference):
                continue
            if first_id(difference.key) not in refused and choice.includes(difference, restoring.kind):
                gathered.add(difference, restoring.kind)
    return gathered, not_held


def _is_derived(restoring: Restoring, difference: RecordDifference) -> bool:
    """Return True if another resource restores the object, which is of a derived type."""
    value = difference.wanted if difference.wanted is not None else difference.live or b""
    if not restoring.restored_elsewhere:
        return False
    return string((members(value) or {}).get("@odata.type")) in restoring.restored_elsewhere


def missing_objects(world: World, request: Request, resource: str) -> list[RecordDifference]:
    """Return the objects of a resource in scope that the directory does not have."""
    choice = _Choice(world, request, {}, frozenset())
    restoring = RESOURCES[resource].restoring
    sides = world.snapshot.coverage(resource), world.live.coverage(resource)
    if restoring is None or not all(each.whole for each in sides):
        return []
    differences = (
        each for each in world.differences(resource) if each.live is None and not _is_derived(restoring, each)
    )
    return [each for each in differences if choice.includes(each, restoring.kind)]


def _with_adopted(
    differences: Iterator[RecordDifference], resource: str, adopted: Mapping[str, str]
) -> Iterator[RecordDifference]:
    """Yield the differences, with the ids of adopted objects in place of those of the snapshot's objects."""
    if not adopted:
        return differences
    entries = (
        MapEntry(old_id=old, first_id=old, current_id=new, resource="", state=EntryState.CREATED, job_id="")
        for old, new in adopted.items()
    )
    return joined_again(resource, differences, IdMap(entries))


class _Choice:
    """Decides which differences are in scope."""

    def __init__(self, world: World, request: Request, adopted: Mapping[str, str], needed: frozenset[str]) -> None:
        scope = request.scope
        chosen = {world.ids.current(each).lower() for each in scope.ids}
        self._ids = frozenset(chosen | {adopted.get(each, each) for each in chosen} | (needed if chosen else set()))
        self._keys = request.keys
        self._needed = needed
        self._scope = scope
        self._delete = frozenset(each.lower() for each in scope.delete_newer)
        if request.undone is not None:
            self._delete |= request.undone.created

    def includes(self, difference: RecordDifference, kind: RestoreKind) -> bool:
        """Return True if a difference is in scope."""
        is_link = kind.connects
        if self._scope.resources and difference.resource not in self._scope.resources:
            return last_id(difference.key) in self._needed
        if not is_link and difference.wanted is None:
            return last_id(difference.key) in self._delete
        if self._scope.links_only and not is_link:
            return False
        if self._scope.properties and (is_link or difference.live is None):
            return False
        if is_link and not self._delete.isdisjoint(record_ids(difference.key)):
            return False  # goes with the object
        if self._keys is not None and not self._has_key(difference):
            return False
        return not self._ids or not self._ids.isdisjoint(_ids_of(difference))

    def has(self, resource: str, owner: str) -> bool:
        """Return True if the records of this owner are in scope."""
        if self._keys is not None:
            return any(each.startswith(f"{resource.partition('.')[0]}/{owner}") for each in self._keys)
        return not self._ids or owner in self._ids

    def unread(self, resource: str, side: str, coverage: Coverage) -> Iterator[Impossible]:
        """Yield the entry of a resource that was not read, unless only objects of other resources are in scope."""
        if self._keys is None and (not self._ids or "." in resource or resource in self._scope.resources):
            yield Impossible(
                resource=resource,
                key=resource,
                kind=Hindrance.NOT_HELD,
                reason=f"The {_SIDES[side]} does not hold {resource} ({coverage.reason or 'not read'}): they stay unchanged.",
            )

    def refused(self, resource: str, owner: str, side: str) -> Impossible:
        """Return the entry of an object whose records were refused."""
        segments = resource.split(".")
        key = "/".join([segments[0], owner, *segments[1:]])
        what = " ".join(segments[1:]) or "values"
        return Impossible(
            resource=resource,
            key=key,
            kind=Hindrance.NOT_HELD,
            reason=f"The {_SIDES[side]} does not hold the {what} of {owner}, because Graph refused them. "
            "They stay unchanged.",
        )

    def _has_key(self, difference: RecordDifference) -> bool:
        keys = self._keys or frozenset()
        if last_id(difference.key) in self._needed or difference.key in keys or difference.live_key in keys:
            return True
        value = difference.wanted if difference.wanted is not None else difference.live or b""
        return row_key(difference.resource, difference.key, value) in keys


_SIDES = {"snapshot": "snapshot", "directory": "backup of the directory"}


def _ids_of(difference: RecordDifference) -> set[str]:
    """Return the ids of a record's objects: its own, those that a link connects, and those that a row names."""
    ids, names = record_ids(difference.key), identified_by(difference.resource)
    value = difference.wanted if difference.wanted is not None else difference.live
    if names and value is not None:
        ids |= {each.id for each in named(difference.resource, value) if each.property in names}
    return ids
