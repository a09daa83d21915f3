"""Consents: delegated permissions of service principals, and permissions over the one group that a team has.

(Graph reference: oauth2PermissionGrant, resourceSpecificPermissionGrant.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import below
from shared.domain.resources.table import Children, Reading, Reference, ReferenceKind, Resource, Rhythm, Stream

_RESTORE_GRANTS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=9,
    collection="/oauth2PermissionGrants",
    item="/oauth2PermissionGrants/{id}",
    required=("clientId", "consentType", "resourceId", "scope"),
    writable=("scope",),
    create_only=("clientId", "consentType", "principalId", "resourceId"),
    not_cleared=("scope",),
    create=SafeCreate.NATURAL,
    identified_by=("clientId", "consentType", "principalId", "resourceId"),
    brief="client, resource and principal are what counts",
    catches=(
        "DelegatedPermissionGrant.ReadWrite.All can consent to anything: give it for the time of a restore only.",
        "The id of a consent follows from the ids of client, resource and user.",
    ),
)

_OF_GROUPS = below(
    Resource(
        resource="groups.permissionGrants",
        family="applications",
        path="/groups/{id}/permissionGrants",
        permission_read="GroupMember.Read.All",
        permission_write="",
        licence="none",
        everywhere=True,
        properties=(
            "id",
            "deletedDateTime",
            "clientAppId",
            "clientId",
            "permission",
            "permissionType",
            "resourceAppId",
        ),
        references=(
            Reference(path="clientId", resources=("servicePrincipals",), foreign=True),
            Reference(
                path="clientAppId",
                resources=("servicePrincipals", "applications"),
                kind=ReferenceKind.APP_ID,
                foreign=True,
            ),
            Reference(
                path="resourceAppId",
                resources=("servicePrincipals", "applications"),
                kind=ReferenceKind.APP_ID,
                foreign=True,
            ),
        ),
        restoring=Restoring(
            kind=RestoreKind.NEVER,
            stage=9,
            catches=("Consents for one team are made when an application is installed in the team.",),
        ),
    ),
    Children(
        owner="groups",
        segment="permissionGrants",
        links=False,
        filter="resourceProvisioningOptions/any(x:x eq 'Team')",
    ),
    owners="/groups",
    rhythm=Rhythm.SELDOM,
    paged=True,
)
"""Only groups with a team have such consents."""

RESOURCES = (
    Resource(
        resource="oauth2PermissionGrants",
        family="applications",
        path="/oauth2PermissionGrants",
        stream="oauth2PermissionGrants",
        permission_read="Directory.Read.All",
        permission_write="DelegatedPermissionGrant.ReadWrite.All",
        licence="none",
        everywhere=True,
        references=(
            Reference(path="clientId", resources=("servicePrincipals",)),
            Reference(path="resourceId", resources=("servicePrincipals",)),
            Reference(path="principalId", resources=("users",)),
        ),
        restoring=_RESTORE_GRANTS,
    ),
    _OF_GROUPS.resource,
)

STREAMS = (
    Stream(
        name="oauth2PermissionGrants",
        reading=Reading.DELTA,
        path="/oauth2PermissionGrants/delta",
        collection="/oauth2PermissionGrants",
        resource="oauth2PermissionGrants",
        select=("id", "clientId", "consentType", "principalId", "resourceId", "scope"),
        witness=("clientId", "consentType"),
        large=True,
    ),
    _OF_GROUPS.stream,
)
