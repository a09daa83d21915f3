"""Bring objects back: undelete those in a recycle bin, create the others anew, and write what is left afterwards."""

from collections.abc import Iterator

import msgspec

from shared.domain.json_text import members
from shared.domain.naming import own_name
from shared.domain.records import encode_id
from shared.domain.resources.restoring import Bin, Restoring
from shared.domain.restore import applications, policies
from shared.domain.restore.bodies import encoded, is_blank, is_unknown, text_at
from shared.domain.restore.calls import add_calls
from shared.domain.restore.changes import NULL, Change
from shared.domain.restore.directory import Trait, traits_of
from shared.domain.restore.draft import Draft, Fate, Missing, path_of, restoring_of
from shared.domain.restore.named import ends, last_id
from shared.domain.restore.operations import Action, Hindrance
from shared.domain.restore.packing import unpacked
from shared.domain.restore.patching import body_of, change_object, needs_of_object, patch, resolved, without_taken
from shared.domain.restore.protection import NEED
from shared.domain.restore.refusals import BY_HAND, UNSHOWN
from shared.domain.restore.requests import WriteStep, names_of_values, split
from shared.domain.restore.scope import LinkRule
from shared.domain.restore.stages import Stage
from shared.domain.restore.successors import PRINCIPALS
from shared.domain.restore.taken import undeleted_name

_RETURNING_LINKS = "Links that it got after the snapshot come back with it: plan again afterwards to remove them."
_PASSWORD = "It gets a random password, to be changed at the next sign-in, and new authentication methods."  # noqa: S105
_NEW_APP_ID = "It gets a new appId: configure its clients with it. Consents are written again for the new application."
_GUEST = "It comes back as a local account of the type Guest: invite it to redeem again."


def bring_back(draft: Draft, one: Missing) -> None:
    """Add the operations that restore a missing object."""
    if one.fate is Fate.UNDELETE:
        _undelete(draft, one)
    else:
        _create(draft, one)


def _undelete(draft: Draft, one: Missing) -> None:
    resource, key, object_id = one.resource, one.key, last_id(one.key)
    wanted, in_bin, body = one.wanted, unpacked(one.packed_bin), dict[str, bytes]()
    recycling = restoring_of(resource).bin
    if recycling is None:
        return
    needs = [recycling.permission]
    if resource == "users":
        name = draft.new_name(object_id)
        in_bin = _renamed(in_bin, name or undeleted_name(in_bin, object_id))
        if name is not None:
            body["newUserPrincipalName"] = msgspec.json.encode(name)
            wanted = _renamed(wanted, name)
        if draft.request.rules.drop_taken_addresses:
            body["autoReconcileProxyConflict"] = b"true"
        if draft.protection.covers(object_id):
            needs.append(NEED)
    if object_id in draft.successors.exchanged:
        _delete_successor(draft, draft.successors.exchanged[object_id], object_id)
    draft.operate(
        resource,
        key,
        Action.UNDELETE,
        stage=Stage.UNDELETE_PRINCIPALS if resource == PRINCIPALS else Stage.UNDELETE,
        reason=_reason(draft, one),
        method="POST",
        path=recycling.restore.format(id=encode_id(object_id).decode()),
        name=own_name(wanted),
        body=encoded(body) if body else None,
        needs=needs,
        notes=(*one.notes, *_undelete_notes(draft, recycling)),
    )
    if not draft.request.rules.undelete_only:
        change_object(draft, Change(resource, key, wanted, in_bin, undeleted=True))


def _undelete_notes(draft: Draft, recycling: Bin) -> Iterator[str]:
    """Yield notes for the user about an undeleted object."""
    yield from (f"Undeleting does not bring back {each}." for each in recycling.loses)
    if LinkRule.EXACT in (draft.request.rules.links, *draft.request.rules.links_of.values()):
        yield _RETURNING_LINKS


def _create(draft: Draft, one: Missing) -> None:
    resource, key, wanted = one.resource, one.key, one.wanted
    restoring, change = restoring_of(resource), Change(resource, key, wanted, b"{}", created=True)
    values = resolved(draft, change, without_taken(draft, change, _creation_values(draft, change, restoring)))
    notes = [*one.notes, *_notes(change, restoring)]
    if resource == policies.RESOURCE:
        refusal = policies.creation_refusal(draft, wanted)
        if refusal is not None:
            draft.refuse(resource, key, Hindrance.CHOICE, refusal, name=change.name)
            return
        values, policy_notes = policies.values_to_create(draft, wanted, values)
        notes += policy_notes
    applications.report_secrets(draft, change)
    values = add_calls(draft, change, values, created=True)
    first, *others = split(draft, resource, values, None)
    if "membershipRule" in values and traits_of(resource, wanted) & Trait.DYNAMIC:
        _put_rule_first(draft, resource, values, first, others)
    needs = needs_of_object(draft, change, values)
    draft.operate(
        resource,
        key,
        Action.CREATE,
        stage=restoring.stage,
        reason=_reason(draft, one),
        method="POST" if restoring.collection else "PATCH",
        path=path_of(restoring.collection or restoring.item, key),
        name=change.name,
        body=body_of(change, first.values),
        properties=first.values,
        needs=needs,
        names=(*ends(key), *names_of_values(draft, resource, first.values)),
        app_id=text_at(wanted, "appId") if resource == "applications" else None,
        notes=notes,
    )
    for step in others:
        patch(
            draft,
            change,
            step,
            needs,
            "These properties are written once the object and the objects that it names exist.",
        )


def _reason(draft: Draft, one: Missing) -> str:
    """Return why an object is restored in this way."""
    if one.fate is Fate.UNDELETE:
        reason = "It is in the recycle bin"
    else:
        reason = "It cannot be undeleted, so it is created anew" if one.notes else "It is deleted for good"
    needing = draft.successors.needed.get(last_id(one.key))
    return f"{reason}, and the service principal {draft.directory.name(needing)} needs it." if needing else f"{reason}."


def _creation_values(draft: Draft, change: Change, restoring: Restoring) -> dict[str, bytes]:
    """Return the values of a new object. Refuse those that it cannot have."""
    inner = members(change.wanted) or {}
    called = (each.property for each in restoring.calls)
    names = dict.fromkeys((*restoring.required, *restoring.writable, *restoring.create_only, *called))
    values = {name: inner[name] for name in names if name in inner and inner[name] not in (NULL, b'""')}
    for name in restoring.keyed:
        values.pop(name, None)
    new_name = draft.new_name(change.object_id) if change.resource == "users" else None
    if new_name is not None:
        values["userPrincipalName"] = msgspec.json.encode(new_name)
    by_hand = {name: inner[name] for name in restoring.by_administrator if not is_blank(inner.get(name))}
    if by_hand:
        draft.refuse(
            change.resource,
            change.key,
            Hindrance.ADMINISTRATOR,
            BY_HAND,
            name=change.name,
            properties=by_hand,
            values=by_hand,
        )
    unshown = [name for name, value in values.items() if is_unknown(value)]
    if unshown:
        draft.refuse(change.resource, change.key, Hindrance.NOT_HELD, UNSHOWN, name=change.name, properties=unshown)
    return {name: value for name, value in values.items() if name not in unshown}


def _notes(change: Change, restoring: Restoring) -> Iterator[str]:
    """Yield notes for the user about a new object."""
    keyed = [name for name in restoring.keyed if not is_blank((members(change.wanted) or {}).get(name))]
    if keyed:
        yield f"Not written, because they name keys that do not come back: {', '.join(keyed)}."
    if change.resource == "users":
        yield _PASSWORD
        if text_at(change.wanted, "userType") == "Guest":
            yield _GUEST
    if change.resource == "applications":
        yield _NEW_APP_ID


def _put_rule_first(
    draft: Draft, resource: str, values: dict[str, bytes], first: WriteStep, others: list[WriteStep]
) -> None:
    """Create a dynamic group with its rule. Write the rule again only if it names objects that the plan restores."""
    rule = {"membershipRule": values["membershipRule"]}
    first.values.update(rule)
    if not any(names_of_values(draft, resource, rule)):
        for step in others:
            step.values.pop("membershipRule", None)


def _renamed(user: bytes, name: str | None) -> bytes:
    """Return a user with another userPrincipalName."""
    return encoded({**(members(user) or {}), "userPrincipalName": msgspec.json.encode(name)})


def _delete_successor(draft: Draft, successor: str, object_id: str) -> None:
    """Delete a service principal that took the place of a deleted one."""
    key = f"{PRINCIPALS}/{successor}"
    draft.operate(
        PRINCIPALS,
        key,
        Action.DELETE,
        stage=Stage.UNDELETE,
        reason=f"It has the appId of {object_id}, which is undeleted in its place.",
        method="DELETE",
        path=path_of(restoring_of(PRINCIPALS).item, key),
        name=draft.directory.name(successor),
        before=next((value for _, value in draft.world.live.records(PRINCIPALS, {successor})), None),
    )
