"""Sign-up and sign-in of guests and customers: extensions, listeners, federations, profiles and policies.

(Graph reference: customAuthenticationExtension, authenticationEventListener, authenticationEventsFlow,
samlOrWsFedExternalDomainFederation, verifiedIdProfile, externalIdentitiesPolicy, b2bManagementPolicy,
trustFrameworkPolicy, externalUserProfile.)
"""

from shared.domain.resources.restoring import Bin, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, below, listed, single
from shared.domain.resources.table import Children, Reference, ReferenceKind, Resource, Switch

_EXTENSIONS = "/identity/customAuthenticationExtensions"
_LISTENERS, _FLOWS = "/identity/authenticationEventListeners", "/identity/authenticationEventsFlows"
_CAST = "microsoft.graph.samlOrWsFedExternalDomainFederation"
_FEDERATIONS = "/directory/federationConfigurations"
_POLICY, _PROFILES = "/policies/externalIdentitiesPolicy", "/directory/externalUserProfiles"
_TRUST = "/trustFramework/policies"
_EXTENSION = """
    authenticationConfiguration behaviorOnError claimsForTokenConfiguration clientConfiguration description displayName
    endpointConfiguration
"""
_FLOW = """
    conditions description displayName onAttributeCollection onAuthenticationMethodLoadStart onInteractiveAuthFlowStart
    onUserCreateStart priority
"""
_FEDERATION = """
    displayName issuerUri metadataExchangeUri passiveSignInUri preferredAuthenticationProtocol signingCertificate
"""
_PROFILE = """
    address companyName department displayName isDiscoverable isEnabled jobTitle phoneNumber supervisorId
"""
_VERIFIED = """
    description faceCheckConfiguration lastModifiedDateTime name priority state verifiedIdProfileConfiguration
    verifiedIdUsageConfigurations verifierDid
"""
_POLICY_SWITCHES = ("allowDeletedIdentitiesDataRemoval", "allowExternalIdentitiesToLeave")
_APPLICATIONS = Reference(
    path="conditions.applications.includeApplications.appId",
    resources=("servicePrincipals", "applications"),
    kind=ReferenceKind.APP_ID,
)


def _row(
    name: str,
    path: str,
    restoring: Restoring,
    properties: str,
    *,
    permissions: tuple[str, str],
    references: tuple[Reference, ...] = (),
    volatile: tuple[str, ...] = (),
    beta: bool = False,
) -> Resource:
    """Return a resource, with its permissions to read and to write."""
    return Resource(
        resource=name,
        family="external-identities",
        path=path,
        api="beta" if beta else "v1.0",
        permission_read=permissions[0],
        permission_write=permissions[1],
        licence="none",
        properties=tuple(properties.split()),
        volatile=volatile,
        references=references,
        restoring=restoring,
        switch=Switch.BETA if beta else Switch.STANDARD,
    )


def _both(name: str) -> tuple[str, str]:
    """Return the permissions to read and to write everything of a name."""
    return f"{name}.Read.All", f"{name}.ReadWrite.All"


_RESTORE_EXTENSIONS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=12,
    collection=_EXTENSIONS,
    item=f"{_EXTENSIONS}/{{id}}",
    required=("authenticationConfiguration", "displayName", "endpointConfiguration"),
    writable=tuple(_EXTENSION.split()),
    typed=True,
    whole=tuple(name for name in _EXTENSION.split() if name.endswith("Configuration")),
    not_cleared=("authenticationConfiguration", "displayName", "endpointConfiguration"),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    brief="the API that it calls stays outside",
    catches=("The API must exist, and its application must accept the token that the extension sends.",),
)

_RESTORE_LISTENERS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=14,
    collection=_LISTENERS,
    item=f"{_LISTENERS}/{{id}}",
    required=("conditions", "handler"),
    writable=("conditions", "handler"),
    create_only=("authenticationEventsFlowId",),
    typed=True,
    whole=("conditions", "handler"),
    not_cleared=("conditions", "handler"),
    create=SafeCreate.LISTED,
    identified_by=("conditions",),
)

_RESTORE_FLOWS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=13,
    collection=_FLOWS,
    item=f"{_FLOWS}/{{id}}",
    required=("displayName",),
    writable=tuple(_FLOW.split()),
    typed=True,
    whole=("conditions",),
    not_cleared=("displayName",),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    brief="identity providers of the flow must exist",
    catches=("Only external directories have such flows.",),
)

_RESTORE_FEDERATIONS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=11,
    collection=f"{_FEDERATIONS}/{_CAST}",
    item=f"{_FEDERATIONS}/{{id}}/{_CAST}",
    required=("domains", "issuerUri", "passiveSignInUri", "preferredAuthenticationProtocol", "signingCertificate"),
    writable=tuple(_FEDERATION.split()),
    create_only=("domains",),
    not_cleared=("issuerUri", "passiveSignInUri", "preferredAuthenticationProtocol", "signingCertificate"),
    create=SafeCreate.LISTED,
    identified_by=("issuerUri",),
    catches=("The certificate in the snapshot may have ended since: the other organization has the current one.",),
)

_RESTORE_VERIFIED = Restoring(
    kind=RestoreKind.ADMINISTRATOR,
    stage=13,
    by_administrator=tuple(name for name in _VERIFIED.split() if name != "lastModifiedDateTime"),
    catches=("Authorities and contracts of Verified ID have an API of their own, and are not part of the backup.",),
)

_RESTORE_POLICY = Restoring(kind=RestoreKind.SINGLETON, stage=14, item=_POLICY, writable=_POLICY_SWITCHES)

_RESTORE_B2B = Restoring(
    kind=RestoreKind.OBJECT,
    stage=14,
    item="/policies/b2bManagementPolicies/{id}",
    writable=("definition", "displayName"),
    not_cleared=("definition", "displayName"),
    create=SafeCreate.NEVER,
    catches=("The policy allows or denies guests of domains. It says nothing about guests who are there already.",),
)

_RESTORE_TRUST = Restoring(
    kind=RestoreKind.ADMINISTRATOR,
    stage=13,
    by_hand="Graph takes the policy as a file of XML",
    brief="keys are lost",
    catches=("Keys and secrets that a policy uses are in key sets, which Graph does not give back.",),
)

_RESTORE_PROFILES = Restoring(
    kind=RestoreKind.OBJECT,
    stage=5,
    item=f"{_PROFILES}/{{id}}",
    writable=tuple(_PROFILE.split()),
    whole=("address",),
    not_cleared=("displayName",),
    create=SafeCreate.NEVER,
    bin=Bin(path="/directory/deletedItems/microsoft.graph.externalUserProfile"),
    catches=("Profiles come from shared channels of Teams. Those that are gone for good are invited again.",),
)

_TRUST_PERMISSIONS = ("Policy.Read.All", "Policy.ReadWrite.TrustFramework")

_ROWS: tuple[Row, ...] = (
    listed(
        _row(
            "customAuthenticationExtensions",
            _EXTENSIONS,
            _RESTORE_EXTENSIONS,
            f"@odata.type id {_EXTENSION}",
            permissions=_both("CustomAuthenticationExtension"),
            references=(
                Reference(
                    path="authenticationConfiguration.resourceId",
                    resources=("applications", "servicePrincipals"),
                    kind=ReferenceKind.TEXT,
                ),
            ),
        )
    ),
    listed(
        _row(
            "authenticationEventsFlows",
            _FLOWS,
            _RESTORE_FLOWS,
            f"@odata.type id {_FLOW}",
            permissions=_both("EventListener"),
            references=(_APPLICATIONS,),
        )
    ),
    listed(
        _row(
            "authenticationEventListeners",
            _LISTENERS,
            _RESTORE_LISTENERS,
            "@odata.type id authenticationEventsFlowId conditions handler",
            permissions=_both("EventListener"),
            references=(
                _APPLICATIONS,
                Reference(path="authenticationEventsFlowId", resources=("authenticationEventsFlows",)),
                Reference(path="handler.customExtension.id", resources=("customAuthenticationExtensions",)),
            ),
        )
    ),
    listed(
        _row(
            "federationConfigurations",
            f"{_FEDERATIONS}/{_CAST}",
            _RESTORE_FEDERATIONS,
            f"@odata.type id domains {_FEDERATION}",
            permissions=_both("IdentityProvider"),
        )
    ),
    listed(
        _row(
            "verifiedIdProfiles",
            "/identity/verifiedId/profiles",
            _RESTORE_VERIFIED,
            f"id {_VERIFIED}",
            permissions=("VerifiedId-Profile.Read.All", ""),
            volatile=("lastModifiedDateTime",),
        )
    ),
    single(
        _row(
            "externalIdentitiesPolicy",
            _POLICY,
            _RESTORE_POLICY,
            f"id deletedDateTime displayName {' '.join(_POLICY_SWITCHES)}",
            permissions=("Policy.Read.All", "Policy.ReadWrite.ExternalIdentities"),
            beta=True,
        )
    ),
    listed(
        _row(
            "b2bManagementPolicies",
            "/policies/b2bManagementPolicies",
            _RESTORE_B2B,
            "id definition deletedDateTime displayName isOrganizationDefault",
            permissions=("Policy.Read.B2BManagementPolicy", "Policy.ReadWrite.B2BManagementPolicy"),
            beta=True,
        )
    ),
    listed(_row("trustFrameworkPolicies", _TRUST, _RESTORE_TRUST, "id", permissions=_TRUST_PERMISSIONS, beta=True)),
    below(
        _row(
            "trustFrameworkPolicies.content",
            f"{_TRUST}/{{id}}/$value",
            _RESTORE_TRUST,
            "id contentBytes contentType",
            permissions=_TRUST_PERMISSIONS,
            beta=True,
        ),
        Children(owner="trustFrameworkPolicies", segment="$value", links=False, binary=True, name="content"),
        owners=_TRUST,
    ),
    listed(
        _row(
            "externalUserProfiles",
            _PROFILES,
            _RESTORE_PROFILES,
            f"id createdBy createdDateTime deletedDateTime {_PROFILE}",
            permissions=_both("ExternalUserProfile"),
            beta=True,
        )
    ),
)

RESOURCES = tuple(row.resource for row in _ROWS)
STREAMS = tuple(row.stream for row in _ROWS)
