"""Administrative units with their members.

The roles that administrators have over a unit are rows of ``roleAssignments``. (Graph reference: administrativeUnit,
"administrativeUnit: delta".)
"""

from shared.domain.resources.restoring import Bin, LinkWrite, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.table import Reading, Reference, ReferenceKind, Relation, Resource, Stream

_PATH = "/directory/administrativeUnits"
_UNIT = """
    id description displayName isMemberManagementRestricted membershipRule membershipRuleProcessingState membershipType
    visibility
"""
_WRITABLE = """
    description displayName membershipRule membershipRuleProcessingState membershipType visibility
"""
_READ, _WRITE = "AdministrativeUnit.Read.All", "AdministrativeUnit.ReadWrite.All"

_RESTORE_UNITS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=6,
    collection=_PATH,
    item=f"{_PATH}/{{id}}",
    required=("displayName",),
    writable=tuple(_WRITABLE.split()),
    create_only=("isMemberManagementRestricted",),
    initial={"membershipRuleProcessingState": '"Paused"'},
    later=("membershipRule", "membershipRuleProcessingState"),
    not_cleared=("displayName",),
    create=SafeCreate.MARK,
    mark="description",
    bin=Bin(path="/directory/deletedItems/microsoft.graph.administrativeUnit"),
    brief="dynamic units by their rule",
    catches=(
        "Whether the management of a unit's members is restricted is given at creation only.",
        "A dynamic unit is created with its rule and paused; its members follow from the rule.",
        "A new unit carries a mark in its description for about a minute.",
        "A deleted unit stays in the recycle bin for 30 days and cannot be purged.",
        "Administrators of a unit need the licence P1.",
    ),
)

_RESTORE_MEMBERS = Restoring(
    kind=RestoreKind.LINK,
    stage=7,
    link=LinkWrite(add=f"{_PATH}/{{owner}}/members/$ref", remove=f"{_PATH}/{{owner}}/members/{{id}}/$ref"),
    roles=("Privileged Role Administrator",),
    brief="not for dynamic units",
    catches=(
        "Members of dynamic units are not written.",
        "Members of units with restricted management are written last, and need Privileged Role Administrator.",
        "A user, group or device is in at most 30 units.",
    ),
)

RESOURCES = (
    Resource(
        resource="administrativeUnits",
        family="roles-pim",
        path=_PATH,
        stream="administrativeUnits",
        permission_read=_READ,
        permission_write=_WRITE,
        licence="P1",
        everywhere=True,
        references=(Reference(path="membershipRule", resources=("users", "groups"), kind=ReferenceKind.TEXT),),
        restoring=_RESTORE_UNITS,
    ),
    Resource(
        resource="administrativeUnits.members",
        family="roles-pim",
        path=f"{_PATH}/{{id}}/members",
        stream="administrativeUnits",
        permission_read=_READ,
        permission_write=_WRITE,
        licence="P1",
        everywhere=True,
        restoring=_RESTORE_MEMBERS,
    ),
)

STREAMS = (
    Stream(
        name="administrativeUnits",
        reading=Reading.DELTA,
        path=f"{_PATH}/delta",
        collection=_PATH,
        resource="administrativeUnits",
        select=tuple(_UNIT.split()),
        relations=(Relation(resource="administrativeUnits.members", name="members"),),
        witness=("displayName",),
    ),
)
