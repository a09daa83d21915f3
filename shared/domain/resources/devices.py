"""Devices with their owners and users. (Graph reference: device, "device: delta".)

Graph returns all properties of a device in delta. Who owns and uses a device is told by the listing alone.
"""

from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.resources.rows import Row, below, single
from shared.domain.resources.table import Children, Reading, Resource, Rhythm, Stream

_DEVICE = """
    id deletedDateTime accountEnabled approximateLastSignInDateTime complianceExpirationDateTime deviceCategory deviceId
    deviceMetadata deviceOwnership deviceVersion displayName domainName enrollmentProfileName enrollmentType
    extensionAttributes isCompliant isManaged isRooted managementType manufacturer mdmAppId model
    onPremisesLastSyncDateTime onPremisesSecurityIdentifier onPremisesSyncEnabled operatingSystem operatingSystemVersion
    physicalIds profileType registrationDateTime systemLabels trustType
"""


def _people(segment: str, meaning: str) -> Row:
    """Return the row of the people who own, or use, devices."""
    return below(
        Resource(
            resource=f"devices.{segment}",
            family="devices",
            path=f"/devices/{{id}}/{segment}",
            permission_read="Device.Read.All",
            permission_write="",
            licence="none",
            restoring=Restoring(
                kind=RestoreKind.ADMINISTRATOR,
                stage=7,
                brief="set when the device registers",
                catches=(f"Graph lets signed-in people set who {meaning} a device, and no application.",),
            ),
        ),
        Children(owner="devices", segment=segment, links=True, expanded=True),
        owners="/devices",
        rhythm=Rhythm.SELDOM,
        paged=True,
    )


_POLICY = "/policies/deviceRegistrationPolicy"
_PART = ("azureADJoin", "azureADRegistration", "localAdminPassword", "multiFactorAuthConfiguration", "userDeviceQuota")

_ROWS = (
    _people("registeredOwners", "owns"),
    _people("registeredUsers", "uses"),
    single(
        Resource(
            resource="deviceRegistrationPolicy",
            family="devices",
            path=_POLICY,
            permission_read="Policy.Read.DeviceConfiguration",
            permission_write="Policy.ReadWrite.DeviceConfiguration",
            licence="none",
            properties=("id", "displayName", "description", *_PART),
            restoring=Restoring(
                kind=RestoreKind.SINGLETON,
                stage=14,
                item=_POLICY,
                writable=_PART,
                whole=("azureADJoin", "azureADRegistration", "localAdminPassword"),
                not_cleared=_PART,
                replaced=True,
                catches=("Graph takes the whole policy in one request.",),
            ),
        ),
    ),
)

RESOURCES = (
    Resource(
        resource="devices",
        family="devices",
        path="/devices",
        stream="devices",
        permission_read="Device.Read.All",
        permission_write="Device.ReadWrite.All",
        licence="none",
        everywhere=True,
        volatile=("approximateLastSignInDateTime", "complianceExpirationDateTime", "onPremisesLastSyncDateTime"),
        restoring=Restoring(
            kind=RestoreKind.NEVER,
            stage=5,
            brief="devices join by themselves",
            catches=(
                "A device that was deleted registers again; its key lives on the device alone.",
                "Whether it is enabled, and its extension attributes, are set by hand: the snapshot names them.",
            ),
        ),
    ),
    *(row.resource for row in _ROWS),
)

STREAMS = (
    Stream(
        name="devices",
        reading=Reading.DELTA,
        path="/devices/delta",
        collection="/devices",
        resource="devices",
        select=tuple(_DEVICE.split()),
        witness=("displayName", "deviceId"),
        large=True,
    ),
    *(row.stream for row in _ROWS),
)
