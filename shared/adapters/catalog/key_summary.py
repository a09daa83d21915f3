"""Read what a page about a tenant's KMS key shows, with few queries however many data keys and jobs there are."""

from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, and_, func, or_, select

from shared.adapters.catalog.job_rows import job_of, of_kinds
from shared.adapters.catalog.key_states import is_free, newest_generation
from shared.adapters.catalog.schema import acceptances, data_keys, jobs, refusals, steps, tenants
from shared.adapters.catalog.tenancy import Rows, no_such_tenant, tenant_of
from shared.domain.errors import Code
from shared.domain.jobs import KEY_CHANGES, Job, JobKind, KeyChecks, StepState
from shared.domain.model import Refusal
from shared.ports.catalog.customer_keys import Acceptance, KeySummary
from shared.ports.catalog.keys import KeyState

_JOBS = 20
"""The number of latest checks and changes to read."""


def key_summary(rows: Rows, now: datetime) -> KeySummary:
    """Return the summary of the tenant's key. Raise Refuse ``NO_SUCH_TENANT``."""
    matches = rows.all(_tenant_row(rows.tenant_id))
    if not matches:
        raise no_such_tenant(rows.tenant_id)
    row = matches[0]
    latest = [job_of(each) for each in rows.all(_latest_jobs(rows))]
    by_arn = {each["arn"]: each["keys"] for each in rows.all(_counts(rows.tenant_id))}
    remaining = bool(by_arn.keys() - {row["key_arn"]})
    changes = [job for job in latest if job.kind in KEY_CHANGES]
    return KeySummary(
        tenant=tenant_of(row),
        keys=KeyState(
            refusal=_refusal(row),
            unreachable=row["unreachable"] or _unanswered(latest),
            data_keys=by_arn,
            switched_at=row["key_switched_at"],
            updating=remaining or any(not job.state.ended for job in changes),
            old_key_free=is_free(row, remaining, now),
        ),
        allowed_at=row["key_allowed_at"],
        acceptance=None if row["accepted_at"] is None else acceptance_of(row),
        checks=[job for job in latest if isinstance(job.detail, KeyChecks)],
        changes=changes,
    )


def acceptance_of(row: RowMapping) -> Acceptance:
    """Return the acceptance in a row."""
    return Acceptance(
        accepted_at=row["accepted_at"],
        accepted_by=row["accepted_by"],
        version=row["version"],
        sha256=row["sha256"],
        arn=row["arn"],
    )


def _tenant_row(tenant_id: str) -> Select[Any]:
    """Return the query for the tenant with its last acceptance, its newest refusal, and since when steps wait for KMS.

    A refusal counts if the key is the tenant's current one or wraps a data key of it.
    """
    later = acceptances.alias()
    last = and_(
        acceptances.c.tenant_id == tenants.c.tenant_id,
        ~select(later.c.number)
        .where(later.c.tenant_id == acceptances.c.tenant_id, later.c.number > acceptances.c.number)
        .exists(),
    )
    wraps = select(data_keys.c.data_key_id).where(
        data_keys.c.tenant_id == refusals.c.tenant_id, data_keys.c.arn == refusals.c.arn, newest_generation()
    )
    relevant = and_(
        refusals.c.tenant_id == tenants.c.tenant_id, or_(refusals.c.arn == tenants.c.key_arn, wraps.exists())
    )
    waiting = select(func.min(steps.c.trouble_since)).where(
        steps.c.tenant_id == tenants.c.tenant_id,
        steps.c.trouble == Code.KEY_UNREACHABLE.value,
        steps.c.state != StepState.DONE.value,
    )
    return (
        select(
            tenants,
            acceptances.c.accepted_at,
            acceptances.c.accepted_by,
            acceptances.c.version,
            acceptances.c.sha256,
            acceptances.c.arn,
            refusals.c.arn.label("refused_arn"),
            refusals.c.at.label("refused_at"),
            refusals.c.since.label("refused_since"),
            refusals.c.message.label("refused_message"),
            waiting.scalar_subquery().label("unreachable"),
        )
        .select_from(tenants.outerjoin(acceptances, last).outerjoin(refusals, relevant))
        .where(tenants.c.tenant_id == tenant_id)
        .order_by(refusals.c.at.desc())
        .limit(1)
    )


def _counts(tenant_id: str) -> Select[Any]:
    """Return the query for the number of data keys by the KMS key that wraps their newest generation."""
    columns = (data_keys.c.arn, func.count().label("keys"))
    of_tenant = (data_keys.c.tenant_id == tenant_id, newest_generation())
    return select(*columns).where(*of_tenant).group_by(data_keys.c.arn).order_by(data_keys.c.arn)


def _latest_jobs(rows: Rows) -> Select[Any]:
    """Return the query for the latest checks and changes of the key."""
    kinds = of_kinds(JobKind.KEY_CHECK, *KEY_CHANGES)
    return rows.query(jobs, kinds).order_by(jobs.c.number.desc()).limit(_JOBS)


def _refusal(row: RowMapping) -> Refusal | None:
    """Return the refusal in the row, or None."""
    if row["refused_arn"] is None:
        return None
    since = row["refused_since"] or row["refused_at"]
    return Refusal(arn=row["refused_arn"], at=row["refused_at"], since=since, message=row["refused_message"])


def _unanswered(latest: list[Job]) -> datetime | None:
    """Return when the last check of the tenant's current key ended, if KMS did not answer it."""
    own = (job for job in latest if job.kind is JobKind.KEY_CHECK and not isinstance(job.detail, KeyChecks))
    last = next((job for job in own if job.finished_at is not None), None)
    return last.finished_at if last is not None and last.code is Code.KEY_UNREACHABLE else None
