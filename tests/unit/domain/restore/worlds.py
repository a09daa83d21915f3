"""Directories of a few objects, for the planner: two sides in dictionaries, and what no snapshot has."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from shared.domain.compare import Record, changed_records
from shared.domain.records import resource_of
from shared.domain.resources import properties_of
from shared.domain.restore.id_map import EntryState, IdMap, MapEntry
from shared.domain.restore.named import first_id
from shared.domain.restore.operations import Action, Hindrance, Impossible, Operation, Plan
from shared.domain.restore.pairing import paired, rewritten_key
from shared.domain.restore.planning import make_plan
from shared.domain.restore.scope import Rules, Scope
from shared.domain.restore.world import Coverage, InBin, Known, RecordDifference, Request, Undone

Json = dict[str, Any]
NO_ENTRIES = IdMap(())


def guid(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def id_map(entries: Mapping[str, str], resource: str = "groups") -> IdMap:
    return IdMap(
        MapEntry(old_id=old, first_id=old, current_id=new, resource=resource, state=EntryState.CREATED, job_id="job")
        for old, new in entries.items()
    )


def encoded(value: Json) -> bytes:
    return json.dumps(value).encode()


class MemorySide:
    """One state of a directory: values by key."""

    def __init__(self, records: Mapping[str, Json], coverages: Mapping[str, Coverage], ids: IdMap = NO_ENTRIES) -> None:
        self.stored = {key: encoded(value) for key, value in records.items()}
        self.rewritten = {
            rewritten_key(key.encode(), ids): ids.rewritten(value) for key, value in sorted(self.stored.items())
        }
        self._coverages = coverages

    def records(self, resource: str, ids: Collection[str] | None = None) -> Iterator[Record]:
        for key, value in sorted(self.rewritten.items()):
            if resource_of(key).decode() == resource and (ids is None or first_id(key.decode()) in ids):
                yield key, value

    def coverage(self, resource: str) -> Coverage:
        known = Coverage(
            whole=True,
            selected=frozenset(properties_of(resource)),
            records=sum(1 for _ in self.records(resource)),
        )
        return self._coverages.get(resource, known)


class MemoryWorld:
    """The planner's view of two states in memory."""

    def __init__(
        self,
        snapshot: Mapping[str, Json],
        live: Mapping[str, Json],
        *,
        bins: Mapping[str, Json] | None = None,
        snapshot_coverage: Mapping[str, Coverage] | None = None,
        live_coverage: Mapping[str, Coverage] | None = None,
        ids: IdMap = NO_ENTRIES,
        known: Sequence[Known] = (),
        own_ids: frozenset[str] = frozenset(),
        own_roles: frozenset[str] | None = None,
        seats: Mapping[str, int] | None = None,
        free_objects: int | None = None,
    ) -> None:
        self.snapshot = MemorySide(snapshot, snapshot_coverage or {}, ids)
        self.live = MemorySide(live, live_coverage or {})
        self._bins = bins or {}
        self.ids = ids
        self.known = known
        self.own_ids = own_ids
        self.own_roles = own_roles
        self.seats = seats
        self.free_objects = free_objects

    def differences(self, resource: str) -> Iterator[RecordDifference]:
        before, after = (
            sorted((key.encode(), value) for key, value in side.stored.items() if _is_of(key, resource))
            for side in (self.snapshot, self.live)
        )
        return paired(resource, changed_records(iter(before), iter(after)), self.ids)

    def in_bin(self, resource: str, ids: Collection[str] | None) -> Iterator[InBin]:
        for key, value in self._bins.items():
            if _is_of(key, resource) and (ids is None or first_id(key) in ids):
                yield InBin(first_id(key), encoded(value))


def _is_of(key: str, resource: str) -> bool:
    return resource_of(key.encode()).decode() == resource


def plan_of(
    world: MemoryWorld,
    scope: Scope | None = None,
    rules: Rules | None = None,
    *,
    keys: frozenset[str] | None = None,
    undone: Undone | None = None,
) -> Plan:
    """Return the plan for a world."""
    request = Request(
        plan_id="plan",
        tenant="contoso",
        snapshot="S",
        live="L",
        scope=scope or Scope(),
        rules=rules or Rules(),
        keys=keys,
        undone=undone,
    )
    return make_plan(world, request)


def steps(plan: Plan) -> list[tuple[str, str]]:
    """Return action and key of each operation."""
    return [(each.action.value, each.key) for each in plan.operations]


def operation(plan: Plan, action: Action, key: str, number: int = 0) -> Operation:
    """Return the operation with this action on this record; ``number`` counts those that match."""
    return [each for each in plan.operations if (each.action, each.key) == (action, key)][number]


def body(operation: Operation) -> Any:
    """Return the body of an operation."""
    return json.loads(operation.body or b"null")


def hindrances(plan: Plan, kind: Hindrance) -> list[Impossible]:
    """Return the hindrances of a kind."""
    return [each for each in plan.impossible if each.kind is kind]
