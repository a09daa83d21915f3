"""What a restore has written is compared with the directory: the last value counts, and Graph may add to it."""

import json
from typing import Any

import pytest

from shared.domain.resources import RESOURCES
from shared.domain.resources.restoring import RestoreKind
from shared.domain.restore.id_map import EntryState, IdMap, MapEntry
from shared.domain.restore.operations import Action, Operation
from shared.domain.restore.verifying import Expectation, covers
from shared.domain.restore.writes import mark_of

OLD, NEW = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
USER = "33333333-3333-4333-8333-333333333333"
ENTRY = MapEntry(old_id=OLD, first_id=OLD, current_id=NEW, resource="groups", state=EntryState.CREATED, job_id="j")
IDS = IdMap([ENTRY])
SKU = "44444444-4444-4444-8444-444444444444"


def operation(number: int, action: Action, body: Any = None, **more: Any) -> Operation:
    fields = {"resource": "groups", "key": f"groups/{OLD}", "path": f"/groups/{OLD}", "method": "PATCH", **more}
    text = None if body is None else json.dumps(body).encode()
    return Operation(number=number, stage=1, reason="x", action=action, body=text, **fields)


def link(number: int, action: Action = Action.LINK) -> Operation:
    key = f"groups/{OLD}/members/{USER}"
    return operation(number, action, {"@odata.id": "x"}, resource="groups.members", key=key)


def unmet(operations: list[Operation], live: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the values that the directory does not show, by number of the operation."""
    records = ((key.encode(), json.dumps(value).encode()) for key, value in live.items())
    missing = Expectation(operations, IDS).unmet(records)
    return {each.operation.number: {name: json.loads(value) for name, value in each.values.items()} for each in missing}


def test_the_last_value_of_a_property_counts() -> None:
    script = [
        operation(1, Action.CREATE, {"displayName": "G", "state": "a"}),
        operation(2, Action.PATCH, {"state": "b"}),
    ]
    assert unmet(script, {f"groups/{NEW}": {"displayName": "G", "state": "b"}}) == {}
    assert unmet(script, {f"groups/{NEW}": {"displayName": "H", "state": "a"}}) == {
        1: {"displayName": "G"},
        2: {"state": "b"},
    }
    assert unmet(script, {}) == {2: {}}


def test_links_and_objects_are_there_or_not() -> None:
    key = f"groups/{NEW}/members/{USER}"
    assert unmet([link(1)], {key: {}}) == {}
    assert unmet([link(1)], {}) == {1: {}}
    assert unmet([link(1, Action.UNLINK)], {}) == {}
    assert unmet([link(1, Action.UNLINK)], {key: {}}) == {1: {}}
    assert unmet([operation(1, Action.UNDELETE)], {}) == {1: {}}
    assert unmet([operation(1, Action.DELETE)], {f"groups/{NEW}": {}}) == {1: {}}
    assert Expectation([link(1)], IDS).first_ids == {NEW}


def test_a_row_is_found_by_its_values_because_graph_gives_it_another_id() -> None:
    resource = "servicePrincipals.appRoleAssignedTo"
    body = {"principalId": OLD, "resourceId": USER, "appRoleId": SKU}
    row = operation(1, Action.LINK, body, resource=resource, key=f"servicePrincipals/{USER}/appRoleAssignedTo/old")
    expectation = Expectation([row], IDS)
    assert expectation.by_values
    key = f"servicePrincipals/{USER}/appRoleAssignedTo/new"
    assert unmet([row], {key: {**body, "principalId": NEW}}) == {}
    assert unmet([row], {key: body}) == {1: {}}
    removal = operation(1, Action.UNLINK, resource=resource, key=key, before=json.dumps(body).encode())
    assert unmet([removal], {key: {**body, "principalId": NEW}}) == {1: {}}
    assert unmet([removal], {}) == {}


def test_all_records_are_read_where_ids_compare_with_case_or_do_not_exist() -> None:
    resource, settings = "b2xUserFlows", "lifecycleManagementSettings"
    flow = operation(1, Action.CREATE, {"userFlowTypeVersion": 1}, resource=resource, key=f"{resource}/B2X_1_Guests")
    setting = operation(2, Action.PATCH, {"workflowScheduleIntervalInHours": 3}, resource=settings, key=settings)
    for each, value in ((flow, {"userFlowTypeVersion": 1}), (setting, {"workflowScheduleIntervalInHours": 3})):
        assert Expectation([each], IDS).read_whole
        assert unmet([each], {each.key: value}) == {}
    assert not Expectation([link(1)], IDS).read_whole


ROWS = [each.resource for each in RESOURCES.values() if each.restoring and each.restoring.kind is RestoreKind.ROW] + [
    "oauth2PermissionGrants"
]


@pytest.mark.parametrize("resource", ROWS)
def test_each_row_of_a_new_object_is_found_under_new_ids(resource: str) -> None:
    """Graph chooses the row's own id, and adds times and names."""
    restoring = RESOURCES[resource].restoring
    assert restoring is not None
    renewed = {"principalId", "clientId"}.intersection(restoring.identified_by) or {restoring.identified_by[0]}
    body = {name: OLD if name in renewed else USER for name in restoring.identified_by}
    row = operation(1, Action.LINK, body, resource=resource, key=f"{resource}/old")
    live = {name: NEW if value == OLD else value for name, value in body.items()}
    added = {"id": "new", "createdDateTime": "2026-01-01T00:00:00Z", "principalDisplayName": "Sales"}
    assert unmet([row], {f"{resource}/new": {**added, **live}}) == {}
    assert unmet([row], {f"{resource}/new": {**added, **body}}) == {1: {}}


def test_a_patch_of_a_consent_is_found_by_its_key() -> None:
    key = "oauth2PermissionGrants/live"
    before = json.dumps({"scope": "a"}).encode()
    patch = operation(1, Action.PATCH, {"scope": "a b"}, resource="oauth2PermissionGrants", key=key, before=before)
    consent = {"clientId": USER, "consentType": "AllPrincipals", "principalId": None, "resourceId": SKU}
    assert unmet([patch], {key: {**consent, "scope": "a b"}}) == {}
    assert unmet([patch], {key: {**consent, "scope": "a"}}) == {1: {"scope": "a b"}}


def test_licences_are_compared_by_product() -> None:
    body = {"addLicenses": [{"skuId": SKU, "disabledPlans": []}], "removeLicenses": [USER]}
    call = operation(1, Action.CALL, body, path=f"/groups/{OLD}/assignLicense")
    assert unmet([call], {f"groups/{NEW}": {"assignedLicenses": [{"skuId": SKU.upper()}]}}) == {}
    assert 1 in unmet([call], {f"groups/{NEW}": {"assignedLicenses": []}})
    assert 1 in unmet([call], {f"groups/{NEW}": {"assignedLicenses": [{"skuId": SKU}, {"skuId": USER}]}})


def test_what_graph_never_returns_is_not_compared() -> None:
    body = {"displayName": "A", "passwordProfile": {"password": "x"}, "@odata.type": "t"}
    user = operation(1, Action.CREATE, body, resource="users", key=f"users/{USER}")
    assert unmet([user], {f"users/{USER}": {"displayName": "A"}}) == {}


def test_a_mark_that_came_back_is_known_as_one() -> None:
    creation = operation(1, Action.CREATE, {"mailNickname": "g"})
    for value, marked in ((mark_of("a" * 32), True), ("h", False)):
        live = [(f"groups/{NEW}".encode(), json.dumps({"mailNickname": value}).encode())]
        (missing,) = Expectation([creation], IDS).unmet(live)
        assert missing.marked is marked


@pytest.mark.parametrize(
    ("live", "wanted", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"x": [1, 2], "y": None}}, {"a": {"x": [2, 1]}}, True),
        ({"a": None}, {"a": []}, True),
        ({}, {"a": ""}, True),
        ({}, {"a": {"b": []}}, True),
        ({"a": "x"}, {"a": None}, False),
        ([{"id": 1, "origin": "o"}], [{"id": 1}], True),
        ([{"id": 1}, {"id": 2}], [{"id": 1}], False),
        ([1, 1], [1, 2], False),
        ({"a": 1.0}, {"a": 1, "@odata.type": "x"}, True),
    ],
)
def test_graph_may_add_to_a_value_and_take_nothing_away(live: Any, wanted: Any, expected: bool) -> None:
    assert covers(json.dumps(live).encode(), json.dumps(wanted).encode()) is expected
