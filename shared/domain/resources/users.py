"""Users with their managers.

Graph returns few properties unless they are selected, so the table names all that belong to the directory. It omits
derived properties, those with a permission of their own, and those stored in Exchange or SharePoint. (Graph reference:
user, "user: delta", "Working with users".)
"""

from shared.domain.resources.restoring import Bin, LinkWrite, OwnCall, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.table import Reading, Reference, ReferenceKind, Relation, Resource, Stream

_USER = """
    id businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname
    userPrincipalName accountEnabled ageGroup assignedLicenses authorizationInfo city companyName consentProvidedForMinor
    country createdDateTime creationType department employeeHireDate employeeId employeeOrgData employeeType
    externalUserState externalUserStateChangeDateTime faxNumber identities identityParentId imAddresses
    isManagementRestricted isResourceAccount lastPasswordChangeDateTime legalAgeGroupClassification
    licenseAssignmentStates mailNickname onPremisesDistinguishedName onPremisesDomainName onPremisesExtensionAttributes
    onPremisesImmutableId onPremisesLastSyncDateTime onPremisesProvisioningErrors onPremisesSamAccountName
    onPremisesSecurityIdentifier onPremisesSyncEnabled onPremisesUserPrincipalName otherMails passwordPolicies postalCode
    preferredDataLocation proxyAddresses securityIdentifier serviceProvisioningErrors showInAddressList
    signInSessionsValidFromDateTime state streetAddress usageLocation userType
"""
_WRITABLE = """
    accountEnabled ageGroup authorizationInfo businessPhones city companyName consentProvidedForMinor country department
    displayName employeeHireDate employeeId employeeOrgData employeeType faxNumber givenName jobTitle mail mailNickname
    mobilePhone officeLocation onPremisesExtensionAttributes onPremisesImmutableId otherMails passwordPolicies postalCode
    preferredDataLocation preferredLanguage state streetAddress surname usageLocation userPrincipalName userType
"""
_SENSITIVE = """
    accountEnabled businessPhones mobilePhone onPremisesImmutableId otherMails userPrincipalName
"""

_RESTORE_USERS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=2,
    collection="/users",
    item="/users/{id}",
    required=("accountEnabled", "displayName", "mailNickname", "userPrincipalName"),
    generated=("passwordProfile",),
    writable=tuple(_WRITABLE.split()),
    create_only=("identities",),
    initial={"accountEnabled": "false"},
    alone=("authorizationInfo",),
    last=("accountEnabled",),
    whole=("authorizationInfo", "employeeOrgData", "onPremisesExtensionAttributes"),
    not_cleared=("accountEnabled", "displayName", "mail", "mailNickname", "userPrincipalName", "userType"),
    synced=("otherMails", "passwordPolicies", "preferredDataLocation", "usageLocation"),
    sensitive=tuple(_SENSITIVE.split()),
    calls=(
        OwnCall(
            property="assignedLicenses",
            path="/users/{id}/assignLicense",
            permission="LicenseAssignment.ReadWrite.All",
        ),
    ),
    create=SafeCreate.NATURAL,
    identified_by=("userPrincipalName",),
    bin=Bin(
        path="/directory/deletedItems/microsoft.graph.user",
        permission="User.DeleteRestore.All",
        loses=(
            "activations of privileged roles that were under way",
            "eligibilities for privileged roles, about 7 days after the deletion",
            "licences without a free seat",
            "memberships of groups that were deleted for good meanwhile",
        ),
    ),
    permissions=("User-PasswordProfile.ReadWrite.All",),
    roles=("User Administrator", "Privileged Authentication Administrator"),
    brief="passwords are lost; synchronised users are read-only",
    catches=(
        "A user who is recreated gets a random password, to be changed at the next sign-in.",
        "Setting a password needs the directory role User Administrator.",
        "A user who is recreated registers authentication methods again.",
        "A guest who is recreated is a local account of the type Guest, and must be invited to redeem again.",
        "Administrators, and members and owners of role-assignable groups, are protected users.",
        "Undeleting protected users and writing sensitive properties needs Privileged Authentication Administrator.",
        "The ids of certificates (authorizationInfo) need Privileged Authentication Administrator.",
        "Users synchronised from on-premises are restored at their source.",
        "Another user may have taken the userPrincipalName: choose a new name, or leave the user deleted.",
        "Licences need a usageLocation and a free seat; those that come from a group are left to the group.",
        "Sign-in identities are given at creation only.",
        "The addresses in proxyAddresses follow mail; with a mailbox, Exchange decides.",
        "The property showInAddressList is changed in the Microsoft 365 admin center.",
    ),
)

_RESTORE_MANAGERS = Restoring(
    kind=RestoreKind.LINK,
    stage=7,
    link=LinkWrite(add="/users/{owner}/manager/$ref", remove="/users/{owner}/manager/$ref", method="PUT"),
    catches=("The manager of a user synchronised from on-premises is changed at the source.",),
)

RESOURCES = (
    Resource(
        resource="users",
        family="identity",
        path="/users",
        stream="users",
        permission_read="User.Read.All",
        permission_write="User.ReadWrite.All",
        licence="none",
        everywhere=True,
        volatile=("onPremisesLastSyncDateTime", "signInActivity"),
        references=(
            Reference(path="assignedLicenses.skuId", kind=ReferenceKind.OUTSIDE),
            Reference(path="assignedLicenses.disabledPlans", kind=ReferenceKind.OUTSIDE),
        ),
        restoring=_RESTORE_USERS,
    ),
    Resource(
        resource="users.manager",
        family="identity",
        path="/users/{id}/manager",
        stream="users",
        permission_read="User.Read.All",
        permission_write="User.ReadWrite.All",
        licence="none",
        everywhere=True,
        restoring=_RESTORE_MANAGERS,
    ),
)

STREAMS = (
    Stream(
        name="users",
        reading=Reading.DELTA,
        path="/users/delta",
        collection="/users",
        resource="users",
        select=tuple(_USER.split()),
        relations=(Relation(resource="users.manager", name="manager", to_one=True),),
        witness=("userPrincipalName",),
        large=True,
    ),
)
