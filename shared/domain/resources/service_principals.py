"""Service principals with their owners and the assignments of their app roles.

Graph tracks owners and assignments in no delta, so they are read object by object, in batches. An assignment is read
from the resource's side only: the listings of its principals contain the same rows. (Graph reference: servicePrincipal,
"servicePrincipal: delta", appRoleAssignment.)
"""

from shared.domain.resources.restoring import Bin, Fixed, LinkWrite, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.table import Children, Reading, Reference, ReferenceKind, Resource, Stream

_SERVICE_PRINCIPAL = """
    id accountEnabled addIns alternativeNames appDescription appDisplayName appId applicationTemplateId
    appOwnerOrganizationId appRoleAssignmentRequired appRoles createdDateTime description disabledByMicrosoftStatus
    displayName homepage info keyCredentials loginUrl logoutUrl notes notificationEmailAddresses oauth2PermissionScopes
    passwordCredentials preferredSingleSignOnMode preferredTokenSigningKeyThumbprint replyUrls
    resourceSpecificApplicationPermissions samlSingleSignOnSettings servicePrincipalNames servicePrincipalType
    signInAudience tags tokenEncryptionKeyId verifiedPublisher
"""
_WRITABLE = """
    accountEnabled alternativeNames appRoleAssignmentRequired description displayName loginUrl logoutUrl notes
    notificationEmailAddresses preferredSingleSignOnMode preferredTokenSigningKeyThumbprint replyUrls
    samlSingleSignOnSettings servicePrincipalNames tags tokenEncryptionKeyId
"""
_ASSIGNMENT = """
    id appRoleId createdDateTime deletedDateTime principalDisplayName principalId principalType resourceDisplayName resourceId
"""
_READ, _WRITE = "Application.Read.All", "Application.ReadWrite.All"
_DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"

_RESTORE_SERVICE_PRINCIPALS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=4,
    collection="/servicePrincipals",
    item="/servicePrincipals/{id}",
    required=("appId",),
    writable=tuple(_WRITABLE.split()),
    create_only=("appId",),
    later=("servicePrincipalNames",),
    whole=("samlSingleSignOnSettings",),
    not_cleared=("accountEnabled", "displayName"),
    secret=("keyCredentials", "passwordCredentials"),
    keyed=("preferredTokenSigningKeyThumbprint", "tokenEncryptionKeyId"),
    create=SafeCreate.NATURAL,
    identified_by=("appId",),
    bin=Bin(
        path="/directory/deletedItems/microsoft.graph.servicePrincipal",
        loses=("attached policies for claims mapping and home realm discovery",),
    ),
    fixed=(
        Fixed(
            property="servicePrincipalType",
            value='"ManagedIdentity"',
            reason="Managed identities belong to Azure: create the resource in Azure again.",
        ),
    ),
    restored_elsewhere=("#microsoft.graph.agentIdentity", "#microsoft.graph.agentIdentityBlueprintPrincipal"),
    brief="signing keys and secrets are lost",
    catches=(
        "Signing keys, secrets and the secrets of provisioning cannot be read: the plan lists what must be renewed.",
        "Secrets and certificates that were added after the snapshot are never removed.",
        "A service principal cannot be undeleted while its application is deleted for good.",
        "If another service principal has the same appId, its settings are restored there.",
        "Roles and scopes of a service principal follow its application.",
        "Agents and principals of their blueprints are restored as resources of their own.",
        "The organization that owns an application may refuse that other directories use it.",
    ),
)

_RESTORE_OWNERS = Restoring(
    kind=RestoreKind.LINK,
    stage=7,
    link=LinkWrite(add="/servicePrincipals/{owner}/owners/$ref", remove="/servicePrincipals/{owner}/owners/{id}/$ref"),
)

_RESTORE_ASSIGNMENTS = Restoring(
    kind=RestoreKind.ROW,
    stage=9,
    collection="/servicePrincipals/{owner}/appRoleAssignedTo",
    item="/servicePrincipals/{owner}/appRoleAssignedTo/{id}",
    required=("appRoleId", "principalId", "resourceId"),
    create_only=("appRoleId", "principalId", "resourceId"),
    create=SafeCreate.NATURAL,
    identified_by=("appRoleId", "principalId", "resourceId"),
    permissions=("Application.Read.All",),
    brief="principal, resource and role are what counts",
    catches=(
        "AppRoleAssignment.ReadWrite.All can grant every permission: give it for the time of a restore only.",
        "A role that was just added to an application can be assigned after some minutes.",
        "Assignments of groups need the licence P1.",
    ),
)

RESOURCES = (
    Resource(
        resource="servicePrincipals",
        family="applications",
        path="/servicePrincipals",
        stream="servicePrincipals",
        permission_read=_READ,
        permission_write=_WRITE,
        licence="none",
        everywhere=True,
        references=(
            Reference(path="appId", resources=("applications",), kind=ReferenceKind.APP_ID, foreign=True),
            Reference(path="servicePrincipalNames", resources=("applications",), kind=ReferenceKind.TEXT, foreign=True),
            Reference(path="appOwnerOrganizationId", kind=ReferenceKind.DIRECTORY),
            Reference(path="appRoles.id", kind=ReferenceKind.PERMISSION),
            Reference(path="oauth2PermissionScopes.id", kind=ReferenceKind.PERMISSION),
        ),
        restoring=_RESTORE_SERVICE_PRINCIPALS,
    ),
    Resource(
        resource="servicePrincipals.owners",
        family="applications",
        path="/servicePrincipals/{id}/owners",
        stream="servicePrincipals.owners",
        permission_read=_READ,
        permission_write=_WRITE,
        licence="none",
        everywhere=True,
        restoring=_RESTORE_OWNERS,
    ),
    Resource(
        resource="servicePrincipals.appRoleAssignedTo",
        family="applications",
        path="/servicePrincipals/{id}/appRoleAssignedTo",
        stream="servicePrincipals.appRoleAssignedTo",
        permission_read=_READ,
        permission_write="AppRoleAssignment.ReadWrite.All",
        licence="none",
        everywhere=True,
        properties=tuple(_ASSIGNMENT.split()),
        references=(
            Reference(path="principalId", resources=("users", "groups", "servicePrincipals")),
            Reference(path="resourceId", resources=("servicePrincipals",)),
            Reference(path="appRoleId", kind=ReferenceKind.PERMISSION, words=(_DEFAULT_ACCESS,)),
        ),
        restoring=_RESTORE_ASSIGNMENTS,
    ),
)

STREAMS = (
    Stream(
        name="servicePrincipals",
        reading=Reading.DELTA,
        path="/servicePrincipals/delta",
        collection="/servicePrincipals",
        resource="servicePrincipals",
        select=tuple(_SERVICE_PRINCIPAL.split()),
        witness=("displayName", "servicePrincipalType"),
        large=True,
    ),
    Stream(
        name="servicePrincipals.owners",
        reading=Reading.CHILDREN,
        path="/servicePrincipals",
        collection="/servicePrincipals",
        resource="servicePrincipals.owners",
        children=Children(owner="servicePrincipals", segment="owners", links=True, expanded=True),
    ),
    Stream(
        name="servicePrincipals.appRoleAssignedTo",
        reading=Reading.CHILDREN,
        path="/servicePrincipals",
        collection="/servicePrincipals",
        resource="servicePrincipals.appRoleAssignedTo",
        children=Children(owner="servicePrincipals", segment="appRoleAssignedTo", links=False, expanded=True),
    ),
)
