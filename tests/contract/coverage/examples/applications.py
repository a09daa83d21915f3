"""What applications have below them, policies about them, agents, and the application proxy."""

from tests.contract.coverage.example import Example
from tests.contract.coverage.examples.first import APPLICATION, GROUP, PRINCIPAL, USER

_BLUEPRINT = "b0000000-0000-4000-8000-000000000001"
_AGENT = "b0000000-0000-4000-8000-000000000002"
_DELETED_APPLICATION = "b0000000-0000-4000-8000-000000000003"
_DELETED_PRINCIPAL = "b0000000-0000-4000-8000-000000000004"
_TEAM = "b0000000-0000-4000-8000-000000000005"
_DESKTOP = "b0000000-0000-4000-8000-000000000006"
_PROXY_APP = "b0000000-0000-4000-8000-000000000007"
_GRAPH = "00000003-0000-0000-c000-000000000000"
_APPLIED = (
    ("appManagementPolicies", "applications", APPLICATION),
    ("claimsMappingPolicies", "servicePrincipals", PRINCIPAL),
    ("tokenIssuancePolicies", "applications", APPLICATION),
    ("tokenLifetimePolicies", "servicePrincipals", PRINCIPAL),
)
_RESTRICTIONS = {
    "passwordCredentials": [
        {"restrictionType": "passwordAddition", "maxLifetime": None, "restrictForAppsCreatedAfterDateTime": None}
    ],
    "keyCredentials": [],
}
_CONDITIONS = {
    "id": "cb0c20dd-919d-40c5-ba6d-7ffb233b4b0b",
    "permissionClassification": "low",
    "permissionType": "delegated",
    "resourceApplication": "any",
    "permissions": ["all"],
    "clientApplicationIds": ["all"],
    "clientApplicationTenantIds": ["all"],
    "clientApplicationPublisherIds": ["all"],
    "clientApplicationsFromVerifiedPublisherOnly": True,
}


def _policy(number: int) -> str:
    return f"b0000000-0000-4000-8000-0000000001{number:02}"


def _applied() -> tuple[Example, ...]:
    """Return an example of each kind of policies, linked from an object that it applies to."""
    examples: list[Example] = []
    for number, (name, kind, target) in enumerate(_APPLIED):
        own: dict[str, object] = {"restrictions": _RESTRICTIONS, "isEnabled": True, "description": None}
        if number:
            own = {"definition": ['{"TokenLifetimePolicy":{"Version":1}}'], "isOrganizationDefault": False}
        policy = {"id": _policy(number), "deletedDateTime": None, "displayName": f"Policy {number}", **own}
        link = Example(f"{name}.appliesTo", f"{kind}/{target}/{name}", {"id": _policy(number)}, shown={"id": target})
        examples += [Example(name, f"policies/{name}", policy), link]
    return tuple(examples)


EXAMPLES = (
    *_applied(),
    Example("", "applications", {"id": _DELETED_APPLICATION, "appId": _DELETED_APPLICATION, "displayName": "Old"}),
    Example(
        "applications.deleted",
        f"applications/{_DELETED_APPLICATION}",
        {},
        op="delete",
        shown={"id": _DELETED_APPLICATION, "displayName": "Old"},
    ),
    Example(
        "",
        "servicePrincipals",
        {
            "id": _DELETED_PRINCIPAL,
            "appId": _DELETED_PRINCIPAL,
            "displayName": "Old",
            "servicePrincipalType": "Application",
        },
    ),
    Example(
        "servicePrincipals.deleted",
        f"servicePrincipals/{_DELETED_PRINCIPAL}",
        {},
        op="delete",
        shown={"id": _DELETED_PRINCIPAL, "displayName": "Old"},
    ),
    Example(
        "permissionGrantPolicies",
        "policies/permissionGrantPolicies",
        {
            "id": "low-risk",
            "displayName": "Low risk",
            "description": "All low risk permissions are consentable by members.",
            "includes": [_CONDITIONS],
            "excludes": [],
        },
    ),
    Example(
        "permissionGrantPreApprovalPolicies",
        "policies/permissionGrantPreApprovalPolicies",
        {
            "id": _policy(20),
            "deletedDateTime": None,
            "conditions": [
                {
                    "scopeType": "group",
                    "sensitivityLabels": {"@odata.type": "#microsoft.graph.allScopeSensitivityLabels"},
                    "permissions": {"@odata.type": "#microsoft.graph.allPreApprovedPermissions"},
                }
            ],
        },
    ),
    Example(
        "defaultAppManagementPolicy",
        "policies/defaultAppManagementPolicy",
        {"isEnabled": True, "applicationRestrictions": _RESTRICTIONS},
        op="update",
    ),
    Example(
        "adminConsentRequestPolicy",
        "policies/adminConsentRequestPolicy",
        {
            "isEnabled": True,
            "notifyReviewers": True,
            "requestDurationInDays": 14,
            "reviewers": [{"query": f"/users/{USER}", "queryType": "MicrosoftGraph", "queryRoot": None}],
        },
        op="update",
    ),
    Example(
        "applications.federatedIdentityCredentials",
        f"applications/{APPLICATION}/federatedIdentityCredentials",
        {
            "id": "d9b7bf1e-429e-4678-8132-9b00c9846cc4",
            "name": "deploy",
            "issuer": "https://token.actions.githubusercontent.com",
            "subject": "repo:contoso/payroll:environment:production",
            "description": None,
            "audiences": ["api://AzureADTokenExchange"],
        },
    ),
    Example(
        "applications.extensionProperties",
        f"applications/{APPLICATION}/extensionProperties",
        {
            "id": "da38c7b1-133e-4a79-abcd-e2fd586ce621",
            "deletedDateTime": None,
            "appDisplayName": "",
            "dataType": "String",
            "isSyncedFromOnPremises": False,
            "name": "extension_25883231668a43a780b25685c3f874bc_jobGroup",
            "targetObjects": ["User"],
        },
    ),
    Example(
        "applications.logo",
        f"applications/{APPLICATION}/logo/logo",
        {"contentType": "image/png", "contentBytes": "iVBORw0KGgo="},
        shown={"contentType": "image/png", "contentBytes": "iVBORw0KGgo="},
    ),
    Example(
        "applications.onPremisesPublishing",
        "applications",
        {
            "id": _PROXY_APP,
            "appId": _PROXY_APP,
            "displayName": "Intranet",
            "onPremisesPublishing": {
                "externalUrl": "https://intranet-contoso.msappproxy.net/",
                "internalUrl": "http://intranet/",
                "externalAuthenticationType": "aadPreAuthentication",
            },
        },
    ),
    Example("", "servicePrincipals", {"id": _DESKTOP, "appId": "a4a365df-50f1-4397-bc59-1a1564b8bb9c"}),
    Example(
        "servicePrincipals.remoteDesktopSecurityConfiguration",
        f"servicePrincipals/{_DESKTOP}/remoteDesktopSecurityConfiguration",
        {
            "id": _DESKTOP,
            "isRemoteDesktopProtocolEnabled": True,
            "targetDeviceGroups": [{"id": GROUP, "displayName": "All"}],
        },
    ),
    Example(
        "servicePrincipals.delegatedPermissionClassifications",
        f"servicePrincipals/{PRINCIPAL}/delegatedPermissionClassifications",
        {
            "id": "QUjntFaVt0OuQYDB8CfOaQE",
            "permissionId": "205e70e5-aba6-4c52-a976-6d2d46c48043",
            "permissionName": "Sites.Read.All",
            "classification": "low",
        },
    ),
    Example(
        "servicePrincipals.customSecurityAttributes",
        "servicePrincipals",
        {
            "id": "b0000000-0000-4000-8000-000000000008",
            "appId": "b0000000-0000-4000-8000-000000000009",
            "displayName": "Ledger",
            "servicePrincipalType": "Application",
            "customSecurityAttributes": {
                "Engineering": {
                    "@odata.type": "#microsoft.graph.customSecurityAttributeValue",
                    "Project@odata.type": "#Collection(String)",
                    "Project": ["Baker", "Cascade"],
                }
            },
        },
    ),
    Example(
        "servicePrincipals.claimsPolicy",
        f"servicePrincipals/{PRINCIPAL}/claimsPolicy",
        {
            "id": "aab575d7-9a6d-4bd4-b7e6-dbd0e0ddc4b4",
            "includeBasicClaimSet": True,
            "includeApplicationIdInIssuer": False,
            "audienceOverride": None,
            "groupFilter": None,
            "claims": [],
        },
    ),
    Example(
        "",
        "groups",
        {
            "id": _TEAM,
            "displayName": "Sales",
            "mailEnabled": True,
            "mailNickname": "sales",
            "securityEnabled": False,
            "resourceProvisioningOptions": ["Team"],
        },
    ),
    Example(
        "groups.permissionGrants",
        f"groups/{_TEAM}/permissionGrants",
        {
            "id": "ZfwbxSIj9OGOBxsBmwY555mOHr_W6qN7LEbFYIIcM5A",
            "deletedDateTime": None,
            "clientId": PRINCIPAL,
            "clientAppId": "fdebf36e-8b3a-4b00-99fb-2e4d1da706d6",
            "resourceAppId": _GRAPH,
            "permissionType": "Application",
            "permission": "TeamMember.Read.Group",
        },
    ),
    Example(
        "agentIdentityBlueprints",
        "applications/microsoft.graph.agentIdentityBlueprint",
        {
            "id": _BLUEPRINT,
            "appId": "b0000000-0000-4000-8000-00000000000a",
            "displayName": "Invoice agents",
            "signInAudience": "AzureADMyOrg",
            "tags": [],
        },
    ),
    Example(
        "agentIdentityBlueprints.sponsors",
        f"applications/{_BLUEPRINT}/microsoft.graph.agentIdentityBlueprint/sponsors",
        {"@odata.type": "#microsoft.graph.user", "id": USER},
        shown={"id": USER},
    ),
    Example(
        "agentIdentityBlueprints.inheritablePermissions",
        f"applications/{_BLUEPRINT}/microsoft.graph.agentIdentityBlueprint/inheritablePermissions",
        {
            "resourceAppId": _GRAPH,
            "inheritableScopes": {"@odata.type": "#microsoft.graph.allAllowedScopes", "kind": "allAllowed"},
        },
    ),
    Example(
        "agentIdentityBlueprintPrincipals",
        "servicePrincipals/microsoft.graph.agentIdentityBlueprintPrincipal",
        {
            "id": "b0000000-0000-4000-8000-00000000000b",
            "appId": "b0000000-0000-4000-8000-00000000000a",
            "displayName": "Invoice agents",
            "servicePrincipalType": "Application",
        },
    ),
    Example(
        "agentIdentities",
        "servicePrincipals/microsoft.graph.agentIdentity",
        {
            "id": _AGENT,
            "displayName": "Invoice agent 1",
            "agentIdentityBlueprintId": "b0000000-0000-4000-8000-00000000000a",
            "accountEnabled": True,
            "servicePrincipalType": "ServiceIdentity",
        },
    ),
    Example(
        "agentIdentities.sponsors",
        f"servicePrincipals/{_AGENT}/microsoft.graph.agentIdentity/sponsors",
        {"@odata.type": "#microsoft.graph.user", "id": USER},
        shown={"id": USER},
    ),
    Example(
        "certificateBasedApplicationConfigurations",
        "directory/certificateAuthorities/certificateBasedApplicationConfigurations",
        {
            "id": _policy(21),
            "deletedDateTime": None,
            "displayName": "Trusted issuers",
            "description": "Issuers of certificates for applications",
            "trustedCertificateAuthorities": [
                {"id": _policy(22), "isRootAuthority": True, "certificate": "Q0E=", "issuer": "CN=Contoso"}
            ],
        },
    ),
)
