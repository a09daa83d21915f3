"""What cannot come back, or not by itself, is in the plan before anything is written."""

import pytest

from shared.domain.restore.operations import Action, Hindrance, Plan
from shared.domain.restore.scope import ConflictRule, LinkRule, Rules, Scope
from shared.domain.restore.summary import summary
from tests.unit.domain.restore.objects import (
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

EXACT = Rules(conflict=ConflictRule.OVERWRITE, links=LinkRule.EXACT)
GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
PRIVILEGED = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
READER = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
SKU = guid(80)


def reasons(plan: Plan, kind: Hindrance) -> list[str]:
    return [each.reason for each in hindrances(plan, kind)]


def notes(plan: Plan) -> str:
    return " ".join((*plan.notes, *(note for each in plan.operations for note in each.notes)))


# -- users


def test_new_user_gets_a_new_password_and_is_enabled_last() -> None:
    plan = plan_of(MemoryWorld(together(user(1), group(2), member(2, 1)), group(2)))
    creation, membership, enabling = plan.operations
    assert body(creation)["accountEnabled"] is False and "password" in notes(plan)
    assert body(enabling) == {"accountEnabled": True}
    assert creation.stage < membership.stage < enabling.stage
    disabled = plan_of(MemoryWorld(user(1, accountEnabled=False), {}))
    assert [each.action for each in disabled.operations] == [Action.CREATE]


def test_new_user_gets_no_request_of_its_own_for_an_empty_value() -> None:
    snapshot = together(
        user(1, authorizationInfo={"certificateUserIds": []}), user(2, authorizationInfo={"certificateUserIds": ["x"]})
    )
    plan = plan_of(MemoryWorld(snapshot, {}))
    written = [each.key for each in plan.operations if "authorizationInfo" in each.properties]
    assert written == [f"users/{guid(2)}"]


def test_undeleted_user_is_rolled_back_to_the_snapshot() -> None:
    plan = plan_of(MemoryWorld(user(1, department="A", jobTitle="A"), {}, bins=user(1, department="B", city="C")))
    undelete, patch = plan.operations
    assert (undelete.action, undelete.path) == (Action.UNDELETE, f"/directory/deletedItems/{guid(1)}/restore")
    assert body(patch) == {"city": None, "department": "A", "jobTitle": "A"}
    assert undelete.stage < patch.stage and patch.names == (guid(1),)


def test_only_undeleting_creates_and_changes_nothing() -> None:
    snapshot = together(user(1, department="A"), user(2), user(3, department="A"), group(4), member(4, 1))
    live = together(user(3, department="B"), group(4))
    plan = plan_of(MemoryWorld(snapshot, live, bins=user(1, department="B")), rules=Rules(undelete_only=True))
    assert steps(plan) == [("undelete", f"users/{guid(1)}")]
    assert [each.key for each in hindrances(plan, Hindrance.CHOICE)] == [f"users/{guid(2)}"]


def test_synchronised_user_is_changed_at_its_source_except_for_what_the_cloud_owns() -> None:
    synced = {"onPremisesSyncEnabled": True}
    snapshot = together(user(1, jobTitle="A", usageLocation="DE", **synced), user(2, **synced))
    plan = plan_of(MemoryWorld(snapshot, user(1, jobTitle="B", usageLocation="FR", **synced)))
    assert [body(each) for each in plan.operations] == [{"usageLocation": "DE"}]
    assert {(each.key, each.properties) for each in hindrances(plan, Hindrance.IMPOSSIBLE)} == {
        (f"users/{guid(1)}", ("jobTitle",)),
        (f"users/{guid(2)}", ()),
    }


def role(number: int, template: str, principal_number: int, scope: str = "/") -> dict[str, Json]:
    value = {
        "id": f"role{number}",
        "principalId": guid(principal_number),
        "roleDefinitionId": template,
        "directoryScopeId": scope,
    }
    return {f"roleAssignments/role{number}": value}


def definition(template: str, **properties: object) -> dict[str, Json]:
    value = {"id": template, "templateId": template, "displayName": "Role", "isBuiltIn": True, "isEnabled": True}
    return {f"roleDefinitions/{template}": value | properties}


@pytest.mark.parametrize(("template", "protected"), [(GLOBAL, True), (READER, False)])
def test_sensitive_values_of_an_administrator_need_a_directory_role(template: str, protected: bool) -> None:
    common = together(role(1, template, 1), definition(template))
    snapshot = together(common, user(1, jobTitle="A", mobilePhone="1"), user(2), role(2, template, 2))
    live = together(common, user(1, jobTitle="B", mobilePhone="2"))
    without = plan_of(MemoryWorld(snapshot, live, bins=user(2), own_roles=frozenset()))
    written = [name for each in without.operations for name in each.properties if each.resource == "users"]
    assert written == (["jobTitle"] if protected else ["jobTitle", "mobilePhone"])
    assert (Action.UNDELETE in [each.action for each in without.operations]) is not protected
    entries = hindrances(without, Hindrance.ADMINISTRATOR)
    assert {each.key for each in entries} == ({f"users/{guid(1)}", f"users/{guid(2)}"} if protected else set())
    if protected:
        assert bytes(entries[0].values["mobilePhone"]) == b'"1"' and "Privileged Authentication" in entries[0].reason
    for own in (frozenset({PRIVILEGED}), frozenset({GLOBAL}), None):
        plan = plan_of(MemoryWorld(snapshot, live, bins=user(2), own_roles=own))
        assert hindrances(plan, Hindrance.ADMINISTRATOR) == []
        needs = {each.key: each.needs for each in plan.operations if each.resource == "users"}
        assert all(any("Privileged" in need for need in each) is protected for each in needs.values())


def test_members_of_role_assignable_groups_are_protected_too() -> None:
    common = together(group(3, isAssignableToRole=True), member(3, 1), owner(3, 2))
    snapshot = together(common, *(user(number, mobilePhone="1") for number in (1, 2, 4)))
    live = together(common, *(user(number, mobilePhone="2") for number in (1, 2, 4)))
    plan = plan_of(MemoryWorld(snapshot, live, own_roles=frozenset()))
    assert [each.key for each in plan.operations] == [f"users/{guid(4)}"]


def test_object_in_a_restricted_unit_needs_a_role_over_it() -> None:
    restricted = {"isManagementRestricted": True}
    plan = plan_of(MemoryWorld(user(1, jobTitle="A", **restricted), user(1, jobTitle="B", **restricted)))
    assert any("restricted" in need for need in plan.operations[0].needs)


# -- licences


def licensed(number: int, skus: dict[str, str | None], location: str | None = "DE") -> dict[str, Json]:
    """Return a user with licences, direct or by the group given."""
    states = [{"skuId": sku, "assignedByGroup": by, "disabledPlans": []} for sku, by in skus.items()]
    assigned = [{"skuId": sku, "disabledPlans": []} for sku in skus]
    return user(number, usageLocation=location, assignedLicenses=assigned, licenseAssignmentStates=states)


def test_licences_are_assigned_while_seats_are_free() -> None:
    snapshot = together(licensed(1, {SKU: None}), licensed(2, {SKU: None}))
    plan = plan_of(MemoryWorld(snapshot, together(licensed(1, {}), licensed(2, {})), seats={SKU: 1}))
    (call,) = plan.operations
    assert (call.action, call.path) == (Action.CALL, f"/users/{guid(1)}/assignLicense")
    assert body(call) == {"addLicenses": [{"disabledPlans": [], "skuId": SKU}], "removeLicenses": []}
    assert "LicenseAssignment.ReadWrite.All" in call.needs
    assert [(each.key, each.properties) for each in hindrances(plan, Hindrance.IMPOSSIBLE)] == [
        (f"users/{guid(2)}", ("assignedLicenses",))
    ]


def test_licences_by_groups_are_left_to_the_groups() -> None:
    other = guid(81)
    snapshot = licensed(1, {SKU: guid(9), other: None})
    assert plan_of(MemoryWorld(snapshot, licensed(1, {other: None}))).operations == []
    (call,) = plan_of(MemoryWorld(snapshot, licensed(1, {SKU: None, other: None}))).operations
    assert body(call) == {"addLicenses": [], "removeLicenses": [SKU]}


def test_licence_without_a_usage_location_is_impossible() -> None:
    plan = plan_of(MemoryWorld(licensed(1, {SKU: None}, None), licensed(1, {}, None), seats={SKU: 5}))
    assert plan.operations == [] and "usage location" in reasons(plan, Hindrance.IMPOSSIBLE)[0]
    plan = plan_of(MemoryWorld(licensed(1, {SKU: None}), {}, seats={SKU: 5}))
    creation, call, _ = plan.operations
    assert creation.action is Action.CREATE and call.action is Action.CALL and call.stage > creation.stage


def test_licences_of_groups_come_before_those_of_users() -> None:
    licence = [{"skuId": SKU, "disabledPlans": []}]
    plan = plan_of(
        MemoryWorld(
            together(licensed(1, {SKU: None}), group(2, assignedLicenses=licence)),
            together(licensed(1, {}), group(2, assignedLicenses=[])),
        )
    )
    assert [each.path for each in plan.operations] == [
        f"/groups/{guid(2)}/assignLicense",
        f"/users/{guid(1)}/assignLicense",
    ]
    assert plan.operations[0].stage < plan.operations[1].stage


# -- groups


def test_members_of_dynamic_groups_are_left_to_the_rule() -> None:
    people = together(user(1), user(2))
    snapshot = together(people, dynamic(3, 'user.city -eq "A"'), member(3, 1))
    plan = plan_of(MemoryWorld(snapshot, together(people, dynamic(3, 'user.city -eq "B"'), member(3, 2))), rules=EXACT)
    assert [body(each) for each in plan.operations] == [{"membershipRule": 'user.city -eq "A"'}]
    assert "2 differences are left" in notes(plan)


def test_group_that_becomes_static_again_gets_its_members() -> None:
    snapshot = together(user(1), group(3), member(3, 1))
    plan = plan_of(MemoryWorld(snapshot, together(user(1), dynamic(3, 'user.city -eq "B"'))))
    assert steps(plan) == [("patch", f"groups/{guid(3)}"), ("link", f"groups/{guid(3)}/members/{guid(1)}")]
    assert body(plan.operations[0])["groupTypes"] == []


@pytest.mark.parametrize("properties", [{"mailEnabled": True}, {"onPremisesSyncEnabled": True}])
def test_groups_of_exchange_and_of_other_sources_are_refused(properties: Json) -> None:
    snapshot = together(user(1), group(2, description="A", **properties), member(2, 1), group(3, **properties))
    plan = plan_of(MemoryWorld(snapshot, together(user(1), group(2, description="B", **properties))))
    assert plan.operations == []
    assert {each.key for each in hindrances(plan, Hindrance.IMPOSSIBLE)} == {
        f"groups/{guid(2)}",
        f"groups/{guid(2)}/members/{guid(1)}",
        f"groups/{guid(3)}",
    }


def test_what_a_group_gets_at_creation_only_is_refused_later_and_given_then() -> None:
    fixed = {"isAssignableToRole": True, "visibility": "Private"}
    live = group(1, isAssignableToRole=False, visibility="HiddenMembership")
    plan = plan_of(MemoryWorld(group(1, **fixed), live))
    assert plan.operations == []
    assert {name for each in hindrances(plan, Hindrance.IMPOSSIBLE) for name in each.properties} == fixed.keys()
    (creation,) = plan_of(MemoryWorld(group(1, **fixed), {})).operations
    assert {name: body(creation)[name] for name in fixed} == fixed
    assert {"RoleManagement.ReadWrite.Directory", "licence P1"} <= set(creation.needs)


def test_type_of_a_microsoft_365_group_cannot_be_changed() -> None:
    plan = plan_of(MemoryWorld(unified(1, mailEnabled=False), group(1)))
    assert plan.operations == []
    assert hindrances(plan, Hindrance.IMPOSSIBLE)[0].properties == ("groupTypes",)


def test_group_without_an_owner_in_the_snapshot_keeps_its_last_one() -> None:
    common = together(user(1), user(2), group(3))
    plan = plan_of(MemoryWorld(common, together(common, owner(3, 1), owner(3, 2))), rules=EXACT)
    assert [each.action for each in plan.operations] == [Action.UNLINK]
    assert [each.key for each in hindrances(plan, Hindrance.IMPOSSIBLE)] == [f"groups/{guid(3)}/owners/{guid(1)}"]


def test_labels_are_set_by_an_administrator() -> None:
    label = [{"labelId": guid(60), "displayName": "Secret"}]
    plan = plan_of(MemoryWorld(group(1, assignedLabels=label), group(1, assignedLabels=[])))
    (entry,) = hindrances(plan, Hindrance.ADMINISTRATOR)
    assert (
        plan.operations == [] and entry.properties == ("assignedLabels",) and entry.values.keys() == {"assignedLabels"}
    )
    plan = plan_of(MemoryWorld(group(1, assignedLabels=label), {}))
    assert [each.properties for each in hindrances(plan, Hindrance.ADMINISTRATOR)] == [("assignedLabels",)]


def test_nickname_of_another_microsoft_365_group_is_a_choice() -> None:
    plan = plan_of(MemoryWorld(unified(1, mailNickname="sales"), unified(2, mailNickname="Sales")))
    assert plan.operations == [] and guid(2) in reasons(plan, Hindrance.CHOICE)[0]
    plan = plan_of(MemoryWorld(group(1, mailNickname="sales"), group(2, mailNickname="sales")))
    assert [each.action for each in plan.operations] == [Action.CREATE]  # of security groups, names are not unique


# -- links


def test_links_that_come_back_with_an_undeleted_group_are_counted_and_say_so() -> None:
    people = together(user(1), user(2), group(3))
    snapshot = together(people, group(4), member(4, 1), member(4, 2), member(3, 1))
    plan = plan_of(MemoryWorld(snapshot, people, bins=group(4)))
    reasons_of = {each.key: each.reason for each in plan.operations}
    assert all("come back" in reasons_of[key] for key in (*member(4, 1), *member(4, 2)))
    assert "come back" not in reasons_of[next(iter(member(3, 1)))]
    assert "2 should come back with undeleted objects" in summary(plan)


def test_member_that_the_backup_never_has_is_linked() -> None:
    plan = plan_of(MemoryWorld(together(group(1), member(1, 2, "devices")), group(1)))
    (added,) = plan.operations
    assert (added.method, added.path) == ("POST", f"/groups/{guid(1)}/members/$ref")
    assert body(added) == {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{guid(2)}"}


def test_link_to_what_does_not_exist_names_the_command_that_includes_it() -> None:
    world = MemoryWorld(together(group(1), user(2), member(1, 2)), group(1), bins=user(2))
    plan = plan_of(world, Scope(ids=(guid(1),)))
    assert plan.operations == [] and f"--id {guid(1)} --id {guid(2)}" in reasons(plan, Hindrance.UNRESOLVED)[0]
    assert plan_of(world, Scope(links_only=True)).operations == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [(LinkRule.MERGE, {Action.LINK}), (LinkRule.EXACT, {Action.LINK, Action.UNLINK}), (LinkRule.SKIP, set())],
)
def test_rule_for_links_may_differ_by_kind(rule: LinkRule, expected: set[Action]) -> None:
    common = together(user(1), user(2), group(3))
    world = MemoryWorld(together(common, member(3, 1)), together(common, member(3, 2)))
    plan = plan_of(world, rules=Rules(links=LinkRule.SKIP, links_of={"groups.members": rule}))
    assert {each.action for each in plan.operations} == expected


def test_manager_is_replaced_like_a_value() -> None:
    people = together(user(1), user(2), user(3))
    world = MemoryWorld(
        together(people, link("users", 1, "manager", 2)), together(people, link("users", 1, "manager", 3))
    )
    (replaced,) = plan_of(world, rules=EXACT).operations
    assert (replaced.method, replaced.path) == ("PUT", f"/users/{guid(1)}/manager/$ref")
    assert plan_of(world, rules=Rules(conflict=ConflictRule.FILL_BLANKS)).operations == []
    exact = Rules(conflict=ConflictRule.FILL_BLANKS, links=LinkRule.EXACT)
    assert steps(plan_of(world, rules=exact)) == [("link", replaced.key)], "a person keeps a manager"
    (removed,) = plan_of(MemoryWorld(people, together(people, link("users", 1, "manager", 3))), rules=EXACT).operations
    assert (removed.method, removed.path) == ("DELETE", f"/users/{guid(1)}/manager/$ref")


def test_rights_of_the_restoring_application_are_never_removed() -> None:
    common = together(application(1), principal(2, 1), principal(3, 8), user(5))
    live = together(common, assignment("own", guid(70), 3, 2), assignment("other", guid(70), 5, 2))
    live |= role(1, GLOBAL, 3)
    plan = plan_of(MemoryWorld(common, live, own_ids=frozenset({guid(3)})), rules=EXACT)
    assert steps(plan) == [("unlink", f"servicePrincipals/{guid(2)}/appRoleAssignedTo/other")]
    assert len([each for each in reasons(plan, Hindrance.IMPOSSIBLE) if "restoring application" in each]) == 2


def test_assignment_made_again_under_another_id_needs_nothing() -> None:
    common = together(application(1), principal(2, 1), user(5))
    snapshot, live = (together(common, assignment(row, guid(70), 5, 2)) for row in ("old", "new"))
    assert plan_of(MemoryWorld(snapshot, live), rules=EXACT).operations == []


def test_consent_is_made_again_and_its_scope_is_written() -> None:
    def consent(row: str, scope: str) -> dict[str, Json]:
        value = {"id": row, "clientId": guid(2), "resourceId": guid(3), "consentType": "AllPrincipals"}
        return {f"oauth2PermissionGrants/{row}": value | {"principalId": None, "scope": scope}}

    common = together(principal(2, 1), principal(3, 9))
    (creation,) = plan_of(MemoryWorld(together(common, consent("a", "User.Read")), common)).operations
    assert body(creation) == {
        "clientId": guid(2), "consentType": "AllPrincipals", "resourceId": guid(3), "scope": "User.Read"
    }  # fmt: skip
    world = MemoryWorld(together(common, consent("a", "User.Read")), together(common, consent("b", "User.Read Mail")))
    (patch,) = plan_of(world).operations
    assert (patch.path, body(patch)) == ("/oauth2PermissionGrants/b", {"scope": "User.Read"})


# -- applications and service principals


def test_secrets_of_a_new_application_are_listed_for_renewal() -> None:
    secret = {"displayName": "ci", "keyId": guid(50), "hint": "abc", "secretText": None}
    plan = plan_of(MemoryWorld(application(1, passwordCredentials=[secret], tokenEncryptionKeyId=guid(51)), {}))
    (creation,) = plan.operations
    assert "passwordCredentials" not in body(creation) and "tokenEncryptionKeyId" not in body(creation)
    assert "ci" in reasons(plan, Hindrance.IMPOSSIBLE)[0] and "tokenEncryptionKeyId" in notes(plan)


def test_managed_identity_belongs_to_azure() -> None:
    plan = plan_of(MemoryWorld(principal(1, 2, servicePrincipalType="ManagedIdentity"), {}))
    assert plan.operations == [] and "Azure" in reasons(plan, Hindrance.IMPOSSIBLE)[0]


def test_identifier_uri_of_another_application_is_left_out() -> None:
    uri = ["api://sales"]
    plan = plan_of(MemoryWorld(application(1, identifierUris=uri), application(2, identifierUris=uri)))
    assert [each.action for each in plan.operations] == [Action.CREATE]
    (choice,) = hindrances(plan, Hindrance.CHOICE)
    assert choice.properties == ("identifierUris",) and guid(2) in choice.reason


# -- Conditional Access


def test_policy_that_was_changed_is_written_whole_without_nulls() -> None:
    emergency = user(2)
    snapshot = together(emergency, policy(1, conditions=excluding([2], []) | {"platforms": None}))
    live = together(emergency, policy(1, conditions=excluding([], []), state="disabled"))
    (patch,) = plan_of(MemoryWorld(snapshot, live)).operations
    assert body(patch) == {
        "conditions": {"users": excluding([2], [])["users"], "clientAppTypes": ["all"]},
        "state": "enabled",
    }


@pytest.mark.parametrize("excluded", [excluding([], []), excluding([2], []), excluding([], [3])])
def test_policy_that_would_lock_everybody_out_is_not_enforced(excluded: Json) -> None:
    """User 2 cannot sign in, and group 3 has no member."""
    common = together(user(2, accountEnabled=False), group(3))
    snapshot = together(common, policy(1, conditions=excluded))
    plan = plan_of(MemoryWorld(snapshot, common), rules=Rules(enable_policies=True))
    assert plan.operations == [] and "report-only" in reasons(plan, Hindrance.CHOICE)[0]
    (creation,) = plan_of(MemoryWorld(snapshot, common)).operations
    assert body(creation)["state"] == "enabledForReportingButNotEnforced"
    plan = plan_of(MemoryWorld(snapshot, together(common, policy(1, conditions=excluded, state="disabled"))))
    assert plan.operations == [] and len(hindrances(plan, Hindrance.CHOICE)) == 1


def test_policy_is_enabled_if_asked_and_an_emergency_account_remains() -> None:
    snapshot = together(user(2), group(3), member(3, 2), policy(1, conditions=excluding([], [3])))
    for live in (together(user(2), group(3), member(3, 2)), user(2)):
        plan = plan_of(MemoryWorld(snapshot, live), rules=Rules(enable_policies=True))
        assert body(operation(plan, Action.CREATE, f"conditionalAccessPolicies/{guid(1)}"))["state"] == "enabled"
    disabled = plan_of(MemoryWorld(policy(1, state="disabled"), {}))
    assert body(disabled.operations[0])["state"] == "disabled"


def test_locations_come_before_the_policy_that_names_them() -> None:
    def location(number: int, kind: str, **properties: object) -> dict[str, Json]:
        value = {"@odata.type": f"#microsoft.graph.{kind}NamedLocation", "id": guid(number), "displayName": "Office"}
        return {f"namedLocations/{guid(number)}": value | properties}

    ranges = [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "192.0.2.0/24"}]
    offices = location(2, "ip", isTrusted=True, ipRanges=ranges)
    countries = location(3, "country", countriesAndRegions=["DE"], includeUnknownCountriesAndRegions=False)
    places = {"users": {"includeUsers": ["All"]}, "locations": {"includeLocations": [guid(3)],
              "excludeLocations": [guid(2), "00000000-0000-0000-0000-000000000000"]}}  # fmt: skip
    plan = plan_of(MemoryWorld(together(policy(1, conditions=places), offices, countries), {}))
    created = [each.key for each in plan.operations if each.action is Action.CREATE]
    assert created == [f"namedLocations/{guid(2)}", f"namedLocations/{guid(3)}", f"conditionalAccessPolicies/{guid(1)}"]
    trusting = operation(plan, Action.PATCH, f"namedLocations/{guid(2)}")
    assert body(trusting) == {"@odata.type": "#microsoft.graph.ipNamedLocation", "isTrusted": True}
    assert plan.operations[-1] == trusting and plan.operations[2].names == (guid(2), guid(3))
    alone = plan_of(MemoryWorld(together(policy(1, conditions=places), offices, countries), {}), Scope(ids=(guid(1),)))
    assert alone.operations == [] and guid(3) in reasons(alone, Hindrance.UNRESOLVED)[0]


def test_strength_comes_back_with_its_configurations_and_policies_name_it() -> None:
    strength = {
        "id": guid(2), "displayName": "Keys", "policyType": "custom", "allowedCombinations": ["fido2"]
    }  # fmt: skip
    configuration = {"@odata.type": "#microsoft.graph.fido2CombinationConfiguration", "id": guid(3),
                     "appliesToCombinations": ["fido2"], "allowedAAGUIDs": [guid(90)]}  # fmt: skip
    key = f"authenticationStrengthPolicies/{guid(2)}"
    snapshot = {key: strength, f"{key}/combinationConfigurations/{guid(3)}": configuration}
    grant = {"operator": "OR", "builtInControls": [], "authenticationStrength": strength}
    snapshot |= policy(1, grantControls=grant)
    plan = plan_of(MemoryWorld(snapshot, {}))
    assert steps(plan) == [
        ("create", key),
        ("create", f"{key}/combinationConfigurations/{guid(3)}"),
        ("create", f"conditionalAccessPolicies/{guid(1)}"),
    ]
    first, second, third = plan.operations
    assert body(first) == {"allowedCombinations": ["fido2"], "displayName": "Keys"}
    assert second.path == f"/policies/authenticationStrengthPolicies/{guid(2)}/combinationConfigurations"
    assert second.names == (guid(2),) and body(second)["@odata.type"].endswith("fido2CombinationConfiguration")
    assert body(third)["grantControls"]["authenticationStrength"] == {"id": guid(2)}
    changed = snapshot | {key: strength | {"allowedCombinations": ["password"]}}
    (call,) = plan_of(MemoryWorld({key: strength}, {key: changed[key]})).operations
    assert (call.action, body(call)) == (Action.CALL, {"allowedCombinations": ["fido2"]})


def test_authentication_context_comes_back_under_its_id() -> None:
    key = "authenticationContexts/c1"
    stored = {key: {"id": "c1", "displayName": "High", "isAvailable": True}}
    applications = {"includeApplications": [], "includeAuthenticationContextClassReferences": ["c1"]}
    snapshot = together(
        stored, policy(1, conditions={"users": {"includeUsers": ["All"]}, "applications": applications})
    )
    creation, _ = plan_of(MemoryWorld(snapshot, {})).operations
    assert (creation.action, creation.method, creation.path.endswith("/c1")) == (Action.CREATE, "PATCH", True)
    alone = plan_of(MemoryWorld(snapshot, {}), Scope(ids=(guid(1),)))
    assert alone.operations == []
    assert reasons(alone, Hindrance.UNRESOLVED)[0].endswith(f"plan make contoso S --id {guid(1)} --id c1")
    both = plan_of(MemoryWorld(snapshot, {}), Scope(ids=(guid(1), "c1")))
    assert steps(both) == [("create", key), ("create", f"conditionalAccessPolicies/{guid(1)}")]


def test_agreement_is_restored_by_an_administrator() -> None:
    agreement = {"id": guid(1), "displayName": "Terms", "isPerDeviceAcceptanceRequired": True}
    plan = plan_of(MemoryWorld({f"termsOfUseAgreements/{guid(1)}": agreement}, {}))
    (entry,) = hindrances(plan, Hindrance.ADMINISTRATOR)
    assert plan.operations == [] and entry.values.keys() == {"displayName", "isPerDeviceAcceptanceRequired"}


# -- roles and units


def test_built_in_roles_are_only_assigned() -> None:
    unit = {f"administrativeUnits/{guid(6)}": {"id": guid(6), "displayName": "Unit"}}
    scope = f"/administrativeUnits/{guid(6)}"
    snapshot = together(definition(GLOBAL, description="A"), user(1), unit, role(1, GLOBAL, 1, scope))
    plan = plan_of(MemoryWorld(snapshot, together(definition(GLOBAL, description="B"), user(1))))
    assert steps(plan) == [("create", f"administrativeUnits/{guid(6)}"), ("link", "roleAssignments/role1")]
    row = plan.operations[1]
    assert body(row)["directoryScopeId"] == scope and row.names == (guid(6),)
    assert f"roleDefinitions/{GLOBAL}" in [each.key for each in hindrances(plan, Hindrance.IMPOSSIBLE)]
    alone = plan_of(MemoryWorld(snapshot, together(definition(GLOBAL), user(1))), Scope(resources=("roleAssignments",)))
    assert alone.operations == [] and guid(6) in reasons(alone, Hindrance.UNRESOLVED)[0]


def test_custom_role_comes_back_under_its_template_before_its_assignments() -> None:
    custom = definition(guid(9), isBuiltIn=False, rolePermissions=[{"allowedResourceActions": ["a"]}])
    plan = plan_of(MemoryWorld(together(custom, user(1), role(1, guid(9), 1)), user(1)))
    assert steps(plan) == [("create", f"roleDefinitions/{guid(9)}"), ("link", "roleAssignments/role1")]
    assert body(plan.operations[0])["templateId"] == guid(9)


def test_members_of_a_restricted_unit_are_added_last() -> None:
    unit = {f"administrativeUnits/{guid(6)}": {
        "id": guid(6), "displayName": "Unit", "isMemberManagementRestricted": True}}  # fmt: skip
    snapshot = together(user(1), unit, link("administrativeUnits", 6, "members", 1))
    plan = plan_of(MemoryWorld(snapshot, {}))
    assert operation(plan, Action.LINK, f"administrativeUnits/{guid(6)}/members/{guid(1)}").stage == 16


def test_members_of_a_dynamic_unit_are_left_to_its_rule() -> None:
    types = {
        "membershipType": "Dynamic",
        "membershipRule": '(user.city -eq "A")',
        "membershipRuleProcessingState": "On",
    }
    unit = {f"administrativeUnits/{guid(6)}": {"id": guid(6), "displayName": "Unit"} | types}
    plan = plan_of(MemoryWorld(together(user(1), unit, link("administrativeUnits", 6, "members", 1)), user(1)))
    creation, starting = plan.operations
    assert (body(creation)["membershipRule"], body(creation)["membershipRuleProcessingState"]) == (
        types["membershipRule"],
        "Paused",
    )
    assert body(starting) == {"membershipRuleProcessingState": "On"}


# -- the whole plan


def test_quota_of_objects_is_noted() -> None:
    world = MemoryWorld(together(user(1), user(2), user(3)), {}, bins=user(3), free_objects=1)
    assert "creates 2 objects" in notes(plan_of(world))


def test_value_that_graph_did_not_show_is_left_as_it_is() -> None:
    plan = plan_of(MemoryWorld(user(1, ageGroup="unknownFutureValue"), user(1, ageGroup="adult")))
    assert plan.operations == [] and hindrances(plan, Hindrance.NOT_HELD)[0].properties == ("ageGroup",)


def test_objects_created_after_the_snapshot_are_deleted_only_by_name() -> None:
    live = together(user(1), group(2), member(2, 1), policy(3))
    assert plan_of(MemoryWorld({}, live), rules=EXACT).operations == []
    plan = plan_of(MemoryWorld({}, live), Scope(delete_newer=(guid(1), guid(3))), EXACT)
    assert steps(plan) == [
        ("delete", f"conditionalAccessPolicies/{guid(3)}"),
        ("delete", f"users/{guid(1)}"),
    ]
    own = plan_of(MemoryWorld({}, live, own_ids=frozenset({guid(1)})), Scope(delete_newer=(guid(1),)))
    assert own.operations == [] and len(hindrances(own, Hindrance.IMPOSSIBLE)) == 1


def test_properties_that_nobody_can_write_are_counted() -> None:
    snapshot, live = (
        together(*(user(number, lastPasswordChangeDateTime=time) for number in (1, 2))) for time in ("2025", "2026")
    )
    plan = plan_of(MemoryWorld(snapshot, live))
    assert (plan.operations, plan.impossible) == ([], [])
    assert "lastPasswordChangeDateTime of 2 users" in notes(plan)
    plan = plan_of(MemoryWorld(snapshot, live), Scope(properties=("lastPasswordChangeDateTime",)))
    assert [each.properties for each in plan.impossible] == [("lastPasswordChangeDateTime",)] * 2


def test_operations_name_the_permissions_that_they_need() -> None:
    common = together(application(1), principal(2, 1), user(5), group(6))
    snapshot = together(common, assignment("a", guid(70), 5, 2), member(6, 2, "servicePrincipals"), policy(7))
    plan = plan_of(MemoryWorld(snapshot, common))
    needs = {each.resource: set(each.needs) for each in plan.operations}
    assert {"AppRoleAssignment.ReadWrite.All", "Application.Read.All"} <= needs["servicePrincipals.appRoleAssignedTo"]
    assert "Application.ReadWrite.All" in needs["groups.members"]
    assert {"Policy.ReadWrite.ConditionalAccess", "Policy.Read.All"} <= needs["conditionalAccessPolicies"]
    assert "grants" in notes(plan)


def test_what_a_new_object_gets_alone_is_written_in_a_later_stage() -> None:
    certificates = {"certificateUserIds": ["X509:<PN>u1@contoso.com"]}
    plan = plan_of(MemoryWorld(user(1, accountEnabled=False, authorizationInfo=certificates), {}))
    creation, alone = plan.operations
    assert body(alone) == {"authorizationInfo": certificates} and creation.stage < alone.stage


def test_empty_values_need_no_request() -> None:
    empty = {"authorizationInfo": {"certificateUserIds": []}}
    assert len(plan_of(MemoryWorld(user(1, accountEnabled=False, **empty), {})).operations) == 1
    assert plan_of(MemoryWorld(user(1, **empty), user(1))).operations == []
    apps = application(1, identifierUris=[], requiredResourceAccess=[])
    assert len(plan_of(MemoryWorld(apps, {})).operations) == 1


def test_licence_without_a_state_counts_as_direct() -> None:
    listed = [{"skuId": SKU, "disabledPlans": []}]
    stated = user(1, assignedLicenses=listed, licenseAssignmentStates=licensed(1, {SKU: None})[f"users/{guid(1)}"][
        "licenseAssignmentStates"])  # fmt: skip
    unstated = user(1, assignedLicenses=listed, licenseAssignmentStates=[])
    assert plan_of(MemoryWorld(unstated, stated)).operations == []


def test_microsoft_365_group_has_users_as_members_only() -> None:
    common = together(unified(1), group(2), user(3))
    plan = plan_of(MemoryWorld(together(common, member(1, 2, "groups"), member(1, 3)), common))
    assert steps(plan) == [("link", f"groups/{guid(1)}/members/{guid(3)}")]
    assert "users" in reasons(plan, Hindrance.IMPOSSIBLE)[0]


def test_part_that_is_empty_or_absent_is_the_same() -> None:
    api = {"requestedAccessTokenVersion": 2, "acceptMappedClaims": None}
    snapshot = application(1, api=api | {"knownClientApplications": [], "oauth2PermissionScopes": []})
    assert plan_of(MemoryWorld(snapshot, application(1, api=api))).operations == []
    assert (
        len(plan_of(MemoryWorld(application(1, api={"acceptMappedClaims": False}), application(1, api={}))).operations)
        == 1
    )


def test_link_to_what_cannot_be_restored_proposes_no_command() -> None:
    synced = user(1, onPremisesSyncEnabled=True)
    plan = plan_of(MemoryWorld(together(synced, group(2), member(2, 1)), group(2)))
    (reason,) = reasons(plan, Hindrance.UNRESOLVED)
    assert "says why" in reason and "--id" not in reason
    policies = policy(3, conditions=excluding([1], []))
    plan = plan_of(MemoryWorld(together(synced, policies), {}))
    (reason,) = reasons(plan, Hindrance.UNRESOLVED)
    assert "says why" in reason and "--id" not in reason


def test_proposed_commands_have_only_ids() -> None:
    snapshot = together(user(1), definition(GLOBAL), role(1, GLOBAL, 1))
    plan = plan_of(MemoryWorld(snapshot, definition(GLOBAL)), Scope(resources=("roleAssignments",)))
    assert f"contoso S --id {guid(1)}" in reasons(plan, Hindrance.UNRESOLVED)[0]


# -- policies of applications


def test_policy_is_linked_at_the_application_with_the_policies_new_id() -> None:
    policy_key = f"tokenLifetimePolicies/{guid(2)}"
    definition = {"definition": ['{"TokenLifetimePolicy":{"Version":1}}'], "displayName": "Short"}
    snapshot = together(
        {policy_key: {"id": guid(2), **definition}},
        application(3),
        {f"{policy_key}/appliesTo/{guid(3)}": {"@odata.type": "#microsoft.graph.application", "id": guid(3)}},
    )
    creation, linking = plan_of(MemoryWorld(snapshot, application(3))).operations
    assert body(creation) == definition
    assert linking.path == f"/applications/{guid(3)}/tokenLifetimePolicies/$ref"
    assert body(linking) == {"@odata.id": f"https://graph.microsoft.com/v1.0/policies/{policy_key}"}
    unlinked = {key: value for key, value in snapshot.items() if "appliesTo" not in key}
    (removal,) = plan_of(MemoryWorld(unlinked, snapshot), rules=EXACT).operations
    assert removal.path == f"/applications/{guid(3)}/tokenLifetimePolicies/{guid(2)}/$ref"


def test_settings_that_graph_replaces_are_sent_whole() -> None:
    settings: Json = {"isEnabled": True, "notifyReviewers": True, "requestDurationInDays": 30, "reviewers": []}
    key = "adminConsentRequestPolicy"
    (put,) = plan_of(MemoryWorld({key: settings}, {key: settings | {"isEnabled": False, "version": 3}})).operations
    assert (put.method, put.path) == ("PUT", "/policies/adminConsentRequestPolicy")
    assert body(put) == settings and put.properties == ("isEnabled",)


def test_condition_sets_that_differ_are_added_and_removed() -> None:
    key = "permissionGrantPolicies/low-risk"

    def policy_with(*sets: Json) -> dict[str, Json]:
        return {key: {"id": "low-risk", "displayName": "Low risk", "includes": list(sets), "excludes": []}}

    delegated, application = {"permissionType": "delegated"}, {"permissionType": "application"}
    snapshot = policy_with({"id": guid(1), **delegated}, {"id": guid(2), **application})
    live = policy_with({"id": guid(3), **delegated}, {"id": guid(4)})
    added, removed = plan_of(MemoryWorld(snapshot, live)).operations
    assert (added.method, added.path, body(added)) == ("POST", f"/policies/{key}/includes", application)
    assert (removed.method, removed.path, removed.body) == ("DELETE", f"/policies/{key}/includes/{guid(4)}", None)
    creation, *sets = plan_of(MemoryWorld(snapshot, {})).operations
    assert body(creation) == {"id": "low-risk", "displayName": "Low risk"}
    assert [body(each) for each in sets] == [delegated, application]
    assert all(each.stage > creation.stage for each in sets)
    renewed = policy_with({"id": guid(5), **delegated}, {"id": guid(6), **application})
    assert plan_of(MemoryWorld(snapshot, renewed)).operations == []


def test_what_a_recycle_bin_held_is_no_hindrance_unless_it_is_named() -> None:
    purged = {f"applications.deleted/{guid(1)}": {"id": guid(1), "displayName": "Old"}}
    assert plan_of(MemoryWorld(purged, {})).impossible == []
    (entry,) = plan_of(MemoryWorld(purged, {}), Scope(resources=("applications.deleted",))).impossible
    assert entry.kind is Hindrance.IMPOSSIBLE


def test_blueprint_of_agents_is_restored_once_though_graph_lists_it_as_an_application_too() -> None:
    blueprint = {"id": guid(1), "displayName": "Agents", "signInAudience": "AzureADMyOrg"}
    listed = {"@odata.type": "#microsoft.graph.agentIdentityBlueprint", "appId": guid(2), **blueprint}
    snapshot = {f"applications/{guid(1)}": listed, f"agentIdentityBlueprints/{guid(1)}": blueprint}
    (creation,) = plan_of(MemoryWorld(snapshot, {})).operations
    assert creation.path == "/applications/microsoft.graph.agentIdentityBlueprint"
