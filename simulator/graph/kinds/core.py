"""Users, groups, applications, service principals, and what ties them together."""

from simulator.graph.kinds import properties
from simulator.graph.kinds.model import DIRECTORY_READ, DIRECTORY_WRITE, Kind, Relation

ASSIGNMENTS = Kind(
    path="appRoleAssignments",
    type="appRoleAssignment",
    properties=tuple(properties.ASSIGNMENT.split()),
    read=frozenset((*DIRECTORY_READ,)),
    write=frozenset(("AppRoleAssignment.ReadWrite.All",)),
    required=("principalId", "resourceId", "appRoleId"),
    indexed=("principalId", "resourceId"),
    references=("principalId", "resourceId"),
)
"""App roles of users, groups and service principals in an application. Graph has no collection of them.

An assignment exists until one of its ends is purged, as a grant does. An end in the recycle bin changes nothing.
"""
_ASSIGNED = Relation("appRoleAssignments", 2, content=ASSIGNMENTS, owner_property="principalId")
USERS = Kind(
    path="users",
    type="user",
    properties=tuple(properties.USER.split()),
    default=frozenset(properties.USER_DEFAULT.split()),
    read=frozenset(("User.Read.All", "User.ReadWrite.All", *DIRECTORY_READ)),
    write=frozenset(("User.ReadWrite.All", *DIRECTORY_WRITE)),
    units=2,
    delta=True,
    bin=True,
    relations=(Relation("manager", 1, to_one=True, delta=True), _ASSIGNED),
    stored_elsewhere=frozenset(properties.ELSEWHERE.split()),
    indexed=("userPrincipalName",),
    required=("accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile"),
)
GROUPS = Kind(
    path="groups",
    type="group",
    properties=tuple((properties.GROUP + properties.GROUP_SELECTED).split()),
    default=frozenset(properties.GROUP.split()),
    read=frozenset(
        (
            "Group.Read.All",
            "Group.ReadWrite.All",
            "GroupMember.Read.All",
            "GroupMember.ReadWrite.All",
            *DIRECTORY_READ,
        )
    ),
    write=frozenset(("Group.ReadWrite.All", *DIRECTORY_WRITE)),
    delta=True,
    bin=True,
    relations=(Relation("members", 3, delta=True, by_default=True), Relation("owners", 1, delta=True), _ASSIGNED),
    indexed=("uniqueName",),
    required=("displayName", "mailEnabled", "mailNickname", "securityEnabled"),
)
APPLICATIONS = Kind(
    path="applications",
    type="application",
    properties=tuple(properties.APPLICATION.split()),
    read=frozenset(("Application.Read.All", "Application.ReadWrite.All", *DIRECTORY_READ)),
    write=frozenset(("Application.ReadWrite.All", *DIRECTORY_WRITE)),
    units=2,
    delta=True,
    bin=True,
    relations=(Relation("owners", 1),),
    required=("displayName",),
    indexed=("uniqueName",),
)
SERVICE_PRINCIPALS = Kind(
    path="servicePrincipals",
    type="servicePrincipal",
    properties=tuple(properties.SERVICE_PRINCIPAL.split()),
    read=APPLICATIONS.read,
    write=APPLICATIONS.write,
    delta=True,
    bin=True,
    relations=(
        Relation("owners", 1),
        Relation("appRoleAssignedTo", 1, content=ASSIGNMENTS, owner_property="resourceId"),
        _ASSIGNED,
    ),
    required=("appId",),
)
ORGANIZATION = Kind(
    path="organization",
    type="organization",
    properties=tuple(properties.ORGANIZATION.split()),
    read=frozenset(("Organization.Read.All", "Organization.ReadWrite.All", *DIRECTORY_READ)),
    write=frozenset(("Organization.ReadWrite.All", *DIRECTORY_WRITE)),
)
DIRECTORY_ROLES = Kind(
    path="directoryRoles",
    type="directoryRole",
    properties=tuple(properties.DIRECTORY_ROLE.split()),
    read=frozenset(("RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", *DIRECTORY_READ)),
    write=frozenset(("RoleManagement.ReadWrite.Directory", *DIRECTORY_WRITE)),
    paged=False,
    page=0,
    relations=(Relation("members", 1),),
)

GRANTS = Kind(
    path="oauth2PermissionGrants",
    type="oAuth2PermissionGrant",
    properties=tuple(properties.GRANT.split()),
    read=frozenset(("DelegatedPermissionGrant.ReadWrite.All", *DIRECTORY_READ)),
    write=frozenset(("DelegatedPermissionGrant.ReadWrite.All", *DIRECTORY_WRITE)),
    open=False,
    units=2,
    delta=True,
    required=("clientId", "consentType", "resourceId"),
    indexed=("clientId", "principalId", "resourceId"),
    references=("clientId", "principalId", "resourceId"),
)
"""Permissions of an application to act in another one on behalf of one user or of all users."""
