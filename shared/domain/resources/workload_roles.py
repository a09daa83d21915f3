"""Roles of services beside the directory, and what Graph's beta tells about roles.

(Graph reference: unifiedRoleDefinition, unifiedRoleAssignmentMultiple, unifiedRoleManagementAlertConfiguration.)
"""

from shared.domain.resources.restoring import Fixed, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, listed
from shared.domain.resources.table import Resource, Switch

_DEFINITION = "id allowedPrincipalTypes description displayName isBuiltIn isEnabled rolePermissions templateId version"
_BUILT_IN = Fixed(property="isBuiltIn", value="true", reason="Graph does not let built-in roles be written.")


def _definitions(name: str, service: str, permission: str, licence: str) -> Row:
    """Return the row of the role definitions of a service."""
    path = f"/roleManagement/{service}/roleDefinitions"
    return listed(
        Resource(
            resource=name,
            family="roles-pim",
            path=path,
            permission_read=permission,
            permission_write=permission.replace(".Read.", ".ReadWrite."),
            licence=licence,
            api="beta",
            switch=Switch.BETA,
            properties=tuple(_DEFINITION.split()),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=12,
                collection=path,
                item=f"{path}/{{id}}",
                required=("displayName", "rolePermissions"),
                writable=("description", "displayName", "rolePermissions"),
                whole=("rolePermissions",),
                not_cleared=("displayName", "rolePermissions"),
                create=SafeCreate.LISTED,
                identified_by=("displayName",),
                fixed=(_BUILT_IN,),
                brief="custom ones only",
            ),
        ),
    )


def _assignments(name: str, service: str, permission: str, licence: str) -> Row:
    """Return the row of the role assignments of a service."""
    return listed(
        Resource(
            resource=name,
            family="roles-pim",
            path=f"/roleManagement/{service}/roleAssignments",
            permission_read=permission,
            permission_write=permission.replace(".Read.", ".ReadWrite."),
            licence=licence,
            api="beta",
            switch=Switch.BETA,
            properties=("id", "appScopeIds", "description", "directoryScopeIds", "displayName", "principalIds"),
            restoring=Restoring(
                kind=RestoreKind.NEVER,
                stage=13,
                brief="shown for an administrator, not written yet",
                catches=("The service names principals and scopes in ways of its own.",),
            ),
        ),
    )


_RBAC = "DeviceManagementRBAC.Read.All"

ROWS = (
    _definitions("exchangeRoleDefinitions", "exchange", "RoleManagement.Read.Exchange", "none"),
    _assignments("exchangeRoleAssignments", "exchange", "RoleManagement.Read.Exchange", "none"),
    _definitions("intuneRoleDefinitions", "deviceManagement", _RBAC, "intune"),
    _assignments("intuneRoleAssignments", "deviceManagement", _RBAC, "intune"),
    _definitions("cloudPcRoleDefinitions", "cloudPC", _RBAC, "Windows 365"),
    _assignments("cloudPcRoleAssignments", "cloudPC", "CloudPC.Read.All", "Windows 365"),
    listed(
        Resource(
            resource="roleDefinitions.deleted",
            family="roles-pim",
            path="/roleManagement/directory/deletedItems/roleDefinitions",
            permission_read="RoleManagement.Read.Directory",
            permission_write="RoleManagement.ReadWrite.Directory",
            licence="P1",
            api="beta",
            switch=Switch.BETA,
            properties=("id", "deletedDateTime", "description", "displayName", "isBuiltIn", "isEnabled"),
            restoring=Restoring(
                kind=RestoreKind.NEVER,
                stage=0,
                brief="a restore creates deleted roles again",
                catches=("A restore of roleDefinitions creates a deleted role under a new id.",),
            ),
        ),
    ),
    listed(
        Resource(
            resource="roleManagementAlertConfigurations",
            family="roles-pim",
            path="/identityGovernance/roleManagementAlerts/alertConfigurations",
            permission_read="RoleManagementAlert.Read.Directory",
            permission_write="RoleManagementAlert.ReadWrite.Directory",
            licence="P2",
            api="beta",
            switch=Switch.BETA,
            properties=("@odata.type", "id", "alertDefinitionId", "isEnabled", "scopeId", "scopeType"),
            restoring=Restoring(
                kind=RestoreKind.NEVER,
                stage=0,
                brief="shown for an administrator, not written yet",
                catches=("Alerts are set under Privileged Identity Management.",),
            ),
        ),
        filter="scopeId eq '/' and scopeType eq 'DirectoryRole'",
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
