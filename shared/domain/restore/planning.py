"""Make a plan: the operations, in order, that turn the directory into the snapshot as far as scope, rules and Graph allow."""

from collections.abc import Iterable
from itertools import chain

import msgspec

from shared.domain.json_text import canonical
from shared.domain.resources import RESOURCES, ReferenceKind
from shared.domain.resources.restoring import RestoreKind
from shared.domain.restore.bodies import only, text_at
from shared.domain.restore.changes import Change, is_dynamic_after
from shared.domain.restore.deletions import delete
from shared.domain.restore.directory import Directory, Trait
from shared.domain.restore.draft import Draft, Fate, restoring_of
from shared.domain.restore.fates import decide
from shared.domain.restore.gathering import Gathered, gather, missing_objects
from shared.domain.restore.known import without_known
from shared.domain.restore.links import LinkWriter
from shared.domain.restore.named import ends, first_id, is_link, last_id, named
from shared.domain.restore.operations import Operation, Plan
from shared.domain.restore.packing import Differences
from shared.domain.restore.patching import change_object
from shared.domain.restore.repairs import repair
from shared.domain.restore.returning import bring_back
from shared.domain.restore.scope import LinkRule
from shared.domain.restore.successors import APPLICATIONS, PRINCIPALS, Successors, successors
from shared.domain.restore.world import RecordDifference, Request, World

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
    operations = _numbered(list(without_known(draft)))
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
    for one in sorted(
        draft.coming.values(), key=lambda each: (restoring_of(each.resource).stage, each.resource, each.key)
    ):
        bring_back(draft, one)
    if draft.request.rules.undelete_only:
        return
    for resource in _by_stage(gathered.changed):
        for difference in gathered.changed[resource].consumed():
            _change(draft, difference)
    for resource in _by_stage({**gathered.to_add, **gathered.to_remove}):
        empty = Differences(resource)
        adding, removing = gathered.to_add.pop(resource, empty), gathered.to_remove.pop(resource, empty)
        LinkWriter(draft, resource, adding, removing).write()
    for resource in _by_stage(gathered.newer):
        for difference in gathered.newer[resource].consumed():
            delete(draft, difference)


def _change(draft: Draft, difference: RecordDifference) -> None:
    """Add the operations for an object or a row whose values differ."""
    restoring = restoring_of(difference.resource)
    wanted, live = difference.wanted or b"", difference.live or b""
    if restoring.kind is RestoreKind.ROW:
        wanted, live = (only(value, restoring.writable) for value in (wanted, live))
        if canonical(wanted) == canonical(live):
            return
    change_object(draft, Change(difference.resource, difference.live_key or difference.key, wanted, live))


def _by_stage(differences: Iterable[str]) -> list[str]:
    return sorted(differences, key=lambda each: (restoring_of(each).stage, each))


def _directory(world: World, gathered: Gathered, dependencies: Successors) -> Directory:
    """Look up all objects that the differences concern: their own, those that links connect, and those that are named."""
    ids, app_ids = set[str](dependencies.exchanged.values()), set[str]()
    for each in chain.from_iterable(gathered.all()):
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


def _numbered(operations: list[Operation]) -> list[Operation]:
    """Return the operations in the order of execution, with numbers from 1. Operations on one object keep their order."""
    operations.sort(key=lambda each: (each.stage, each.resource))
    for index, operation in enumerate(operations):
        operations[index] = msgspec.structs.replace(operation, number=index + 1)
    return operations


def _add_notes(draft: Draft) -> None:
    """Add the notes that concern the whole plan."""
    created = sum(one.fate is Fate.CREATE for one in draft.coming.values())
    free = draft.world.free_objects
    if free is not None and created > free:
        draft.notes.append(
            f"The plan creates {created} objects, and the directory may have only {free} more: delete others for good, "
            "or have the quota raised."
        )
    differing = sorted((key, number) for key, number in draft.set_by_graph.items() if number)
    if differing:
        texts = ", ".join(f"{name} of {number:,} {resource}" for (resource, name), number in differing)
        draft.notes.append(f"Graph sets these itself, or they follow from others, so they are not restored: {texts}.")
    for old, new in sorted(draft.successors.adopted.items()):
        draft.notes.append(
            f"The service principal {draft.directory.name(new)} ({new}) has taken the place of {old}, and gets its settings. "
            "To delete it and undelete the other one, plan with --exchange-principals."
        )


def _unchanged(world: World, request: Request, resources: Iterable[str], gathered: Gathered) -> int:
    """Return how many records in scope need no change, as far as that is known."""
    if request.scope.ids:
        groups = (*gathered.missing.values(), *gathered.changed.values())
        objects = {last_id(each.key) for each in chain.from_iterable(groups) if not is_link(each.resource)}
        return len({world.ids.current(each).lower() for each in request.scope.ids} - objects)
    if request.keys is not None or request.scope.properties or request.scope.links_only:
        return 0
    counts = (world.snapshot.coverage(each) for each in resources)
    return max(
        0, sum(each.records or 0 for each in counts if each.whole) - sum(each.count_wanted() for each in gathered.all())
    )
