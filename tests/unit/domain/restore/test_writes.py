"""Rules of the requests that a restore sends: order, marks, identity of created objects, and refused properties."""

import json
from typing import Any

import pytest

from shared.domain.resources.restoring import SafeCreate
from shared.domain.restore.operations import Action, Operation
from shared.domain.restore.writes import (
    bind,
    chain_of,
    created_ids,
    creation_of,
    filter_of,
    is_created,
    is_marked,
    is_repeatable,
    mark_of,
    may_bind,
    names_of,
    restoring_of,
    unmarking,
    with_mark,
    without_refused,
)

G, U = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
APP = "33333333-3333-4333-8333-333333333333"
MARK = mark_of("0" * 32)
REFERENCE = "https://graph.microsoft.com/v1.0/directoryObjects/"


def operation(resource: str, key: str, action: Action, path: str, body: Any = None, **more: Any) -> Operation:
    fields = {"number": 1, "stage": 5, "reason": "x", "method": "POST", **more}
    text = None if body is None else json.dumps(body).encode()
    return Operation(resource=resource, key=key, action=action, path=path, body=text, **fields)


def group(**values: Any) -> Operation:
    body = {"displayName": "G", "mailNickname": "g", "groupTypes": [], **values}
    return operation("groups", f"groups/{G}", Action.CREATE, "/groups", body)


def member() -> Operation:
    path, body = f"/groups/{G}/members/$ref", {"@odata.id": REFERENCE + U}
    return operation("groups.members", f"groups/{G}/members/{U}", Action.LINK, path, body, names=(G, U))


def user() -> Operation:
    body = {"displayName": "Anna", "mailNickname": "anna", "userPrincipalName": "a'nna#@x"}
    return operation("users", f"users/{U}", Action.CREATE, "/users", body)


def principal() -> Operation:
    body = {"appId": APP, "displayName": "P"}
    return operation("servicePrincipals", f"servicePrincipals/{G}", Action.CREATE, "/servicePrincipals", body)


POLICIES = "/identity/conditionalAccess/policies"
ASSIGNED = f"/servicePrincipals/{G}/appRoleAssignedTo"


@pytest.mark.parametrize(
    ("given", "chain"),
    [
        (member(), G),
        (group(), G),
        (operation("groups", f"groups/{G}", Action.PATCH, f"/groups/{G.upper()}", {}), G),
        (operation("groups", f"groups/{G}", Action.UNDELETE, f"/directory/deletedItems/{G}/restore"), G),
        (operation("conditionalAccessPolicies", f"p/{G}", Action.CREATE, POLICIES, {}), "conditionalAccessPolicies"),
        (operation("conditionalAccessPolicies", "k", Action.PATCH, f"{POLICIES}/{G}", {}), "conditionalAccessPolicies"),
        (operation("servicePrincipals.appRoleAssignedTo", "a/b/c/D", Action.LINK, ASSIGNED, {}), "a/b/c/d"),
        (operation("authenticationContexts", "a/c1", Action.PATCH, "/x/c1", {}), "a/c1"),
        (operation("authenticationContexts", "a/c1", Action.CREATE, "/x/c1", {}), "a/c1"),
    ],
)
def test_operations_of_one_object_follow_each_other(given: Operation, chain: str) -> None:
    assert chain_of(given) == chain


def test_an_operation_needs_the_objects_that_it_names_but_not_the_one_that_it_creates() -> None:
    assert names_of(member()) == {G, U}
    created = operation("applications", f"applications/{G}", Action.CREATE, "/applications", {}, names=(U,), app_id=APP)
    assert names_of(created) == {U}
    assert created_ids(created) == {G, APP}
    assert created_ids(member()) == set()


def test_links_of_one_request_are_references_of_their_owner() -> None:
    body = member().body or b""
    assert may_bind(member())
    assert json.loads(bind([body, body], "members")) == {"members@odata.bind": [REFERENCE + U] * 2}
    assert not may_bind(operation("groups.owners", "k", Action.LINK, f"/groups/{G}/owners/$ref", {"@odata.id": "x"}))
    assert not may_bind(operation("groups.members", "k", Action.UNLINK, f"/groups/{G}/members/{U}/$ref"))


def test_a_microsoft_365_group_carries_no_mark_because_its_nickname_obeys_a_policy() -> None:
    assert creation_of(group()) is SafeCreate.MARK
    assert creation_of(group(groupTypes=["Unified"])) is SafeCreate.NATURAL


def test_a_mark_is_a_value_or_one_more_element_and_makes_room_for_the_real_one() -> None:
    assert json.loads(with_mark(b'{"mailNickname":"g"}', "mailNickname", MARK)) == {"mailNickname": MARK}
    assert json.loads(with_mark(b'{"tags":["a"]}', "tags", MARK)) == {"tags": ["a", MARK]}
    assert json.loads(with_mark(b"{}", "tags", MARK)) == {"tags": [MARK]}
    patch = unmarking(group())
    assert (patch.action, patch.method, patch.path) == (Action.PATCH, "PATCH", f"/groups/{G}")
    assert patch.body == b'{"mailNickname":"g"}'
    application = operation("applications", f"applications/{G}", Action.CREATE, "/applications", {"displayName": "A"})
    assert unmarking(application).body == b'{"tags":[]}'
    assert is_marked(json.dumps(["a", MARK]).encode())
    assert not is_marked(b'"entrakeep-team"')


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        (group(), f"mailNickname eq '{MARK}'"),
        (user(), "userPrincipalName eq 'a''nna%23@x'"),
        (principal(), f"appId eq '{APP}'"),
        (operation("applications", "k", Action.CREATE, "/applications", {}), f"tags/any(t:t eq '{MARK}')"),
        (operation("conditionalAccessPolicies", "k", Action.CREATE, POLICIES, {"displayName": "P"}), ""),
    ],
)
def test_a_created_object_is_found_by_its_mark_or_by_what_identifies_it(given: Operation, condition: str) -> None:
    assert filter_of(restoring_of(given), creation_of(given), given.body or b"", MARK) == condition


@pytest.mark.parametrize(
    ("given", "candidate", "ours"),
    [
        (group(), {"displayName": "other", "mailNickname": MARK}, True),
        (group(), {"displayName": "G", "mailNickname": mark_of("1" * 32)}, False),
        (group(), {"displayName": "G", "mailNickname": "g"}, False),
        (user(), {"userPrincipalName": "A'NNA#@x", "displayName": "Anna"}, True),
        (user(), {"userPrincipalName": "a'nna#@x", "displayName": "Another person"}, False),
        (principal(), {"appId": APP.upper(), "displayName": "named by its application"}, True),
        (principal(), {"appId": U}, False),
    ],
)
def test_an_object_that_a_person_created_is_not_taken_for_ours(
    given: Operation, candidate: dict[str, str], ours: bool
) -> None:
    found = {name: json.dumps(value).encode() for name, value in candidate.items()}
    assert is_created(restoring_of(given), creation_of(given), given.body or b"", MARK, found) is ours


def test_only_creations_under_an_id_of_graph_are_not_repeatable() -> None:
    assert not is_repeatable(group())
    assert is_repeatable(member())
    assert is_repeatable(operation("authenticationContexts", "a/c1", Action.CREATE, "/x/c1", {}, method="PATCH"))


@pytest.mark.parametrize("name", ["displayName", "mailNickname", "membershipRule", "groupTypes", "isAssignableToRole"])
def test_what_makes_an_object_what_it_is_is_never_left_out(name: str) -> None:
    given = group(membershipRule="x", isAssignableToRole=True, description="x")
    assert without_refused(given, given.body or b"", name) is None


def test_a_refused_property_is_left_out_unless_nothing_would_be_left() -> None:
    given = group(description="x", theme="Blue")
    rest = without_refused(given, given.body or b"", "description")
    assert rest is not None
    assert "description" not in json.loads(rest)
    assert json.loads(rest)["theme"] == "Blue"
    assert without_refused(given, given.body or b"", "unknown") is None
    patch = operation("users", f"users/{U}", Action.PATCH, f"/users/{U}", {"@odata.type": "x", "jobTitle": ""})
    assert without_refused(patch, patch.body or b"", "jobTitle") is None
    policy = operation("conditionalAccessPolicies", "k", Action.PATCH, POLICIES, {"conditions": {}, "displayName": "P"})
    assert without_refused(policy, policy.body or b"", "conditions.users") is None
