"""Roles and scopes that an application defines (Graph: "appRole resource type", "permissionScope resource type")."""

from simulator.graph.answers import Refused
from simulator.graph.writes.rules import Change
from simulator.graph.writes.shapes import mapping, mappings, strings

_KEPT = "Permission (scope or role) cannot be deleted or updated unless disabled first."
_PRE_AUTHORIZED = "api.preAuthorizedApplications.delegatedPermissionIds"


def check(change: Change) -> None:
    """Raise Refused (400) for a duplicate value, a change of an enabled role or scope, or an unknown pre-authorised scope."""
    old = change.old or {}
    if "appRoles" in change.given:
        _check(mappings(old.get("appRoles")), mappings(change.given["appRoles"]), "appRoles")
    if "api" not in change.given:
        return
    stored = mappings(mapping(old.get("api")).get("oauth2PermissionScopes"))
    api = mapping(change.given["api"])
    _check(stored, mappings(api.get("oauth2PermissionScopes")), "api.oauth2PermissionScopes")
    known = {scope.get("id") for scope in stored}
    for client in mappings(api.get("preAuthorizedApplications")):
        for scope_id in strings(client.get("delegatedPermissionIds")):
            if scope_id not in known:
                message = f"Property {_PRE_AUTHORIZED} has the permission '{scope_id}', which does not exist."
                raise _refused("InvalidValue", message, _PRE_AUTHORIZED)


def _check(old: list[dict[str, object]], new: list[dict[str, object]], target: str) -> None:
    for name in ("id", "value"):
        values = [str(each[name]).lower() for each in new if each.get(name)]
        if len(set(values)) < len(values):
            raise _refused("DuplicateValue", f"Property {target} has a duplicate {name}.", target)
    by_id = {each.get("id"): each for each in new}
    for each in old:
        kept = by_id.get(each.get("id"))
        if each.get("isEnabled") is True and (kept is None or kept.get("value") != each.get("value")):
            raise _refused("CannotDeleteOrUpdateEnabledEntitlement", _KEPT, target)


def _refused(code: str, message: str, target: str) -> Refused:
    return Refused(400, code, message, details=[{"code": code, "message": message, "target": target}])
