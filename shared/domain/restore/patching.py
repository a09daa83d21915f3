"""Patch objects: write the properties that differ, in as few requests as their order allows."""

from collections.abc import Iterable, Iterator

from shared.domain.json_text import members
from shared.domain.restore import applications, policies
from shared.domain.restore.bodies import encoded, only
from shared.domain.restore.calls import add_calls
from shared.domain.restore.changes import NULL, Change, values_to_write
from shared.domain.restore.directory import Trait, traits_of
from shared.domain.restore.draft import Draft, path_of, restoring_of
from shared.domain.restore.named import Named, ends
from shared.domain.restore.operations import Action, Hindrance
from shared.domain.restore.protection import NEED
from shared.domain.restore.requests import WriteStep, names_of_values, split
from shared.domain.restore.resolving import missing_sentence, unresolved
from shared.domain.restore.taken import names_of

ROLES_PERMISSION = "RoleManagement.ReadWrite.Directory"
RESTRICTED = "a directory role over its restricted administrative unit"
_POLICIES_BUCKET = "conditional-access"
_UNIQUE = {"userPrincipalName": "sign-in:", "mail": "smtp:", "mailNickname": "nickname:", "identifierUris": "uri:"}
"""Properties that no two objects share, with the kind of their names."""


def change_object(draft: Draft, change: Change) -> None:
    """Add the operations that give an existing or undeleted object the snapshot's values."""
    values = without_taken(draft, change, values_to_write(draft, change))
    if change.resource == policies.RESOURCE:
        values = policies.values_to_change(draft, change, values)
    values = resolved(draft, change, values)
    if change.resource == "applications":
        applications.report_kept_roles(draft, change, values)
        applications.disable_first(draft, change, values)
    applications.report_secrets(draft, change)
    values = add_calls(draft, change, values)
    needs = needs_of_object(draft, change, values)
    for step in split(draft, change.resource, values, change.live):
        patch(draft, change, step, needs, "Its values differ.")


def patch(draft: Draft, change: Change, step: WriteStep, needs: Iterable[str], reason: str) -> None:
    """Add the operation that patches an object with the values of a step, if there are any."""
    if step.values:
        restoring = restoring_of(change.resource)
        kept = members(only(change.live, restoring.writable)) or {} if restoring.replaced else {}
        draft.operate(
            change.resource,
            change.key,
            Action.PATCH,
            stage=step.stage,
            reason=reason,
            method="PUT" if restoring.replaced else "PATCH",
            path=path_of(restoring.item, change.key),
            name=change.name,
            body=body_of(change, {**kept, **step.values}),
            properties=step.values,
            needs=needs,
            names=(*ends(change.key), *names_of_values(draft, change.resource, step.values)),
            before=None if change.is_fresh else only(change.live, step.values),
        )


def body_of(change: Change, values: dict[str, bytes]) -> bytes:
    """Return the body of a request with these values."""
    kind = (members(change.wanted) or {}).get("@odata.type")
    if restoring_of(change.resource).typed and kind is not None:
        return encoded({"@odata.type": kind, **values})
    return encoded(values)


def without_taken(draft: Draft, change: Change, values: dict[str, bytes]) -> dict[str, bytes]:
    """Return the values without names that another object has. Refuse those names."""
    kept = dict(values)
    for name in _UNIQUE.keys() & values.keys():
        written = encoded({**(members(change.wanted) or {}), "proxyAddresses": b"[]", name: values[name]})
        for each in names_of(change.resource, written):
            holder = draft.taken.holder(each, change.object_id) if each.startswith(_UNIQUE[name]) else None
            if holder is not None and name in kept:
                del kept[name]
                owner = f"{holder.name} ({holder.object_id})"
                reason = f"{each.partition(':')[2]} belongs to {owner}, which stays unchanged."
                draft.refuse(
                    change.resource, change.key, Hindrance.CHOICE, reason, name=change.name, properties=(name,)
                )
    return kept


def resolved(draft: Draft, change: Change, values: dict[str, bytes]) -> dict[str, bytes]:
    """Return the values that name no missing object, and refuse the others.

    A list is never shortened. If parts of a value are written later, such a part may be left out.
    """
    missing, refused = list[Named](), list[str]()
    kept = dict(values)
    for name, value in values.items():
        absent = unresolved(draft, change.resource, name, value) if value != NULL else []
        if absent:
            missing += absent
            refused.append(name)
            del kept[name]
    if not missing:
        return values
    if restoring_of(change.resource).strict:
        refused, kept = list(values), {}
    reason = missing_sentence(draft, change.object_id, missing)
    draft.refuse(change.resource, change.key, Hindrance.UNRESOLVED, reason, name=change.name, properties=refused)
    return kept


def needs_of_object(draft: Draft, change: Change, values: Iterable[str]) -> tuple[str, ...]:
    """Return what writing these properties needs in addition to the permission of the object's resource."""
    return tuple(_needs(draft, change, values))


def _needs(draft: Draft, change: Change, values: Iterable[str]) -> Iterator[str]:
    if restoring_of(change.resource).bucket == _POLICIES_BUCKET:
        yield from restoring_of(change.resource).permissions
    traits = traits_of(change.resource, change.wanted if change.created else change.live)
    if traits & Trait.ROLE_ASSIGNABLE:
        yield ROLES_PERMISSION
    if change.resource == "groups" and change.created and traits & (Trait.DYNAMIC | Trait.ROLE_ASSIGNABLE):
        yield "licence P1"
    if traits & Trait.RESTRICTED and not change.created:
        yield RESTRICTED
    sensitive = change.resource == "users" and not set(restoring_of("users").sensitive).isdisjoint(values)
    if sensitive and draft.protection.covers(change.object_id):
        yield NEED
