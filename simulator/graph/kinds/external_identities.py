"""User flows, identity providers, and what external identities meet when they sign up and sign in."""

from simulator.graph.kinds import properties
from simulator.graph.kinds.building import below, child, collection, file, only, permitted
from simulator.graph.kinds.model import Relation

_FLOWS = permitted("IdentityUserFlow.Read.All", "IdentityUserFlow.ReadWrite.All")
_PROVIDERS = permitted("IdentityProvider.Read.All", "IdentityProvider.ReadWrite.All")
_EVENTS = permitted("EventListener.Read.All", "EventListener.ReadWrite.All")
_FLOW = "id userFlowType userFlowTypeVersion"

PROVIDERS = collection(
    "identity/identityProviders",
    "identityProviderBase",
    """
    @odata.type id certificateData clientAuthentication clientId clientSecret developerId displayName identityProviderType
    inboundClaimMapping issuer keyId responseType scope serviceId wellKnownEndpoint
    """,
    _PROVIDERS,
    types=("appleManagedIdentityProvider", "builtInIdentityProvider", "oidcIdentityProvider", "socialIdentityProvider"),
    initial=(
        {
            "@odata.type": "#microsoft.graph.builtInIdentityProvider",
            "id": "AADSignup-OAUTH",
            "identityProviderType": "AADSignup",
            "displayName": "Azure Active Directory Sign up",
        },
    ),
)
ATTRIBUTES = collection(
    "identity/userFlowAttributes",
    "identityUserFlowAttribute",
    "@odata.type id dataType description displayName userFlowAttributeType",
    _FLOWS,
    types=("identityBuiltInUserFlowAttribute", "identityCustomUserFlowAttribute"),
    initial=tuple(
        {
            "@odata.type": "#microsoft.graph.identityBuiltInUserFlowAttribute",
            "id": name,
            "displayName": shown,
            "description": f"{shown} of the user",
            "userFlowAttributeType": "builtIn",
            "dataType": "string",
        }
        for name, shown in (("city", "City"), ("country", "Country/Region"))
    ),
)
CONNECTORS = collection(
    "identity/apiConnectors",
    "identityApiConnector",
    "id authenticationConfiguration displayName targetUrl",
    permitted("APIConnectors.ReadWrite.All", "APIConnectors.ReadWrite.All"),
)
ASSIGNMENTS = child(
    "userAttributeAssignments",
    "identityUserFlowAttributeAssignment",
    "id displayName isOptional requiresVerification userAttributeValues userInputType",
    embedded=("userAttribute",),
)
LANGUAGES = child("languages", "userFlowLanguageConfiguration", "id displayName isEnabled")
CONNECTOR_CONFIGURATION = child("apiConnectorConfiguration", "userFlowApiConnectorConfiguration", "")
GUEST_FLOWS = collection(
    "identity/b2xUserFlows",
    "b2xIdentityUserFlow",
    _FLOW,
    _FLOWS,
    Relation("userFlowIdentityProviders", 1, targets=("identity/identityProviders",)),
    below(ASSIGNMENTS),
    below(CONNECTOR_CONFIGURATION, to_one=True),
    below(LANGUAGES),
    initial=({"id": "B2X_1_Guests", "userFlowType": "signUpOrSignIn", "userFlowTypeVersion": 1},),
)
CUSTOMER_FLOWS = collection("identity/b2cUserFlows", "b2cIdentityUserFlow", _FLOW, _FLOWS)
EXTENSIONS = collection(
    "identity/customAuthenticationExtensions",
    "customAuthenticationExtension",
    """
    @odata.type id authenticationConfiguration behaviorOnError claimsForTokenConfiguration clientConfiguration description
    displayName endpointConfiguration
    """,
    permitted("CustomAuthenticationExtension.Read.All", "CustomAuthenticationExtension.ReadWrite.All"),
    types=(
        "onAttributeCollectionStartCustomExtension",
        "onAttributeCollectionSubmitCustomExtension",
        "onOtpSendCustomExtension",
        "onTokenIssuanceStartCustomExtension",
    ),
)
LISTENERS = collection(
    "identity/authenticationEventListeners",
    "authenticationEventListener",
    "@odata.type id authenticationEventsFlowId conditions handler",
    _EVENTS,
    types=(
        "onAttributeCollectionStartListener",
        "onAttributeCollectionSubmitListener",
        "onEmailOtpSendListener",
        "onTokenIssuanceStartListener",
    ),
)
EVENTS_FLOWS = collection(
    "identity/authenticationEventsFlows",
    "authenticationEventsFlow",
    """
    @odata.type id conditions description displayName onAttributeCollection onAuthenticationMethodLoadStart
    onInteractiveAuthFlowStart onUserCreateStart priority
    """,
    _EVENTS,
    types=("externalUsersSelfServiceSignUpEventsFlow",),
)
FEDERATIONS = collection(
    "directory/federationConfigurations/microsoft.graph.samlOrWsFedExternalDomainFederation",
    "samlOrWsFedExternalDomainFederation",
    """
    @odata.type id displayName domains issuerUri metadataExchangeUri passiveSignInUri preferredAuthenticationProtocol
    signingCertificate
    """,
    _PROVIDERS,
)
VERIFIED_PROFILES = collection(
    "identity/verifiedId/profiles",
    "verifiedIdProfile",
    """
    id description faceCheckConfiguration lastModifiedDateTime name priority state verifiedIdProfileConfiguration
    verifiedIdUsageConfigurations verifierDid
    """,
    permitted("VerifiedId-Profile.Read.All"),
)
POLICY = only(
    "policies/externalIdentitiesPolicy",
    "externalIdentitiesPolicy",
    "id allowDeletedIdentitiesDataRemoval allowExternalIdentitiesToLeave deletedDateTime displayName",
    permitted("Policy.Read.All", "Policy.ReadWrite.ExternalIdentities"),
    {
        "displayName": "External Identities Policy",
        "deletedDateTime": None,
        "allowExternalIdentitiesToLeave": True,
        "allowDeletedIdentitiesDataRemoval": False,
    },
)
B2B_POLICIES = collection(
    "policies/b2bManagementPolicies",
    "b2bManagementPolicy",
    properties.DEFINED,
    permitted("Policy.Read.B2BManagementPolicy", "Policy.ReadWrite.B2BManagementPolicy"),
    initial=(
        {
            "id": "7d5d5ad8-2a0e-4d51-9c8e-5a3c1de0a4b2",
            "displayName": "B2BManagementPolicy",
            "definition": [
                '{"B2BManagementPolicy":{"InvitationsAllowedAndBlockedDomainsPolicy":{"BlockedDomains":[]}}}'
            ],
            "isOrganizationDefault": True,
            "deletedDateTime": None,
        },
    ),
)
TRUST_FRAMEWORK = collection(
    "trustFramework/policies",
    "trustFrameworkPolicy",
    "id",
    permitted("Policy.Read.All", "Policy.ReadWrite.TrustFramework"),
    file("$value"),
)
PROFILES = collection(
    "directory/externalUserProfiles",
    "externalUserProfile",
    """
    id address companyName createdBy createdDateTime deletedDateTime department displayName isDiscoverable isEnabled jobTitle
    phoneNumber supervisorId
    """,
    permitted("ExternalUserProfile.Read.All", "ExternalUserProfile.ReadWrite.All"),
)

KINDS = (
    PROVIDERS,
    ATTRIBUTES,
    CONNECTORS,
    GUEST_FLOWS,
    CUSTOMER_FLOWS,
    EXTENSIONS,
    LISTENERS,
    EVENTS_FLOWS,
    FEDERATIONS,
    VERIFIED_PROFILES,
    POLICY,
    B2B_POLICIES,
    TRUST_FRAMEWORK,
    PROFILES,
)
