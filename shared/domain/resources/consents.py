"""Consents: delegated permissions that were granted to service principals. (Graph reference: oauth2PermissionGrant.)"""

from shared.domain.resources.restoring import RestoreKind, Restoring, SafeCreate
from shared.domain.resources.table import Reading, Reference, Resource, Stream

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
    ),
)
