"""Access between directories, user flows, and what external identities meet when they sign up and sign in."""

import base64

from tests.contract.coverage.example import Example

_POLICY, _IDENTITY = "policies/crossTenantAccessPolicy", "identity"
_GOVERNANCE = "directory/tenantGovernance"
_PARTNER = "9c5d131d-b1c3-4fc4-9e3f-c6557947d551"
_FLOW = "B2X_1_PartnerSignUp"
_CONNECTOR = "45715bb8-13f9-4bf6-927f-ef96c102d394"
_EXTENSION = "b4100000-0000-4000-8000-000000000001"
_EVENTS_FLOW = "b4100000-0000-4000-8000-000000000002"
_APP_ID = "a0000000-0000-4000-8000-0000000000aa"
_CONDITIONS = {"applications": {"includeAllApplications": False, "includeApplications": [{"appId": _APP_ID}]}}
_MEMBER = "b4100000-0000-4000-8000-000000000003"
_CONNECTED = {
    "id": _CONNECTOR,
    "displayName": "Test API",
    "targetUrl": "https://someapi.com/api",
    "authenticationConfiguration": {
        "@odata.type": "#microsoft.graph.basicAuthentication",
        "username": "MyUsername",
        "password": "******",
    },
}
_ACCESS = {
    "usersAndGroups": {"accessType": "allowed", "targets": [{"target": "AllUsers", "targetType": "user"}]},
    "applications": {"accessType": "allowed", "targets": [{"target": "Office365", "targetType": "application"}]},
}
_XML = b'<TrustFrameworkPolicy PolicyId="B2C_1A_Base" \xc3\xbc/>\r\n'

EXAMPLES = (
    Example(
        "crossTenantAccessPolicy",
        _POLICY,
        {"displayName": "CrossTenantAccessPolicy", "allowedCloudEndpoints": ["microsoftonline.us"]},
    ),
    Example(
        "crossTenantAccessPolicyDefault",
        f"{_POLICY}/default",
        {
            "isServiceDefault": False,
            "inboundTrust": {"isMfaAccepted": True, "isCompliantDeviceAccepted": False},
            "b2bCollaborationInbound": _ACCESS,
            "b2bDirectConnectInbound": None,
        },
    ),
    Example(
        "crossTenantAccessPolicyPartners",
        f"{_POLICY}/partners/{_PARTNER}",
        {"tenantId": _PARTNER, "inboundTrust": None, "b2bDirectConnectInbound": _ACCESS},
    ),
    Example(
        "crossTenantAccessPolicyPartners.identitySynchronization",
        f"{_POLICY}/partners/{_PARTNER}/identitySynchronization",
        {"tenantId": _PARTNER, "displayName": "Fabrikam", "userSyncInbound": {"isSyncAllowed": True}},
    ),
    Example(
        "multiTenantOrganizationPartnerTemplate",
        f"{_POLICY}/templates/multiTenantOrganizationPartnerConfiguration",
        {
            "id": "multiTenantOrganizationPartnerConfiguration",
            "templateApplicationLevel": "newPartners,existingPartners",
            "inboundTrust": {"isMfaAccepted": True},
        },
    ),
    Example(
        "multiTenantOrganizationSyncTemplate",
        f"{_POLICY}/templates/multiTenantOrganizationIdentitySynchronization",
        {
            "id": "multiTenantOrganizationIdentitySynchronization",
            "displayName": "All",
            "templateApplicationLevel": "none",
            "userSyncInbound": {"isSyncAllowed": True},
        },
    ),
    Example(
        "multiTenantOrganization",
        "tenantRelationships/multiTenantOrganization",
        {
            "id": "b4100000-0000-4000-8000-000000000004",
            "createdDateTime": "2023-04-05T08:27:10Z",
            "displayName": "Contoso group",
            "description": "All of us",
            "state": "active",
        },
    ),
    Example(
        "multiTenantOrganization.tenants",
        f"tenantRelationships/multiTenantOrganization/tenants/{_MEMBER}",
        {
            "tenantId": _MEMBER,
            "displayName": "Contoso Labs",
            "role": "member",
            "state": "active",
            "addedDateTime": "2023-04-05T08:27:10Z",
            "joinedDateTime": None,
            "addedByTenantId": _PARTNER,
            "transitionDetails": None,
        },
    ),
    Example(
        "tenantGovernanceRelationships",
        f"{_GOVERNANCE}/governanceRelationships",
        {
            "id": "b4100000-0000-4000-8000-000000000005",
            "governingTenantId": _PARTNER,
            "governedTenantId": _MEMBER,
            "status": "active",
        },
    ),
    Example(
        "tenantGovernancePolicyTemplates",
        f"{_GOVERNANCE}/governancePolicyTemplates",
        {"id": "b4100000-0000-4000-8000-000000000006", "displayName": "Default", "version": "1"},
    ),
    Example(
        "tenantGovernanceSettings",
        f"{_GOVERNANCE}/settings",
        {"id": "settings", "canReceiveInvitations": False, "isRelatedTenantsEnabled": True},
    ),
    Example(
        "identityProviders",
        f"{_IDENTITY}/identityProviders",
        {
            "@odata.type": "#microsoft.graph.socialIdentityProvider",
            "id": "Facebook-OAUTH",
            "displayName": "Facebook",
            "identityProviderType": "Facebook",
            "clientId": "test",
            "clientSecret": "******",
        },
    ),
    Example(
        "userFlowAttributes",
        f"{_IDENTITY}/userFlowAttributes",
        {
            "id": "extension_d09380e2b4c642b9a203fb816a04a7ad_Hobby",
            "displayName": "Hobby",
            "description": "Your hobby",
            "userFlowAttributeType": "custom",
            "dataType": "string",
        },
    ),
    Example("apiConnectors", f"{_IDENTITY}/apiConnectors", _CONNECTED),
    Example(
        "b2xUserFlows",
        f"{_IDENTITY}/b2xUserFlows",
        {"id": _FLOW, "userFlowType": "signUpOrSignIn", "userFlowTypeVersion": 1},
    ),
    Example(
        "b2xUserFlows.identityProviders",
        f"{_IDENTITY}/b2xUserFlows/{_FLOW}/userFlowIdentityProviders",
        {"@odata.type": "#microsoft.graph.socialIdentityProvider", "id": "Facebook-OAUTH"},
        shown={"id": "Facebook-OAUTH"},
    ),
    Example(
        "b2xUserFlows.userAttributeAssignments",
        f"{_IDENTITY}/b2xUserFlows/{_FLOW}/userAttributeAssignments",
        {
            "id": "city",
            "isOptional": False,
            "requiresVerification": False,
            "userInputType": "RadioSingleSelect",
            "displayName": "City",
            "userAttributeValues": [{"name": "S", "value": "1", "isDefault": True}],
            "userAttribute": {"id": "city", "displayName": "City", "userFlowAttributeType": "builtIn"},
        },
    ),
    Example(
        "b2xUserFlows.apiConnectorConfiguration",
        f"{_IDENTITY}/b2xUserFlows/{_FLOW}/apiConnectorConfiguration",
        {"postFederationSignup": _CONNECTED, "postAttributeCollection": None},
    ),
    Example(
        "b2xUserFlows.languages",
        f"{_IDENTITY}/b2xUserFlows/{_FLOW}/languages",
        {"id": "en", "isEnabled": True, "displayName": "English"},
    ),
    Example(
        "b2cUserFlows",
        f"{_IDENTITY}/b2cUserFlows",
        {"id": "B2C_1_Customer", "userFlowType": "signUp", "userFlowTypeVersion": 1},
    ),
    Example(
        "customAuthenticationExtensions",
        f"{_IDENTITY}/customAuthenticationExtensions",
        {
            "@odata.type": "#microsoft.graph.onTokenIssuanceStartCustomExtension",
            "id": _EXTENSION,
            "displayName": "Add claims",
            "description": "Fetches claims",
            "authenticationConfiguration": {
                "@odata.type": "#microsoft.graph.azureAdTokenAuthentication",
                "resourceId": f"api://authenticationeventsapi.contoso.com/{_APP_ID}",
            },
            "endpointConfiguration": {
                "@odata.type": "#microsoft.graph.httpRequestEndpoint",
                "targetUrl": "https://authenticationeventsapi.contoso.com",
            },
            "claimsForTokenConfiguration": [{"claimIdInApiResponse": "DateOfBirth"}],
        },
    ),
    Example(
        "authenticationEventListeners",
        f"{_IDENTITY}/authenticationEventListeners",
        {
            "@odata.type": "#microsoft.graph.onTokenIssuanceStartListener",
            "id": "b4100000-0000-4000-8000-000000000007",
            "authenticationEventsFlowId": None,
            "conditions": _CONDITIONS,
            "handler": {
                "@odata.type": "#microsoft.graph.onTokenIssuanceStartCustomExtensionHandler",
                "customExtension": {"id": _EXTENSION},
            },
        },
    ),
    Example(
        "authenticationEventsFlows",
        f"{_IDENTITY}/authenticationEventsFlows",
        {
            "@odata.type": "#microsoft.graph.externalUsersSelfServiceSignUpEventsFlow",
            "id": _EVENTS_FLOW,
            "displayName": "Woodgrove sign-up",
            "description": "For the drive app",
            "conditions": _CONDITIONS,
            "onInteractiveAuthFlowStart": {"isSignUpAllowed": True},
        },
    ),
    Example(
        "federationConfigurations",
        "directory/federationConfigurations/microsoft.graph.samlOrWsFedExternalDomainFederation",
        {
            "id": "96db02e2-80c1-5555-bc3a-de92ffb8c5be",
            "displayName": "Contoso",
            "issuerUri": "http://contoso.com/adfs/services/trust",
            "metadataExchangeUri": None,
            "signingCertificate": "MIIC6DCCAdCgAwIBAgIQQ6vYJIVKQ",
            "passiveSignInUri": "https://contoso.com/adfs/ls/",
            "preferredAuthenticationProtocol": "saml",
            "domains": [{"id": "contoso.com"}],
        },
    ),
    Example(
        "verifiedIdProfiles",
        f"{_IDENTITY}/verifiedId/profiles",
        {
            "id": "b4100000-0000-4000-8000-000000000008",
            "name": "Face check",
            "description": "Recovery",
            "state": "enabled",
            "verifierDid": "did:web:contoso.com",
            "priority": 0,
            "lastModifiedDateTime": "2025-08-24T17:59:03Z",
        },
    ),
    Example(
        "externalIdentitiesPolicy",
        "policies/externalIdentitiesPolicy",
        {
            "id": "externalIdentitiesPolicy",
            "displayName": "External Identities Policy",
            "allowExternalIdentitiesToLeave": False,
            "allowDeletedIdentitiesDataRemoval": True,
        },
    ),
    Example(
        "b2bManagementPolicies",
        "policies/b2bManagementPolicies",
        {
            "id": "b4100000-0000-4000-8000-000000000009",
            "displayName": "B2BManagementPolicy",
            "definition": ['{"B2BManagementPolicy":{"Version":"1.0"}}'],
            "isOrganizationDefault": True,
        },
    ),
    Example("trustFrameworkPolicies", "trustFramework/policies", {"id": "B2C_1A_Base"}),
    Example(
        "trustFrameworkPolicies.content",
        "trustFramework/policies/B2C_1A_Base/$value",
        {"contentType": "application/xml", "contentBytes": base64.b64encode(_XML).decode()},
        shown={"contentType": "application/xml", "contentBytes": base64.b64encode(_XML).decode()},
    ),
    Example(
        "externalUserProfiles",
        "directory/externalUserProfiles",
        {
            "id": "b4100000-0000-4000-8000-00000000000a",
            "displayName": "Eve",
            "companyName": "Fabrikam",
            "isEnabled": True,
        },
    ),
)
