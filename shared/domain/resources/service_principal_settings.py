"""Settings of service principals that Graph keeps apart from them: custom attributes, and settings of sign-in.

Graph tracks none of these in a delta. (Graph reference: customSecurityAttributes, remoteDesktopSecurityConfiguration,
customClaimsPolicy.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.resources.rows import below, listed
from shared.domain.resources.table import Children, Reference, Resource, Rhythm, Switch

_PRINCIPALS = "/servicePrincipals"
_DESKTOPS = ("a4a365df-50f1-4397-bc59-1a1564b8bb9c", "270efc09-cd0d-444b-a71f-39af4910ec45")
"""The ``appId`` of Microsoft Remote Desktop and Windows Cloud Login, which alone have such a configuration."""
_READ = "Application.Read.All"
_CLAIMS_PERMISSION = "Policy.ReadWrite.ApplicationConfiguration"
_CLAIMS = "audienceOverride claims groupFilter includeApplicationIdInIssuer includeBasicClaimSet"

ROWS = (
    listed(
        Resource(
            resource="servicePrincipals.customSecurityAttributes",
            family="applications",
            path=f"{_PRINCIPALS}?$select=id,customSecurityAttributes",
            permission_read="CustomSecAttributeAssignment.Read.All",
            permission_write="CustomSecAttributeAssignment.ReadWrite.All",
            licence="none",
            everywhere=True,
            restoring=Restoring(
                kind=RestoreKind.SINGLETON,
                stage=8,
                item=f"{_PRINCIPALS}/{{id}}",
                writable=("customSecurityAttributes",),
                whole=("customSecurityAttributes",),
                permissions=(_READ,),
                brief="definitions first",
                catches=("Attributes that were added after the snapshot stay.",),
            ),
        ),
        select=("id", "customSecurityAttributes"),
        needs="customSecurityAttributes",
        silent=True,
        top=999,
        paged=True,
    ),
    below(
        Resource(
            resource="servicePrincipals.remoteDesktopSecurityConfiguration",
            family="applications",
            path=f"{_PRINCIPALS}/{{id}}/remoteDesktopSecurityConfiguration",
            permission_read=_READ,
            permission_write="Application-RemoteDesktopConfig.ReadWrite.All",
            licence="none",
            everywhere=True,
            properties=("id", "approvedClientApps", "isRemoteDesktopProtocolEnabled", "targetDeviceGroups"),
            references=(Reference(path="targetDeviceGroups.id", resources=("groups",)),),
            restoring=Restoring(
                kind=RestoreKind.SINGLETON,
                stage=8,
                item=f"{_PRINCIPALS}/{{owner}}/remoteDesktopSecurityConfiguration",
                writable=("isRemoteDesktopProtocolEnabled",),
                not_cleared=("isRemoteDesktopProtocolEnabled",),
                brief="without its groups of devices",
                catches=(
                    "Groups of devices and approved clients have calls of their own that a restore does not make.",
                ),
            ),
        ),
        Children(
            owner="servicePrincipals",
            segment="remoteDesktopSecurityConfiguration",
            links=False,
            filter=f"appId in {_DESKTOPS}",
            to_one=True,
        ),
        owners=_PRINCIPALS,
        paged=True,
    ),
    below(
        Resource(
            resource="servicePrincipals.claimsPolicy",
            family="applications",
            path=f"{_PRINCIPALS}/{{id}}/claimsPolicy",
            permission_read=_CLAIMS_PERMISSION,
            permission_write=_CLAIMS_PERMISSION,
            licence="P1",
            api="beta",
            switch=Switch.BETA,
            properties=("id", *_CLAIMS.split()),
            restoring=Restoring(
                kind=RestoreKind.SINGLETON,
                stage=8,
                item=f"{_PRINCIPALS}/{{owner}}/claimsPolicy",
                writable=tuple(_CLAIMS.split()),
                replaced=True,
                whole=("claims", "groupFilter"),
            ),
            warning="Graph documents only a permission that also writes policies of applications.",
        ),
        Children(owner="servicePrincipals", segment="claimsPolicy", links=False, to_one=True),
        owners=_PRINCIPALS,
        rhythm=Rhythm.SELDOM,
        paged=True,
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
