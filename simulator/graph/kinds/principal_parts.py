"""What service principals and groups have below them."""

from simulator.graph.kinds.model import DIRECTORY_READ, DIRECTORY_WRITE, Kind, Relation
from simulator.graph.kinds.provisioning import JOB, SCHEMA

_APPLICATION_READ = frozenset(("Application.Read.All", "Application.ReadWrite.All", *DIRECTORY_READ))
_CLAIMS = frozenset(("Policy.ReadWrite.ApplicationConfiguration",))

CLASSIFICATION = Kind(
    path="delegatedPermissionClassifications",
    type="delegatedPermissionClassification",
    properties=("id", "classification", "permissionId", "permissionName"),
    read=_APPLICATION_READ | {"Policy.Read.PermissionGrant", "Policy.ReadWrite.PermissionGrant"},
    write=frozenset(("Policy.ReadWrite.PermissionGrant", *DIRECTORY_WRITE)),
    open=False,
)
REMOTE_DESKTOP = Kind(
    path="remoteDesktopSecurityConfiguration",
    type="remoteDesktopSecurityConfiguration",
    properties=("id", "approvedClientApps", "isRemoteDesktopProtocolEnabled", "targetDeviceGroups"),
    read=_APPLICATION_READ | {"Application-RemoteDesktopConfig.ReadWrite.All"},
    write=frozenset(("Application-RemoteDesktopConfig.ReadWrite.All", "Application.ReadWrite.All")),
    open=False,
)
CLAIMS_POLICY = Kind(
    path="claimsPolicy",
    type="customClaimsPolicy",
    properties=(
        "id",
        "audienceOverride",
        "claims",
        "groupFilter",
        "includeApplicationIdInIssuer",
        "includeBasicClaimSet",
    ),
    read=_CLAIMS,
    write=_CLAIMS,
    licence="P1",
)
GROUP_GRANT = Kind(
    path="permissionGrants",
    type="resourceSpecificPermissionGrant",
    properties=(
        "id",
        "deletedDateTime",
        "clientAppId",
        "clientId",
        "permission",
        "permissionType",
        "resourceAppId",
    ),
    read=frozenset(("GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", *DIRECTORY_READ)),
    write=frozenset(),
    open=False,
)

OF_PRINCIPALS = (
    Relation("delegatedPermissionClassifications", 1, child=CLASSIFICATION),
    Relation("remoteDesktopSecurityConfiguration", 1, to_one=True, child=REMOTE_DESKTOP),
    Relation("claimsPolicy", 1, to_one=True, child=CLAIMS_POLICY),
    Relation("synchronizationJobs", 1, child=JOB),
    Relation("synchronizationSchema", 1, child=SCHEMA),
)
OF_GROUPS = (Relation("permissionGrants", 1, child=GROUP_GRANT),)
