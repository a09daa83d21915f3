"""Requests for eligible roles (Graph: "Create roleEligibilityScheduleRequest")."""

import json
import uuid

from simulator.graph.answers import Refused, bad_request
from simulator.graph.kinds.roles import ELIGIBILITIES
from simulator.graph.writes.roles import check_scope, definition, find_principal, same
from simulator.graph.writes.rules import Change, Rules
from simulator.graph.writes.shapes import mapping

_ACTIONS = ("adminAssign", "adminUpdate", "adminExtend", "adminRenew", "adminRemove")


def _check(change: Change) -> None:
    """Raise Refused: an unknown action or scope (400), principal or role (404), or an eligibility that does not fit (400)."""
    given, directory = change.given, change.directory
    if given["action"] not in _ACTIONS:
        raise bad_request(f"The action '{given['action']}' is not supported.")
    if find_principal(directory, str(given["principalId"])) is None:
        raise Refused(404, "SubjectNotFound", "The subject is not found.")
    if definition(directory, str(given["roleDefinitionId"])) is None:
        raise Refused(404, "RoleNotFound", "The role is not found.")
    check_scope(directory, str(given["directoryScopeId"]))
    existing = same(directory, ELIGIBILITIES, given)
    if given["action"] == "adminAssign" and existing:
        raise Refused(400, "RoleAssignmentExists", "The Role assignment already exists.")
    if given["action"] != "adminAssign" and not existing:
        raise Refused(400, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")


def _defaults(change: Change) -> dict[str, object]:
    return {
        "approvalId": None,
        "appScopeId": None,
        "completedDateTime": change.directory.clock.precise(),
        "createdDateTime": change.directory.clock.precise(),
        "isValidationOnly": False,
        "status": "Revoked" if change.given["action"] == "adminRemove" else "Provisioned",
        "targetScheduleId": change.id,
    }


def _carry_out(change: Change) -> None:
    """Create, change or delete the eligibility that a request names."""
    directory, given = change.directory, change.given
    existing = same(directory, ELIGIBILITIES, given)
    if given["action"] == "adminRemove":
        if existing:
            directory.delete(ELIGIBILITIES, existing)
        return
    now = directory.clock.precise()
    key = existing or str(uuid.uuid4())
    value = {
        "id": key,
        "appScopeId": None,
        "createdDateTime": now,
        "createdUsing": change.id,
        "directoryScopeId": given["directoryScopeId"],
        "memberType": "Direct",
        "modifiedDateTime": now,
        "principalId": given["principalId"],
        "roleDefinitionId": given["roleDefinitionId"],
        "scheduleInfo": {"startDateTime": now, "recurrence": None, **mapping(given.get("scheduleInfo"))},
        "status": "Provisioned",
    }
    directory.create(ELIGIBILITIES, key, json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


REQUEST = Rules(
    required=("action", "principalId", "roleDefinitionId", "directoryScopeId"),
    checks=(_check,),
    defaults=_defaults,
    stored=_carry_out,
    updates=False,
    deletes=False,
    blank=True,
)
