"""Make a plan: the operations, in order, that turn the directory into the snapshot as far as scope, rules and Graph allow."""

from collections.abc import Iterable, Iterator

import msgspec

from shared.domain.json_text import canonical, members
from shared.domain.resources import RESOURCES, ReferenceKind
from shared.domain.resources.restoring import RestoreKind
from shared.domain.restore.bodies import encoded, text_at
from shared.domain.restore.changes import Change, is_dynamic_after
from shared.domain.restore.deletions import delete
from shared.domain.restore.directory import Directory, Trait
from shared.domain.restore.draft import Draft, Fate, restoring_of
from shared.domain.restore.fates import decide
from shared.domain.restore.gathering import Gathered, gather, missing_objects
from shared.domain.restore.links import LinkWriter
from shared.domain.restore.named import ends, first_id, is_link, last_id, named
from shared.domain.restore.operations import Action, Hindrance, Operation, Plan
from shared.domain.restore.patching import change_object
from shared.domain.restore.repairs import repair
from shared.domain.restore.returning import bring_back
from shared.domain.restore.scope import LinkRule
from shared.domain.restore.successors import APPLICATIONS, PRINCIPALS, Successors, successors
from shared.domain.restore.world import Known, RecordDifference, Request, World

_MEMBERS = "groups.members"


def make_plan(world: World, request: Request) -> Plan:
    """Return the plan. Raise what reading from the world raises."""
    resources = [name for name in RESOURCES if not request.scope.resources or name in request.scope.resources]
    dependencies = Successors()
    if PRINCIPALS in resources and not request.scope.links_only and not request.scope.properties:
        dependencies = successors(world, request, missing_objects(world, request, PRINCIPALS))
    if dependencies.needed and APPLICATIONS not in resources:
        resources.append(APPLICATIONS)
    gathered, not_held = gather(world, request, resources, dependencies.adopted, frozenset(dependencies.needed))
    draft = Draft(world, request, _directory(world, gathered, dependencies), dependencies)
    draft.impossible += not_held
    unchanged = _unchanged(world, request, resources, gathered)
    decide(draft, gathered.missing, gathered.changed)
    _change_groups(draft, gathered)
    _write(draft, gathered)
    repair(draft)
    operations = list(_numbered(_without_known(draft)))
    _add_notes(draft)
    return Plan(
        plan_id=request.plan_id,
        snapshot=request.snapshot,
        live=request.live,
        scope=request.scope,
        rules=request.rules,
        operations=operations,
        impossible=sorted(draft.impossible, key=lambda each: (each.resource, each.key, each.kind, each.reason)),
        notes=draft.notes,
        unchanged=unchanged,
        adopted=dependencies.adopted,
        undone_job=request.undone.job_id if request.undone is not None else None,
    )


def _write(draft: Draft, gathered: Gathered) -> None:
    """Add the operations for all differences. Each difference is dropped once it is processed, because plans are large."""
    for resource in _by_stage(gathered.missing):
        for difference in _consumed(gathered.missing[resource]):
            one = draft.coming.get(last_id(difference.key))
            if one is not None:
                bring_back(draft, one)
    if draft.request.rules.undelete_only:
        return
    for resource in _by_stage(gathered.changed):
        for difference in _consumed(gathered.changed[resource]):
            _change(draft, difference)
    for resource in _by_stage({**gathered.to_add, **gathered.to_remove}):
        adding, removing = gathered.to_add.pop(resource, []), gathered.to_remove.pop(resource, [])
        LinkWriter(draft, resource, adding, removing).write()
    for resource in _by_stage(gathered.newer):
        for difference in _consumed(gathered.newer[resource]):
            delete(draft, difference)


def _change(draft: Draft, difference: RecordDifference) -> None:
    """Add the operations for an object or a row whose values differ."""
    restoring = restoring_of(difference.resource)
    wanted, live = difference.wanted or b"", difference.live or b""
    if restoring.kind is RestoreKind.ROW:
        wanted, live = (_only(value, restoring.writable) for value in (wanted, live))
        if canonical(wanted) == canonical(live):
            return
    change_object(draft, Change(difference.resource, difference.live_key or difference.key, wanted, live))


def _only(value: bytes, names: Iterable[str]) -> bytes:
    inner = members(value) or {}
    return encoded({name: inner[name] for name in names if name in inner})


def _by_stage(differences: Iterable[str]) -> list[str]:
    return sorted(differences, key=lambda each: (restoring_of(each).stage, each))


def _consumed(differences: list[RecordDifference]) -> Iterator[RecordDifference]:
    """Yield the differences in order, and drop each from memory."""
    differences.sort(key=lambda each: each.key, reverse=True)
    while differences:
        yield differences.pop()


def _directory(world: World, gathered: Gathered, dependencies: Successors) -> Directory:
    """Look up all objects that the differences concern: their own, those that links connect, and those that are named."""
    ids, app_ids = set[str](dependencies.exchanged.values()), set[str]()
    for each in gathered.all():
        ids.update(ends(each.key) if "/" in each.key else ())
        values = [value for value in (each.wanted, each.live) if value is not None]
        for value in values if RESOURCES[each.resource].references else ():
            references = list(named(each.resource, value))
            ids.update(one.id for one in references)
            app_ids.update(one.id for one in references if one.reference.kind is not ReferenceKind.OBJECT)
        if each.resource == APPLICATIONS:
            app_ids.add((text_at(values[0], "appId") or "").lower())
    return Directory(world, ids, app_ids)


def _change_groups(draft: Draft, gathered: Gathered) -> None:
    """Note which groups gain members, and which become dynamic or static, so that later rules see their new state."""
    if draft.request.rules.rule_for(_MEMBERS) is not LinkRule.SKIP:
        links = (ends(each.key) for each in gathered.to_add.get(_MEMBERS, ()))
        draft.gaining = {owner for owner, target in links if target in draft.directory.live or target in draft.coming}
    for each in (*gathered.changed.get("groups", ()), *gathered.changed.get("administrativeUnits", ())):
        object_id = first_id(each.key)
        entry, dynamic = draft.directory.live.get(object_id), is_dynamic_after(draft, each)
        if entry is not None and dynamic is not None:
            traits = entry.traits | Trait.DYNAMIC if dynamic else entry.traits & ~Trait.DYNAMIC
            draft.directory.live[object_id] = entry._replace(traits=traits)


def _without_known(draft: Draft) -> Iterator[Operation]:
    """Yield the operations without the changes that Graph did not apply in an earlier restore."""
    known: dict[tuple[str, Action], list[Known]] = {}
    for each in draft.world.known:
        known.setdefault((each.key, each.action), []).append(each)
    for operation in draft.operations:
        kept: Operation | None = operation
        for one in known.get((operation.key, operation.action), ()):
            kept = _without(draft, kept, one) if kept is not None else None
        if kept is not None:
            yield kept


def _without(draft: Draft, operation: Operation, known: Known) -> Operation | None:
    """Return an operation without the properties that Graph is known not to apply, or None if nothing remains."""
    body = members(operation.body or b"{}") or {}
    same = [
        name
        for name, value in known.values.items()
        if name in body and canonical(body[name]) == canonical(bytes(value))
    ]
    if known.values and not same:
        return operation
    draft.refuse(
        operation.resource,
        operation.key,
        Hindrance.KNOWN,
        known.note,
        name=operation.name,
        properties=same,
    )
    remaining = tuple(name for name in operation.properties if name not in same)
    if not remaining:
        return None
    body = {name: value for name, value in body.items() if name not in same}
    return msgspec.structs.replace(operation, body=encoded(body), properties=remaining)


def _numbered(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Yield the operations in the order of execution, with numbers from 1. Operations on one object keep their order."""
    ordered = sorted(operations, key=lambda each: (each.stage, each.resource))
    for number, operation in enumerate(ordered, 1):
        yield msgspec.structs.replace(operation, number=number)


def _add_notes(draft: Draft) -> None:
    """Add the notes that concern the whole plan."""
    created = sum(one.fate is Fate.CREATE for one in draft.coming.values())
    free = draft.world.free_objects
    if free is not None and created > free:
        draft.notes.append(
            f"The plan creates {created} objects, and the directory may have only {free} more: delete others for good, "
            "or have the quota raised."
        )
    for old, new in sorted(draft.successors.adopted.items()):
        draft.notes.append(
            f"The service principal {draft.directory.name(new)} ({new}) has taken the place of {old}, and gets its settings. "
            "To delete it and undelete the other one, plan with --exchange-principals."
        )


def _unchanged(world: World, request: Request, resources: Iterable[str], gathered: Gathered) -> int:
    """Return how many records in scope need no change, as far as that is known."""
    differing = [each for each in gathered.all() if each.wanted is not None]
    if request.scope.ids:
        objects = {last_id(each.key) for each in differing if not is_link(each.resource)}
        return len({world.ids.current(each).lower() for each in request.scope.ids} - objects)
    if request.keys is not None or request.scope.properties or request.scope.links_only:
        return 0
    counts = (world.snapshot.coverage(each) for each in resources)
    return max(0, sum(each.records or 0 for each in counts if each.whole) - len(differing))
