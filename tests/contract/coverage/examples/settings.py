"""Policies about sign-in, devices, roles of PIM, custom attributes and other settings."""

from tests.contract.coverage.example import Example
from tests.contract.coverage.examples.first import DIRECTORY, ROLE, UNIT, USER

DEVICE = "b0000000-0000-4000-8000-000000000001"
_HOME_REALM = "b0000000-0000-4000-8000-000000000002"
_ROLE_POLICY = f"DirectoryRole_{DIRECTORY}_b0000000-0000-4000-8000-000000000003"
_DEFINED = {"definition": ["{}"], "displayName": "Defined", "isOrganizationDefault": False}
_SCHEDULE = {"principalId": USER, "roleDefinitionId": ROLE, "directoryScopeId": "/", "status": "Provisioned"}
_ENTITLEMENT_ROLE = "b0000000-0000-4000-8000-000000000004"
_DELETED = {kind: f"b0000000-0000-4000-8000-0000000000{n}" for n, kind in enumerate(("users", "groups", "units"), 10)}
_LINKED = {"id": USER}
_USER_LINK = {"@odata.type": "#microsoft.graph.user", "id": USER}
_UNITS = "directory/administrativeUnits"

EXAMPLES = (
    Example(
        "devices",
        "devices",
        {"id": DEVICE, "deviceId": DEVICE, "displayName": "PC-1", "accountEnabled": True, "isManaged": None},
    ),
    Example("devices.registeredOwners", f"devices/{DEVICE}/registeredOwners", _USER_LINK, shown=_LINKED),
    Example("devices.registeredUsers", f"devices/{DEVICE}/registeredUsers", _USER_LINK, shown=_LINKED),
    Example("deviceRegistrationPolicy", "policies/deviceRegistrationPolicy", {"userDeviceQuota": 20}, op="update"),
    Example(
        "authenticationMethodsPolicy",
        "policies/authenticationMethodsPolicy",
        {"policyMigrationState": "migrationInProgress"},
        op="update",
    ),
    Example(
        "authenticationMethodConfigurations",
        "policies/authenticationMethodsPolicy/authenticationMethodConfigurations/Fido2",
        {"state": "enabled"},
        op="update",
    ),
    Example(
        "identitySecurityDefaultsEnforcementPolicy",
        "policies/identitySecurityDefaultsEnforcementPolicy",
        {"isEnabled": True},
        op="update",
    ),
    Example("authorizationPolicy", "policies/authorizationPolicy", {"allowedToUseSSPR": False}, op="update"),
    Example(
        "authenticationFlowsPolicy",
        "policies/authenticationFlowsPolicy",
        {"selfServiceSignUp": {"isEnabled": True}},
        op="update",
    ),
    Example(
        "federatedTokenValidationPolicy",
        "policies/federatedTokenValidationPolicy",
        {"validatingDomains": {"rootDomains": "enumerated"}},
        op="update",
    ),
    Example("homeRealmDiscoveryPolicies", "policies/homeRealmDiscoveryPolicies", {"id": _HOME_REALM, **_DEFINED}),
    Example(
        "homeRealmDiscoveryPolicies.appliesTo",
        "servicePrincipals/a0000000-0000-4000-8000-000000000005/homeRealmDiscoveryPolicies",
        {"id": _HOME_REALM},
        shown={"id": "a0000000-0000-4000-8000-000000000005"},
    ),
    Example("activityBasedTimeoutPolicies", "policies/activityBasedTimeoutPolicies", {"id": "timeout", **_DEFINED}),
    Example(
        "roleEligibilitySchedules",
        "roleManagement/directory/roleEligibilitySchedules",
        {"id": "eligible", **_SCHEDULE},
    ),
    Example(
        "roleAssignmentSchedules",
        "roleManagement/directory/roleAssignmentSchedules",
        {"id": "assigned", "assignmentType": "Assigned", **_SCHEDULE},
    ),
    Example(
        "roleManagementPolicies",
        "policies/roleManagementPolicies",
        {"id": _ROLE_POLICY, "displayName": "DirectoryRole", "scopeId": "/", "scopeType": "DirectoryRole"},
        shown={"displayName": "DirectoryRole", "rules": [{"id": "Approval_EndUser_Assignment", "isEnabled": False}]},
    ),
    Example(
        "",
        f"policies/roleManagementPolicies/{_ROLE_POLICY}/rules",
        {"id": "Approval_EndUser_Assignment", "isEnabled": False},
    ),
    Example(
        "roleManagementPolicyAssignments",
        "policies/roleManagementPolicyAssignments",
        {
            "id": f"{_ROLE_POLICY}_{ROLE}",
            "policyId": _ROLE_POLICY,
            "roleDefinitionId": ROLE,
            "scopeId": "/",
            "scopeType": "DirectoryRole",
        },
    ),
    Example(
        "administrativeUnits.scopedRoleMembers",
        f"{_UNITS}/{UNIT}/scopedRoleMembers",
        {
            "id": "scoped-1",
            "administrativeUnitId": UNIT,
            "roleId": "b0000000-0000-4000-8000-000000000005",
            "roleMemberInfo": {"id": USER, "displayName": "ada"},
        },
    ),
    Example(
        "entitlementRoleDefinitions",
        "roleManagement/entitlementManagement/roleDefinitions",
        {"id": _ENTITLEMENT_ROLE, "displayName": "Catalog owner", "isBuiltIn": True, "isEnabled": True},
    ),
    Example(
        "entitlementRoleAssignments",
        "roleManagement/entitlementManagement/roleAssignments",
        {"id": "e-1", "appScopeId": "/", "principalId": USER, "roleDefinitionId": _ENTITLEMENT_ROLE},
    ),
    Example(
        "domains",
        "domains",
        {"id": "fabrikam.com", "authenticationType": "Managed", "isDefault": False, "isVerified": True},
    ),
    Example(
        "subscribedSkus",
        "subscribedSkus",
        {"id": "sku-1", "skuId": "b0000000-0000-4000-8000-000000000006", "skuPartNumber": "P2", "consumedUnits": 3},
    ),
    Example(
        "groupLifecyclePolicies",
        "groupLifecyclePolicies",
        {"id": "lifecycle", "groupLifetimeInDays": 180, "managedGroupTypes": "All"},
    ),
    Example(
        "groupSettings",
        "groupSettings",
        {"id": "setting", "templateId": "62375ab9-6b52-47ed-826b-58e47e0e304b", "values": []},
    ),
    Example("groupSettingTemplates", "groupSettingTemplates", {"id": "template", "displayName": "Group.Other"}),
    Example(
        "schemaExtensions",
        "schemaExtensions",
        {"id": "extabc_course", "owner": "b0000000-0000-4000-8000-000000000007", "status": "Available"},
    ),
    Example("attributeSets", "directory/attributeSets", {"id": "Marketing", "maxAttributesPerSet": 25}),
    Example(
        "customSecurityAttributeDefinitions",
        "directory/customSecurityAttributeDefinitions",
        {"id": "Marketing_Level", "attributeSet": "Marketing", "name": "Level", "type": "String"},
    ),
    Example(
        "customSecurityAttributeDefinitions.allowedValues",
        "directory/customSecurityAttributeDefinitions/Marketing_Level/allowedValues",
        {"id": "Public", "isActive": True},
    ),
    Example(
        "organizationalBranding.localizations",
        f"organization/{DIRECTORY}/branding",
        {"id": "0", "signInPageText": "Welcome", "backgroundColor": "#FFFF33"},
    ),
    Example(
        "",
        "users",
        {"id": _DELETED["users"], "displayName": "Gone", "userPrincipalName": "gone@contoso.com"},
    ),
    Example("users.deleted", f"users/{_DELETED['users']}", {}, op="delete", shown={"displayName": "Gone"}),
    Example(
        "", "groups", {"id": _DELETED["groups"], "displayName": "Old", "securityEnabled": True, "mailNickname": "o"}
    ),
    Example("groups.deleted", f"groups/{_DELETED['groups']}", {}, op="delete", shown={"displayName": "Old"}),
    Example("", _UNITS, {"id": _DELETED["units"], "displayName": "Closed"}),
    Example(
        "administrativeUnits.deleted", f"{_UNITS}/{_DELETED['units']}", {}, op="delete", shown={"displayName": "Closed"}
    ),
)
