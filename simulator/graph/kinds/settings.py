"""Policies about sign-in and devices, schedules of roles, and custom attributes."""

import json

from simulator.graph.kinds.model import Kind, Relation

_POLICY_READ = "Policy.Read.All"


def _policy(path: str, type: str, names: str, write: str, initial: dict[str, object], read: str = _POLICY_READ) -> Kind:
    """Return the kind of a policy of which each directory has one."""
    return Kind(
        path=f"policies/{path}",
        type=type,
        properties=tuple(names.split()),
        read=frozenset((read, _POLICY_READ, write)),
        write=frozenset((write,)),
        open=False,
        singleton=path,
        initial=(json.dumps({"id": path, **initial}),),
    )


def _listed(path: str, type: str, names: str, read: str, write: str = "", licence: str = "", *more: Relation) -> Kind:
    """Return a kind with a collection that is closed to other properties than these."""
    return Kind(
        path=path,
        type=type,
        properties=tuple(names.split()),
        read=frozenset(filter(None, (read, write))),
        write=frozenset(filter(None, (write,))),
        open=False,
        licence=licence,
        relations=more,
    )


FLOWS = _policy(
    "authenticationFlowsPolicy",
    "authenticationFlowsPolicy",
    "id displayName description selfServiceSignUp",
    "Policy.ReadWrite.AuthenticationFlows",
    {
        "displayName": "Authentication flows policy",
        "description": "How people sign up by themselves.",
        "selfServiceSignUp": {"isEnabled": False},
    },
)
FEDERATED_TOKENS = _policy(
    "federatedTokenValidationPolicy",
    "federatedTokenValidationPolicy",
    "id deletedDateTime validatingDomains",
    "Policy.ReadWrite.FedTokenValidation",
    {
        "deletedDateTime": None,
        "validatingDomains": {"@odata.type": "#microsoft.graph.allDomains", "rootDomains": "allDomains"},
    },
)
REGISTRATION = _policy(
    "deviceRegistrationPolicy",
    "deviceRegistrationPolicy",
    """
    id displayName description azureADJoin azureADRegistration localAdminPassword multiFactorAuthConfiguration
    userDeviceQuota
    """,
    "Policy.ReadWrite.DeviceConfiguration",
    {
        "displayName": "Device Registration Policy",
        "description": "Who may register and join devices.",
        "userDeviceQuota": 50,
        "multiFactorAuthConfiguration": "notRequired",
        "azureADRegistration": {"isAdminConfigurable": False, "allowedToRegister": None},
        "azureADJoin": {"isAdminConfigurable": True, "allowedToJoin": None},
        "localAdminPassword": {"isEnabled": False},
    },
    "Policy.Read.DeviceConfiguration",
)
TIMEOUTS = _listed(
    "policies/activityBasedTimeoutPolicies",
    "activityBasedTimeoutPolicy",
    "id deletedDateTime definition description displayName isOrganizationDefault",
    _POLICY_READ,
    "Policy.ReadWrite.ApplicationConfiguration",
    "P1",
)
ROLLOUTS = Kind(
    path="policies/featureRolloutPolicies",
    type="featureRolloutPolicy",
    properties=("id", "description", "displayName", "feature", "isAppliedToOrganization", "isEnabled"),
    read=frozenset(),
    write=frozenset(),
    open=False,
    delegated=True,
)
ASSIGNMENT_SCHEDULES = _listed(
    "roleManagement/directory/roleAssignmentSchedules",
    "unifiedRoleAssignmentSchedule",
    """
    id appScopeId assignmentType createdDateTime createdUsing directoryScopeId memberType modifiedDateTime principalId
    roleDefinitionId scheduleInfo status
    """,
    "RoleAssignmentSchedule.Read.Directory",
    "",
    "P2",
)
RULE = Kind(
    path="rules",
    type="unifiedRoleManagementPolicyRule",
    properties=("id", "target"),
    read=frozenset(),
    write=frozenset(),
)
ROLE_POLICIES = _listed(
    "policies/roleManagementPolicies",
    "unifiedRoleManagementPolicy",
    """
    id description displayName isOrganizationDefault lastModifiedBy lastModifiedDateTime scopeId scopeType
    """,
    "RoleManagement.Read.Directory",
    "RoleManagementPolicy.ReadWrite.Directory",
    "P2",
    Relation("rules", 1, child=RULE),
)
ROLE_POLICY_ASSIGNMENTS = _listed(
    "policies/roleManagementPolicyAssignments",
    "unifiedRoleManagementPolicyAssignment",
    "id policyId roleDefinitionId scopeId scopeType",
    "RoleManagement.Read.Directory",
    "",
    "P2",
)
ENTITLEMENT_ROLES = _listed(
    "roleManagement/entitlementManagement/roleDefinitions",
    "unifiedRoleDefinition",
    "id description displayName isBuiltIn isEnabled rolePermissions templateId",
    "EntitlementManagement.Read.All",
    "",
    "P2",
)
ENTITLEMENT_ASSIGNMENTS = _listed(
    "roleManagement/entitlementManagement/roleAssignments",
    "unifiedRoleAssignment",
    "id appScopeId principalId roleDefinitionId",
    "EntitlementManagement.Read.All",
    "EntitlementManagement.ReadWrite.All",
    "P2",
)
_ATTRIBUTES_READ, _ATTRIBUTES_WRITE = (
    "CustomSecAttributeDefinition.Read.All",
    "CustomSecAttributeDefinition.ReadWrite.All",
)
ATTRIBUTE_SETS = _listed(
    "directory/attributeSets",
    "attributeSet",
    "id description maxAttributesPerSet",
    _ATTRIBUTES_READ,
    _ATTRIBUTES_WRITE,
)
ALLOWED_VALUE = Kind(
    path="allowedValues",
    type="allowedValue",
    properties=("id", "isActive"),
    read=frozenset((_ATTRIBUTES_READ, _ATTRIBUTES_WRITE)),
    write=frozenset((_ATTRIBUTES_WRITE,)),
    open=False,
)
ATTRIBUTES = _listed(
    "directory/customSecurityAttributeDefinitions",
    "customSecurityAttributeDefinition",
    "id attributeSet description isCollection isSearchable name status type usePreDefinedValuesOnly",
    _ATTRIBUTES_READ,
    _ATTRIBUTES_WRITE,
    "",
    Relation("allowedValues", 1, child=ALLOWED_VALUE),
)
SCHEMA_EXTENSIONS = _listed(
    "schemaExtensions",
    "schemaExtension",
    "id description owner properties status targetTypes",
    "Application.Read.All",
    "Application.ReadWrite.All",
)

KINDS = (
    FLOWS,
    FEDERATED_TOKENS,
    REGISTRATION,
    TIMEOUTS,
    ROLLOUTS,
    ASSIGNMENT_SCHEDULES,
    ROLE_POLICIES,
    ROLE_POLICY_ASSIGNMENTS,
    ENTITLEMENT_ROLES,
    ENTITLEMENT_ASSIGNMENTS,
    ATTRIBUTE_SETS,
    ATTRIBUTES,
    SCHEMA_EXTENSIONS,
)
