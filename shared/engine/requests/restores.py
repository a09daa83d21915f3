"""Requests about restores: plan one, carry a plan out, undo a restore, and read plans, reports and new passwords."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import msgspec

from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, JobKind, Origin, PlanProgress, RestoreProgress
from shared.domain.resources import LINKS, RESOURCES, properties_of
from shared.domain.restore.operations import Plan
from shared.domain.restore.plan_text import plan_of, sha256_of
from shared.domain.restore.results import ResultDetail
from shared.domain.restore.scope import Rules, Scope
from shared.engine.context import Context
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.restore.attempts import LOST
from shared.engine.restore.audited import note_refusal
from shared.engine.restore.passwords import open_password
from shared.engine.restore.stored_plans import open_detail, plan_lines, stored_plan
from shared.engine.snapshots.download import Sink
from shared.engine.snapshots.recipients import check_recipients, to_recipients
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.restores import OperationResult, OperationState, PlanRow, PlanState
from shared.ports.catalog.tenant import TenantCatalog

Output = AbstractContextManager[Sink]
"""A file that is complete once the block has ended."""


class RestoreRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A person's request for a plan or a restore."""

    scope: Scope = Scope()
    rules: Rules = Rules()
    reason: str | None = None
    password_recipient: str | None = None
    """The age or SSH public key to which passwords of created users are encrypted."""


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one operation of a restore."""

    result: OperationResult
    detail: ResultDetail


def request_plan(catalog: Catalog, actor: str, name: str, snapshot: str, request: RestoreRequest) -> Job:
    """Request a job that plans a restore of a snapshot (id or ``latest``) and writes nothing. Return it.

    Raise Refuse ``NO_SUCH_TENANT``, ``NO_SUCH_SNAPSHOT``, and ``WRONG_USE`` for a scope that cannot be.
    """
    handle = _handle(catalog, actor, name)
    detail = PlanProgress(scope=_checked(handle, request), rules=request.rules, reason=request.reason)
    return handle.jobs.request(JobKind.PLAN, origin=Origin.HAND, snapshot=snapshot, detail=detail)[0]


def request_restore(catalog: Catalog, actor: str, name: str, snapshot: str, request: RestoreRequest) -> Job:
    """Request a job that plans a restore of a snapshot (id or ``latest``) and carries the plan out. Return it.

    Raise Refuse as ``request_plan`` does, and ``NO_RESTORE_IDENTITY``.
    """
    handle = _handle(catalog, actor, name)
    detail = RestoreProgress(
        scope=_checked(handle, request),
        rules=request.rules,
        reason=request.reason,
        password_recipient=request.password_recipient,
    )
    return _request_writing(handle, snapshot, detail)


def request_planned(catalog: Catalog, actor: str, name: str, plan_id: str, request: RestoreRequest) -> Job:
    """Request a job that carries out a plan exactly. Return it. The scope and rules are the plan's own.

    Raise Refuse ``NO_SUCH_TENANT``, ``NO_SUCH_PLAN``, ``PLAN_EXPIRED``, ``NO_RESTORE_IDENTITY``, ``BUSY`` if a restore
    carries it out already, and ``WRONG_USE`` if it was carried out or withdrawn.
    """
    handle = _handle(catalog, actor, name)
    _check_password_recipient(request)
    row = handle.restores.plan(plan_id)
    try:
        handle.restores.check_ready(plan_id)
    except Refuse as refusal:
        note_refusal(handle, refusal, snapshot=row.snapshot_id, plan=plan_id)
        raise
    made = handle.jobs.get(row.job_id).detail
    basis = made if isinstance(made, PlanProgress) else PlanProgress()
    detail = RestoreProgress(
        scope=basis.scope,
        rules=basis.rules,
        reason=request.reason or row.reason,
        undo=row.undone_job,
        plan=plan_id,
        given=True,
        password_recipient=request.password_recipient,
    )
    return _request_writing(handle, row.snapshot_id, detail)


def request_undo(catalog: Catalog, actor: str, name: str, job_id: str, request: RestoreRequest) -> Job:
    """Request a job that undoes a restore. It restores what the restore wrote to the state of the backup before it.

    Raise Refuse ``NO_RESTORE_IDENTITY``, and as ``request_undo_plan`` does.
    """
    handle = _handle(catalog, actor, name)
    _check_password_recipient(request)
    before = _undo_point(handle, job_id)
    detail = RestoreProgress(reason=request.reason, undo=job_id, password_recipient=request.password_recipient)
    return _request_writing(handle, before, detail)


def request_undo_plan(catalog: Catalog, actor: str, name: str, job_id: str, request: RestoreRequest) -> Job:
    """Request a job that plans how to undo a restore, and writes nothing. Return it.

    Raise Refuse ``NO_SUCH_TENANT``, ``NO_SUCH_JOB``, ``BUSY`` if the restore has not ended, and ``WRONG_USE`` if the job is
    no restore, or has written nothing.
    """
    handle = _handle(catalog, actor, name)
    before = _undo_point(handle, job_id)
    detail = PlanProgress(reason=request.reason, undo=job_id)
    return handle.jobs.request(JobKind.PLAN, origin=Origin.HAND, snapshot=before, detail=detail)[0]


def _undo_point(handle: TenantCatalog, job_id: str) -> str:
    """Return the snapshot of the directory before a restore. Raise Refuse as ``request_undo_plan`` does."""
    undone = handle.jobs.get(job_id)
    before = undone.detail.before if isinstance(undone.detail, RestoreProgress) else None
    if undone.kind is not JobKind.RESTORE:
        raise Refuse(Code.WRONG_USE, f"The job {job_id} is no restore, so it cannot be undone.")
    if not undone.state.ended:
        raise Refuse(Code.BUSY, f"The restore {job_id} has not ended. Cancel it, or wait, then undo it.")
    if before is None or not handle.restores.states(job_id):
        raise Refuse(Code.WRONG_USE, f"The restore {job_id} has written nothing, so there is nothing to undo.")
    return before


def list_plans(catalog: Catalog, name: str) -> list[PlanRow]:
    """Return a tenant's plans, newest first. Needs no key. Raise Refuse ``NO_SUCH_TENANT``."""
    return catalog.tenant(catalog.find(name).tenant_id).restores.plans()


def withdraw_plan(catalog: Catalog, actor: str, name: str, plan_id: str) -> PlanRow:
    """Withdraw a plan, so that nobody can carry it out. Return its row. Needs no key.

    Raise Refuse ``NO_SUCH_TENANT``, ``NO_SUCH_PLAN``, and as the catalog's ``move_plan`` does.
    """
    return _handle(catalog, actor, name).restores.move_plan(plan_id, PlanState.WITHDRAWN)


def open_plan(context: Context, name: str, plan_id: str) -> tuple[PlanRow, Plan]:
    """Return a plan's row and its content. Raise Refuse ``NO_SUCH_TENANT``, ``NO_SUCH_PLAN``, and what KMS raises."""
    with _opening(context, name) as (handle, keys):
        return handle.restores.plan(plan_id), stored_plan(handle, keys, plan_id)


def plan_text(context: Context, name: str, plan_id: str) -> list[bytes]:
    """Return the lines of a plan's text, whose SHA-256 is that of its row. Raise as ``open_plan`` does."""
    with _opening(context, name) as (handle, keys):
        handle.restores.plan(plan_id)
        return list(plan_lines(handle, keys, plan_id))


def plan_in(catalog: Catalog, name: str, lines: Sequence[bytes]) -> str:
    """Return the id of the stored plan whose text these lines are. Needs no key.

    Raise Refuse ``WRONG_USE`` if the text is no plan, or is not the stored one, and ``NO_SUCH_PLAN``.
    """
    plan_id = plan_of(lines).plan_id
    row = catalog.tenant(catalog.find(name).tenant_id).restores.plan(plan_id)
    if sha256_of(lines) != row.sha256:
        raise Refuse(
            Code.WRONG_USE,
            f"The file was changed: it is not the plan {plan_id} as it was made. Save it again with 'entrakeep plan show'.",
        )
    return plan_id


def restore_report(context: Context, name: str, job_id: str) -> tuple[Job, list[ReportRow]]:
    """Return a restore, and the result of each of its operations.

    Raise Refuse ``NO_SUCH_TENANT``, ``NO_SUCH_JOB``, ``WRONG_USE`` if the job is no restore, and what KMS raises.
    """
    with _opening(context, name) as (handle, keys):
        job = handle.jobs.get(job_id)
        if job.kind is not JobKind.RESTORE:
            raise Refuse(Code.WRONG_USE, f"The job {job_id} is no restore: 'entrakeep jobs show {job_id}' shows it.")
        rows = [
            ReportRow(result=result, detail=open_detail(handle, keys, result.detail))
            for result in handle.restores.results(job_id)
        ]
        keys.check()
        return job, rows


def hand_out_passwords(
    context: Context, actor: str, name: str, job_id: str, recipient: str | None, output: Callable[[], Output]
) -> int:
    """Write the passwords of the users that a restore has created, encrypted to a public key. Return how many.

    They are deleted once the output is complete. ``recipient`` is the one of the restore's request if None. ``output``
    opens the output, which the block's end completes. Raise Refuse ``WRONG_USE`` if there is no recipient or no password,
    and as ``restore_report`` does.
    """
    with _opening(context.as_actor(actor), name) as (handle, keys):
        job = handle.jobs.get(job_id)
        detail = job.detail if isinstance(job.detail, RestoreProgress) else RestoreProgress()
        public_key = recipient or detail.password_recipient
        if public_key is None:
            raise Refuse(Code.WRONG_USE, "Give --password-recipient: passwords are only written encrypted.")
        check_recipients([public_key])
        not_created = {
            each.number for each in handle.restores.results(job_id, [OperationState.FAILED]) if each.code != LOST
        }
        stored = [each for each in handle.restores.passwords(job_id) if each.number not in not_created]
        if not stored:
            raise Refuse(Code.WRONG_USE, f"The restore {job_id} has no passwords to hand out, or they were handed out.")
        with output() as sink, to_recipients(sink, [public_key]) as sealed:
            for each in stored:
                keys.check()
                sealed.write(msgspec.json.encode(open_password(handle, keys, each.sealed)) + b"\n")
        handle.restores.forget_passwords(job_id)
        return len(stored)


def _handle(catalog: Catalog, actor: str, name: str) -> TenantCatalog:
    """Return the tenant's handle, with ``actor`` as the one whom audit events name. Raise Refuse ``NO_SUCH_TENANT``."""
    return catalog.as_actor(actor).tenant(catalog.find(name).tenant_id)


@contextmanager
def _opening(context: Context, name: str) -> Iterator[tuple[TenantCatalog, ProcessKeys]]:
    """Yield the tenant's handle, and its data keys while the block lasts. KMS is always called anew."""
    handle = context.catalog.tenant(context.catalog.find(name).tenant_id)
    with ProcessKeys(context, handle) as keys:
        keys.secrets()
        yield handle, keys


def _request_writing(handle: TenantCatalog, snapshot: str, detail: RestoreProgress) -> Job:
    """Request a restore. Raise Refuse ``NO_RESTORE_IDENTITY``, with the audit event of the refusal."""
    try:
        handle.keys.restore_credential()
    except Refuse as refusal:
        note_refusal(handle, refusal, snapshot=None, plan=detail.plan)
        raise
    return handle.jobs.request(JobKind.RESTORE, origin=Origin.HAND, snapshot=snapshot, detail=detail)[0]


def _checked(handle: TenantCatalog, request: RestoreRequest) -> Scope:
    """Return the scope with the ids of its snapshots. Raise Refuse ``WRONG_USE`` and ``NO_SUCH_SNAPSHOT``."""
    scope = request.scope
    _check_password_recipient(request)
    _check_resources(scope, request.rules)
    since = {
        name: handle.snapshots.get(value).snapshot_id
        for name in ("deleted_since", "changed_since")
        if (value := getattr(scope, name)) is not None
    }
    return msgspec.structs.replace(scope, **since)


def _check_password_recipient(request: RestoreRequest) -> None:
    """Raise Refuse ``WRONG_USE`` if the recipient of passwords is no public key."""
    check_recipients([] if request.password_recipient is None else [request.password_recipient])


def _check_resources(scope: Scope, rules: Rules) -> None:
    """Raise Refuse ``WRONG_USE`` for a resource that is not restored, or a property that no chosen resource has."""
    restored = [name for name, row in RESOURCES.items() if row.restoring is not None]
    links = [name for name in restored if name in LINKS]
    for name in rules.links_of:
        if name not in links:
            sentence = f"There are no links '{name}'. Give one of {', '.join(sorted(links))}."
            raise Refuse(Code.WRONG_USE, sentence)
    for name in scope.resources:
        if name not in restored:
            sentence = f"There is no resource '{name}' to restore. Give one of {', '.join(sorted(restored))}."
            raise Refuse(Code.WRONG_USE, sentence)
    known = {each for name in scope.resources or restored for each in properties_of(name)}
    for path in scope.properties:
        if path.partition(".")[0] not in known:
            owner = f"of {', '.join(scope.resources)}" if scope.resources else "of any resource"
            raise Refuse(
                Code.WRONG_USE, f"'{path}' is not a property {owner}; 'entrakeep resources --json' lists them."
            )
