"""Definitions of directory roles, and who has which role where. Both are read whole, because Graph has no delta for them.

(Graph reference: unifiedRoleDefinition, unifiedRoleAssignment.)
"""

from shared.domain.resources.restoring import Bin, Fixed, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.table import Reading, Reference, ReferenceKind, Resource, Stream

_DEFINITIONS = "/roleManagement/directory/roleDefinitions"
_ASSIGNMENTS = "/roleManagement/directory/roleAssignments"
_DEFINITION = "id description displayName isBuiltIn isEnabled resourceScopes templateId version rolePermissions"
_ASSIGNED = ("appScopeId", "directoryScopeId", "principalId", "roleDefinitionId")
_READ, _WRITE = "RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory"

_RESTORE_DEFINITIONS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=12,
    collection=_DEFINITIONS,
    item=f"{_DEFINITIONS}/{{id}}",
    required=("displayName", "isEnabled", "rolePermissions"),
    writable=("description", "displayName", "isEnabled", "rolePermissions"),
    create_only=("templateId",),
    not_cleared=("displayName", "isEnabled", "rolePermissions"),
    create=SafeCreate.CLIENT_KEY,
    identified_by=("templateId",),
    bin=Bin(
        path="/roleManagement/directory/deletedItems/roleDefinitions",
        restore="/roleManagement/directory/deletedItems/roleDefinitions/{id}/restore",
    ),
    fixed=(Fixed(property="isBuiltIn", value="true", reason="Graph does not let built-in roles be written."),),
    brief="built-in ones are read-only",
    catches=(
        "A role that is recreated keeps its template id.",
        "Roles of a directory's own need the licence P1.",
        "Microsoft changes built-in roles: such a difference needs no restore.",
    ),
)

_RESTORE_ASSIGNMENTS = Restoring(
    kind=RestoreKind.ROW,
    stage=13,
    collection=_ASSIGNMENTS,
    item=f"{_ASSIGNMENTS}/{{id}}",
    required=("principalId", "roleDefinitionId"),
    create_only=_ASSIGNED,
    create=SafeCreate.NATURAL,
    identified_by=_ASSIGNED,
    brief="principal, role and scope are what counts",
    catches=(
        "A role that was active for some hours only (Privileged Identity Management) looks like a permanent one.",
        "Eligible assignments and the rules of Privileged Identity Management are not part of the backup.",
        "Among groups, only role-assignable ones can have a role.",
        "A restored role takes effect after up to 15 minutes.",
        "RoleManagement.ReadWrite.Directory can grant every role: give it for the time of a restore only.",
    ),
)

RESOURCES = (
    Resource(
        resource="roleDefinitions",
        family="roles-pim",
        path=_DEFINITIONS,
        stream="roleDefinitions",
        permission_read=_READ,
        permission_write=_WRITE,
        licence="P1",
        everywhere=True,
        properties=tuple(_DEFINITION.split()),
        restoring=_RESTORE_DEFINITIONS,
    ),
    Resource(
        resource="roleAssignments",
        family="roles-pim",
        path=_ASSIGNMENTS,
        stream="roleAssignments",
        permission_read=_READ,
        permission_write=_WRITE,
        licence="none",
        everywhere=True,
        properties=("id", *_ASSIGNED),
        references=(
            Reference(path="principalId", resources=("users", "groups", "servicePrincipals")),
            Reference(path="roleDefinitionId", resources=("roleDefinitions",)),
            Reference(
                path="directoryScopeId",
                resources=("administrativeUnits", "applications", "servicePrincipals"),
                kind=ReferenceKind.TEXT,
            ),
            Reference(path="appScopeId", kind=ReferenceKind.TEXT),
        ),
        restoring=_RESTORE_ASSIGNMENTS,
    ),
)

STREAMS = (
    Stream(
        name="roleDefinitions",
        reading=Reading.LISTING,
        path=_DEFINITIONS,
        collection=_DEFINITIONS,
        resource="roleDefinitions",
        paged=False,
    ),
    Stream(
        name="roleAssignments",
        reading=Reading.LISTING,
        path=_ASSIGNMENTS,
        collection=_ASSIGNMENTS,
        resource="roleAssignments",
        paged=False,
    ),
)
