"""Policies about other directories and about applications, and the domains of the directory."""

import json

from simulator.graph.kinds import properties
from simulator.graph.kinds.model import Kind, Relation, Reverse
from simulator.graph.values import DOMAIN

_PARTNER_WRITE = frozenset(("Policy.ReadWrite.CrossTenantAccess",))
_GRANT_WRITE = frozenset(("Policy.ReadWrite.PermissionGrant",))
_APPLICATION_WRITE = frozenset(("Policy.ReadWrite.ApplicationConfiguration",))

_FABRIKAM = "9188040d-6c67-4c5b-b112-36a304b66dad"

SYNCHRONIZATION = Kind(
    path="identitySynchronization",
    type="crossTenantIdentitySyncPolicyPartner",
    properties=tuple(properties.SYNCHRONIZATION.split()),
    read=_PARTNER_WRITE | {"Policy.Read.All"},
    write=_PARTNER_WRITE,
    open=False,
    licence="P1",
)
SYNCHRONIZATIONS = Relation("identitySynchronization", 1, to_one=True, child=SYNCHRONIZATION)
PARTNERS = Kind(
    path="policies/crossTenantAccessPolicy/partners",
    type="crossTenantAccessPolicyConfigurationPartner",
    properties=tuple(properties.PARTNER.split()),
    read=_PARTNER_WRITE | {"Policy.Read.All"},
    write=_PARTNER_WRITE,
    open=False,
    relations=(SYNCHRONIZATIONS,),
    initial=(
        json.dumps(
            {
                "id": _FABRIKAM,
                "tenantId": _FABRIKAM,
                "isServiceProvider": None,
                "isInMultiTenantOrganization": False,
                "inboundTrust": {
                    "isMfaAccepted": True,
                    "isCompliantDeviceAccepted": False,
                    "isHybridAzureADJoinedDeviceAccepted": False,
                },
                "b2bCollaborationInbound": None,
                "b2bCollaborationOutbound": None,
                "b2bDirectConnectInbound": None,
                "b2bDirectConnectOutbound": None,
                "tenantRestrictions": None,
                "automaticUserConsentSettings": {"inboundAllowed": None, "outboundAllowed": None},
            }
        ),
    ),
)
"""Other directories. Their ids are those of the directories."""


CONDITIONS = Kind(
    path="includes",
    type="permissionGrantConditionSet",
    properties=tuple(properties.CONDITIONS.split()),
    read=_GRANT_WRITE | {"Policy.Read.PermissionGrant"},
    write=_GRANT_WRITE,
    open=False,
)
PERMISSION_GRANTS = Kind(
    path="policies/permissionGrantPolicies",
    type="permissionGrantPolicy",
    properties=("id", "deletedDateTime", "displayName", "description"),
    read=_GRANT_WRITE | {"Policy.Read.PermissionGrant", "Policy.Read.All"},
    write=_GRANT_WRITE,
    relations=(
        Relation("includes", 1, child=CONDITIONS, inline=True),
        Relation("excludes", 1, child=CONDITIONS, inline=True),
    ),
    initial=(
        json.dumps(
            {
                "id": "microsoft-user-default-low",
                "displayName": "Default User Low Risk Policy",
                "description": "Permissions consentable based on Microsoft's low risk definition",
            }
        ),
    ),
)
"""What users and applications may consent to. A client chooses the id."""

APP_MANAGEMENT = Kind(
    path="policies/appManagementPolicies",
    type="appManagementPolicy",
    properties=tuple(properties.APP_MANAGEMENT.split()),
    read=_APPLICATION_WRITE | {"Policy.Read.All"},
    write=_APPLICATION_WRITE,
    open=False,
    reverse=(
        Reverse(
            "appliesTo",
            (("applications", "appManagementPolicies"), ("servicePrincipals", "appManagementPolicies")),
        ),
    ),
)
_NO_RESTRICTIONS: dict[str, object] = {"keyCredentials": [], "passwordCredentials": []}
DEFAULT_APP_MANAGEMENT = Kind(
    path="policies/defaultAppManagementPolicy",
    type="tenantAppManagementPolicy",
    properties=tuple(properties.DEFAULT_APP_MANAGEMENT.split()),
    read=APP_MANAGEMENT.read,
    write=APP_MANAGEMENT.write,
    open=False,
    singleton="00000000-0000-0000-0000-000000000000",
    initial=(
        json.dumps(
            {
                "id": "00000000-0000-0000-0000-000000000000",
                "displayName": "Default app management tenant policy",
                "description": "Default tenant policy that enforces app management restrictions on applications and "
                "service principals. To apply policy to targeted resources, create a new policy under "
                "appManagementPolicies collection.",
                "isEnabled": False,
                "applicationRestrictions": _NO_RESTRICTIONS,
                "servicePrincipalRestrictions": _NO_RESTRICTIONS,
            }
        ),
    ),
)
PRE_APPROVALS = Kind(
    path="policies/permissionGrantPreApprovalPolicies",
    type="permissionGrantPreApprovalPolicy",
    properties=("id", "deletedDateTime", "conditions"),
    read=PERMISSION_GRANTS.read,
    write=PERMISSION_GRANTS.write,
)
FEDERATION = Kind(
    path="federationConfiguration",
    type="internalDomainFederation",
    properties=("id", "displayName", "issuerUri", "signingCertificate"),
    read=frozenset(("Domain-InternalFederation.Read.All", "Domain-InternalFederation.ReadWrite.All")),
    write=frozenset(("Domain-InternalFederation.ReadWrite.All",)),
)
DNS_RECORD = Kind(
    path="serviceConfigurationRecords",
    type="domainDnsRecord",
    properties=("id", "label", "recordType", "supportedService", "ttl"),
    read=frozenset(("Domain.Read.All", "Domain.ReadWrite.All")),
    write=frozenset(),
)
DOMAINS = Kind(
    path="domains",
    type="domain",
    properties=tuple(properties.DOMAIN.split()),
    read=frozenset(("Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")),
    write=frozenset(("Domain.ReadWrite.All",)),
    open=False,
    relations=(
        Relation("federationConfiguration", 1, child=FEDERATION),
        Relation("serviceConfigurationRecords", 1, child=DNS_RECORD),
    ),
    initial=tuple(
        json.dumps(
            {
                "id": name,
                "authenticationType": "Managed",
                "isAdminManaged": True,
                "isDefault": name == DOMAIN,
                "isInitial": name == DOMAIN,
                "isRoot": True,
                "isVerified": True,
                "supportedServices": ["Email", "OfficeCommunicationsOnline"],
            }
        )
        for name in (DOMAIN, "contoso.com")
    ),
)

KINDS = (PARTNERS, PERMISSION_GRANTS, APP_MANAGEMENT, DEFAULT_APP_MANAGEMENT, PRE_APPROVALS, DOMAINS)
