"""Each answer of Graph to a write has one meaning."""

import json
from typing import Any

import pytest

from shared.adapters.graph.writing.outcomes import meaning
from shared.ports.directory import Outcome

POLICIES = "/identity/conditionalAccess/policies"
GUID = "6e4b1a0c-0a4e-4d38-8c5e-0f6f2a3d1040"


def refusal(code: str, message: str, **more: Any) -> bytes:
    """Return the body of a refusal."""
    inner = {"date": "2026-11-30T10:40:00", "request-id": "11111040-1034-1007-1054-111111111111"}
    return json.dumps({"error": {"code": code, "message": message, "innerError": inner, **more}}).encode()


def conflict(target: str) -> dict[str, Any]:
    """Return the details of an object with the same value."""
    return {"details": [{"code": "ObjectConflict", "message": "x", "target": target}, {"code": "ConflictingObjects"}]}


BAD = "Request_BadRequest"
EXISTS = "One or more added object references already exist for the following modified properties: 'members'."
SAME = "Another object with the same value for property %s already exists."
CONFLICTING = "A conflicting object with one or more of the specified property values is present in the directory."
IN_USE = "The service principal cannot be created, because the service principal name x is already in use."
DENIED = "Authorization_RequestDenied"
INSUFFICIENT = "Insufficient privileges to complete the operation."
NOT_THERE = "Resource '1' does not exist or one of its queried reference-property objects are not present."


@pytest.mark.parametrize(
    ("status", "code", "message", "more", "outcome", "name"),
    [
        (403, "Directory_QuotaExceeded", "The directory object quota limit …", {}, Outcome.QUOTA, ""),
        (400, "AadPremiumLicenseRequired", "x", {}, Outcome.UNLICENSED, ""),
        (403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "x", {}, Outcome.UNLICENSED, ""),
        (400, BAD, "Subscription with SKU 1 does not have any available licenses.", {}, Outcome.UNLICENSED, ""),
        (403, DENIED, "Guests users are not allowed to join this Unified Group …", {}, Outcome.REFUSED, ""),
        (400, BAD, EXISTS, {}, Outcome.ALREADY, ""),
        (400, BAD, "Permission being assigned already exists on the object", {}, Outcome.ALREADY, ""),
        (400, BAD, "EntitlementGrant entry already exists.", {}, Outcome.ALREADY, ""),
        (409, "Request_X", "Permission entry already exists.", {}, Outcome.ALREADY, ""),
        (400, BAD, CONFLICTING, {}, Outcome.ALREADY, ""),
        (409, BAD, CONFLICTING, {}, Outcome.ALREADY, ""),
        (400, "ResourceAlreadyOnboarded", "The resource is already onboarded.", {}, Outcome.ALREADY, ""),
        (400, "RoleAssignmentExists", "The Role assignment already exists.", {}, Outcome.ALREADY, ""),
        (
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            IN_USE,
            conflict("servicePrincipalNames"),
            Outcome.ALREADY,
            "",
        ),
        (400, BAD, SAME % "mailNickname", {}, Outcome.TAKEN, "mailNickname"),
        (400, BAD, "Taken.", conflict("userPrincipalName"), Outcome.TAKEN, "userPrincipalName"),
        (400, BAD, "Not a valid reference update.", {}, Outcome.NOT_YET, ""),
        (
            400,
            BAD,
            "The appId '1' of the service principal does not reference a valid application object.",
            {},
            Outcome.NOT_YET,
            "",
        ),
        (400, BAD, "Permission being assigned was not found on application", {}, Outcome.NOT_YET, ""),
        (400, BAD, "One or more property values specified are invalid.", {}, Outcome.NOT_YET, ""),
        (
            400,
            BAD,
            "License assignment cannot be done for user with invalid usage location.",
            {},
            Outcome.NOT_YET,
            "",
        ),
        (403, DENIED, "… the backing application … must in the local tenant", {}, Outcome.NOT_YET, ""),
        (400, "InvalidDeleteResourceHasEntitlements", "x", {}, Outcome.NOT_YET, ""),
        (409, "Conflict", "Conflict", {}, Outcome.NOT_YET, ""),
        (400, BAD, "One or more removed object references do not exist …", {}, Outcome.MISSING, ""),
        (400, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.", {}, Outcome.MISSING, ""),
        (404, "Request_ResourceNotFound", NOT_THERE, {}, Outcome.MISSING, ""),
        (404, "SubjectNotFound", "x", {}, Outcome.MISSING, ""),
        (400, BAD, "Property 'mail' is read-only and cannot be set.", {}, Outcome.PROPERTY_REFUSED, "mail"),
        (
            400,
            BAD,
            "Invalid value specified for property 'jobTitle' of resource 'User'.",
            {},
            Outcome.PROPERTY_REFUSED,
            "jobTitle",
        ),
        (
            400,
            BAD,
            "Could not find a property named 'createdByAppId' on type 'microsoft.graph.group'.",
            {},
            Outcome.PROPERTY_REFUSED,
            "createdByAppId",
        ),
        (
            400,
            "HostNameNotOnVerifiedDomain",
            "Values of identifierUris property must use a verified domain …",
            {},
            Outcome.PROPERTY_REFUSED,
            "identifierUris",
        ),
        (
            400,
            "InvalidValue",
            "x",
            {"details": [{"code": "InvalidValue", "target": "api.preAuthorizedApplications.delegatedPermissionIds"}]},
            Outcome.PROPERTY_REFUSED,
            "api.preAuthorizedApplications.delegatedPermissionIds",
        ),
        (400, "DuplicateValue", "x", {"target": "appRoles"}, Outcome.PROPERTY_REFUSED, "appRoles"),
        (400, "InvalidValue", "x", {}, Outcome.REFUSED, ""),
        (
            400,
            BAD,
            "The domain portion of the userPrincipalName property is invalid. You must use …",
            {},
            Outcome.PROPERTY_REFUSED,
            "userPrincipalName",
        ),
        (
            400,
            BAD,
            "Update to existing credential with KeyId '1' is not allowed.",
            {},
            Outcome.PROPERTY_REFUSED,
            "keyCredentials",
        ),
        (403, DENIED, INSUFFICIENT, {}, Outcome.FORBIDDEN, ""),
        (401, "InvalidAuthenticationToken", "x", {}, Outcome.FORBIDDEN, ""),
        (400, BAD, "A value is required for property 'accountEnabled' of resource 'User'.", {}, Outcome.REFUSED, ""),
        (400, BAD, "Property 'a b<c>' is read-only and cannot be set.", {}, Outcome.PROPERTY_REFUSED, ""),
        (405, BAD, "Specified HTTP method is not allowed.", {}, Outcome.REFUSED, ""),
        (500, "InternalServerError", "x", {}, Outcome.LOST, ""),
        (408, "RequestTimeout", "x", {}, Outcome.LOST, ""),
    ],
)
def test_an_answer_has_one_meaning(
    status: int, code: str, message: str, more: dict[str, Any], outcome: Outcome, name: str
) -> None:
    means = meaning(status, refusal(code, message, **more), "/users")
    assert (means.outcome, means.property) == (outcome, name)
    if outcome is not Outcome.LOST:
        assert (means.code, means.message) == (code, message)


@pytest.mark.parametrize(
    ("message", "inner", "code", "outcome"),
    [
        ("1034: Policy contains invalid applications.", {}, "1034", Outcome.REFUSED),
        ("1040: NamedLocation does not exist.", {}, "1040", Outcome.MISSING),
        ("The server could not process the request.", {"code": "1040"}, "1040", Outcome.MISSING),
        (f"NamedLocation with id {GUID} does not exist in the directory.", {}, "BadRequest", Outcome.MISSING),
        (f"Policy {GUID} is wrong.", {"request-id": GUID}, "BadRequest", Outcome.REFUSED),
    ],
)
def test_a_refusal_of_conditional_access_has_its_number_as_code(
    message: str, inner: dict[str, str], code: str, outcome: Outcome
) -> None:
    means = meaning(400, refusal("BadRequest", message, innerError=inner), POLICIES)
    assert (means.code, means.outcome) == (code, outcome)
    assert meaning(400, refusal("BadRequest", message, innerError=inner), "/users").code == "BadRequest"


@pytest.mark.parametrize(("status", "outcome"), [(400, Outcome.LOST), (403, Outcome.LOST), (401, Outcome.FORBIDDEN)])
def test_a_refusal_that_is_no_json_did_not_come_from_graph(status: int, outcome: Outcome) -> None:
    assert meaning(status, b"<html>blocked</html>", "/users").outcome is outcome
