"""Applications and service principals with their owners, app role assignments and delegated consents.

Graph tracks owners and assignments in no delta, so they are read object by object, in batches. An assignment is read
from the resource's side only: the listings of its principals contain the same rows. (Graph reference: application,
servicePrincipal, appRoleAssignment, oauth2PermissionGrant.)
"""

from shared.domain.resources.table import Children, Reading, Reference, Resource, Stream

_APPLICATION = """
    id addIns api appId applicationTemplateId appRoles authenticationBehaviors certification createdDateTime
    defaultRedirectUri description disabledByMicrosoftStatus displayName groupMembershipClaims identifierUris info
    isDeviceOnlyAuthSupported isFallbackPublicClient keyCredentials managerApplications nativeAuthenticationApisEnabled notes
    optionalClaims parentalControlSettings passwordCredentials publicClient publisherDomain requestSignatureVerification
    requiredResourceAccess samlMetadataUrl serviceManagementReference servicePrincipalLockConfiguration signInAudience spa
    tags tokenEncryptionKeyId uniqueName verifiedPublisher web
"""
_SERVICE_PRINCIPAL = """
    id accountEnabled addIns alternativeNames appDescription appDisplayName appId applicationTemplateId
    appOwnerOrganizationId appRoleAssignmentRequired appRoles createdDateTime description disabledByMicrosoftStatus
    displayName homepage info keyCredentials loginUrl logoutUrl notes notificationEmailAddresses oauth2PermissionScopes
    passwordCredentials preferredSingleSignOnMode preferredTokenSigningKeyThumbprint replyUrls
    resourceSpecificApplicationPermissions samlSingleSignOnSettings servicePrincipalNames servicePrincipalType
    signInAudience tags tokenEncryptionKeyId verifiedPublisher
"""
_ASSIGNMENT = """
    id appRoleId createdDateTime deletedDateTime principalDisplayName principalId principalType resourceDisplayName resourceId
"""
_READ, _WRITE = "Application.Read.All", "Application.ReadWrite.All"

RESOURCES = (
    Resource(
        resource="applications",
        family="applications",
        path="/applications",
        stream="applications",
        permission_read=_READ,
        permission_write=_WRITE,
        licence="none",
        restore="undelete, then update; a new appId if purged; secrets cannot be restored",
        everywhere=True,
    ),
    Resource(
        resource="applications.owners",
        family="applications",
        path="/applications/{id}/owners",
        stream="applications.owners",
        permission_read=_READ,
        permission_write=_WRITE,
        licence="none",
        restore="link",
        everywhere=True,
    ),
    Resource(
        resource="servicePrincipals",
        family="applications",
        path="/servicePrincipals",
        stream="servicePrincipals",
        permission_read=_READ,
        permission_write=_WRITE,
        licence="none",
        restore="undelete, then update; a new id if purged; signing keys and secrets cannot be restored",
        everywhere=True,
    ),
    Resource(
        resource="servicePrincipals.owners",
        family="applications",
        path="/servicePrincipals/{id}/owners",
        stream="servicePrincipals.owners",
        permission_read=_READ,
        permission_write=_WRITE,
        licence="none",
        restore="link",
        everywhere=True,
    ),
    Resource(
        resource="servicePrincipals.appRoleAssignedTo",
        family="applications",
        path="/servicePrincipals/{id}/appRoleAssignedTo",
        stream="servicePrincipals.appRoleAssignedTo",
        permission_read=_READ,
        permission_write="AppRoleAssignment.ReadWrite.All",
        licence="none",
        restore="made again under a new id: principal, resource and role are what counts",
        everywhere=True,
        properties=tuple(_ASSIGNMENT.split()),
        references=(
            Reference(path="principalId", resources=("users", "groups", "servicePrincipals")),
            Reference(path="resourceId", resources=("servicePrincipals",)),
        ),
    ),
    Resource(
        resource="oauth2PermissionGrants",
        family="applications",
        path="/oauth2PermissionGrants",
        stream="oauth2PermissionGrants",
        permission_read="Directory.Read.All",
        permission_write="DelegatedPermissionGrant.ReadWrite.All",
        licence="none",
        restore="made again: client, resource and principal are what counts",
        everywhere=True,
        references=(
            Reference(path="clientId", resources=("servicePrincipals",)),
            Reference(path="resourceId", resources=("servicePrincipals",)),
            Reference(path="principalId", resources=("users",)),
        ),
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
    ),
    Stream(
        name="servicePrincipals",
        reading=Reading.DELTA,
        path="/servicePrincipals/delta",
        collection="/servicePrincipals",
        resource="servicePrincipals",
        select=tuple(_SERVICE_PRINCIPAL.split()),
        witness=("displayName", "servicePrincipalType"),
    ),
    Stream(
        name="oauth2PermissionGrants",
        reading=Reading.DELTA,
        path="/oauth2PermissionGrants/delta",
        collection="/oauth2PermissionGrants",
        resource="oauth2PermissionGrants",
        select=("id", "clientId", "consentType", "principalId", "resourceId", "scope"),
        witness=("clientId", "consentType"),
    ),
    Stream(
        name="applications.owners",
        reading=Reading.CHILDREN,
        path="/applications",
        collection="/applications",
        resource="applications.owners",
        children=Children(owner="applications", segment="owners", links=True),
    ),
    Stream(
        name="servicePrincipals.owners",
        reading=Reading.CHILDREN,
        path="/servicePrincipals",
        collection="/servicePrincipals",
        resource="servicePrincipals.owners",
        children=Children(owner="servicePrincipals", segment="owners", links=True),
    ),
    Stream(
        name="servicePrincipals.appRoleAssignedTo",
        reading=Reading.CHILDREN,
        path="/servicePrincipals",
        collection="/servicePrincipals",
        resource="servicePrincipals.appRoleAssignedTo",
        children=Children(owner="servicePrincipals", segment="appRoleAssignedTo", links=False),
    ),
)
