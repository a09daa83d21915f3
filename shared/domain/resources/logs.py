"""Logs, reports and inventories: optional, read whole each time, and never written back.

(Graph reference: signIn, directoryAudit, provisioningObjectSummary, riskDetection, riskyUser, bitlockerRecoveryKey,
deviceLocalCredentialInfo, userRegistrationDetails.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.resources.rows import Row, below, listed, single
from shared.domain.resources.table import Children, Resource, Rhythm, Switch


def _row(
    name: str, family: str, path: str, permission: str, licence: str, catch: str, *, write: str = "", api: str = "v1.0"
) -> Resource:
    """Return an optional resource that is for reading alone, or a beta one if ``api`` is beta."""
    return Resource(
        resource=name,
        family=family,
        path=path,
        permission_read=permission,
        permission_write=write,
        licence=licence,
        api=api,
        switch=Switch.BETA if api == "beta" else Switch.OPTIONAL,
        restoring=Restoring(kind=RestoreKind.NEVER, stage=0, brief="for reading only", catches=(catch,)),
    )


def _log(name: str, path: str, permission: str, licence: str) -> Row:
    """Return the row of a log, of which Graph keeps 7 or 30 days."""
    catch = "A backup holds the entries that Graph still had; it keeps 30 days, or 7 without a licence."
    return listed(_row(name, "logs", path, permission, licence, catch), bucket="reports")


def _evidence(segment: str) -> Row:
    """Return the row of what belongs to each instance of an access review."""
    reviews = "/identityGovernance/accessReviews/definitions"
    path = f"{reviews}/{{id}}/instances/{{id}}/{segment}"
    catch = "It is evidence of a review that took place."
    return below(
        _row(f"accessReviewDefinitions.{segment}", "logs", path, "AccessReview.Read.All", "P2", catch),
        Children(owner="accessReviewDefinitions", segment=segment, links=False, through="instances"),
        owners=reviews,
        rhythm=Rhythm.SELDOM,
    )


_ROLES = "/roleManagement/directory"
_METADATA = "The metadata alone: reading a secret would leave an entry in the audit log for each."

ROWS = (
    _log("directoryAudits", "/auditLogs/directoryAudits", "AuditLog.Read.All", "none"),
    _log("signIns", "/auditLogs/signIns", "AuditLog.Read.All", "P1"),
    _log("provisioningLogs", "/auditLogs/provisioning", "ProvisioningLog.Read.All", "P1"),
    listed(
        _row(
            "riskDetections",
            "logs",
            "/identityProtection/riskDetections",
            "IdentityRiskEvent.Read.All",
            "P2",
            "It is history.",
        ),
        bucket="conditional-access",
    ),
    listed(
        _row(
            "riskyUsers",
            "security-info",
            "/identityProtection/riskyUsers",
            "IdentityRiskyUser.Read.All",
            "P2",
            "Microsoft computes the risk.",
        ),
        bucket="conditional-access",
    ),
    listed(
        _row(
            "userRegistrationDetails",
            "security-info",
            "/reports/authenticationMethods/userRegistrationDetails",
            "AuditLog.Read.All",
            "P1",
            "It is a report.",
        ),
        bucket="reports",
    ),
    listed(
        _row(
            "bitlockerRecoveryKeys",
            "security-info",
            "/informationProtection/bitlocker/recoveryKeys",
            "BitlockerKey.ReadBasic.All",
            "P1",
            _METADATA,
        ),
    ),
    listed(
        _row(
            "deviceLocalCredentials",
            "security-info",
            "/directory/deviceLocalCredentials",
            "DeviceLocalCredential.ReadBasic.All",
            "none",
            _METADATA,
        ),
    ),
    listed(
        _row(
            "hardwareOathDevices",
            "security-info",
            "/directory/authenticationMethodDevices/hardwareOathDevices",
            "Policy.Read.AuthenticationMethod",
            "none",
            "Graph never returns the secret keys of tokens.",
            api="beta",
        ),
    ),
    _evidence("decisions"),
    _evidence("contactedReviewers"),
    listed(
        _row(
            "directoryRoleTemplates",
            "roles-pim",
            "/directoryRoleTemplates",
            "RoleManagement.Read.Directory",
            "none",
            "Microsoft defines the templates.",
        ),
    ),
    listed(
        _row(
            "roleAssignmentScheduleInstances",
            "roles-pim",
            f"{_ROLES}/roleAssignmentScheduleInstances",
            "RoleAssignmentSchedule.Read.Directory",
            "P2",
            "Instances follow from their schedules.",
        ),
    ),
    single(_row("teamwork", "tenant-settings", "/teamwork", "Teamwork.Read.All", "none", "Teams keeps it.")),
    single(
        _row(
            "sharepointSettings",
            "tenant-settings",
            "/admin/sharepoint/settings",
            "SharePointTenantSettings.Read.All",
            "none",
            "SharePoint keeps it; an administrator sets it there.",
            write="SharePointTenantSettings.ReadWrite.All",
        )
    ),
    below(
        _row(
            "domains.serviceConfigurationRecords",
            "domains",
            "/domains/{id}/serviceConfigurationRecords",
            "Domain.Read.All",
            "none",
            "It says what DNS should hold.",
        ),
        Children(owner="domains", segment="serviceConfigurationRecords", links=False),
        owners="/domains",
        rhythm=Rhythm.SELDOM,
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
