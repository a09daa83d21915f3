"""The resources of the first version: users, groups, applications, service principals, policies, units and roles."""

from tests.contract.coverage.example import Example

USER = "a0000000-0000-4000-8000-000000000001"
BOSS = "a0000000-0000-4000-8000-000000000002"
GROUP = "a0000000-0000-4000-8000-000000000003"
APPLICATION = "a0000000-0000-4000-8000-000000000004"
PRINCIPAL = "a0000000-0000-4000-8000-000000000005"
UNIT = "a0000000-0000-4000-8000-000000000006"
STRENGTH = "a0000000-0000-4000-8000-000000000007"
ROLE = "a0000000-0000-4000-8000-000000000008"
DIRECTORY = "22222222-2222-2222-2222-222222222222"
_APP_ID = "a0000000-0000-4000-8000-0000000000aa"
_USER_LINK = {"@odata.type": "#microsoft.graph.user", "id": USER}
_LINKED = {"id": USER}


def _user(object_id: str, name: str) -> dict[str, object]:
    return {"id": object_id, "displayName": name, "userPrincipalName": f"{name}@contoso.com", "accountEnabled": True}


EXAMPLES = (
    Example("users", "users", _user(USER, "ada")),
    Example("", "users", _user(BOSS, "grace")),
    Example("users.manager", f"users/{USER}/manager", {"id": BOSS}, shown={"id": BOSS}),
    Example(
        "groups",
        "groups",
        {"id": GROUP, "displayName": "All", "mailEnabled": False, "mailNickname": "all", "securityEnabled": True},
    ),
    Example("groups.members", f"groups/{GROUP}/members", _USER_LINK, shown=_LINKED),
    Example("groups.owners", f"groups/{GROUP}/owners", _USER_LINK, shown=_LINKED),
    Example("applications", "applications", {"id": APPLICATION, "appId": _APP_ID, "displayName": "Payroll"}),
    Example("applications.owners", f"applications/{APPLICATION}/owners", _USER_LINK, shown=_LINKED),
    Example(
        "servicePrincipals",
        "servicePrincipals",
        {"id": PRINCIPAL, "appId": _APP_ID, "displayName": "Payroll", "servicePrincipalType": "Application"},
    ),
    Example("servicePrincipals.owners", f"servicePrincipals/{PRINCIPAL}/owners", _USER_LINK, shown=_LINKED),
    Example(
        "servicePrincipals.appRoleAssignedTo",
        f"servicePrincipals/{PRINCIPAL}/appRoleAssignedTo",
        {
            "id": "VrP1yJ1fVkqoYbqkXo8n",
            "appRoleId": "00000000-0000-0000-0000-000000000000",
            "principalId": USER,
            "principalType": "User",
            "resourceId": PRINCIPAL,
        },
    ),
    Example(
        "oauth2PermissionGrants",
        "oauth2PermissionGrants",
        {"id": "grant-1", "clientId": PRINCIPAL, "resourceId": PRINCIPAL, "consentType": "AllPrincipals", "scope": "x"},
    ),
    Example(
        "conditionalAccessPolicies",
        "identity/conditionalAccess/policies",
        {"id": "a0000000-0000-4000-8000-000000000009", "displayName": "MFA", "state": "enabled", "conditions": {}},
    ),
    Example(
        "namedLocations",
        "identity/conditionalAccess/namedLocations",
        {
            "@odata.type": "#microsoft.graph.countryNamedLocation",
            "id": "a0000000-0000-4000-8000-00000000000a",
            "displayName": "Home",
            "countriesAndRegions": ["DE"],
        },
    ),
    Example(
        "authenticationContexts",
        "identity/conditionalAccess/authenticationContextClassReferences",
        {"id": "c7", "displayName": "Payments", "isAvailable": True},
    ),
    Example(
        "authenticationStrengthPolicies",
        "policies/authenticationStrengthPolicies",
        {"id": STRENGTH, "displayName": "Keys", "policyType": "custom", "allowedCombinations": ["fido2"]},
    ),
    Example(
        "authenticationStrengthPolicies.combinationConfigurations",
        f"policies/authenticationStrengthPolicies/{STRENGTH}/combinationConfigurations",
        {
            "@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
            "id": "a0000000-0000-4000-8000-00000000000b",
            "allowedAAGUIDs": [],
            "appliesToCombinations": ["fido2"],
        },
    ),
    Example("administrativeUnits", "directory/administrativeUnits", {"id": UNIT, "displayName": "Rome"}),
    Example("administrativeUnits.members", f"directory/administrativeUnits/{UNIT}/members", _USER_LINK, shown=_LINKED),
    Example(
        "roleDefinitions",
        "roleManagement/directory/roleDefinitions",
        {"id": ROLE, "displayName": "Helpers", "isBuiltIn": False, "rolePermissions": []},
    ),
    Example(
        "roleAssignments",
        "roleManagement/directory/roleAssignments",
        {
            "id": "a0000000-0000-4000-8000-00000000000c",
            "principalId": USER,
            "roleDefinitionId": ROLE,
            "directoryScopeId": "/",
        },
    ),
    Example("organization", f"organization/{DIRECTORY}", {"displayName": "Contoso Ltd"}, op="update"),
)
