"""The writing step of a restore: each operation once in effect, whatever Graph answers."""

import json
from typing import Any

import pytest

from shared.domain.backoff import Backoff
from shared.domain.restore.operations import Action
from shared.domain.restore.scope import Rules
from shared.ports.catalog.restores import OperationState
from tests.contract.catalog.world import new_id
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator
from tests.contract.restore.carrying import Restore, Script, existing, group, ids_of, objects, user
from tests.parts import POLICIES

DONE, FAILED, PARTLY = OperationState.DONE, OperationState.FAILED, OperationState.PARTLY


def test_objects_are_created_under_new_ids_and_named_by_them(world: EngineWorld, simulator: Simulator) -> None:
    old_user, old_group = new_id(), new_id()
    script = Script()
    script.create("users", old_user, user("anna"))
    script.create("groups", old_group, group("Sales"))
    script.link("groups.members", old_group, old_user)
    script.patch("users", old_user, {"accountEnabled": True}, stage=16)
    restore = Restore(world, script.plan())
    restore.write()
    assert restore.states() == [DONE] * 4
    (created,) = objects(simulator, "groups", displayName="Sales")
    assert created["id"] == restore.new_id(old_group) != old_group
    assert created["mailNickname"] == "sales", "the mark is gone"
    assert not restore.entries()[old_group].mark
    assert ids_of(simulator, f"groups/{created['id']}/members") == {restore.new_id(old_user)}
    (anna,) = objects(simulator, "users", displayName="anna")
    assert anna["accountEnabled"] is True
    assert restore.details()[1].new_id == anna["id"]


def test_operations_of_a_new_object_in_its_stage_follow_its_creation(world: EngineWorld, simulator: Simulator) -> None:
    script = Script()
    for n in range(3):
        old = new_id()
        script.create("users", old, user(f"alone{n}"))
        script.patch("users", old, {"authorizationInfo": {"certificateUserIds": [f"X509:<SKI>{n}"]}}, stage=2)
    restore = Restore(world, script.plan())
    restore.write()
    assert restore.states() == [DONE] * 6
    for n in range(3):
        (created,) = objects(simulator, "users", displayName=f"alone{n}")
        assert created["authorizationInfo"] == {"certificateUserIds": [f"X509:<SKI>{n}"]}


def test_links_to_one_object_share_requests_and_a_refused_one_is_alone(
    world: EngineWorld, simulator: Simulator
) -> None:
    """One of the 25 members is not there, and one is a member already."""
    owner = existing(simulator, "groups", group("Shared"))
    members = [existing(simulator, "users", user(f"member{n}")) for n in range(24)]
    simulator.create(f"groups/{owner}/members", json.dumps({"id": members[3]}).encode())
    script = Script()
    for member in [*members, new_id()]:
        script.link("groups.members", owner, member)
    restore = Restore(world, script.plan())
    simulator.forget()
    restore.write()
    assert restore.states() == [*[DONE] * 24, FAILED]
    assert ids_of(simulator, f"groups/{owner}/members") == set(members)
    assert simulator.request_count("/v1.0/groups/{id}/members/$ref") == 25, (
        "both requests for several links were refused"
    )
    assert "does not exist" in restore.details()[25].reason


def test_twenty_links_are_one_request(world: EngineWorld, simulator: Simulator) -> None:
    owner = existing(simulator, "groups", group("Twenty"))
    script = Script()
    for n in range(40):
        script.link("groups.members", owner, existing(simulator, "users", user(f"twenty{n}")))
    restore = Restore(world, script.plan())
    simulator.forget()
    restore.write()
    assert restore.states() == [DONE] * 40
    assert simulator.request_count("/v1.0/groups/{id}") == 2
    assert len(ids_of(simulator, f"groups/{owner}/members")) == 40


def test_operations_that_need_a_failed_object_fail_with_the_reason(world: EngineWorld, simulator: Simulator) -> None:
    anna, sales = new_id(), new_id()
    existing(simulator, "users", user("taken"))
    script = Script()
    script.create("users", anna, user("taken", displayName="Anna"))
    script.create("groups", sales, group("Independent"))
    script.link("groups.members", sales, anna)
    script.patch("users", anna, {"accountEnabled": True}, stage=16)
    restore = Restore(world, script.plan())
    restore.write()
    assert restore.states() == [FAILED, DONE, FAILED, FAILED]
    assert "userPrincipalName" in restore.details()[1].reason
    assert restore.codes()[3] == "DEPENDS"
    assert "operation 1" in restore.details()[4].reason
    assert anna not in restore.entries(), "it was certainly not created"
    assert len(objects(simulator, "users", userPrincipalName="taken@contoso.onmicrosoft.com")) == 1


def test_properties_that_graph_refuses_are_left_out_and_reported(world: EngineWorld, simulator: Simulator) -> None:
    anna = existing(simulator, "users", user("refused"))
    script = Script()
    script.patch("users", anna, {"jobTitle": "", "department": "", "city": "Bern"})
    script.patch("users", anna, {"jobTitle": ""})
    script.create("users", new_id(), user("refused2", jobTitle="", city="Bern"))
    restore = Restore(world, script.plan())
    restore.write()
    assert restore.states() == [PARTLY, FAILED, PARTLY]
    assert restore.details()[1].properties == ("jobTitle", "department")
    for detail in restore.details().values():
        assert bytes(detail.values["jobTitle"]) == b'""', "the next plan knows that Graph refuses this value"
        assert detail.lasting
    assert objects(simulator, "users", id=anna)[0]["city"] == "Bern"
    assert objects(simulator, "users", displayName="refused2")[0]["city"] == "Bern"


def test_a_mark_that_stays_changes_nothing_else_in_the_result(world: EngineWorld, simulator: Simulator) -> None:
    error = {
        "code": "Request_BadRequest",
        "message": "Invalid value specified for property 'theme' of resource 'Group'.",
    }
    refusal = {"what": "status", "status": 400, "times": 1, "body": {"error": error}}
    denial = {"what": "status", "status": 400, "times": 2, "body": {"error": {"code": "Request_BadRequest"}}}
    simulator.set(
        "faults",
        [
            {**refusal, "match": {"method": "POST", "path": "/v1.0/groups$"}},
            {**denial, "match": {"method": "PATCH", "path": "/v1.0/groups/"}},
        ],
    )
    script = Script()
    script.create("groups", new_id(), group("Marked", theme="Red"))
    script.create("groups", new_id(), group("Marked too"))
    restore = Restore(world, script.plan())
    restore.write()
    assert restore.states() == [PARTLY, PARTLY]
    first, second = restore.details().values()
    assert (first.properties, first.lasting) == (("theme",), True)
    assert "mark" in second.reason
    for old, detail in zip(restore.entries(), sorted([first, second], key=lambda each: each.key), strict=True):
        assert (detail.action, detail.new_id) == (Action.CREATE, restore.new_id(old))


def test_an_object_is_not_created_without_an_essential_property(world: EngineWorld, simulator: Simulator) -> None:
    """A dynamic group whose rule Graph refuses would be a static or an empty group without it."""
    rule = {"groupTypes": ["DynamicMembership"], "membershipRule": "no rule", "membershipRuleProcessingState": "Paused"}
    message = "Invalid value specified for property 'membershipRule' of resource 'Group'."
    body = {"error": {"code": "Request_BadRequest", "message": message}}
    simulator.fault("status", "/v1.0/groups$", status=400, body=body)
    script = Script()
    script.create("groups", new_id(), group("Dynamic", **rule))
    restore = Restore(world, script.plan())
    restore.write()
    assert restore.states() == [FAILED]
    assert restore.details()[1].message == message
    assert not objects(simulator, "groups", displayName="Dynamic")


@pytest.mark.parametrize("what", ["drop-after", "drop", "status-after"])
def test_a_creation_without_an_answer_is_looked_up_and_never_repeated_blindly(
    world: EngineWorld, simulator: Simulator, what: str
) -> None:
    more = {"status": 504} if what == "status-after" else {}
    for path in ("/v1.0/groups$", "/v1.0/users$", "/v1.0/identity/conditionalAccess/policies$"):
        simulator.set("faults", [{"what": what, "match": {"method": "POST", "path": path}, "times": 1, **more}])
    names = [f"{what}-{kind}" for kind in ("group", "user", "policy")]
    script = Script()
    script.create("groups", new_id(), group(names[0]))
    script.create("users", new_id(), user(names[1]))
    script.create("conditionalAccessPolicies", new_id(), policy(names[2]))
    restore = Restore(world, script.plan())
    restore.write()
    assert restore.states() == [DONE] * 3
    created = [
        objects(simulator, path, displayName=name)
        for path, name in zip(("groups", "users", POLICIES), names, strict=True)
    ]
    assert [len(each) for each in created] == [1, 1, 1]
    assert created[0][0]["mailNickname"] == "sales"


def test_a_fresh_object_that_graph_does_not_show_yet_is_waited_for(world: EngineWorld, simulator: Simulator) -> None:
    simulator.set("lag", {"get": 1.5, "list": 2.5})
    anna, sales = new_id(), new_id()
    simulator.set("faults", [{"what": "drop-after", "match": {"method": "POST", "path": "/v1.0/groups$"}}])
    script = Script()
    script.create("users", anna, user("lagging"))
    script.create("groups", sales, group("Lagging"))
    script.link("groups.members", sales, anna)
    script.link("users.manager", anna, existing(simulator, "users", user("boss")))
    world.limit(look_backoff=Backoff(first=2.0, longest=4.0))
    restore = Restore(world, script.plan())
    restore.write()
    assert restore.states() == [DONE] * 4
    assert len(objects(simulator, "groups", displayName="Lagging")) == 1
    assert simulator.created("groups") == 1


def test_a_missing_object_that_is_not_fresh_is_not_waited_for(world: EngineWorld, simulator: Simulator) -> None:
    sales = existing(simulator, "groups", group("Not waiting"))
    fresh = new_id()
    script = Script()
    script.create("users", fresh, user("fresh"))
    script.link("groups.owners", sales, new_id())
    script.link("groups.owners", new_id(), fresh)
    restore = Restore(world, script.plan())
    simulator.forget()
    restore.write()
    assert restore.states() == [DONE, FAILED, FAILED]
    assert simulator.request_count("/v1.0/groups/{id}/owners/$ref") == 2


def test_objects_are_undeleted_and_deleted_whatever_answers_are_lost(world: EngineWorld, simulator: Simulator) -> None:
    back, away = existing(simulator, "users", user("back")), existing(simulator, "users", user("away"))
    simulator.apply("delete", f"users/{back}")
    simulator.set("faults", [{"what": "drop-after", "match": {"method": "POST", "path": "/restore$"}}])
    simulator.set("faults", [{"what": "drop-after", "match": {"method": "DELETE", "path": "/v1.0/users/"}}])
    script = Script()
    script.undelete("users", back)
    script.undelete("users", new_id())
    script.delete("users", away)
    script.delete("users", new_id())
    restore = Restore(world, script.plan())
    restore.write()
    assert restore.states() == [DONE, FAILED, DONE, DONE]
    assert back in ids_of(simulator, "users")
    assert away not in ids_of(simulator, "users")
    assert "recycle bin" in restore.details()[2].reason


def test_a_restore_stops_at_the_first_failure_if_asked(world: EngineWorld, simulator: Simulator) -> None:
    script = Script()
    script.patch("users", new_id(), {"city": "Bern"}, stage=2)
    script.create("groups", new_id(), group("Never"))
    restore = Restore(world, script.plan(Rules(stop_on_error=True)))
    restore.write()
    assert restore.states() == [FAILED, None]
    assert not objects(simulator, "groups", displayName="Never")


def test_objects_take_the_place_of_others_before_the_first_operation(world: EngineWorld, simulator: Simulator) -> None:
    gone, successor = new_id(), existing(simulator, "servicePrincipals", {"appId": new_id(), "displayName": "New"})
    script = Script()
    script.patch("servicePrincipals", gone, {"notes": "adopted"}, names=())
    restore = Restore(world, script.plan(adopted={gone: successor}))
    restore.write()
    assert restore.states() == [DONE]
    assert objects(simulator, "servicePrincipals", id=successor)[0]["notes"] == "adopted"
    assert restore.new_id(gone) == successor


def test_values_that_only_prepared_a_refused_patch_are_put_back(world: EngineWorld, simulator: Simulator) -> None:
    """Graph refuses to remove a role that is enabled, so the role is disabled first."""
    role = {"id": new_id(), "value": "Reader", "displayName": "Reader", "description": "x", "isEnabled": True}
    roles = [{**role, "allowedMemberTypes": ["User"]}]
    application = existing(simulator, "applications", {"displayName": "A", "appId": new_id(), "appRoles": roles})
    before = json.dumps({"appRoles": roles, "displayName": "A"}).encode()
    message = {"error": {"code": "Request_BadRequest", "message": "Nobody may change this."}}
    simulator.set(
        "faults",
        [{"what": "status", "match": {"method": "PATCH"}, "skip": 1, "times": 1, "status": 400, "body": message}],
    )
    script = Script()
    script.patch("applications", application, {"appRoles": off(roles)}, prepares=True, before=before, stage=3)
    script.patch("applications", application, {"appRoles": []}, before=before, stage=3)
    restore = Restore(world, script.plan(Rules(stop_on_error=True)))
    restore.write()
    assert restore.states() == [DONE, FAILED]
    assert objects(simulator, "applications", id=application)[0]["appRoles"][0]["isEnabled"] is True
    assert "by hand" not in restore.details()[2].reason


def off(roles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**role, "isEnabled": False} for role in roles]


def test_an_object_whose_key_the_caller_chose_keeps_it(world: EngineWorld, simulator: Simulator) -> None:
    """A repeated request meets the same object, whether the answer was lost or the object is there."""
    contexts = "/identity/conditionalAccess/authenticationContextClassReferences"
    simulator.set("faults", [{"what": "drop-after", "match": {"method": "PATCH", "path": f"{contexts}/c7$"}}])
    script = Script()
    for key in ("c7", "c8"):
        value = {"displayName": key, "description": "x", "isAvailable": True}
        script.create("authenticationContexts", key, value, method="PATCH", path=f"{contexts}/{key}")
    restore = Restore(world, script.plan())
    restore.write()
    assert restore.states() == [DONE, DONE]
    assert {each["id"] for each in objects(simulator, contexts.strip("/"))} >= {"c7", "c8"}
    assert "c7" not in restore.entries()


def policy(name: str) -> dict[str, Any]:
    """Return the values with which a policy is created that concerns nobody."""
    return {
        "displayName": name,
        "state": "disabled",
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": ["All"]},
            "users": {"includeUsers": ["None"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    }
