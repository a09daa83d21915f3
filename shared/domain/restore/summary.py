"""Describe a plan: its summary in words, and the records that it touches."""

from collections import Counter
from collections.abc import Iterator

from shared.domain.resources import RESOURCES
from shared.domain.resources.restoring import RestoreKind, SafeCreate
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.operations import Action, Plan
from shared.domain.restore.pairing import written_keys

_NOUNS = {
    "users": ("user", "users"),
    "groups": ("group", "groups"),
    "applications": ("application", "applications"),
    "servicePrincipals": ("service principal", "service principals"),
    "conditionalAccessPolicies": ("policy", "policies"),
    "oauth2PermissionGrants": ("consent", "consents"),
    "namedLocations": ("location", "locations"),
    "authenticationStrengthPolicies": ("strength", "strengths"),
    "authenticationContexts": ("authentication context", "authentication contexts"),
    "administrativeUnits": ("administrative unit", "administrative units"),
    "roleDefinitions": ("role definition", "role definitions"),
    "termsOfUseAgreements": ("agreement", "agreements"),
    "organization": ("setting of the organization", "settings of the organization"),
}
_LINK, _ROW = ("link", "links"), ("assignment", "assignments")
_UNCHANGED = IdMap(())
_RESTORING = frozenset({Action.UNDELETE, Action.CREATE, Action.PATCH, Action.CALL, Action.LINK})


def summary(plan: Plan) -> str:
    """Return a sentence about the plan: what is restored, how much of it unchanged, and what cannot be restored."""
    counts = Counter[tuple[str, str]]()
    new_ids, removed = set[str](), Counter[tuple[str, str]]()
    deleted = {each.key for each in plan.operations if each.action is Action.DELETE}
    restored = {each.key: each.resource for each in plan.operations if each.action in _RESTORING}
    for key, resource in restored.items():
        counts[_noun(resource)] += key not in deleted
    for operation in plan.operations:
        if operation.action is Action.CREATE and not _keeps_id(operation.resource):
            new_ids.add(operation.key)
        elif operation.action in (Action.DELETE, Action.UNLINK):
            removed[_noun(operation.resource)] += 1
    impossible = {each.key for each in plan.impossible if not each.properties}
    partly = {each.key for each in plan.impossible if each.properties} - impossible
    sentence = _listed("Restore", counts) or "Restore nothing"
    if removed:
        sentence += f", and {_listed('remove', removed)}"
    returning = sum(each.may_return for each in plan.operations)
    same = len(restored.keys() - deleted) - len(new_ids)
    details = list(_details(same, len(new_ids), returning, len(impossible), len(partly)))
    return f"{sentence}; {', '.join(details)}" if details else sentence


def touched_keys(plan: Plan) -> frozenset[str]:
    """Return the keys of the records that the plan writes, as the directory has them, or the snapshot if it lacks them.

    Return the ``row_key`` of links and rows too, because other records may have taken their place.
    """
    return frozenset(key for each in plan.operations for key in written_keys(each, _UNCHANGED))


def _keeps_id(resource: str) -> bool:
    """Return True if an object of the resource keeps its id when it is created anew."""
    restoring = RESOURCES[resource].restoring if resource in RESOURCES else None
    return restoring is not None and restoring.create is SafeCreate.CLIENT_KEY


def _noun(resource: str) -> tuple[str, str]:
    restoring = RESOURCES[resource].restoring if resource in RESOURCES else None
    if restoring is not None and restoring.kind is RestoreKind.LINK:
        return _LINK
    if restoring is not None and restoring.kind is RestoreKind.ROW:
        return _ROW
    return _NOUNS.get(resource, (f"record of {resource}", f"records of {resource}"))


def _listed(verb: str, counts: Counter[tuple[str, str]]) -> str:
    """Return a phrase such as ``Restore 1 group, 214 links``; an empty text if there is nothing."""
    texts = [f"{number:,} {noun[number != 1]}" for noun, number in counts.items() if number]
    return f"{verb} {', '.join(texts)}" if texts else ""


def _details(same: int, new: int, returning: int, impossible: int, partly: int) -> Iterator[str]:
    if same:
        yield f"{same:,} as they were" if same > 1 else "1 as it was"
    if new:
        yield f"{new:,} under a new id"
    if returning:
        yield f"{returning:,} should come back with undeleted objects"
    if impossible:
        yield f"{impossible:,} cannot be restored"
    if partly:
        yield f"{partly:,} only in part"
