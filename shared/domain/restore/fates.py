"""Decide how each missing object comes back: from its recycle bin, created anew, or not at all."""

from collections.abc import Iterator

from shared.domain.naming import own_name
from shared.domain.resources import Reference
from shared.domain.resources.restoring import SafeCreate
from shared.domain.restore import refusals
from shared.domain.restore.bodies import text_at
from shared.domain.restore.directory import traits_of
from shared.domain.restore.draft import Draft, Fate, Missing, restoring_of
from shared.domain.restore.named import Named, first_id, last_id
from shared.domain.restore.operations import Hindrance
from shared.domain.restore.packing import Differences, packed, unpacked
from shared.domain.restore.protection import NEED
from shared.domain.restore.resolving import missing_sentence, unresolved
from shared.domain.restore.successors import APPLICATIONS, PRINCIPALS
from shared.domain.restore.taken import Holder, Taken, names_of, sign_in_name, undeleted_name
from shared.domain.restore.world import RecordDifference

_CREATED_THOUGH_IN_BIN = (
    "It is in the recycle bin, and only an administrator can undelete it. "
    "If you want its old id, leave it out, and undelete it in the Microsoft Entra admin center."
)
_PRINCIPAL_STAYS = (
    "The deleted service principal stays in the recycle bin until its 30 days end: "
    "Graph does not undelete it, because its application is created anew."
)
_NEVER_CREATED = "It is deleted for good, and no application can create it: an administrator must do it."
_NEEDS_ROLE = f"It is a protected user. Undeleting it needs the {NEED}. Assign the role, and plan again."


def decide(draft: Draft, missing: dict[str, Differences], changed: dict[str, Differences]) -> None:
    """Fill ``draft.coming`` with the missing objects that can be restored, and refuse the others.

    Look up which other objects have the names that these need.
    """
    bins = {resource: _in_bin(draft, resource, each) for resource, each in missing.items()}
    draft.taken = _taken(draft, missing, bins, changed)
    for resource in sorted(missing, key=lambda each: (restoring_of(each).stage, each)):
        for difference in missing[resource].consumed():
            one = _fate(draft, difference, bins[resource].get(last_id(difference.key)))
            if one is not None:
                _come(draft, one)
    _drop_unresolved(draft)


def _in_bin(draft: Draft, resource: str, missing: Differences) -> dict[str, bytes]:
    """Return those of the missing objects that are in the recycle bin, compressed."""
    if restoring_of(resource).bin is None:
        return {}
    ids = {last_id(one.key) for one in missing}
    return {each.object_id: packed(each.value) for each in draft.world.in_bin(resource, ids)}


def _come(draft: Draft, one: Missing) -> None:
    """Add a missing object to those that the plan restores."""
    resource, object_id = one.resource, last_id(one.key)
    draft.coming[object_id] = one
    app_id = text_at(one.wanted, "appId") if resource in (APPLICATIONS, PRINCIPALS) else None
    if app_id is not None:
        draft.coming_apps.setdefault(app_id.lower(), object_id)  # applications come first


def _fate(draft: Draft, difference: RecordDifference, packed_bin: bytes | None) -> Missing | None:
    """Return how an object is restored, or None after refusing it."""
    resource, restoring = difference.resource, restoring_of(difference.resource)
    wanted, object_id = difference.wanted or b"", last_id(difference.key)
    in_bin = unpacked(packed_bin) if packed_bin is not None else None
    refusal = refusals.object_refusal(restoring, wanted, traits_of(resource, wanted))
    if refusal is not None:
        _refuse(draft, difference, *refusal)
        return None
    undeletable = in_bin is not None and restoring.bin is not None and restoring.bin.by_application
    notes: tuple[str, ...] = ()
    if undeletable and resource == PRINCIPALS and not _application_stays(draft, wanted):
        undeletable, notes = False, (_PRINCIPAL_STAYS,)
    elif in_bin is not None and not undeletable:
        notes = (_CREATED_THOUGH_IN_BIN,)
    if not undeletable and draft.request.rules.undelete_only:
        reason = notes[0] if notes else "It is not in the recycle bin, and this restore only undeletes."
        _refuse(draft, difference, Hindrance.CHOICE, reason)
        return None
    if not undeletable and restoring.create is SafeCreate.NEVER:
        _refuse(draft, difference, Hindrance.ADMINISTRATOR, _NEVER_CREATED)
        return None
    if undeletable and not draft.protection.permits(object_id):
        _refuse(draft, difference, Hindrance.ADMINISTRATOR, _NEEDS_ROLE)
        return None
    holder = _holder(draft, difference, in_bin if undeletable else None)
    if holder is not None:
        _refuse(draft, difference, Hindrance.CHOICE, _choice_sentence(difference, *holder))
        return None
    fate, kept = (Fate.UNDELETE, packed_bin or b"") if undeletable else (Fate.CREATE, b"")
    return Missing(resource, difference.key, fate, packed(wanted), kept, notes)


def _application_stays(draft: Draft, wanted: bytes) -> bool:
    """Return True unless the application of a service principal is deleted for good, or created anew."""
    app_id = (text_at(wanted, "appId") or "").lower()
    application = draft.coming.get(draft.coming_apps.get(app_id, ""))
    if application is not None and application.resource == APPLICATIONS:
        return application.fate is Fate.UNDELETE
    return APPLICATIONS not in draft.directory.stored_apps.get(app_id, {})


def _refuse(draft: Draft, difference: RecordDifference, kind: Hindrance, reason: str) -> None:
    wanted = difference.wanted or b""
    values = refusals.administrator_values(difference.resource, wanted) if kind is Hindrance.ADMINISTRATOR else {}
    draft.refuse(difference.resource, difference.key, kind, reason, name=own_name(wanted), values=values)


def _taken(
    draft: Draft,
    missing: dict[str, Differences],
    bins: dict[str, dict[str, bytes]],
    changed: dict[str, Differences],
) -> Taken:
    """Return which objects have the names that the missing and the changed objects need."""
    needed: dict[str, set[str]] = {}
    for resource in ("users", "groups", APPLICATIONS):
        names = set[str]()
        for each in missing.get(resource, ()):
            in_bin = _bin_value(bins[resource], last_id(each.key))
            names.update(name for _, name in _needed_names(draft, each, in_bin))
            names.update(names_of(resource, each.wanted or b""))
        for each in changed.get(resource, ()):
            names |= set(names_of(resource, each.wanted or b"")) - set(names_of(resource, each.live or b""))
        if names:
            needed[resource] = names
    return Taken(draft.world, needed)


def _bin_value(in_bin: dict[str, bytes], object_id: str) -> bytes | None:
    return unpacked(in_bin[object_id]) if object_id in in_bin else None


def _needed_names(draft: Draft, difference: RecordDifference, in_bin: bytes | None) -> Iterator[tuple[str, str]]:
    """Yield the kind of each name that an object needs, and the name as ``names_of`` yields it."""
    resource, wanted = difference.resource, difference.wanted or b""
    object_id = last_id(difference.key)
    new_name = draft.new_name(object_id)
    if resource == "users":
        back = undeleted_name(in_bin, object_id) if in_bin is not None else None
        names = [new_name] if new_name else [text_at(wanted, "userPrincipalName"), back]
        for name in names:
            yield from (("userPrincipalName", each) for each in sign_in_name(name))
    if in_bin is not None and resource in ("users", "groups") and not draft.request.rules.drop_taken_addresses:
        yield from (("address", each) for each in names_of(resource, in_bin) if each.startswith("smtp:"))
    if resource == "groups":
        yield from (("mailNickname", each) for each in names_of(resource, wanted) if each.startswith("nickname:"))


def _holder(draft: Draft, difference: RecordDifference, in_bin: bytes | None) -> tuple[str, str, Holder] | None:
    """Return a name that an object needs and another object has: its kind, the name, and the other object."""
    object_id = last_id(difference.key)
    for kind, name in _needed_names(draft, difference, in_bin):
        holder = draft.taken.holder(name, object_id)
        if holder is not None:
            return kind, name.partition(":")[2], holder
    return None


def _choice_sentence(difference: RecordDifference, kind: str, name: str, holder: Holder) -> str:
    """Return the sentence that says which object has a name, and the choices."""
    object_id = last_id(difference.key)
    sentence = f"The {kind} {name} belongs to {holder.name} ({holder.object_id}), which stays unchanged. "
    if kind == "userPrincipalName":
        return sentence + f"Restore the user under a new name (--new-name {object_id}=NAME), or do not restore it."
    if kind == "address":
        return sentence + "Let Graph drop the address (--drop-taken-addresses), or do not restore the object."
    return sentence + "Change the other group's mailNickname, or do not restore the group."


def _drop_unresolved(draft: Draft) -> None:
    """Refuse objects that cannot be created because an object that they name is missing.

    Repeat this for the objects that name a refused one.
    """
    waiting = {object_id: _essential(one) for object_id, one in draft.coming.items() if one.fate is Fate.CREATE}
    waiting = {object_id: names for object_id, names in waiting.items() if names or _owner(draft.coming[object_id])}
    while dropped := [each for each in waiting if _drop(draft, each, waiting[each])]:
        for object_id in dropped:
            del draft.coming[object_id], waiting[object_id]
        draft.coming_apps = {app: each for app, each in draft.coming_apps.items() if each in draft.coming}


def _drop(draft: Draft, object_id: str, names: dict[str, bytes]) -> bool:
    """Refuse an object if one that it needs for its creation is missing. Return True if it was refused."""
    one = draft.coming[object_id]
    missing = [each for name, value in names.items() for each in unresolved(draft, one.resource, name, value)]
    owner = _owner(one)
    if owner and owner.id not in draft.directory.live and owner.id not in draft.coming:
        missing.append(owner)
    if missing:
        reason, name = missing_sentence(draft, object_id, missing), own_name(one.wanted)
        draft.refuse(one.resource, one.key, Hindrance.UNRESOLVED, reason, name=name)
    return bool(missing)


def _owner(one: Missing) -> Named | None:
    """Return the object that a child belongs to, or None for an object that belongs to no other."""
    owners = one.resource.rpartition(".")[0]
    return Named(Reference(path="id", resources=(owners,)), first_id(one.key)) if owners else None


def _essential(one: Missing) -> dict[str, bytes]:
    """Return the properties with references that must resolve before an object is created."""
    return {name: value for name, value in refusals.essential(one.resource, one.wanted) if value != b"null"}
