"""Sixteen restores that went wrong in other products: the plan here says what must happen instead."""

import pytest

from shared.domain.restore.operations import Action, Hindrance
from shared.domain.restore.scope import ConflictRule, LinkRule, Rules, Scope
from shared.domain.restore.world import Coverage, Known
from tests.unit.domain.restore.objects import (
    app_id,
    application,
    assignment,
    dynamic,
    excluding,
    group,
    link,
    member,
    owner,
    policy,
    principal,
    together,
    unified,
    user,
)
from tests.unit.domain.restore.worlds import Json, MemoryWorld, body, guid, hindrances, operation, plan_of, steps

OVERWRITE_EXACT = Rules(conflict=ConflictRule.OVERWRITE, links=LinkRule.EXACT)


def only(*numbers: int) -> Scope:
    return Scope(ids=tuple(map(guid, numbers)))


def test_purged_group_is_created_with_writable_properties_only() -> None:
    read_only = {
        "createdByAppId": guid(90),
        "renewedDateTime": "2026-01-01T00:00:00Z",
        "createdDateTime": "2026-01-01T00:00:00Z",
        "securityIdentifier": "S-1-12-1",
        "proxyAddresses": [],
    }
    users = together(user(1), user(2), user(3), user(4))
    links = together(member(9, 1), member(9, 2), member(9, 3), owner(9, 4))
    world = MemoryWorld(together(users, group(9, description="D", **read_only), links), users)
    plan = plan_of(world)
    creation = operation(plan, Action.CREATE, f"groups/{guid(9)}")
    assert body(creation).keys() == {
        "displayName", "mailEnabled", "mailNickname", "securityEnabled", "description", "groupTypes"
    }  # fmt: skip
    assert [each.action for each in plan.operations] == [Action.CREATE, *[Action.LINK] * 4]
    assert all(each.stage > creation.stage and each.names == (guid(9),) for each in plan.operations[1:])
    assert plan.impossible == []


def test_owners_that_the_snapshot_does_not_hold_stay() -> None:
    refused = Coverage(whole=True, refused=frozenset({guid(1)}))
    owners = together(link("applications", 1, "owners", 5), link("applications", 1, "owners", 6))
    people = together(user(5), user(6))
    world = MemoryWorld(
        together(application(1, displayName="Old"), people),
        together(application(1), owners, people),
        snapshot_coverage={"applications.owners": refused},
    )
    plan = plan_of(world, only(1), OVERWRITE_EXACT)
    assert steps(plan) == [("patch", f"applications/{guid(1)}")]
    assert body(plan.operations[0]) == {"displayName": "Old"}
    (entry,) = hindrances(plan, Hindrance.NOT_HELD)
    assert entry.key == f"applications/{guid(1)}/owners"


def test_resource_that_was_not_read_is_not_taken_for_empty() -> None:
    unread = {"groups.members": Coverage(whole=False, reason="not part of the snapshot")}
    world = MemoryWorld(
        together(group(1), user(2)), together(group(1), user(2), member(1, 2)), snapshot_coverage=unread
    )
    plan = plan_of(world, rules=OVERWRITE_EXACT)
    assert plan.operations == []
    assert [each.resource for each in hindrances(plan, Hindrance.NOT_HELD)] == ["groups.members"]


def test_what_the_owner_left_out_is_listed_only_if_it_is_named_or_the_snapshot_has_it() -> None:
    off = {"groups.members": Coverage(whole=False, reason="switched off", left_out=True)}
    records = together(group(1), user(2), member(1, 2))
    without = MemoryWorld(together(group(1), user(2)), records, snapshot_coverage=off)
    assert hindrances(plan_of(without, rules=OVERWRITE_EXACT), Hindrance.NOT_HELD) == []
    named = plan_of(without, Scope(resources=("groups.members",)), OVERWRITE_EXACT)
    off_now = plan_of(MemoryWorld(records, together(group(1), user(2)), live_coverage=off), rules=OVERWRITE_EXACT)
    for plan in (named, off_now):
        (entry,) = hindrances(plan, Hindrance.NOT_HELD)
        assert "switched off" in entry.reason
        assert plan.operations == []


def test_property_that_an_older_format_lacks_is_not_cleared() -> None:
    selected = Coverage(whole=True, selected=frozenset({"displayName", "jobTitle"}))
    world = MemoryWorld(user(1), user(1, jobTitle="A", department="B"), snapshot_coverage={"users": selected})
    (patch,) = plan_of(world).operations
    assert body(patch) == {"jobTitle": None}


def test_policy_with_an_unresolved_exclusion_is_refused_with_the_command_that_includes_it() -> None:
    snapshot = together(policy(1, conditions=excluding([2], [3])), user(2), group(3), user(4), member(3, 4))
    live, bins = user(4), user(2)
    plan = plan_of(MemoryWorld(snapshot, live, bins=bins), only(1))
    assert plan.operations == []
    (entry,) = hindrances(plan, Hindrance.UNRESOLVED)
    assert "'Group 3'" in entry.reason and "'User 2" in entry.reason
    assert f"entrakeep plan make contoso S --id {guid(1)} --id {guid(2)} --id {guid(3)}" in entry.reason

    plan = plan_of(MemoryWorld(snapshot, live, bins=bins), only(1, 2, 3))
    assert steps(plan) == [
        ("undelete", f"users/{guid(2)}"),
        ("create", f"groups/{guid(3)}"),
        ("link", f"groups/{guid(3)}/members/{guid(4)}"),
        ("create", f"conditionalAccessPolicies/{guid(1)}"),
    ]
    creation = plan.operations[-1]
    assert body(creation)["state"] == "enabledForReportingButNotEnforced"
    assert body(creation)["conditions"]["users"]["excludeGroups"] == [guid(3)]
    assert "locations" not in body(creation)["conditions"]
    assert creation.names == (guid(2), guid(3))


def test_exclusions_of_an_existing_policy_are_never_shortened() -> None:
    snapshot = together(policy(1, conditions=excluding([2], [3])), user(2), group(3), user(4))
    live = together(policy(1, conditions=excluding([2, 4], [])), user(2), user(4))
    plan = plan_of(MemoryWorld(snapshot, live), only(1))
    assert plan.operations == []
    (entry,) = hindrances(plan, Hindrance.UNRESOLVED)
    assert entry.properties == ("conditions",)


def test_only_what_was_chosen_is_written() -> None:
    snapshot = together(policy(1), policy(2), group(3, description="A"), user(4, department="A", jobTitle="A"))
    live = together(
        policy(2, displayName="Other"), group(3, description="B"), user(4, department="B", jobTitle="B"), user(5)
    )
    assert steps(plan_of(MemoryWorld(snapshot, live), only(1))) == [("create", f"conditionalAccessPolicies/{guid(1)}")]
    plan = plan_of(MemoryWorld(snapshot, live), Scope(ids=(guid(4),), properties=("department",)))
    assert [body(each) for each in plan.operations] == [{"department": "A"}]


def test_secret_that_was_added_since_stays() -> None:
    def secret(name: str, number: int) -> dict[str, str | None]:
        return {"displayName": name, "keyId": guid(number), "secretText": None}

    snapshot = application(1, displayName="Old", passwordCredentials=[secret("k1", 11)])
    live = application(1, passwordCredentials=[secret("k2", 12)])
    plan = plan_of(MemoryWorld(snapshot, live), only(1), OVERWRITE_EXACT)
    assert [body(each) for each in plan.operations] == [{"displayName": "Old"}]
    (lost,) = hindrances(plan, Hindrance.IMPOSSIBLE)
    assert "k1" in lost.reason and lost.properties == ("passwordCredentials",)
    assert any("k2" in note for note in plan.notes)


def test_group_is_matched_by_id_and_never_by_name() -> None:
    first, second = group(1, displayName="Sales", mailNickname="s"), group(2, displayName="Sales ", mailNickname="s")
    third = group(3, displayName="Sales", mailNickname="s")
    people = together(user(4), user(5))
    snapshot = together(first, second, people, member(1, 4), member(2, 5))
    plan = plan_of(MemoryWorld(snapshot, together(first, people, member(1, 4)), bins=third), only(2))
    assert steps(plan) == [("create", f"groups/{guid(2)}"), ("link", f"groups/{guid(2)}/members/{guid(5)}")]
    assert body(plan.operations[0])["displayName"] == "Sales "


def test_sign_in_name_of_another_account_is_a_choice() -> None:
    name = "u@contoso.com"
    snapshot = together(user(1, userPrincipalName=name), user(2), group(3), member(3, 1))
    bin_name = guid(1).replace("-", "") + name
    bins = together(user(1, userPrincipalName=bin_name), user(2))
    newcomer = together(user(9, userPrincipalName=name.upper()), group(3))
    plan = plan_of(MemoryWorld(snapshot, newcomer, bins=bins))
    assert steps(plan) == [("undelete", f"users/{guid(2)}")]
    (choice,) = hindrances(plan, Hindrance.CHOICE)
    assert choice.key == f"users/{guid(1)}" and guid(9) in choice.reason and "--new-name" in choice.reason

    rules = Rules(new_names={guid(1): "v@contoso.com"})
    plan = plan_of(MemoryWorld(snapshot, newcomer, bins=bins), rules=rules)
    undelete = operation(plan, Action.UNDELETE, f"users/{guid(1)}")
    assert body(undelete) == {"newUserPrincipalName": "v@contoso.com"}
    assert f"users/{guid(9)}" not in [each.key for each in plan.operations]
    assert not [each for each in plan.operations if "userPrincipalName" in each.properties]


def test_addresses_are_dropped_only_if_asked() -> None:
    snapshot, address = user(1), ["SMTP:u1@contoso.com"]
    bins, live = user(1, proxyAddresses=address), user(2, proxyAddresses=["smtp:U1@contoso.com"])
    plan = plan_of(MemoryWorld(snapshot, live, bins=bins))
    assert plan.operations == [] and "--drop-taken-addresses" in hindrances(plan, Hindrance.CHOICE)[0].reason
    plan = plan_of(MemoryWorld(snapshot, live, bins=bins), rules=Rules(drop_taken_addresses=True))
    assert body(plan.operations[0]) == {"autoReconcileProxyConflict": True}


def successor_world() -> MemoryWorld:
    first = principal(2, 1, appRoleAssignmentRequired=True, notes="SAML")
    snapshot = together(application(1), first, user(5), assignment("row", guid(70), 5, 2))
    snapshot |= policy(6, conditions={"users": {"includeUsers": ["All"]}, "clientApplications": {
        "includeServicePrincipals": [guid(2)]}})  # fmt: skip
    live = together(application(1), principal(3, 1, appRoleAssignmentRequired=False), user(5))
    return MemoryWorld(snapshot, live, bins=first)


def test_successor_of_a_service_principal_gets_its_settings() -> None:
    plan = plan_of(successor_world())
    assert plan.adopted == {guid(2): guid(3)}
    patch = operation(plan, Action.PATCH, f"servicePrincipals/{guid(3)}")
    assert body(patch) == {"appRoleAssignmentRequired": True, "notes": "SAML"}
    row = operation(plan, Action.LINK, f"servicePrincipals/{guid(3)}/appRoleAssignedTo/row")
    assert row.path == f"/servicePrincipals/{guid(3)}/appRoleAssignedTo"
    assert body(row) == {"appRoleId": guid(70), "principalId": guid(5), "resourceId": guid(3)}
    created = operation(plan, Action.CREATE, f"conditionalAccessPolicies/{guid(6)}")
    assert body(created)["conditions"]["clientApplications"]["includeServicePrincipals"] == [guid(3)]
    assert "delete" not in dict(steps(plan))
    assert any("--exchange-principals" in note for note in plan.notes)


def test_successor_is_deleted_only_if_the_exchange_is_chosen() -> None:
    plan = plan_of(successor_world(), rules=Rules(exchange_principals=True))
    assert steps(plan)[:2] == [
        ("delete", f"servicePrincipals/{guid(3)}"),
        ("undelete", f"servicePrincipals/{guid(2)}"),
    ]
    assert plan.operations[0].stage < plan.operations[1].stage
    assert plan.adopted == {}


def test_service_principal_of_a_purged_application_comes_back_with_it() -> None:
    first = principal(2, 1, notes="N")
    world = MemoryWorld(together(application(1), first), {}, bins=first)
    plan = plan_of(world, only(2))
    assert steps(plan) == [("create", f"applications/{guid(1)}"), ("create", f"servicePrincipals/{guid(2)}")]
    new_app, new_principal = plan.operations
    assert (new_app.app_id, new_app.stage < new_principal.stage) == (app_id(1), True)
    assert any("new appId" in note for note in new_app.notes)
    assert body(new_principal)["appId"] == app_id(1) and new_principal.names == (guid(1),)
    assert any("stays in the recycle bin" in note for note in new_principal.notes)


def test_scopes_are_written_before_the_clients_that_are_authorised_for_them() -> None:
    scope = {"id": guid(50), "value": "read", "isEnabled": True}
    authorised = {"appId": app_id(2), "delegatedPermissionIds": [guid(50)]}
    api = {
        "oauth2PermissionScopes": [scope],
        "preAuthorizedApplications": [authorised],
        "requestedAccessTokenVersion": 2,
    }
    snapshot = together(application(1, api=api), application(2))
    plan = plan_of(MemoryWorld(snapshot, {}))
    key = f"applications/{guid(1)}"
    creation, patch = operation(plan, Action.CREATE, key), operation(plan, Action.PATCH, key)
    assert body(creation)["api"] == {"oauth2PermissionScopes": [scope], "requestedAccessTokenVersion": 2}
    assert body(patch) == {"api": api} and patch.stage > operation(plan, Action.CREATE, f"applications/{guid(2)}").stage
    assert guid(2) in patch.names

    bare = api | {"oauth2PermissionScopes": [], "preAuthorizedApplications": []}
    plan = plan_of(MemoryWorld(snapshot, together(application(1, api=bare), application(2))))
    first, second = plan.operations
    assert body(first) == {"api": api | {"preAuthorizedApplications": []}}
    assert body(second) == {"api": api} and first.stage < second.stage


def reader_world() -> MemoryWorld:
    def role(number: int) -> dict[str, object]:
        return {"id": guid(number), "value": "Reader", "isEnabled": True}

    common = together(principal(2, 1), user(5), user(6))
    snapshot = together(common, application(1, appRoles=[role(71)]), assignment("a", guid(71), 5, 2))
    live = together(common, application(1, appRoles=[role(72)]), assignment("b", guid(72), 6, 2))
    return MemoryWorld(snapshot, live)


def test_role_in_the_way_is_disabled_then_replaced_then_assigned() -> None:
    plan = plan_of(reader_world())
    first, second, third = plan.operations
    assert body(first) == {"appRoles": [{"id": guid(72), "value": "Reader", "isEnabled": False}]}
    assert any("Reader" in note and "User 6" in note for note in first.notes)
    assert body(second) == {"appRoles": [{"id": guid(71), "value": "Reader", "isEnabled": True}]}
    assert (third.action, body(third)["principalId"]) == (Action.LINK, guid(5))
    assert first.stage == second.stage < third.stage


def test_role_in_the_way_stays_unless_it_may_be_overwritten() -> None:
    for rule in (ConflictRule.FILL_BLANKS, ConflictRule.SKIP):
        plan = plan_of(reader_world(), rules=Rules(conflict=rule))
        assert not [each for each in plan.operations if each.action is Action.PATCH]
        (choice,) = hindrances(plan, Hindrance.CHOICE)
        assert guid(71) in choice.reason and guid(72) in choice.reason


def test_identifier_uris_are_written_after_the_service_principal_signs_in_by_saml() -> None:
    uris = ["https://vendor.example/saml"]
    snapshot = together(application(1, identifierUris=uris), principal(2, 1, preferredSingleSignOnMode="saml"))
    plan = plan_of(MemoryWorld(snapshot, {}))
    assert steps(plan) == [
        ("create", f"applications/{guid(1)}"),
        ("create", f"servicePrincipals/{guid(2)}"),
        ("patch", f"applications/{guid(1)}"),
    ]
    assert "identifierUris" not in body(plan.operations[0])
    assert body(plan.operations[1])["preferredSingleSignOnMode"] == "saml"
    assert body(plan.operations[2]) == {"identifierUris": uris}


def owners_world(known: list[Known]) -> MemoryWorld:
    common = together(user(1), user(2), user(3), principal(4, 9), group(5), unified(6))
    snapshot = together(common, owner(5, 4, "servicePrincipals"), owner(6, 1), owner(6, 2), member(6, 1))
    live = together(
        common, owner(5, 4, "servicePrincipals"), owner(5, 3), owner(6, 3), member(6, 1), member(6, 3)
    )  # fmt: skip
    return MemoryWorld(snapshot, live, known=known)


def test_owners_are_added_before_others_are_removed() -> None:
    plan = plan_of(owners_world([]), only(5, 6), OVERWRITE_EXACT)
    assert steps(plan) == [
        ("link", f"groups/{guid(6)}/owners/{guid(1)}"),
        ("link", f"groups/{guid(6)}/owners/{guid(2)}"),
        ("unlink", f"groups/{guid(6)}/members/{guid(3)}"),
        ("unlink", f"groups/{guid(5)}/owners/{guid(3)}"),
        ("unlink", f"groups/{guid(6)}/owners/{guid(3)}"),
    ]
    assert max(each.stage for each in plan.operations[:2]) < min(each.stage for each in plan.operations[2:])
    noted = [each.key for each in plan.operations if any("last user" in note for note in each.notes)]
    assert noted == [f"groups/{guid(5)}/owners/{guid(3)}"]


def test_owner_that_graph_kept_is_a_known_exception() -> None:
    key = f"groups/{guid(5)}/owners/{guid(3)}"
    known = Known(resource="groups.owners", key=key, action=Action.UNLINK, note="Graph keeps the last user.")
    plan = plan_of(owners_world([known]), only(5), OVERWRITE_EXACT)
    assert plan.operations == []
    assert [(each.key, each.reason) for each in hindrances(plan, Hindrance.KNOWN)] == [(key, known.note)]


def test_row_that_graph_accepted_without_applying_it_is_listed() -> None:
    common = together(application(1), principal(2, 1), user(3))
    row = assignment("a", guid(70), 3, 2)
    (key,) = row
    known = Known(resource="servicePrincipals.appRoleAssignedTo", key=key, action=Action.LINK, note="Not shown.")
    plan = plan_of(MemoryWorld(common | row, common, known=[known]))
    assert plan.operations == []
    assert [each.key for each in hindrances(plan, Hindrance.KNOWN)] == [key]


@pytest.mark.parametrize(("bins", "action"), [({}, Action.CREATE), (user(1), Action.UNDELETE)])
def test_object_that_is_missing_again_is_restored_again(bins: dict[str, Json], action: Action) -> None:
    known = Known(resource="users", key=f"users/{guid(1)}", action=action, note="The directory did not show it.")
    plan = plan_of(MemoryWorld(user(1), {}, bins=bins, known=[known]))
    assert steps(plan)[0] == (action.value, f"users/{guid(1)}")
    assert hindrances(plan, Hindrance.KNOWN) == []


def test_value_that_graph_accepted_without_applying_it_is_listed() -> None:
    known = Known(
        resource="users",
        key=f"users/{guid(1)}",
        action=Action.PATCH,
        values={"department": b'"A"'},
        note="Graph accepted it, and did not apply it.",
    )
    snapshot, live = user(1, department="A", jobTitle="A"), user(1, department="B", jobTitle="B")
    plan = plan_of(MemoryWorld(snapshot, live, known=[known]))
    assert [body(each) for each in plan.operations] == [{"jobTitle": "A"}]
    (entry,) = hindrances(plan, Hindrance.KNOWN)
    assert entry.properties == ("department",)
    other = plan_of(MemoryWorld(user(1, department="C"), user(1, department="B"), known=[known]))
    assert [body(each) for each in other.operations] == [{"department": "C"}]


def test_dynamic_group_is_created_with_its_rule_and_what_names_it_is_repaired() -> None:
    rule = f"user.memberof -any (group.objectId -in ['{guid(3)}']) -and user.country -eq \"DE\""
    snapshot = together(dynamic(1, rule), policy(2, conditions=excluding([], [1])), group(3), user(4), member(1, 4))
    live = together(policy(2, conditions=excluding([], [1])), group(3), user(4))
    plan = plan_of(MemoryWorld(snapshot, live), only(1))
    assert steps(plan) == [
        ("create", f"groups/{guid(1)}"),
        ("patch", f"groups/{guid(1)}"),
        ("patch", f"conditionalAccessPolicies/{guid(2)}"),
    ]
    creation, starting, repair = plan.operations
    assert (body(creation)["membershipRule"], body(creation)["membershipRuleProcessingState"]) == (rule, "Paused")
    assert body(starting) == {"membershipRuleProcessingState": "On"}
    assert repair.names == (guid(1),) and body(repair)["conditions"]["users"]["excludeGroups"] == [guid(1)]
    assert "Group 1" in repair.reason


def test_dynamic_group_whose_rule_names_what_does_not_exist_is_not_created() -> None:
    rule = f"user.memberof -any (group.objectId -in ['{guid(3)}'])"
    plan = plan_of(MemoryWorld(together(dynamic(1, rule), group(3)), {}), only(1))
    assert plan.operations == []
    assert [each.key for each in hindrances(plan, Hindrance.UNRESOLVED)] == [f"groups/{guid(1)}"]
    plan = plan_of(MemoryWorld(together(dynamic(1, rule), group(3)), {}))
    rewritten = operation(plan, Action.PATCH, f"groups/{guid(1)}")
    assert body(rewritten) == {"membershipRule": rule, "membershipRuleProcessingState": "On"}
    assert guid(3) in rewritten.names


def test_objects_get_their_real_names_at_creation() -> None:
    """No name is changed afterwards, so that Graph cannot lose the second change."""
    plan = plan_of(MemoryWorld(together(group(1), unified(2), application(3)), {}))
    assert [each.action for each in plan.operations] == [Action.CREATE] * 3
    assert {body(each)["displayName"] for each in plan.operations} == {"Group 1", "Group 2", "App 3"}
