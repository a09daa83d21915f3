"""Privileged roles: schedules of PIM, their policies, and roles of entitlement management.

(Graph reference: unifiedRoleEligibilitySchedule, unifiedRoleAssignmentSchedule, unifiedRoleManagementPolicy,
unifiedRoleManagementPolicyAssignment, scopedRoleMembership.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, below, listed
from shared.domain.resources.table import Children, Reference, ReferenceKind, Resource

_DIRECTORY = "/roleManagement/directory"
_SCHEDULE = """
    id appScopeId createdDateTime createdUsing directoryScopeId memberType modifiedDateTime principalId
    roleDefinitionId scheduleInfo status
"""
_PRINCIPALS = ("users", "groups", "servicePrincipals")
_DIRECTORY_ROLES = "scopeId eq '/' and scopeType eq 'DirectoryRole'"
_BY_REQUEST = (
    "PIM makes schedules from requests; a restore makes no requests. An administrator assigns the role again.",
    "The snapshot names principal, role, scope, begin and end.",
)


def _schedules(name: str, permission: str, extra: tuple[str, ...] = ()) -> Row:
    """Return the row of the schedules by which principals have, or may activate, directory roles."""
    return listed(
        Resource(
            resource=name,
            family="roles-pim",
            path=f"{_DIRECTORY}/{name}",
            permission_read=f"{permission}.Read.Directory",
            permission_write=f"{permission}.ReadWrite.Directory",
            licence="P2",
            volatile=("modifiedDateTime",),
            properties=(*_SCHEDULE.split(), *extra),
            references=(
                Reference(path="principalId", resources=_PRINCIPALS),
                Reference(path="roleDefinitionId", resources=("roleDefinitions",), kind=ReferenceKind.ROLE),
            ),
            restoring=Restoring(
                kind=RestoreKind.ADMINISTRATOR,
                stage=14,
                place="under Privileged Identity Management",
                by_administrator=("directoryScopeId", "principalId", "roleDefinitionId", "scheduleInfo"),
                catches=_BY_REQUEST,
            ),
        ),
    )


ROWS = (
    _schedules("roleEligibilitySchedules", "RoleEligibilitySchedule"),
    _schedules("roleAssignmentSchedules", "RoleAssignmentSchedule", ("assignmentType",)),
    listed(
        Resource(
            resource="roleManagementPolicies",
            family="roles-pim",
            path="/policies/roleManagementPolicies",
            permission_read="RoleManagement.Read.Directory",
            permission_write="RoleManagementPolicy.ReadWrite.Directory",
            licence="P2",
            volatile=("lastModifiedDateTime", "lastModifiedBy"),
            properties=(
                "id",
                "displayName",
                "description",
                "isOrganizationDefault",
                "lastModifiedBy",
                "lastModifiedDateTime",
                "rules",
                "scopeId",
                "scopeType",
            ),
            restoring=Restoring(
                kind=RestoreKind.ADMINISTRATOR,
                stage=13,
                place="under Privileged Identity Management, settings of the role",
                by_administrator=("rules",),
                catches=(
                    "The rules are part of the record.",
                    "Graph has a call for each rule, which a restore does not make yet.",
                ),
            ),
        ),
        filter=_DIRECTORY_ROLES,
        expand="rules",
    ),
    listed(
        Resource(
            resource="roleManagementPolicyAssignments",
            family="roles-pim",
            path="/policies/roleManagementPolicyAssignments",
            permission_read="RoleManagement.Read.Directory",
            permission_write="",
            licence="P2",
            properties=("id", "policyId", "roleDefinitionId", "scopeId", "scopeType"),
            references=(
                Reference(path="roleDefinitionId", resources=("roleDefinitions",), kind=ReferenceKind.ROLE),
                Reference(path="policyId", kind=ReferenceKind.NAME, resources=("roleManagementPolicies",)),
            ),
            restoring=Restoring(
                kind=RestoreKind.NEVER,
                stage=14,
                brief="kept by the service",
                catches=("The service itself gives each role its policy.",),
            ),
        ),
        filter=_DIRECTORY_ROLES,
    ),
    below(
        Resource(
            resource="administrativeUnits.scopedRoleMembers",
            family="roles-pim",
            path="/directory/administrativeUnits/{id}/scopedRoleMembers",
            permission_read="RoleManagement.Read.Directory",
            permission_write="RoleManagement.ReadWrite.Directory",
            licence="P1",
            properties=("id", "administrativeUnitId", "roleId", "roleMemberInfo"),
            references=(Reference(path="roleMemberInfo.id", resources=_PRINCIPALS),),
            restoring=Restoring(
                kind=RestoreKind.NEVER,
                stage=14,
                brief="restored as roleAssignments",
                catches=("Each row is also a role assignment with the unit as its scope, and is written as that.",),
            ),
        ),
        Children(owner="administrativeUnits", segment="scopedRoleMembers", links=False),
        owners="/directory/administrativeUnits",
    ),
    listed(
        Resource(
            resource="entitlementRoleDefinitions",
            family="roles-pim",
            path="/roleManagement/entitlementManagement/roleDefinitions",
            permission_read="EntitlementManagement.Read.All",
            permission_write="",
            licence="P2",
            properties=("id", "description", "displayName", "isBuiltIn", "isEnabled", "rolePermissions", "templateId"),
            restoring=Restoring(
                kind=RestoreKind.NEVER, stage=0, brief="built in", catches=("All of them are built in.",)
            ),
        ),
    ),
    listed(
        Resource(
            resource="entitlementRoleAssignments",
            family="roles-pim",
            path="/roleManagement/entitlementManagement/roleAssignments",
            permission_read="EntitlementManagement.Read.All",
            permission_write="EntitlementManagement.ReadWrite.All",
            licence="P2",
            properties=("id", "appScopeId", "principalId", "roleDefinitionId"),
            references=(Reference(path="principalId", resources=_PRINCIPALS),),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=14,
                collection="/roleManagement/entitlementManagement/roleAssignments",
                item="/roleManagement/entitlementManagement/roleAssignments/{id}",
                required=("appScopeId", "principalId", "roleDefinitionId"),
                create_only=("appScopeId", "principalId", "roleDefinitionId"),
                create=SafeCreate.LISTED,
                identified_by=("appScopeId", "principalId", "roleDefinitionId"),
                brief="a new id",
            ),
        ),
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
