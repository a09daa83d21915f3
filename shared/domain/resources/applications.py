"""Applications with their owners.

Graph tracks owners in no delta, so they are read object by object, in batches. (Graph reference: application,
"application: delta".)
"""

from shared.domain.resources.restoring import Bin, LinkWrite, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.table import Children, Reading, Reference, ReferenceKind, Resource, Stream

_APPLICATION = """
    id addIns api appId applicationTemplateId appRoles authenticationBehaviors certification createdDateTime
    defaultRedirectUri description disabledByMicrosoftStatus displayName groupMembershipClaims identifierUris info
    isDeviceOnlyAuthSupported isFallbackPublicClient keyCredentials managerApplications nativeAuthenticationApisEnabled notes
    optionalClaims parentalControlSettings passwordCredentials publicClient publisherDomain requestSignatureVerification
    requiredResourceAccess samlMetadataUrl serviceManagementReference servicePrincipalLockConfiguration signInAudience spa
    tags tokenEncryptionKeyId uniqueName verifiedPublisher web
"""
_WRITABLE = """
    addIns api appRoles authenticationBehaviors defaultRedirectUri description displayName groupMembershipClaims
    identifierUris info isDeviceOnlyAuthSupported isFallbackPublicClient nativeAuthenticationApisEnabled notes
    optionalClaims parentalControlSettings publicClient requestSignatureVerification requiredResourceAccess
    samlMetadataUrl serviceManagementReference servicePrincipalLockConfiguration signInAudience spa tags
    tokenEncryptionKeyId web
"""
_WHOLE = """
    api authenticationBehaviors info optionalClaims parentalControlSettings publicClient requestSignatureVerification
    servicePrincipalLockConfiguration spa web
"""
_READ, _WRITE = "Application.Read.All", "Application.ReadWrite.All"
_DIRECTORY_APPS = ("servicePrincipals", "applications")

_RESTORE_APPLICATIONS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=3,
    collection="/applications",
    item="/applications/{id}",
    required=("displayName",),
    writable=tuple(_WRITABLE.split()),
    create_only=("uniqueName",),
    alone=("authenticationBehaviors",),
    later=(
        "api.knownClientApplications",
        "api.preAuthorizedApplications",
        "identifierUris",
        "requiredResourceAccess",
    ),
    whole=tuple(_WHOLE.split()),
    parts_by_graph=("appRoles.origin", "info.logoUrl"),
    not_cleared=("displayName", "signInAudience"),
    secret=("keyCredentials", "passwordCredentials"),
    keyed=("tokenEncryptionKeyId",),
    create=SafeCreate.MARK,
    mark="tags",
    bin=Bin(path="/directory/deletedItems/microsoft.graph.application", loses=("its service principal",)),
    restored_elsewhere=("#microsoft.graph.agentIdentityBlueprint",),
    brief="a new appId if created; secrets are lost",
    catches=(
        "Client secrets and private keys cannot be read: the plan lists what must be renewed.",
        "Secrets and certificates that were added after the snapshot are never removed.",
        "An application that is recreated has a new appId, with which its clients must be configured.",
        "The new appId replaces the old one wherever the directory names it.",
        "App roles and scopes keep their ids; an enabled one is disabled before it is changed or removed.",
        "Pre-authorised clients are written after the scopes that they name.",
        "Identifier URIs are written after the service principal, because SAML lets them be on other domains.",
        "A uniqueName can never be changed, and stays taken while its application is in the recycle bin.",
        "The verified publisher and the publisher's domain are set by an administrator.",
        "The logo is not restored.",
        "Blueprints of agents are restored as agentIdentityBlueprints.",
        "Names of directory extensions contain the appId, so their values do not follow a new one.",
        "Policies for application management may refuse audiences.",
    ),
)

_RESTORE_OWNERS = Restoring(
    kind=RestoreKind.LINK,
    stage=7,
    link=LinkWrite(add="/applications/{owner}/owners/$ref", remove="/applications/{owner}/owners/{id}/$ref"),
    catches=("Graph may make the restoring application an owner of what it creates.",),
)

RESOURCES = (
    Resource(
        resource="applications",
        family="applications",
        path="/applications",
        stream="applications",
        permission_read=_READ,
        permission_write=_WRITE,
        licence="none",
        everywhere=True,
        references=(
            Reference(
                path="requiredResourceAccess.resourceAppId",
                resources=_DIRECTORY_APPS,
                kind=ReferenceKind.APP_ID,
                foreign=True,
            ),
            Reference(path="requiredResourceAccess.resourceAccess.id", kind=ReferenceKind.PERMISSION),
            Reference(
                path="api.knownClientApplications",
                resources=_DIRECTORY_APPS,
                kind=ReferenceKind.APP_ID,
                foreign=True,
            ),
            Reference(
                path="api.preAuthorizedApplications.appId",
                resources=_DIRECTORY_APPS,
                kind=ReferenceKind.APP_ID,
                foreign=True,
            ),
            Reference(path="api.preAuthorizedApplications.delegatedPermissionIds", kind=ReferenceKind.PERMISSION),
            Reference(path="api.oauth2PermissionScopes.id", kind=ReferenceKind.PERMISSION),
            Reference(path="appRoles.id", kind=ReferenceKind.PERMISSION),
            Reference(path="identifierUris", resources=("applications",), kind=ReferenceKind.TEXT, foreign=True),
        ),
        restoring=_RESTORE_APPLICATIONS,
    ),
    Resource(
        resource="applications.owners",
        family="applications",
        path="/applications/{id}/owners",
        stream="applications.owners",
        permission_read=_READ,
        permission_write=_WRITE,
        licence="none",
        everywhere=True,
        restoring=_RESTORE_OWNERS,
    ),
)

STREAMS = (
    Stream(
        name="applications",
        reading=Reading.DELTA,
        path="/applications/delta",
        collection="/applications",
        resource="applications",
        select=tuple(_APPLICATION.split()),
        witness=("appId", "displayName"),
        large=True,
    ),
    Stream(
        name="applications.owners",
        reading=Reading.CHILDREN,
        path="/applications",
        collection="/applications",
        resource="applications.owners",
        children=Children(owner="applications", segment="owners", links=True, expanded=True),
    ),
)
