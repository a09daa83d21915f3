"""Restores of applications with their service principals, scopes, roles and addresses."""

import pytest

from tests.contract.catalog.world import new_id
from tests.flow.restore.story import Json, Story, for_all, hindrances, ids, result, steps

pytestmark = pytest.mark.flow
EVERYBODY = "00000000-0000-0000-0000-000000000000"
"""The id of the role that is assigned where an application has none."""
URI = "https://vendor.example/saml"


def role(value: str) -> Json:
    return {
        "id": new_id(),
        "value": value,
        "displayName": value,
        "description": value,
        "isEnabled": True,
        "allowedMemberTypes": ["User"],
    }


def scope(value: str) -> Json:
    texts = {f"{whose}Consent{what}": value for whose in ("admin", "user") for what in ("DisplayName", "Description")}
    return {"id": new_id(), "value": value, "isEnabled": True, "type": "User", **texts}


def api(*scopes: Json, **authorised: list[str]) -> Json:
    """Return the value of ``api`` with these scopes, and with the clients that are authorised for scopes by ``appId``."""
    clients = [{"appId": client, "delegatedPermissionIds": given} for client, given in authorised.items()]
    return {
        "oauth2PermissionScopes": list(scopes),
        "preAuthorizedApplications": clients,
        "requestedAccessTokenVersion": 2,
        "acceptMappedClaims": None,
        "knownClientApplications": [],
    }


def assign(story: Story, principal: str, user: str, role_id: str = EVERYBODY) -> None:
    holder = {
        "principalId": user,
        "principalType": "User",
        "principalDisplayName": story.all("users")[user]["displayName"],
    }
    row = {"id": new_id(), "appRoleId": role_id, "resourceId": principal, **holder}
    story.graph.change(("create", f"servicePrincipals/{principal}/appRoleAssignedTo", row))


def assigned(story: Story, principal: str) -> set[tuple[str, str]]:
    """Return who has which role of a service principal."""
    rows = story.all(f"servicePrincipals/{principal}/appRoleAssignedTo").values()
    return {(each["principalId"], each["appRoleId"]) for each in rows}


def test_successor_of_a_service_principal_gets_its_settings_and_assignments(story: Story) -> None:
    users = [story.user(f"user-{n}") for n in range(3)]
    app_id = new_id()
    application = story.application("Portal", appId=app_id)
    settings = {"appRoleAssignmentRequired": True, "notes": "Kept"}
    first = story.create("servicePrincipals", appId=app_id, displayName="Portal", accountEnabled=True, **settings)
    for user in users:
        assign(story, first, user)
    snapshot = story.backup()
    story.delete("servicePrincipals", first)
    second = story.create("servicePrincipals", appId=app_id, displayName="Portal", accountEnabled=True)

    report = story.restore(snapshot, *ids(first))

    live = story.all("servicePrincipals")
    assert first not in live
    assert settings.items() <= live[second].items()
    assert assigned(story, second) == {(user, EVERYBODY) for user in users}
    assert any("--exchange-principals" in note for note in story.plan_of(report)["notes"])
    assert application in story.all("applications")
    assert story.plan(snapshot, *ids(first))["operations"] == []


def test_application_that_is_gone_comes_back_with_a_new_service_principal(story: Story) -> None:
    user, app_id = story.user("user"), new_id()
    application = story.application("Portal", appId=app_id)
    principal = story.create("servicePrincipals", appId=app_id, displayName="Portal", notes="Kept", accountEnabled=True)
    assign(story, principal, user)
    policy = story.policy("Portal", {**for_all(), "applications": {"includeApplications": [app_id]}})
    snapshot = story.backup()
    story.delete("servicePrincipals", principal)
    story.purge("applications", application)

    report = story.restore(snapshot, *ids(principal))

    new_app = story.one("applications", displayName="Portal")["appId"]
    new = story.one("servicePrincipals", displayName="Portal")
    assert (new["appId"], new["notes"]) == (new_app, "Kept")
    assert new_app != app_id
    assert assigned(story, new["id"]) == {(user, EVERYBODY)}
    conditions = story.all("conditionalAccessPolicies")[policy]["conditions"]
    assert conditions["applications"]["includeApplications"] == [new_app]
    notes = str([each["notes"] for each in report["results"]])
    assert "new appId" in notes
    assert "stays in the recycle bin" in notes
    assert (story.created("applications"), story.created("servicePrincipals")) == (1, 1)


def test_scopes_are_written_before_the_clients_that_are_authorised_for_them(story: Story) -> None:
    client = new_id()
    first, second = scope("first"), scope("second")
    gone = story.application("Gone", api=api(first, **{client: [first["id"]]}))
    bare = story.application("Bare", api=api(second, **{client: [second["id"]]}))
    other = story.application("Client", appId=client)
    snapshot = story.backup()
    story.purge("applications", gone, other)
    story.update("applications", bare, api=api())

    story.restore(snapshot)

    new_client = story.one("applications", displayName="Client")["appId"]
    for name, wanted in (("Gone", first), ("Bare", second)):
        value = story.one("applications", displayName=name)["api"]
        assert [each["id"] for each in value["oauth2PermissionScopes"]] == [wanted["id"]]
        (authorised,) = value["preAuthorizedApplications"]
        assert (authorised["appId"], authorised["delegatedPermissionIds"]) == (new_client, [wanted["id"]])
    assert story.graph.count("/v1.0/applications.*", status=400) == 0
    assert story.created("applications") == 2


def test_role_in_the_way_is_replaced_and_enabled_again_if_that_fails(story: Story) -> None:
    old, new, app_id = role("Reader"), role("Reader"), new_id()
    anna, ben = story.user("anna"), story.user("ben")
    application = story.application("Reports", appId=app_id, appRoles=[old])
    principal = story.create("servicePrincipals", appId=app_id, displayName="Reports", appRoles=[old])
    assign(story, principal, anna, old["id"])
    snapshot = story.backup()
    (row,) = story.all(f"servicePrincipals/{principal}/appRoleAssignedTo")
    story.graph.change(("delete", f"servicePrincipals/{principal}/appRoleAssignedTo/{row}"))
    story.update("applications", application, appRoles=[new])
    story.update("servicePrincipals", principal, appRoles=[new])
    assign(story, principal, ben, new["id"])

    kept = story.plan(snapshot, "--conflict", "fill-blanks")
    assert not [each for each in kept["operations"] if each["resource"] == "applications"]
    assert old["id"] in hindrances(kept, "choice")[f"applications/{application}"]["reason"]

    error = {"error": {"code": "Request_BadRequest", "message": "Not now."}}
    story.fault("status", "PATCH", f"/applications/{application}$", skip=1, status=400, body=error)
    story.restore(snapshot, state="succeeded_with_warnings")
    assert story.all("applications")[application]["appRoles"] == [new]

    report = story.restore(snapshot)
    notes = [note for each in report["results"] for note in each["notes"]]
    assert any("ben" in note for note in notes)
    (only,) = story.all("applications")[application]["appRoles"]
    assert (only["id"], only["isEnabled"]) == (old["id"], True)
    assert assigned(story, principal) == {(anna, old["id"])}


def test_addresses_of_a_saml_application_are_written_after_its_service_principal_signs_in_by_saml(story: Story) -> None:
    def pair(name: str, **principal: str) -> list[str]:
        app_id = new_id()
        application = story.application(name, appId=app_id, identifierUris=[f"{URI}/{name}"])
        return [application, story.create("servicePrincipals", appId=app_id, displayName=name, **principal)]

    with_saml = pair("saml", preferredSingleSignOnMode="saml")
    without_saml = pair("plain")
    snapshot = story.backup()
    for application, principal in (with_saml, without_saml):
        story.purge("applications", application)
        story.graph.change(("purge", f"servicePrincipals/{principal}"))

    report = story.restore(snapshot, state="succeeded_with_warnings")

    assert story.one("applications", displayName="saml")["identifierUris"] == [f"{URI}/saml"]
    assert story.one("servicePrincipals", displayName="saml")["preferredSingleSignOnMode"] == "saml"
    assert story.one("applications", displayName="plain")["identifierUris"] == []
    refused = result(report, f"applications/{without_saml[0]}", "patch")
    assert (refused["state"], refused["properties"]) == ("failed", ["identifierUris"])
    assert f"{URI}/plain" in refused["message"]
    assert [each for each in report["results"] if each["state"] != "done"] == [refused]
    assert ("create", f"applications/{with_saml[0]}") in steps(story.plan_of(report))
