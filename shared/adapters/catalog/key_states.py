"""Read the states of tenants' keys: the same few queries for one tenant as for a page of them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, select

from shared.adapters.catalog.job_rows import going, of_kinds
from shared.adapters.catalog.schema import data_keys, jobs, refusals, steps
from shared.domain.errors import Code
from shared.domain.jobs import KEY_CHANGES, JobKind, StepState
from shared.domain.model import Refusal
from shared.ports.catalog.keys import KeyState


def newest_generation() -> ColumnElement[bool]:
    """Return the condition for data keys in their newest generation."""
    later = data_keys.alias()
    newer = select(later.c.generation).where(
        later.c.tenant_id == data_keys.c.tenant_id,
        later.c.data_key_id == data_keys.c.data_key_id,
        later.c.generation > data_keys.c.generation,
    )
    return ~newer.exists()


def key_states(connection: Connection, tenants: Sequence[RowMapping], now: datetime) -> dict[str, KeyState]:
    """Return the state of each tenant's keys by tenant id. Refusals of keys that wrap no data key are ignored."""
    ids = [tenant["tenant_id"] for tenant in tenants]
    counted, refused = _count_data_keys(connection, ids), _refusals(connection, ids)
    unreachable, changing = _unreachable_since(connection, ids), _changing(connection, ids)
    states = {}
    for tenant in tenants:
        tenant_id, current = tenant["tenant_id"], tenant["key_arn"]
        by_arn = counted.get(tenant_id, {})
        remaining = bool(by_arn.keys() - {current})
        relevant = [each for each in refused.get(tenant_id, []) if each.arn in by_arn or each.arn == current]
        states[tenant_id] = KeyState(
            refusal=next(iter(relevant), None),
            unreachable=unreachable.get(tenant_id),
            data_keys=by_arn,
            switched_at=tenant["key_switched_at"],
            updating=remaining or tenant_id in changing,
            old_key_free=is_free(tenant, remaining, now),
        )
    return states


def _count_data_keys(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the number of data keys by tenant id and KMS key."""
    columns = (data_keys.c.tenant_id, data_keys.c.arn)
    query = select(*columns, func.count().label("keys")).where(data_keys.c.tenant_id.in_(ids), newest_generation())
    counted: dict[str, dict[str, int]] = {}
    for row in connection.execute(query.group_by(*columns).order_by(*columns)).mappings():
        counted.setdefault(row["tenant_id"], {})[row["arn"]] = row["keys"]
    return counted


def _refusals(connection: Connection, ids: Sequence[str]) -> dict[str, list[Refusal]]:
    """Return the remembered refusals by tenant id, newest first."""
    query = select(refusals).where(refusals.c.tenant_id.in_(ids)).order_by(refusals.c.at.desc())
    refusals_by_tenant: dict[str, list[Refusal]] = {}
    for row in connection.execute(query).mappings():
        since = row["since"] or row["at"]
        refusal = Refusal(arn=row["arn"], at=row["at"], since=since, message=row["message"])
        refusals_by_tenant.setdefault(row["tenant_id"], []).append(refusal)
    return refusals_by_tenant


def _unreachable_since(connection: Connection, ids: Sequence[str]) -> dict[str, datetime]:
    """Return since when KMS has been unreachable, by tenant id.

    The trouble of unfinished steps that wait for KMS counts. If there are none, the last check of the tenant's own key
    counts, if KMS did not answer it.
    """
    waiting = (
        select(steps.c.tenant_id, func.min(steps.c.trouble_since).label("since"))
        .where(
            steps.c.tenant_id.in_(ids),
            steps.c.trouble == Code.KEY_UNREACHABLE.value,
            steps.c.state != StepState.DONE.value,
        )
        .group_by(steps.c.tenant_id)
    )
    own_checks = (
        jobs.c.tenant_id.in_(ids),
        of_kinds(JobKind.KEY_CHECK),
        jobs.c.finished_at.is_not(None),
        jobs.c.detail["arn"].as_string().is_(None),  # a check of another key names it
    )
    last = (
        select(jobs.c.tenant_id, func.max(jobs.c.number).label("number")).where(*own_checks).group_by(jobs.c.tenant_id)
    )
    newest = last.subquery()
    same = and_(jobs.c.tenant_id == newest.c.tenant_id, jobs.c.number == newest.c.number)
    failed = (
        select(jobs.c.tenant_id, jobs.c.finished_at.label("since"))
        .join(newest, same)
        .where(jobs.c.code == Code.KEY_UNREACHABLE.value)
    )
    return {
        row["tenant_id"]: row["since"] for query in (failed, waiting) for row in connection.execute(query).mappings()
    }


def _changing(connection: Connection, ids: Sequence[str]) -> frozenset[str]:
    """Return the ids of tenants whose key is being changed."""
    going_on = going(KEY_CHANGES)
    query = select(jobs.c.tenant_id).where(jobs.c.tenant_id.in_(ids), *going_on).distinct()
    return frozenset(connection.execute(query).scalars())


def is_free(tenant: RowMapping, remaining: bool, now: datetime) -> bool | None:
    """Return whether the previous key may be disabled, or None if there was none.

    ``remaining`` is True if a key other than the current one still wraps a data key.
    """
    if tenant["key_switched_at"] is None:
        return None
    since = tenant["key_free_at"]
    return not remaining and since is not None and since <= now
