"""Documents of plans and of the reports of restores."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from console.documents.times import Moment, moment
from shared.domain.errors import Code
from shared.domain.jobs import Job, JobState, RestoreProgress
from shared.domain.restore.operations import Action, Hindrance, Impossible, Operation, Plan
from shared.domain.restore.summary import summary
from shared.ports.catalog.restores import OperationState, PlanRow, PlanState

if TYPE_CHECKING:
    from shared.engine.requests.restores import ReportRow


class PlanRowDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A plan without its content."""

    plan: str
    """The plan's id."""
    tenant: str
    """The tenant's name."""
    state: PlanState
    """Whether it may be carried out, is being carried out, or why it may not."""
    snapshot: str
    """The snapshot to restore."""
    live: str
    """The snapshot of the directory that the plan was made from."""
    job: str
    """The job that made it."""
    created_at: Moment
    """When it was made."""
    expires_at: Moment
    """Until when it may be carried out."""
    sha256: str
    """The SHA-256 of its text, which ``--plan-out`` writes."""
    number_of_operations: int
    """Number of operations."""
    number_of_impossible: int
    """Number of differences that it does not restore."""
    reason: str | None
    """What the person who requested it gave as reason."""
    restore_job: str | None
    """The restore that carries it out, or has done so."""
    undone_job: str | None
    """The restore that it undoes."""


class OperationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An operation of a plan."""

    n: int
    """Its number, from 1, in the order of execution."""
    resource: str
    """The resource of the record that it writes."""
    key: str
    """The record's key in the snapshot."""
    name: str | None
    """The object's name, or the names of both ends of a link."""
    action: Action
    """What it does."""
    reason: str
    """Why, as a sentence."""
    needs: list[str]
    """What it needs: a permission, a licence, a directory role."""
    properties: list[str]
    """The properties that it writes."""
    method: str
    """The HTTP method of the request."""
    path: str
    """The path of the request, with ids of the snapshot."""
    body: msgspec.Raw
    """The body of the request, with ids of the snapshot; null if there is none."""
    notes: list[str]
    """What a person should know, such as a secret that must be renewed."""


class ImpossibleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A difference that a plan does not restore."""

    resource: str
    """The resource."""
    key: str
    """The record's key in the snapshot."""
    name: str | None
    """The object's name."""
    kind: Hindrance
    """Why it is not restored."""
    reason: str
    """Why, and what a person can do, as sentences."""
    properties: list[str]
    """The properties that are left as they are; empty if the whole record is."""
    values: dict[str, msgspec.Raw]
    """The values for an administrator to set, by property."""


class PlanDocument(PlanRowDocument, frozen=True, kw_only=True):
    """A plan with its content."""

    summary: str
    """What it restores, and what it does not, in a sentence."""
    unchanged: int
    """Number of records in scope that need nothing."""
    notes: list[str]
    """What concerns the whole plan, as sentences."""
    operations: list[OperationDocument]
    """The operations in their order."""
    impossible: list[ImpossibleDocument]
    """The differences that it does not restore."""


class OperationResultDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an operation of a restore."""

    n: int
    """The operation's number in the plan."""
    resource: str
    """The resource."""
    key: str
    """The record's key in the snapshot."""
    name: str | None
    """The object's name, or the names of both ends of a link."""
    action: Action
    """What the operation does."""
    state: OperationState
    """How it ended."""
    code: str
    """Graph's error code; empty if there is none."""
    reason: str
    """Why it failed, was done only partly, or was not applied, as sentences."""
    message: str
    """Graph's own message."""
    properties: list[str]
    """The properties that Graph refused or did not apply."""
    new_id: str | None
    """The id of a created object."""
    request_id: str | None
    """Graph's request id."""
    at: Moment
    """When the operation ended."""
    notes: list[str]
    """What a person should know, such as a secret that must be renewed."""


class RestoreReportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The report of a restore."""

    job: str
    """The id of the restore's job."""
    tenant: str
    """The tenant's name."""
    state: JobState
    """The job's state. ``succeeded_with_warnings``: it ends with differences."""
    code: Code | None
    """The code of the error that ended it."""
    plan: str | None
    """The plan that it carries out."""
    snapshot: str | None
    """The snapshot that it restores."""
    before: str | None
    """The snapshot of the directory before the restore: ``restore --undo`` goes back to it."""
    after: str | None
    """The snapshot of the directory after the restore."""
    operations: int
    """Number of operations of the plan."""
    done: int
    """Number of operations that are done."""
    partly: int
    """Number of operations that were done without properties that Graph refused."""
    failed: int
    """Number of operations that failed, or that Graph accepted and did not apply."""
    not_restored: int
    """Number of differences that the plan does not restore."""
    results: list[OperationResultDocument]
    """The results, by number."""


class HandedOut(msgspec.Struct, frozen=True, kw_only=True):
    """New passwords that were written to a file."""

    job: str
    """The id of the restore's job."""
    passwords: int
    """How many passwords the file has. Entrakeep has deleted its own copies."""
    file: str
    """The file."""


def plan_row_document(row: PlanRow, tenant: str) -> PlanRowDocument:
    """Return the document of a plan without its content."""
    return PlanRowDocument(**_row_fields(row, tenant))


def plan_document(row: PlanRow, plan: Plan, tenant: str) -> PlanDocument:
    """Return the document of a plan with its content."""
    return PlanDocument(
        **_row_fields(row, tenant),
        summary=summary(plan),
        unchanged=plan.unchanged,
        notes=plan.notes,
        operations=[_operation(each) for each in plan.operations],
        impossible=[_impossible(each) for each in plan.impossible],
    )


def report_document(job: Job, tenant: str, rows: Sequence["ReportRow"]) -> RestoreReportDocument:
    """Return the document of a restore's report."""
    detail = job.detail if isinstance(job.detail, RestoreProgress) else RestoreProgress()
    return RestoreReportDocument(
        job=job.job_id,
        tenant=tenant,
        state=job.state,
        code=job.code,
        plan=detail.plan,
        snapshot=job.parent,
        before=detail.before,
        after=detail.after,
        operations=detail.operations,
        done=detail.done,
        partly=detail.partly,
        failed=detail.failed,
        not_restored=detail.impossible,
        results=[_result(row) for row in rows],
    )


def _row_fields(row: PlanRow, tenant: str) -> dict[str, Any]:
    """Return the fields that every document of a plan has."""
    return {
        "plan": row.plan_id,
        "tenant": tenant,
        "state": row.state,
        "snapshot": row.snapshot_id,
        "live": row.live_id,
        "job": row.job_id,
        "created_at": moment(row.created_at),
        "expires_at": moment(row.expires_at),
        "sha256": row.sha256,
        "number_of_operations": row.operations,
        "number_of_impossible": row.impossible,
        "reason": row.reason,
        "restore_job": row.restore_job,
        "undone_job": row.undone_job,
    }


def _operation(operation: Operation) -> OperationDocument:
    return OperationDocument(
        n=operation.number,
        resource=operation.resource,
        key=operation.key,
        name=operation.name,
        action=operation.action,
        reason=operation.reason,
        needs=list(operation.needs),
        properties=list(operation.properties),
        method=operation.method,
        path=operation.path,
        body=msgspec.Raw(operation.body or b"null"),
        notes=list(operation.notes),
    )


def _impossible(impossible: Impossible) -> ImpossibleDocument:
    return ImpossibleDocument(
        resource=impossible.resource,
        key=impossible.key,
        name=impossible.name,
        kind=impossible.kind,
        reason=impossible.reason,
        properties=list(impossible.properties),
        values=impossible.values,
    )


def _result(row: "ReportRow") -> OperationResultDocument:
    result, detail = row.result, row.detail
    return OperationResultDocument(
        n=result.number,
        resource=detail.resource,
        key=detail.key,
        name=detail.name,
        action=detail.action,
        state=result.state,
        code=result.code,
        reason=detail.reason,
        message=detail.message,
        properties=list(detail.properties),
        new_id=detail.new_id,
        request_id=result.request_id,
        at=moment(result.at),
        notes=list(detail.notes),
    )
