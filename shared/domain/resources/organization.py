"""The organization: a collection of one, whose id is the directory's. (Graph reference: organization.)"""

from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.resources.table import Reading, Resource, Stream

_ORGANIZATION = """
    id assignedPlans businessPhones city country countryLetterCode createdDateTime defaultUsageLocation
    directorySizeQuota displayName isMultipleDataLocationsForServicesEnabled marketingNotificationEmails
    mobileDeviceManagementAuthority onPremisesLastPasswordSyncDateTime onPremisesLastSyncDateTime onPremisesSyncEnabled
    onPremisesSyncStatus partnerTenantType postalCode preferredLanguage privacyProfile provisionedPlans
    securityComplianceNotificationMails securityComplianceNotificationPhones state street
    technicalNotificationMails tenantType verifiedDomains
"""

_WRITABLE = """
    marketingNotificationEmails privacyProfile securityComplianceNotificationMails securityComplianceNotificationPhones
    technicalNotificationMails
"""

_RESTORE_ORGANIZATION = Restoring(
    kind=RestoreKind.SINGLETON,
    stage=14,
    item="/organization/{id}",
    writable=tuple(_WRITABLE.split()),
    whole=("privacyProfile",),
    brief="mails, phones and privacy profile only",
    catches=("Everything else of the organization is read-only, or set in the admin center.",),
)

RESOURCES = (
    Resource(
        resource="organization",
        family="tenant-settings",
        path="/organization",
        stream="organization",
        permission_read="Organization.Read.All",
        permission_write="Organization.ReadWrite.All",
        licence="none",
        everywhere=True,
        volatile=("directorySizeQuota", "onPremisesLastPasswordSyncDateTime", "onPremisesLastSyncDateTime"),
        properties=tuple(_ORGANIZATION.split()),
        restoring=_RESTORE_ORGANIZATION,
    ),
)

STREAMS = (
    Stream(
        name="organization",
        reading=Reading.LISTING,
        path="/organization",
        collection="/organization",
        resource="organization",
    ),
)
