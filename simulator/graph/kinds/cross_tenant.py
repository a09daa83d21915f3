"""The policy on access between directories beside its partners, multitenant organizations, and governed directories."""

from simulator.graph.kinds import properties
from simulator.graph.kinds.building import collection, only, permitted

_POLICY = "policies/crossTenantAccessPolicy"
_ACCESS = permitted("Policy.Read.All", "Policy.ReadWrite.CrossTenantAccess")
_ORGANIZATION = "tenantRelationships/multiTenantOrganization"
_ORGANIZATIONS = permitted("MultiTenantOrganization.Read.All", "MultiTenantOrganization.ReadWrite.All")
_GOVERNANCE = "directory/tenantGovernance"


def _access(kind: str, what: str) -> dict[str, object]:
    """Return a setting about all users and applications."""
    return {
        "usersAndGroups": {"accessType": kind, "targets": [{"target": "AllUsers", "targetType": "user"}]},
        "applications": {"accessType": kind, "targets": [{"target": what, "targetType": "application"}]},
    }


POLICY = only(
    _POLICY,
    "crossTenantAccessPolicy",
    "allowedCloudEndpoints displayName",
    _ACCESS,
    {"displayName": "CrossTenantAccessPolicy", "allowedCloudEndpoints": []},
)
DEFAULT = only(
    f"{_POLICY}/default",
    "crossTenantAccessPolicyConfigurationDefault",
    f"isServiceDefault invitationRedemptionIdentityProviderConfiguration {properties.ACCESS}",
    _ACCESS,
    {
        "isServiceDefault": True,
        "automaticUserConsentSettings": {"inboundAllowed": False, "outboundAllowed": False},
        "b2bCollaborationInbound": _access("allowed", "AllApplications"),
        "b2bCollaborationOutbound": _access("allowed", "AllApplications"),
        "b2bDirectConnectInbound": _access("blocked", "AllApplications"),
        "b2bDirectConnectOutbound": _access("blocked", "AllApplications"),
        "inboundTrust": {
            "isCompliantDeviceAccepted": False,
            "isHybridAzureADJoinedDeviceAccepted": False,
            "isMfaAccepted": False,
        },
    },
)
PARTNER_TEMPLATE = only(
    f"{_POLICY}/templates/multiTenantOrganizationPartnerConfiguration",
    "multiTenantOrganizationPartnerConfigurationTemplate",
    f"id templateApplicationLevel {properties.ACCESS}",
    _ACCESS,
    {"templateApplicationLevel": "none"},
    licence="P1",
)
SYNCHRONIZATION_TEMPLATE = only(
    f"{_POLICY}/templates/multiTenantOrganizationIdentitySynchronization",
    "multiTenantOrganizationIdentitySyncPolicyTemplate",
    "id displayName templateApplicationLevel userSyncInbound",
    _ACCESS,
    {"templateApplicationLevel": "none", "userSyncInbound": {"isSyncAllowed": False}},
    licence="P1",
)
ORGANIZATION = only(
    _ORGANIZATION,
    "multiTenantOrganization",
    "id createdDateTime description displayName state",
    _ORGANIZATIONS,
    licence="P1",
)
MEMBERS = collection(
    f"{_ORGANIZATION}/tenants",
    "multiTenantOrganizationMember",
    "addedByTenantId addedDateTime displayName joinedDateTime role state tenantId transitionDetails",
    _ORGANIZATIONS,
    licence="P1",
)
RELATIONSHIPS = collection(
    f"{_GOVERNANCE}/governanceRelationships",
    "governanceRelationship",
    "id creationDateTime governanceInvitationId governedTenantCanTerminate governedTenantId governedTenantName "
    "governingTenantId governingTenantName policySnapshot status",
    permitted("TenantGovernance-Relationship.Read.All"),
)
POLICY_TEMPLATES = collection(
    f"{_GOVERNANCE}/governancePolicyTemplates",
    "governancePolicyTemplate",
    "id createdDateTime delegatedAdministrationRoleAssignments description displayName lastModifiedDateTime "
    "multiTenantApplicationsToProvision version",
    permitted("TenantGovernance-PolicyTemplate.Read.All"),
)
GOVERNANCE_SETTINGS = only(
    f"{_GOVERNANCE}/settings",
    "tenantGovernanceSetting",
    "id canReceiveInvitations isRelatedTenantsEnabled",
    permitted("TenantGovernance-Setting.Read.All"),
    {"canReceiveInvitations": True, "isRelatedTenantsEnabled": False},
)

KINDS = (
    POLICY,
    DEFAULT,
    PARTNER_TEMPLATE,
    SYNCHRONIZATION_TEMPLATE,
    ORGANIZATION,
    MEMBERS,
    RELATIONSHIPS,
    POLICY_TEMPLATES,
    GOVERNANCE_SETTINGS,
)
