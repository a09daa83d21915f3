"""Users with their managers, groups with their members and owners.

Graph returns few properties unless they are selected, so the table names all that belong to the directory. It omits
derived properties, those with a permission of their own, and those stored in Exchange or SharePoint. (Graph reference:
user, group, "user: delta", "group: delta".)
"""

from shared.domain.resources.table import Reading, Relation, Resource, Stream

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
_GROUP = """
    id classification createdDateTime description displayName expirationDateTime groupTypes isAssignableToRole mail
    mailEnabled mailNickname membershipRule membershipRuleProcessingState onPremisesDomainName onPremisesLastSyncDateTime
    onPremisesNetBiosName onPremisesProvisioningErrors onPremisesSamAccountName onPremisesSecurityIdentifier
    onPremisesSyncEnabled preferredDataLocation preferredLanguage proxyAddresses renewedDateTime resourceProvisioningOptions
    securityEnabled securityIdentifier theme visibility assignedLabels assignedLicenses hasMembersWithLicenseErrors
    isArchived isManagementRestricted licenseProcessingState onPremisesExtensionAttributes resourceBehaviorOptions
    serviceProvisioningErrors uniqueName
"""

RESOURCES = (
    Resource(
        resource="users",
        family="identity",
        path="/users",
        stream="users",
        permission_read="User.Read.All",
        permission_write="User.ReadWrite.All",
        licence="none",
        restore="undelete, then update; a new id if purged; passwords are lost; synced users are read-only",
        everywhere=True,
        volatile=("onPremisesLastSyncDateTime", "signInActivity"),
    ),
    Resource(
        resource="users.manager",
        family="identity",
        path="/users/{id}/manager",
        stream="users",
        permission_read="User.Read.All",
        permission_write="User.ReadWrite.All",
        licence="none",
        restore="link",
        everywhere=True,
    ),
    Resource(
        resource="groups",
        family="identity",
        path="/groups",
        stream="groups",
        permission_read="Group.Read.All",
        permission_write="Group.ReadWrite.All",
        licence="none",
        restore="undelete, then update; dynamic groups by their rule; mail-enabled ones in Exchange only",
        everywhere=True,
        volatile=("licenseProcessingState", "onPremisesLastSyncDateTime"),
    ),
    Resource(
        resource="groups.members",
        family="identity",
        path="/groups/{id}/members",
        stream="groups",
        permission_read="GroupMember.Read.All",
        permission_write="GroupMember.ReadWrite.All",
        licence="none",
        restore="link; not for dynamic and synced groups",
        everywhere=True,
    ),
    Resource(
        resource="groups.owners",
        family="identity",
        path="/groups/{id}/owners",
        stream="groups",
        permission_read="GroupMember.Read.All",
        permission_write="Group.ReadWrite.All",
        licence="none",
        restore="link; the last owner of a Microsoft 365 group stays",
        everywhere=True,
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
    ),
    Stream(
        name="groups",
        reading=Reading.DELTA,
        path="/groups/delta",
        collection="/groups",
        resource="groups",
        select=tuple(_GROUP.split()),
        relations=(
            Relation(resource="groups.members", name="members"),
            Relation(resource="groups.owners", name="owners"),
        ),
        witness=("displayName", "securityEnabled"),
    ),
)
