"""A restore by commands alone: plan, look, carry out, compare, report, undo. Real processes on all sides."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Commands
from tests.contract.engine.simulated import RESTORER, RESTORER_SECRET, all_permissions
from tests.flow.shell import write_private
from tests.flow.stack import Stack, running_stack
from tests.parts import CLIENT, DIRECTORY, POLICIES, SECRET
from tests.tables import small_options

pytestmark = pytest.mark.flow

ADA, BOB, TEAM, POLICY = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abcd")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("restoring")) as stack:
        create(stack)
        stack.start("beat", "worker", application="tests.flow.restored_streams")
        yield stack


@pytest.fixture
def shell(stack: Stack) -> Commands:
    """Return commands for a tenant with both applications."""
    shell = Commands(stack.home, stack.environment)
    write_private(stack.home / "secret", SECRET)
    write_private(stack.home / "restore-secret", RESTORER_SECRET)
    stack.graph.post("apps", {"client_id": RESTORER, "secret": RESTORER_SECRET, "permissions": all_permissions()})
    options = ("--directory-id", DIRECTORY, "--client-id", CLIENT, "--client-secret-file", "secret")
    shell.run("tenant", "add", "contoso", *options, *small_options())
    return shell


def create(stack: Stack) -> None:
    """Create two users, their group, and a policy that excludes the group."""
    for object_id, name in ((ADA, "ada"), (BOB, "bob")):
        names = {"displayName": name, "mailNickname": name, "userPrincipalName": f"{name}@contoso.example"}
        stack.graph.change(("create", "users", {"id": object_id, "accountEnabled": True, **names}))
    group = {"displayName": "Break glass", "mailNickname": "glass", "mailEnabled": False, "securityEnabled": True}
    stack.graph.change(("create", "groups", {"id": TEAM, **group, "groupTypes": []}))
    for member in (ADA, BOB):
        stack.graph.change(("create", f"groups/{TEAM}/members", {"id": member}))
    conditions = {
        "clientAppTypes": ["all"],
        "applications": {"includeApplications": ["All"]},
        "users": {"includeUsers": ["All"], "excludeGroups": [TEAM], "excludeUsers": [ADA]},
    }
    grants = {"operator": "OR", "builtInControls": ["mfa"]}
    policy = {"id": POLICY, "displayName": "Require MFA", "state": "enabled"}
    stack.graph.change(("create", POLICIES, {**policy, "conditions": conditions, "grantControls": grants}))


def value(stack: Stack, path: str, object_id: str) -> dict[str, Any]:
    values = (json.loads(each) for each in stack.graph.values(path))
    found: dict[str, Any] = next(each for each in values if each["id"] == object_id)
    return found


def differences(shell: Commands, a: str, b: str) -> dict[str, set[str]]:
    """Return the properties that differ by record; none of a record that only one snapshot has."""
    document = shell.document("compare", "contoso", a, b, "--format", "json")
    lone = {key: set[str]() for key in [*document["added"], *document["removed"]]}
    return {**lone, **{each["key"]: set(each["properties"]) for each in document["changed"]}}


def test_a_deleted_group_and_a_changed_policy_are_planned_restored_compared_and_undone(
    stack: Stack, shell: Commands, tmp_path: Path
) -> None:
    # The tenant can only be read yet: a plan says so, and nothing can be written.
    good = shell.document("backup", "contoso", "--wait")["snapshot"]
    shell.refused("tenant", "check", "contoso", "--restore", code="NO_RESTORE_IDENTITY", status=1)
    shell.refused("restore", "contoso", good, code="NO_RESTORE_IDENTITY", status=1)
    shell.run(
        *("tenant", "update", "contoso", "--restore-client-id", RESTORER),
        *("--restore-client-secret-file", "restore-secret"),
    )
    checked = {each["resource"]: each["answer"] for each in shell.document("tenant", "check", "contoso", "--restore")}
    assert checked["groups"] == checked["conditionalAccessPolicies"] == "allowed"

    # Somebody deletes the group for good, and changes the policy.
    stack.graph.change(("delete", f"groups/{TEAM}"), ("purge", f"groups/{TEAM}"))
    stack.graph.change(("update", f"{POLICIES}/{POLICY}", {"displayName": "Oops", "state": "disabled"}))
    stack.graph.change(("update", f"users/{BOB}", {"jobTitle": "Boss"}))

    # The plan is made, read, and carried out as it was read.
    file = tmp_path / "plan.jsonl"
    out, _ = shell.run(
        "plan", "make", "contoso", good, "--id", TEAM, "--id", POLICY, "--reason", "t-17", "--plan-out", str(file)
    )
    text = out.decode()
    assert text.startswith("Restore 1 group, 2 links, 1 policy; ")
    assert "1 under a new id" in text
    assert "Group.ReadWrite.All" in text
    (row,) = shell.document("plan", "list", "contoso")
    assert (row["state"], row["reason"], row["snapshot"]) == ("ready", "t-17", good)
    plan = shell.document("plan", "show", "contoso", row["plan"])
    actions = [(each["action"], each["key"]) for each in plan["operations"]]
    assert actions[0] == ("create", f"groups/{TEAM}")
    assert ("patch", f"conditionalAccessPolicies/{POLICY}") in actions
    restored = shell.document("restore", "contoso", "--plan", str(file), "--wait")
    assert (restored["state"], restored["failed"], restored["plan"]) == ("succeeded", 0, row["plan"])
    assert restored["done"] == len(actions)

    # Everything is back: the group under a new id, which the policy names. Nobody touched what was not chosen.
    (group,) = stack.graph.ids("groups")
    assert group != TEAM
    assert set(stack.graph.ids(f"groups/{group}/members")) == {ADA, BOB}
    policy = value(stack, POLICIES, POLICY)
    assert (policy["displayName"], policy["state"]) == ("Require MFA", "enabled")
    assert policy["conditions"]["users"]["excludeGroups"] == [group]
    assert value(stack, "users", BOB)["jobTitle"] == "Boss"
    differing = differences(shell, good, restored["after"])
    assert differing.keys() == {f"conditionalAccessPolicies/{POLICY}", f"groups/{group}", f"users/{BOB}"}
    written = {"displayName", "state", "conditions.users.excludeGroups", "mailNickname"}
    assert not any(written & properties for properties in differing.values()), "all else is set by Graph itself"
    report = shell.document("restore", "contoso", "--report", restored["id"])
    assert {each["state"] for each in report["results"]} == {"done"}
    assert {each["new_id"] for each in report["results"]} == {group, None}
    rows = shell.run("restore", "contoso", "--report", restored["id"], "--format", "csv")[0].splitlines()
    assert len(rows) == 1 + len(actions)
    history = shell.run("browse", "contoso", "latest", "--history", "--id", TEAM, "--json")[0].decode()
    assert '"restored"' in history

    # The plan cannot be carried out twice.
    sentence = shell.refused("restore", "contoso", "--plan", row["plan"], code="WRONG_USE", status=2)
    assert "carried out already" in sentence

    # The undo takes back what the restore wrote, and nothing else.
    undone = shell.document("restore", "contoso", "--undo", restored["id"], "--wait")
    assert (undone["state"], undone["undo"]) == ("succeeded", restored["id"])
    assert stack.graph.ids("groups") == []
    assert (value(stack, POLICIES, POLICY)["displayName"], value(stack, "users", BOB)["jobTitle"]) == ("Oops", "Boss")
    trail = [each["action"] for each in shell.document("audit", "show", "contoso", "--limit", "100")]
    for action in ("restore.refused", "plan.asked", "plan.ended", "restore.asked", "restore.ended", "undo.asked"):
        assert action in trail
