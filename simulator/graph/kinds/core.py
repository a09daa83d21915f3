"""Users, groups, applications, service principals, and what ties them together."""

from simulator.graph.kinds import properties
from simulator.graph.kinds.model import DIRECTORY_READ, DIRECTORY_WRITE, Kind, Relation, Reverse
from simulator.graph.kinds.principal_parts import OF_GROUPS, OF_PRINCIPALS

ASSIGNMENTS = Kind(
    path="appRoleAssignments",
    type="appRoleAssignment",
    properties=tuple(properties.ASSIGNMENT.split()),
    read=frozenset((*DIRECTORY_READ,)),
    write=frozenset(("AppRoleAssignment.ReadWrite.All",)),
    indexed=("principalId", "resourceId"),
    references=("principalId", "resourceId"),
)
"""App roles of users, groups and service principals in an application. Graph has no collection of them.

An assignment exists until one of its ends is purged, as a grant does. An end in the recycle bin changes nothing.
"""
GRANTS = Kind(
    path="oauth2PermissionGrants",
    type="oAuth2PermissionGrant",
    properties=tuple(properties.GRANT.split()),
    read=frozenset(("DelegatedPermissionGrant.ReadWrite.All", *DIRECTORY_READ)),
    write=frozenset(("DelegatedPermissionGrant.ReadWrite.All", *DIRECTORY_WRITE)),
    open=False,
    units=2,
    delta=True,
    indexed=("clientId", "principalId", "resourceId"),
    references=("clientId", "principalId", "resourceId"),
)
"""Permissions of an application to act in another one on behalf of one user or of all users."""
_MEMBER_OF = Reverse(
    "memberOf", (("groups", "members"), ("directory/administrativeUnits", "members"), ("directoryRoles", "members"))
)
_ASSIGNED = Relation("appRoleAssignments", 2, content=ASSIGNMENTS, owner_property="principalId")
_PRINCIPAL_POLICIES = (
    "appManagementPolicies",
    "claimsMappingPolicies",
    "homeRealmDiscoveryPolicies",
    "tokenIssuancePolicies",
    "tokenLifetimePolicies",
)


def _policies(name: str) -> Relation:
    """Return the relation to the policies of a kind that apply to an object."""
    return Relation(name, 1, targets=(f"policies/{name}",))


FEDERATED = Kind(
    path="federatedIdentityCredentials",
    type="federatedIdentityCredential",
    properties=tuple(properties.FEDERATED.split()),
    read=frozenset(),
    write=frozenset(),
    open=False,
)
EXTENSION_PROPERTY = Kind(
    path="extensionProperties",
    type="extensionProperty",
    properties=tuple(properties.EXTENSION_PROPERTY.split()),
    read=frozenset(),
    write=frozenset(),
)
LOGO = Kind(path="logo", type="stream", properties=("contentType", "contentBytes"), read=frozenset(), write=frozenset())
EXTENSION_PROPERTIES = Relation("extensionProperties", 1, child=EXTENSION_PROPERTY)
EXTENSIONS = Kind(
    path="extensions",
    type="openTypeExtension",
    properties=("id", "extensionName"),
    types=("openTypeExtension",),
    read=frozenset(),
    write=frozenset(),
)
"""Properties of a user, group or other object, with the permissions of that object."""
GROUP_SETTINGS = Kind(
    path="settings",
    type="groupSetting",
    properties=("id", "displayName", "templateId", "values"),
    read=frozenset(("Group.Read.All", "Group.ReadWrite.All", *DIRECTORY_READ)),
    write=frozenset(("Group.ReadWrite.All", *DIRECTORY_WRITE)),
    open=False,
    licence="P1",
)
PHOTO = Kind(
    path="photo", type="stream", properties=("contentType", "contentBytes"), read=frozenset(), write=frozenset()
)


def _of_sign_in(name: str) -> Relation:
    """Return a relation with what a user signs in with, or a setting of that."""
    kind = Kind(
        path=name,
        type=f"authentication{name}",
        properties=("id",),
        read=frozenset(("UserAuthenticationMethod.Read.All", "Policy.Read.All")),
        write=frozenset(),
    )
    return Relation(f"authentication{name[0].upper()}{name[1:]}", 1, to_one=name != "methods", child=kind)


_SYNC_BEHAVIOR = Relation(
    "onPremisesSyncBehavior",
    1,
    to_one=True,
    child=Kind(
        path="onPremisesSyncBehavior",
        type="onPremisesSyncBehavior",
        properties=("id", "isCloudManaged"),
        read=frozenset(("User-OnPremisesSyncBehavior.ReadWrite.All", "Group-OnPremisesSyncBehavior.ReadWrite.All")),
        write=frozenset(),
        open=False,
    ),
)
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
    premium=frozenset(("signInActivity",)),
    relations=(
        Relation("manager", 1, to_one=True, delta=True),
        _ASSIGNED,
        Relation("oauth2PermissionGrants", 1, content=GRANTS, owner_property="principalId"),
        Relation("extensions", 1, child=EXTENSIONS),
        Relation("sponsors", 1),
        _SYNC_BEHAVIOR,
        Relation("photo", 1, to_one=True, child=PHOTO, binary=True),
        *map(_of_sign_in, ("methods", "requirements", "signInPreferences")),
    ),
    stored_elsewhere=frozenset(properties.ELSEWHERE.split()),
    indexed=("userPrincipalName", "displayName", "mailNickname", "mail", "onPremisesImmutableId", "proxyAddresses"),
    remove=frozenset(("User.DeleteRestore.All",)),
    reverse=(_MEMBER_OF, Reverse("directReports", (("users", "manager"),))),
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
    relations=(
        Relation("members", 3, delta=True, by_default=True),
        Relation("owners", 1, delta=True),
        _ASSIGNED,
        Relation("settings", 1, child=GROUP_SETTINGS),
        Relation("extensions", 1, child=EXTENSIONS),
        _SYNC_BEHAVIOR,
        *OF_GROUPS,
    ),
    indexed=("uniqueName", "displayName", "mailNickname", "proxyAddresses"),
    reverse=(_MEMBER_OF, Reverse("groupLifecyclePolicies", (("groupLifecyclePolicies", "groups"),))),
)
APPLICATIONS = Kind(
    path="applications",
    type="application",
    properties=tuple((properties.APPLICATION + properties.APPLICATION_SELECTED).split()),
    default=frozenset(properties.APPLICATION.split()),
    read=frozenset(("Application.Read.All", "Application.ReadWrite.All", *DIRECTORY_READ)),
    write=frozenset(("Application.ReadWrite.All", *DIRECTORY_WRITE)),
    units=2,
    delta=True,
    bin=True,
    relations=(
        Relation("owners", 1),
        Relation("federatedIdentityCredentials", 1, child=FEDERATED),
        EXTENSION_PROPERTIES,
        Relation("logo", 1, to_one=True, child=LOGO, binary=True),
        *(_policies(name) for name in ("appManagementPolicies", "tokenIssuancePolicies", "tokenLifetimePolicies")),
    ),
    indexed=("uniqueName", "displayName", "appId", "identifierUris", "tags"),
)
SERVICE_PRINCIPALS = Kind(
    path="servicePrincipals",
    type="servicePrincipal",
    properties=tuple((properties.SERVICE_PRINCIPAL + properties.SERVICE_PRINCIPAL_SELECTED).split()),
    default=frozenset(properties.SERVICE_PRINCIPAL.split()),
    read=APPLICATIONS.read,
    write=APPLICATIONS.write,
    delta=True,
    bin=True,
    relations=(
        Relation("owners", 1),
        Relation("appRoleAssignedTo", 1, content=ASSIGNMENTS, owner_property="resourceId"),
        _ASSIGNED,
        Relation("oauth2PermissionGrants", 1, content=GRANTS, owner_property="clientId"),
        *map(_policies, _PRINCIPAL_POLICIES),
        *OF_PRINCIPALS,
    ),
    indexed=("appId", "displayName", "tags"),
    reverse=(_MEMBER_OF,),
)
DEVICES = Kind(
    path="devices",
    type="device",
    properties=tuple(properties.DEVICE.split()),
    read=frozenset(("Device.Read.All", "Device.ReadWrite.All", *DIRECTORY_READ)),
    write=frozenset(("Device.ReadWrite.All",)),
    delta=True,
    relations=(
        Relation("registeredOwners", 1),
        Relation("registeredUsers", 1),
        Relation("extensions", 1, child=EXTENSIONS),
    ),
    indexed=("displayName", "deviceId"),
    reverse=(_MEMBER_OF,),
)
LOCALIZATION = Kind(
    path="branding",
    type="organizationalBrandingLocalization",
    properties=tuple(properties.BRANDING.split()),
    read=frozenset(
        ("OrganizationalBranding.Read.All", "OrganizationalBranding.ReadWrite.All", "Organization.Read.All")
    ),
    write=frozenset(("OrganizationalBranding.ReadWrite.All", "Organization.ReadWrite.All")),
    open=False,
    licence="P1",
)
BRANDING = Relation("branding", 1, child=LOCALIZATION)
"""Texts and colours of sign-in pages by language. The module `branding` serves them under addresses of their own."""
ORGANIZATION = Kind(
    path="organization",
    type="organization",
    properties=tuple(properties.ORGANIZATION.split()),
    read=frozenset(("Organization.Read.All", "Organization.ReadWrite.All", *DIRECTORY_READ)),
    write=frozenset(("Organization.ReadWrite.All", *DIRECTORY_WRITE)),
    relations=(BRANDING,),
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
