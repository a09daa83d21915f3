"""The one table of endpoints: method, path, action, handler, document, and the pages that show or do the same.

``{name}`` in a path is a tenant: dispatch reads it and checks the action in it.
"""

from typing import Any

from console.documents.audit import EventDocument, TrailVerification
from console.documents.completeness import CompletenessDocument
from console.documents.fleet import FleetSumsDocument, ProtectionDocument
from console.documents.jobs import JobDocument, RequestedJob
from console.documents.keys import KeyDocument, PolicyDocument
from console.documents.notices import DeliveryDocument, ListedTargetDocument, NewTargetDocument, TargetDocument
from console.documents.results import JobDetails
from console.documents.schedules import ScheduleDetails
from console.documents.snapshots import SnapshotDocument
from console.documents.tenants import CheckedDocument, TenantDocument
from console.web.api import jobs, settings, targets, tenants, trails
from console.web.api.queries import (
    AuditQuery,
    BackupBody,
    FleetQuery,
    JobsQuery,
    KeyCheckBody,
    Paging,
    PolicyQuery,
    ScheduleBody,
    TargetBody,
    VerifyBody,
)
from console.web.api.table import Endpoint
from shared.domain.access import Action

_TENANT = "/tenants/{name}"
_SNAPSHOT, _JOB = f"{_TENANT}/snapshots/{{snapshot}}", f"{_TENANT}/jobs/{{job}}"
_PAGE, _KEY_PAGE = "/t/{name}", "/t/{name}/settings/key-management"
_NOTICES_PAGE = "/t/{name}/settings/notices"
_CONNECTION_PAGE, _JOB_PAGE = "/t/{name}/settings/connection", "/t/{name}/jobs/{job}"


def _get(path: str, action: Action, handler: Any, returns: Any, *pages: str, **values: Any) -> Endpoint:
    """Return an endpoint that reads."""
    return Endpoint(method="GET", path=path, action=action, handler=handler, returns=returns, pages=pages, **values)


def _post(path: str, action: Action, handler: Any, returns: Any, *pages: str, **values: Any) -> Endpoint:
    """Return an endpoint that asks for something. A requested job is accepted (202)."""
    status = 202 if returns is RequestedJob else 200
    return Endpoint(
        method=values.pop("method", "POST"),
        path=path,
        action=action,
        handler=handler,
        returns=returns,
        pages=pages,
        status=status,
        **values,
    )


def _target_endpoints(path: str, page: str, command: str) -> tuple[Endpoint, ...]:
    """Return the endpoints of the notice targets below a path, whose page this is."""
    action = Action.NOTICES_SET
    return (
        _get(path, action, targets.every, list[ListedTargetDocument], page, command=command),
        _post(path, action, targets.add, NewTargetDocument, page, body=TargetBody),
        _post(f"{path}/{{target}}/test", action, targets.test, DeliveryDocument, f"{page}/test"),
        _post(f"{path}/{{target}}/remove", action, targets.remove, TargetDocument, f"{page}/remove"),
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    # the fleet, tenants, snapshots, connections
    _get("/fleet", Action.FLEET_SEE, tenants.fleet, list[ProtectionDocument], "/fleet", query=FleetQuery),
    _get("/fleet/summary", Action.FLEET_SEE, tenants.summary, FleetSumsDocument, "/fleet"),
    _get(
        "/tenants",
        Action.TENANT_SEE,
        tenants.every,
        list[TenantDocument],
        "/tenants",
        query=Paging,
        command="tenant list",
    ),
    _get(_TENANT, Action.TENANT_SEE, tenants.one, TenantDocument, _PAGE, command="tenant show"),
    _get(
        f"{_TENANT}/snapshots",
        Action.TENANT_SEE,
        tenants.snapshots,
        list[SnapshotDocument],
        f"{_PAGE}/snapshots",
        query=Paging,
        command="snapshots",
    ),
    _get(_SNAPSHOT, Action.TENANT_SEE, tenants.snapshot, SnapshotDocument, "/t/{name}/s/{snapshot}"),
    _get(
        f"{_SNAPSHOT}/completeness",
        Action.TENANT_SEE,
        tenants.report,
        list[CompletenessDocument],
        "/t/{name}/s/{snapshot}",
    ),
    _get(f"{_TENANT}/connection", Action.TENANT_SEE, tenants.connection, list[CheckedDocument], _CONNECTION_PAGE),
    _post(
        f"{_TENANT}/connection/check",
        Action.CONNECTION_CHECK,
        tenants.check_connection,
        RequestedJob,
        f"{_CONNECTION_PAGE}/check",
    ),
    # jobs
    _get("/jobs", Action.FLEET_SEE, jobs.of_all, list[JobDocument], "/jobs", query=JobsQuery, command="jobs list"),
    _get(
        f"{_TENANT}/jobs",
        Action.TENANT_SEE,
        jobs.of_tenant,
        list[JobDocument],
        f"{_PAGE}/jobs",
        query=JobsQuery,
        command="jobs list --tenant",
    ),
    _get(_JOB, Action.TENANT_SEE, jobs.one, JobDetails, _JOB_PAGE, "/live/jobs/{job}", command="jobs show"),
    _post(
        f"{_TENANT}/backups",
        Action.BACKUP_ASK,
        jobs.back_up,
        RequestedJob,
        f"{_PAGE}/backup",
        body=BackupBody,
        command="backup",
    ),
    _post(f"{_TENANT}/verifies", Action.VERIFY_ASK, jobs.verify, RequestedJob, f"{_PAGE}/verify", body=VerifyBody),
    _post(f"{_JOB}/cancel", Action.JOB_CANCEL, jobs.cancel, JobDocument, f"{_JOB_PAGE}/cancel", command="jobs cancel"),
    _post(f"{_JOB}/retry", Action.TENANT_SEE, jobs.retry, RequestedJob, f"{_JOB_PAGE}/retry", command="jobs retry"),
    # the schedule
    _get(
        f"{_TENANT}/schedule",
        Action.TENANT_SEE,
        settings.schedule,
        ScheduleDetails | None,
        f"{_PAGE}/schedule",
        command="schedule show",
    ),
    _post(
        f"{_TENANT}/schedule",
        Action.SCHEDULE_SET,
        settings.set_schedule,
        ScheduleDetails,
        f"{_PAGE}/schedule",
        body=ScheduleBody,
        method="PUT",
    ),
    _post(f"{_TENANT}/schedule/pause", Action.SCHEDULE_SET, settings.pause, ScheduleDetails, f"{_PAGE}/schedule/pause"),
    _post(
        f"{_TENANT}/schedule/resume", Action.SCHEDULE_SET, settings.resume, ScheduleDetails, f"{_PAGE}/schedule/resume"
    ),
    # the key
    _get(
        f"{_TENANT}/key",
        Action.TENANT_SEE,
        settings.key,
        KeyDocument,
        _KEY_PAGE,
        f"{_KEY_PAGE}/history",
        command="key show",
    ),
    _get(f"{_TENANT}/key/policy", Action.TENANT_SEE, settings.policy, PolicyDocument, _KEY_PAGE, query=PolicyQuery),
    _post(
        f"{_TENANT}/key/check",
        Action.KEY_CHECK,
        settings.check_key,
        RequestedJob,
        f"{_KEY_PAGE}/check",
        f"{_KEY_PAGE}/rehearse",
        f"{_KEY_PAGE}/rehearse/{{job}}",
        body=KeyCheckBody,
    ),
    _post(f"{_TENANT}/key/allow", Action.KEY_ALLOW, settings.allow_key, KeyDocument, f"{_KEY_PAGE}/allow"),
    _post(f"{_TENANT}/key/take-back", Action.KEY_ALLOW, settings.take_back, KeyDocument, f"{_KEY_PAGE}/take-back"),
    # notice targets
    *_target_endpoints("/notices", "/notices", "notices list"),
    *_target_endpoints(f"{_TENANT}/notices", _NOTICES_PAGE, "notices list --tenant"),
    # audit trails
    _get("/audit", Action.AUDIT_SEE, trails.events, list[EventDocument], "/audit", query=AuditQuery),
    _get("/audit/verification", Action.AUDIT_VERIFY, trails.verify, TrailVerification, "/audit/verify"),
    _get("/audit/export", Action.AUDIT_EXPORT, trails.export, None, "/audit/export"),
    _get(
        f"{_TENANT}/audit",
        Action.AUDIT_SEE,
        trails.events,
        list[EventDocument],
        f"{_PAGE}/audit",
        query=AuditQuery,
        command="audit show",
    ),
    _get(
        f"{_TENANT}/audit/verification", Action.AUDIT_VERIFY, trails.verify, TrailVerification, f"{_PAGE}/audit/verify"
    ),
    _get(f"{_TENANT}/audit/export", Action.AUDIT_EXPORT, trails.export, None, f"{_PAGE}/audit/export"),
)
