"""The kinds of objects in the simulated directory, and how Graph treats each of them."""

import re
from dataclasses import dataclass

from simulator.graph import properties

_DELTA = re.compile(r"(microsoft\.graph\.)?delta(\(\))?")
_CAST = re.compile(r"(?:microsoft\.)?graph\.(\w+)")
DIRECTORY_READ = ("Directory.Read.All", "Directory.ReadWrite.All")
DIRECTORY_WRITE = ("Directory.ReadWrite.All",)
LICENCES = ("P1", "P2", "Governance")


@dataclass(frozen=True, eq=False)
class Relation:
    """Links from an object to others, such as `groups/{id}/members`, or objects that it owns."""

    name: str
    units: int
    """The price of a page, in resource units."""
    to_one: bool = False
    """Whether an object has at most one link of this relation."""
    delta: bool = False
    """Whether delta tracks the relation."""
    by_default: bool = False
    """Whether delta sends the relation without `$select`."""
    content: "Kind | None" = None
    """The kind of the owned objects, such as app role assignments. None if the relation consists of links."""
    owner_property: str = ""
    """The property of an owned object that holds its owner's id."""


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of object, with its collection in Graph."""

    path: str
    type: str
    properties: tuple[str, ...]
    read: frozenset[str]
    write: frozenset[str]
    default: frozenset[str] | None = None
    """Properties shown without `$select`; None means all."""
    open: bool = True
    """Whether the type is open, as directory objects are: an unknown property in `$select` is not an error."""
    paged: bool = True
    """Whether `$top` is allowed."""
    page: int = 100
    """Default page size; 0 means that everything is on one page."""
    units: int = 1
    """The price of a page, in resource units."""
    delta: bool = False
    """Whether the kind has delta rounds."""
    bin: bool = False
    """Whether deleted objects go to the recycle bin."""
    relations: tuple[Relation, ...] = ()
    stored_elsewhere: frozenset[str] = frozenset()
    """Properties stored outside the directory. A listing that selects one is refused with 501."""
    required: tuple[str, ...] = ()
    """Properties that a POST requires."""
    indexed: tuple[str, ...] = ()
    """Properties that are indexed by value."""
    references: tuple[str, ...] = ()
    """Indexed properties that hold ids of other objects. This object is purged with each of those."""
    licence: str = ""
    """The licence that the directory needs for this kind; empty if none."""

    @property
    def odata_type(self) -> str:
        """Return the value of `@odata.type`."""
        return "#microsoft.graph." + self.type

    def relation(self, name: str) -> Relation | None:
        """Return the relation with this name, or None."""
        return next((relation for relation in self.relations if relation.name == name), None)


def _permissions(*names: str) -> frozenset[str]:
    return frozenset(names)


ASSIGNMENTS = Kind(
    path="appRoleAssignments",
    type="appRoleAssignment",
    properties=tuple(properties.ASSIGNMENT.split()),
    read=_permissions(*DIRECTORY_READ),
    write=_permissions("AppRoleAssignment.ReadWrite.All"),
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
    read=_permissions("User.Read.All", "User.ReadWrite.All", *DIRECTORY_READ),
    write=_permissions("User.ReadWrite.All", *DIRECTORY_WRITE),
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
    read=_permissions(
        "Group.Read.All",
        "Group.ReadWrite.All",
        "GroupMember.Read.All",
        "GroupMember.ReadWrite.All",
        *DIRECTORY_READ,
    ),
    write=_permissions("Group.ReadWrite.All", *DIRECTORY_WRITE),
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
    read=_permissions("Application.Read.All", "Application.ReadWrite.All", *DIRECTORY_READ),
    write=_permissions("Application.ReadWrite.All", *DIRECTORY_WRITE),
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
POLICIES = Kind(
    path="identity/conditionalAccess/policies",
    type="conditionalAccessPolicy",
    properties=tuple(properties.POLICY.split()),
    read=_permissions("Policy.Read.All", "Policy.Read.ConditionalAccess", "Policy.ReadWrite.ConditionalAccess"),
    write=_permissions("Policy.ReadWrite.ConditionalAccess"),
    open=False,
    page=0,
    required=("displayName", "state", "conditions"),
    licence="P1",
)
ORGANIZATION = Kind(
    path="organization",
    type="organization",
    properties=tuple(properties.ORGANIZATION.split()),
    read=_permissions("Organization.Read.All", "Organization.ReadWrite.All", *DIRECTORY_READ),
    write=_permissions("Organization.ReadWrite.All", *DIRECTORY_WRITE),
)
DIRECTORY_ROLES = Kind(
    path="directoryRoles",
    type="directoryRole",
    properties=tuple(properties.DIRECTORY_ROLE.split()),
    read=_permissions("RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", *DIRECTORY_READ),
    write=_permissions("RoleManagement.ReadWrite.Directory", *DIRECTORY_WRITE),
    paged=False,
    page=0,
    relations=(Relation("members", 1),),
)

GRANTS = Kind(
    path="oauth2PermissionGrants",
    type="oAuth2PermissionGrant",
    properties=tuple(properties.GRANT.split()),
    read=_permissions("DelegatedPermissionGrant.ReadWrite.All", *DIRECTORY_READ),
    write=_permissions("DelegatedPermissionGrant.ReadWrite.All", *DIRECTORY_WRITE),
    open=False,
    units=2,
    delta=True,
    required=("clientId", "consentType", "resourceId"),
    indexed=("clientId", "principalId", "resourceId"),
    references=("clientId", "principalId", "resourceId"),
)
"""Permissions of an application to act in another one on behalf of one user or of all users."""

KINDS: dict[str, Kind] = {
    kind.path: kind
    for kind in (USERS, GROUPS, APPLICATIONS, SERVICE_PRINCIPALS, GRANTS, POLICIES, ORGANIZATION, DIRECTORY_ROLES)
}
"""All kinds with a collection, by path without version."""

DIRECTORY_OBJECTS = (USERS, GROUPS, APPLICATIONS, SERVICE_PRINCIPALS)
"""The kinds to which links can lead."""


def split(path: str) -> tuple[Kind, list[str]] | None:
    """Split a path without version into its kind and the segments after it. Return None if the path has no kind."""
    segments = [segment for segment in path.split("/") if segment]
    for length in (1, 3):
        kind = KINDS.get("/".join(segments[:length]))
        if kind is not None and len(segments) >= length:
            return kind, segments[length:]
    return None


def is_delta(tail: list[str]) -> bool:
    """Return whether the segments after a kind are its delta function, in one of the spellings that clients use."""
    return len(tail) == 1 and _DELTA.fullmatch(tail[0]) is not None


def is_cast(segment: str) -> bool:
    """Return whether a segment is a type cast. SDKs also use a shortened namespace."""
    return _CAST.fullmatch(segment) is not None


def cast(segment: str) -> Kind | None:
    """Return the kind that a cast names, or None if the simulator does not have it."""
    match = _CAST.fullmatch(segment)
    return next((kind for kind in KINDS.values() if match and kind.type == match[1]), None)
