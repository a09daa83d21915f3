"""What kinds of objects the simulated directory has, and how Graph treats each of them."""

import re
from dataclasses import dataclass, field

_DELTA = re.compile(r"(microsoft\.graph\.)?delta(\(\))?")
DIRECTORY_READ = ("Directory.Read.All", "Directory.ReadWrite.All")
DIRECTORY_WRITE = ("Directory.ReadWrite.All",)


@dataclass(frozen=True)
class Relation:
    """Links from an object to others, as `groups/{id}/members`. `units` is the price of a page in resource units."""

    name: str
    units: int
    to_one: bool = False
    delta: bool = False
    """Whether delta tracks it."""
    by_default: bool = False
    """Whether delta sends it when nothing is selected."""


@dataclass(frozen=True)
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
    required: tuple[str, ...] = field(default=())
    """What a POST must bring."""

    @property
    def odata_type(self) -> str:
        return "#microsoft.graph." + self.type

    def relation(self, name: str) -> Relation | None:
        return next((relation for relation in self.relations if relation.name == name), None)


_USER_DEFAULT = """
businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname
userPrincipalName id
"""
_USER = f"""
{_USER_DEFAULT} accountEnabled ageGroup assignedLicenses assignedPlans authorizationInfo city companyName
consentProvidedForMinor country createdDateTime creationType customSecurityAttributes deletedDateTime department
employeeHireDate employeeId employeeLeaveDateTime employeeOrgData employeeType externalUserState
externalUserStateChangeDateTime faxNumber identities identityParentId imAddresses isManagementRestricted isResourceAccount
lastPasswordChangeDateTime legalAgeGroupClassification licenseAssignmentStates mailNickname onPremisesDistinguishedName
onPremisesDomainName onPremisesExtensionAttributes onPremisesImmutableId onPremisesLastSyncDateTime
onPremisesProvisioningErrors onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled
onPremisesUserPrincipalName otherMails passwordPolicies passwordProfile postalCode preferredDataLocation provisionedPlans
proxyAddresses securityIdentifier serviceProvisioningErrors showInAddressList signInSessionsValidFromDateTime state
streetAddress usageLocation userType
"""
_GROUP = """
id deletedDateTime classification createdDateTime creationOptions description displayName expirationDateTime groupTypes
isAssignableToRole mail mailEnabled mailNickname membershipRule membershipRuleProcessingState onPremisesDomainName
onPremisesLastSyncDateTime onPremisesNetBiosName onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled
preferredDataLocation preferredLanguage proxyAddresses renewedDateTime resourceBehaviorOptions resourceProvisioningOptions
securityEnabled securityIdentifier theme uniqueName visibility onPremisesProvisioningErrors serviceProvisioningErrors
"""
_GROUP_SELECTED = """
assignedLabels assignedLicenses hasMembersWithLicenseErrors isArchived isManagementRestricted licenseProcessingState
onPremisesExtensionAttributes
"""
_APPLICATION = """
id deletedDateTime appId applicationTemplateId disabledByMicrosoftStatus createdDateTime displayName description
groupMembershipClaims identifierUris isDeviceOnlyAuthSupported isFallbackPublicClient nativeAuthenticationApisEnabled
notes optionalClaims publisherDomain serviceManagementReference signInAudience tags tokenEncryptionKeyId uniqueName
samlMetadataUrl defaultRedirectUri certification requestSignatureVerification addIns api appRoles info keyCredentials
parentalControlSettings passwordCredentials publicClient requiredResourceAccess servicePrincipalLockConfiguration spa
verifiedPublisher web
"""
_SERVICE_PRINCIPAL = """
id deletedDateTime accountEnabled alternativeNames appDisplayName appDescription appId applicationTemplateId
appOwnerOrganizationId appRoleAssignmentRequired createdDateTime description disabledByMicrosoftStatus displayName
homepage loginUrl logoutUrl notes notificationEmailAddresses preferredSingleSignOnMode
preferredTokenSigningKeyThumbprint replyUrls servicePrincipalNames servicePrincipalType signInAudience tags
tokenEncryptionKeyId samlSingleSignOnSettings addIns appRoles info keyCredentials oauth2PermissionScopes
passwordCredentials resourceSpecificApplicationPermissions verifiedPublisher
"""
_POLICY = """
id templateId displayName createdDateTime modifiedDateTime deletedDateTime state partialEnablementStrategy sessionControls
conditions grantControls
"""
_ORGANIZATION = """
id deletedDateTime assignedPlans businessPhones city country countryLetterCode createdDateTime defaultUsageLocation
displayName isMultipleDataLocationsForServicesEnabled marketingNotificationEmails onPremisesLastSyncDateTime
onPremisesSyncEnabled partnerTenantType postalCode preferredLanguage privacyProfile provisionedPlans
securityComplianceNotificationMails securityComplianceNotificationPhones state street technicalNotificationMails
tenantType verifiedDomains
"""
_ELSEWHERE = """
aboutMe birthday hireDate interests mailboxSettings mySite pastProjects preferredName responsibilities schools skills
deviceEnrollmentLimit print
"""


def _permissions(*names: str) -> frozenset[str]:
    return frozenset(names)


USERS = Kind(
    path="users",
    type="user",
    properties=tuple(_USER.split()),
    default=frozenset(_USER_DEFAULT.split()),
    read=_permissions("User.Read.All", "User.ReadWrite.All", *DIRECTORY_READ),
    write=_permissions("User.ReadWrite.All", *DIRECTORY_WRITE),
    units=2,
    delta=True,
    bin=True,
    relations=(Relation("manager", 1, to_one=True, delta=True),),
    elsewhere=frozenset(_ELSEWHERE.split()),
    required=("accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile"),
)
GROUPS = Kind(
    path="groups",
    type="group",
    properties=tuple((_GROUP + _GROUP_SELECTED).split()),
    default=frozenset(_GROUP.split()),
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
    relations=(Relation("members", 3, delta=True, by_default=True), Relation("owners", 1, delta=True)),
    required=("displayName", "mailEnabled", "mailNickname", "securityEnabled"),
)
APPLICATIONS = Kind(
    path="applications",
    type="application",
    properties=tuple(_APPLICATION.split()),
    read=_permissions("Application.Read.All", "Application.ReadWrite.All", *DIRECTORY_READ),
    write=_permissions("Application.ReadWrite.All", *DIRECTORY_WRITE),
    units=2,
    delta=True,
    bin=True,
    relations=(Relation("owners", 1),),
    required=("displayName",),
)
SERVICE_PRINCIPALS = Kind(
    path="servicePrincipals",
    type="servicePrincipal",
    properties=tuple(_SERVICE_PRINCIPAL.split()),
    read=APPLICATIONS.read,
    write=APPLICATIONS.write,
    delta=True,
    bin=True,
    relations=(Relation("owners", 1),),
    required=("appId",),
)
POLICIES = Kind(
    path="identity/conditionalAccess/policies",
    type="conditionalAccessPolicy",
    properties=tuple(_POLICY.split()),
    read=_permissions("Policy.Read.All", "Policy.Read.ConditionalAccess", "Policy.ReadWrite.ConditionalAccess"),
    write=_permissions("Policy.ReadWrite.ConditionalAccess"),
    open=False,
    page=0,
    required=("displayName", "state", "conditions"),
)
ORGANIZATION = Kind(
    path="organization",
    type="organization",
    properties=tuple(_ORGANIZATION.split()),
    read=_permissions("Organization.Read.All", "Organization.ReadWrite.All", *DIRECTORY_READ),
    write=_permissions("Organization.ReadWrite.All", *DIRECTORY_WRITE),
)
DIRECTORY_ROLES = Kind(
    path="directoryRoles",
    type="directoryRole",
    properties=("id", "deletedDateTime", "description", "displayName", "roleTemplateId"),
    read=_permissions("RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", *DIRECTORY_READ),
    write=_permissions("RoleManagement.ReadWrite.Directory", *DIRECTORY_WRITE),
    paged=False,
    page=0,
    relations=(Relation("members", 1),),
)

KINDS: dict[str, Kind] = {
    kind.path: kind
    for kind in (USERS, GROUPS, APPLICATIONS, SERVICE_PRINCIPALS, POLICIES, ORGANIZATION, DIRECTORY_ROLES)
}
"""Every kind by its path without version."""

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
