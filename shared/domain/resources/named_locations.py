"""Named locations, which Conditional Access policies name. They are read whole in one listing.

Graph allows 1 request a second and tenant. (Graph reference: namedLocation, ipNamedLocation, countryNamedLocation.)
"""

from shared.domain.resources.restoring import Bin, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.table import Reading, Resource, Stream

_PATH = "/identity/conditionalAccess/namedLocations"
_LOCATION = """
    @odata.type id displayName createdDateTime modifiedDateTime isTrusted ipRanges countriesAndRegions
    includeUnknownCountriesAndRegions countryLookupMethod
"""
_WRITABLE = """
    countriesAndRegions countryLookupMethod displayName includeUnknownCountriesAndRegions ipRanges isTrusted
"""

_RESTORE_LOCATIONS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=11,
    collection=_PATH,
    item=f"{_PATH}/{{id}}",
    required=("displayName",),
    writable=tuple(_WRITABLE.split()),
    typed=True,
    last=("isTrusted",),
    not_cleared=tuple(_WRITABLE.split()),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    bin=Bin(
        path="/identity/conditionalAccess/deletedItems/namedLocations",
        restore="/identity/conditionalAccess/deletedItems/namedLocations/{id}/restore",
        by_application=False,
        loses=("the trust of a location with IP addresses",),
    ),
    permissions=("Policy.Read.All",),
    bucket="conditional-access",
    brief="policies then name the new id",
    catches=(
        "A location with IP addresses never becomes one with countries: delete one and create the other.",
        "Only an administrator can undelete a location; a restore creates it again.",
        "Graph may refuse policies that name a new location for some minutes.",
        "A trusted location can be deleted after it is no longer trusted.",
    ),
)

RESOURCES = (
    Resource(
        resource="namedLocations",
        family="conditional-access",
        path=_PATH,
        stream="namedLocations",
        permission_read="Policy.Read.All",
        permission_write="Policy.ReadWrite.ConditionalAccess",
        licence="P1",
        everywhere=True,
        volatile=("modifiedDateTime",),
        properties=tuple(_LOCATION.split()),
        restoring=_RESTORE_LOCATIONS,
    ),
)

STREAMS = (
    Stream(
        name="namedLocations",
        reading=Reading.LISTING,
        path=_PATH,
        collection=_PATH,
        resource="namedLocations",
        bucket="conditional-access",
    ),
)
