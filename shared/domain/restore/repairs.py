"""Repair references: living objects that name an object by an id that it no longer has."""

from collections.abc import Iterable, Iterator

from shared.domain.json_text import members
from shared.domain.resources import REMAPPED, RESOURCES, ReferenceKind
from shared.domain.resources.restoring import RestoreKind
from shared.domain.restore import policies
from shared.domain.restore.bodies import encoded, text_at, without_parts
from shared.domain.restore.changes import Change
from shared.domain.restore.directory import Trait, traits_of
from shared.domain.restore.draft import Draft, gets_new_id, restoring_of
from shared.domain.restore.id_map import ids_of
from shared.domain.restore.named import named
from shared.domain.restore.operations import Action, Hindrance
from shared.domain.restore.patching import needs_of_object, patch
from shared.domain.restore.refusals import fixed_refusal
from shared.domain.restore.requests import WriteStep
from shared.domain.restore.resolving import missing_sentence, unresolved
from shared.domain.restore.stages import Stage, later_than
from shared.domain.restore.successors import APPLICATIONS, PRINCIPALS

_FOREIGN = Trait.SYNCED | Trait.EXCHANGE
"""Traits of objects that Graph does not let be written."""

_ORPHAN = (
    "Its application is created anew and gets a new appId, so this service principal belongs to none. Delete it, and plan "
    "again: then it is created for the new application."
)


def repair(draft: Draft) -> None:
    """Add patches of references that name an object by an earlier id.

    The object is one that this plan creates or, in scope, one that an earlier restore created.
    """
    created = {object_id for object_id, one in draft.coming.items() if gets_new_id(one)}
    applications = {each for each in created if draft.coming[each].resource == APPLICATIONS}
    created |= {app_id for app_id, object_id in draft.coming_apps.items() if object_id in applications}
    earlier = set(draft.world.ids.earlier()) if _covers_all(draft) else set[str]()
    old = created | earlier
    if not old:
        return
    written = _written(draft)
    stale = [
        (change, values, ids)
        for resource in _naming()
        for key, value in draft.world.live.records(resource)
        if (ids := ids_of(value) & old)
        and (values := _values(draft, change := Change(resource, key.decode(), value, value), old, written))
    ]
    references = [each for change, values, _ in stale for each in named(change.resource, encoded(values))]
    by_app = {each.id for each in references if each.reference.kind is not ReferenceKind.OBJECT}
    draft.directory.look_up({each.id for each in references}, by_app)
    for change, values, ids in stale:
        _repair_one(draft, change, values, ids)


def _covers_all(draft: Draft) -> bool:
    """Return True if the scope has every object."""
    scope = draft.request.scope
    narrowed = (*scope.resources, *scope.ids, *scope.properties)
    return not narrowed and not scope.links_only and draft.request.keys is None


def _naming() -> Iterator[str]:
    """Yield the resources whose existing objects may have references to repair."""
    for name, row in RESOURCES.items():
        if row.restoring is not None and row.restoring.kind in (RestoreKind.OBJECT, RestoreKind.SINGLETON):
            first = {each.path.partition(".")[0] for each in row.references if each.kind in REMAPPED and each.resources}
            if not first.isdisjoint(row.restoring.writable):
                yield name


def _written(draft: Draft) -> dict[str, set[str]]:
    """Return the properties that the plan writes already, by key."""
    written: dict[str, set[str]] = {}
    for operation in draft.operations:
        if operation.action is Action.PATCH:
            written.setdefault(operation.key, set()).update(operation.properties)
    return written


def _values(draft: Draft, change: Change, old: set[str], written: dict[str, set[str]]) -> dict[str, bytes]:
    """Return the properties that name objects by an earlier id, with these ids replaced."""
    restoring, done = restoring_of(change.resource), written.get(change.key, set())
    if change.resource == PRINCIPALS and (text_at(change.live, "appId") or "").lower() in old:
        draft.refuse(change.resource, change.key, Hindrance.CHOICE, _ORPHAN, name=change.name, properties=("appId",))
        return {}
    if fixed_refusal(restoring, change.live) or traits_of(change.resource, change.live) & _FOREIGN:
        return {}
    values = {
        name: draft.world.ids.rewritten(without_parts(name, value, restoring.parts_by_graph))
        for name, value in (members(change.live) or {}).items()
        if name in restoring.writable and name not in done and ids_of(value) & old
    }
    return policies.without_null_conditions(values) if change.resource == policies.RESOURCE else values


def _repair_one(draft: Draft, change: Change, values: dict[str, bytes], old: set[str]) -> None:
    """Patch the properties that name objects by an earlier id, unless they also name missing objects."""
    restoring = restoring_of(change.resource)
    missing = [each for name, value in values.items() for each in unresolved(draft, change.resource, name, value)]
    if missing:
        reason = missing_sentence(draft, change.object_id, missing)
        draft.refuse(change.resource, change.key, Hindrance.UNRESOLVED, reason, name=change.name, properties=values)
        return
    names = ", ".join(sorted(_names(draft, old)))
    step = WriteStep(later_than(restoring.stage) if restoring.stage < Stage.LATER else restoring.stage, values)
    patch(draft, change, step, needs_of_object(draft, change, values), f"This object names {names} by an earlier id.")


def _names(draft: Draft, ids: Iterable[str]) -> Iterator[str]:
    """Yield the names of objects with these ids, or ``appId``s."""
    for each in ids:
        object_id = draft.coming_apps.get(each, each)
        yield draft.directory.name(object_id if object_id in draft.coming else draft.world.ids.current(each))
