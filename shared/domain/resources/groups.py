"""Groups with their members and owners.

Graph returns few properties unless they are selected, so the table names all that belong to the directory. (Graph
reference: group, "group: delta".)
"""

from shared.domain.resources.restoring import Bin, LinkWrite, OwnCall, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.table import Reading, Reference, ReferenceKind, Relation, Resource, Stream

_GROUP = """
    id classification createdDateTime description displayName expirationDateTime groupTypes isAssignableToRole mail
    mailEnabled mailNickname membershipRule membershipRuleProcessingState onPremisesDomainName onPremisesLastSyncDateTime
    onPremisesNetBiosName onPremisesProvisioningErrors onPremisesSamAccountName onPremisesSecurityIdentifier
    onPremisesSyncEnabled preferredDataLocation preferredLanguage proxyAddresses renewedDateTime resourceProvisioningOptions
    securityEnabled securityIdentifier theme visibility assignedLabels assignedLicenses hasMembersWithLicenseErrors
    isArchived isManagementRestricted licenseProcessingState onPremisesExtensionAttributes resourceBehaviorOptions
    serviceProvisioningErrors uniqueName
"""
_WRITABLE = """
    classification description displayName groupTypes mailNickname membershipRule membershipRuleProcessingState
    preferredDataLocation preferredLanguage securityEnabled theme visibility
"""

_RESTORE_GROUPS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=5,
    collection="/groups",
    item="/groups/{id}",
    required=("displayName", "mailEnabled", "mailNickname", "securityEnabled"),
    writable=tuple(_WRITABLE.split()),
    create_only=(
        "isAssignableToRole",
        "mailEnabled",
        "resourceBehaviorOptions",
        "resourceProvisioningOptions",
        "uniqueName",
    ),
    initial={"membershipRuleProcessingState": '"Paused"'},
    later=("membershipRule", "membershipRuleProcessingState"),
    essential=("groupTypes", "membershipRule", "membershipRuleProcessingState", "visibility"),
    not_cleared=("displayName", "mailNickname", "securityEnabled"),
    by_administrator=("assignedLabels",),
    calls=(
        OwnCall(
            property="assignedLicenses",
            path="/groups/{id}/assignLicense",
            permission="LicenseAssignment.ReadWrite.All",
        ),
    ),
    create=SafeCreate.MARK,
    mark="mailNickname",
    identified_by=("mailNickname",),
    bin=Bin(
        path="/directory/deletedItems/microsoft.graph.group",
        loses=("memberships of objects that were deleted for good meanwhile",),
    ),
    permissions=("RoleManagement.ReadWrite.Directory",),
    brief="dynamic groups by their rule; mail-enabled ones in Exchange only",
    catches=(
        "A dynamic group is created paused; its rule is started once all objects that it names exist.",
        "The members of a dynamic group follow from its rule.",
        "Graph may refuse a membership rule that it accepted in the past; then the group is not created.",
        "Distribution groups and mail-enabled security groups are written in Exchange only.",
        "Groups synchronised from on-premises are restored at their source.",
        "The visibility HiddenMembership and the type Unified are given at creation only.",
        "A Microsoft 365 group is found by its mailNickname, which no other one has, and carries no mark.",
        "A new security group carries a mark in mailNickname for about a minute.",
        "A uniqueName can never be changed, and stays taken while its group is in the recycle bin.",
        "Role-assignable groups with their members and owners need RoleManagement.ReadWrite.Directory.",
        "Directories for education may have no recycle bin for security groups.",
    ),
)

_RESTORE_MEMBERS = Restoring(
    kind=RestoreKind.LINK,
    stage=7,
    link=LinkWrite(add="/groups/{owner}/members/$ref", remove="/groups/{owner}/members/{id}/$ref", bind="members"),
    permissions=("Device.ReadWrite.All", "Application.ReadWrite.All", "RoleManagement.ReadWrite.Directory"),
    brief="not for dynamic and synchronised groups",
    catches=(
        "Members of dynamic, synchronised and mail-enabled groups are not written.",
        "Devices as members need Device.ReadWrite.All, service principals need Application.ReadWrite.All.",
        "Settings of the directory or of the group may refuse guests.",
        "Microsoft 365 groups have users as members only.",
    ),
)

_RESTORE_OWNERS = Restoring(
    kind=RestoreKind.LINK,
    stage=7,
    link=LinkWrite(add="/groups/{owner}/owners/$ref", remove="/groups/{owner}/owners/{id}/$ref"),
    permissions=("RoleManagement.ReadWrite.Directory",),
    brief="the last owner stays",
    catches=(
        "Owners are added before others are removed.",
        "Graph keeps the last owner, and the last user among the owners of a group that is not role-assignable.",
    ),
)

RESOURCES = (
    Resource(
        resource="groups",
        family="identity",
        path="/groups",
        stream="groups",
        permission_read="Group.Read.All",
        permission_write="Group.ReadWrite.All",
        licence="none",
        everywhere=True,
        volatile=("licenseProcessingState", "onPremisesLastSyncDateTime"),
        references=(
            Reference(path="membershipRule", resources=("users", "groups"), kind=ReferenceKind.TEXT),
            Reference(path="assignedLicenses.skuId", kind=ReferenceKind.OUTSIDE),
            Reference(path="assignedLicenses.disabledPlans", kind=ReferenceKind.OUTSIDE),
        ),
        restoring=_RESTORE_GROUPS,
    ),
    Resource(
        resource="groups.members",
        family="identity",
        path="/groups/{id}/members",
        stream="groups",
        permission_read="GroupMember.Read.All",
        permission_write="GroupMember.ReadWrite.All",
        licence="none",
        everywhere=True,
        restoring=_RESTORE_MEMBERS,
    ),
    Resource(
        resource="groups.owners",
        family="identity",
        path="/groups/{id}/owners",
        stream="groups",
        permission_read="GroupMember.Read.All",
        permission_write="Group.ReadWrite.All",
        licence="none",
        everywhere=True,
        restoring=_RESTORE_OWNERS,
    ),
)

STREAMS = (
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
        large=True,
    ),
)
