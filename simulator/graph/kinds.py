"""What kinds of objects the simulated directory has, and how Graph treats each of them."""

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
    """Links from an object to others, as `groups/{id}/members`. `units` is the price of a page in resource units."""

    name: str
    units: int
    to_one: bool = False
    delta: bool = False
    """Whether delta tracks it."""
    by_default: bool = False
    """Whether delta sends it when nothing is selected."""
    content: "Kind | None" = None
    """What an object has there if it is no links to others but objects with properties of their own."""
    by: str = ""
    """The property by which such content names the object that has it."""


@dataclass(frozen=True, eq=False)
class Kind:
    """One collection of Graph."""

    path: str
    type: str
    properties: tuple[str, ...]
    read: frozenset[str]
    write: frozenset[str]
    default: frozenset[str] | None = None
    """What is answered without `$select`; None stands for every property."""
    open: bool = True
    """Directory objects are open types: an unknown property in `$select` is no error."""
    paged: bool = True
    page: int = 100
    units: int = 1
    delta: bool = False
    bin: bool = False
    """Whether a deleted object lies in the recycle bin."""
    relations: tuple[Relation, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    """Properties kept outside the directory: a listing that selects one is 501."""
    required: tuple[str, ...] = ()
    """What a POST must bring."""
    named: tuple[str, ...] = ()
    """Properties by whose value objects are looked for."""
    ends: tuple[str, ...] = ()
    """Those of them that name other objects, with which this one goes."""
    licence: str = ""
    """What the directory must be licensed for to have it; empty if nothing."""

    @property
    def odata_type(self) -> str:
        return "#microsoft.graph." + self.type

    def relation(self, name: str) -> Relation | None:
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
    named=("principalId", "resourceId"),
    ends=("principalId", "resourceId"),
)
"""What users, groups and service principals may do in an application. It has no collection of its own in Graph.

It stands until one of its ends is gone for good, as a grant does: that an end lies in the recycle bin changes nothing.
"""
_ASSIGNED = Relation("appRoleAssignments", 2, content=ASSIGNMENTS, by="principalId")
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
    elsewhere=frozenset(properties.ELSEWHERE.split()),
    named=("userPrincipalName",),
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
    named=("uniqueName",),
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
    named=("uniqueName",),
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
        Relation("appRoleAssignedTo", 1, content=ASSIGNMENTS, by="resourceId"),
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
    named=("clientId", "principalId", "resourceId"),
    ends=("clientId", "principalId", "resourceId"),
)
"""What an application may do in another's name for one user or for all of them."""

KINDS: dict[str, Kind] = {
    kind.path: kind
    for kind in (USERS, GROUPS, APPLICATIONS, SERVICE_PRINCIPALS, GRANTS, POLICIES, ORGANIZATION, DIRECTORY_ROLES)
}
"""Every kind that has a collection, by its path without version."""

DIRECTORY_OBJECTS = (USERS, GROUPS, APPLICATIONS, SERVICE_PRINCIPALS)
"""Kinds that can be the other end of a link."""


def split(path: str) -> tuple[Kind, list[str]] | None:
    """A path without version as its kind and the segments after it; None if no kind is there."""
    segments = [segment for segment in path.split("/") if segment]
    for length in (1, 3):
        kind = KINDS.get("/".join(segments[:length]))
        if kind is not None and len(segments) >= length:
            return kind, segments[length:]
    return None


def is_delta(tail: list[str]) -> bool:
    """Whether the segments after a kind are its delta function, in one of the spellings that clients have for it."""
    return len(tail) == 1 and _DELTA.fullmatch(tail[0]) is not None


def is_cast(segment: str) -> bool:
    """Whether a segment narrows what stands before it to one type; the SDKs shorten the name of the namespace."""
    return _CAST.fullmatch(segment) is not None


def cast(segment: str) -> Kind | None:
    """The kind that a cast names, None if there is none here."""
    found = _CAST.fullmatch(segment)
    return next((kind for kind in KINDS.values() if found and kind.type == found[1]), None)
