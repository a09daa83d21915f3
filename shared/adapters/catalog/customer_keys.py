"""Manage a tenant's own KMS key: who may have one, who accepted which terms, and which data keys it wraps."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, exists, func, select

from shared.adapters.catalog.audit import append
from shared.adapters.catalog.key_requests import request_change, request_check, request_of_check
from shared.adapters.catalog.key_summary import acceptance_of, key_summary
from shared.adapters.catalog.keys import insert_key, key_of, newest_generations
from shared.adapters.catalog.schema import acceptances, data_keys, runs, snapshot_runs, snapshots, steps, tenants
from shared.adapters.catalog.step_writes import NO_TROUBLE, lock_claim
from shared.adapters.catalog.tenancy import Changes, Rows, Tenancy, tenant_of
from shared.domain.audit import Action
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Claim, Job, JobKind, KeyChangeProgress, KeyChecks
from shared.domain.key_checks import check_may_change
from shared.domain.model import KeyMode, Purpose, Tenant, WrappedKey
from shared.ports.catalog.customer_keys import Acceptance, AcceptedTerms, KeySummary
from shared.ports.catalog.keys import EpochMoved


class SqlCustomerKeys:
    """``ports.catalog.customer_keys.CustomerKeys`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def allow(self) -> datetime:
        """Allow the tenant a key of its own. Return since when it is allowed."""
        with self._tenancy.write() as rows:
            since: datetime | None = rows.tenant(lock=True)["key_allowed_at"]
            if since is None:
                since = rows.now
                rows.update(tenants, key_allowed_at=since)
                append(rows, Action.KEY_ALLOWED, {})
            return since

    def allowed(self) -> datetime | None:
        """Return since when the tenant may have a key of its own, or None."""
        with self._tenancy.read() as rows:
            since: datetime | None = rows.tenant()["key_allowed_at"]
            return since

    def disallow(self) -> bool:
        """Take the permission back. Return False if there was none. Raises Refuse ``WRONG_USE``."""
        with self._tenancy.write() as rows:
            tenant = rows.tenant(lock=True)
            if tenant["key_mode"] == KeyMode.CUSTOMER:
                sentence = f"{tenant['name']} has a key of its own already; there is no way back to the operator's key."
                raise Refuse(Code.WRONG_USE, sentence)
            if tenant["key_allowed_at"] is None:
                return False
            rows.update(tenants, key_allowed_at=None)
            append(rows, Action.KEY_DISALLOWED, {})
            return True

    def request_check(self, checks: KeyChecks) -> tuple[Job, bool]:
        """Request a check of a new key, or return the unfinished one of the same request."""
        with self._tenancy.write() as rows:
            rows.tenant(lock=True)
            return request_check(rows, checks)

    def request_change(
        self,
        kind: JobKind,
        change: KeyChangeProgress,
        *,
        terms: AcceptedTerms | None = None,
        claim: Claim | None = None,
        retried: str | None = None,
    ) -> tuple[Job, bool]:
        """Request a change of the key, or return the job of the same request. Raises ClaimLost.

        Raises Refuse ``BUSY``, ``KEY_NOT_ALLOWED`` and ``WRONG_USE``.
        """
        with self._tenancy.write() as rows:
            tenant = rows.tenant(lock=True)
            if claim is not None:
                lock_claim(rows, claim)
            earlier = request_of_check(rows, change)
            if earlier is not None:
                return earlier, False
            allowed, done = tenant["key_allowed_at"] is not None, tenant["key_free_at"] is not None
            check_may_change(tenant_of(tenant), kind, change.arn, allowed=allowed, done=done)
            return request_change(rows, kind, change, terms, retried)

    def acceptances(self) -> list[Acceptance]:
        """Return the acceptances, the newest first."""
        with self._tenancy.read() as rows:
            newest_first = rows.query(acceptances).order_by(acceptances.c.number.desc())
            return [acceptance_of(row) for row in rows.all(newest_first)]

    def summary(self) -> KeySummary:
        """Return what a page about the key shows. Raises Refuse ``NO_SUCH_TENANT``."""
        with self._tenancy.read() as rows:
            return key_summary(rows, self._tenancy.database.now(rows.connection))

    def switch(self, claim: Claim, arn: str) -> Tenant:
        """Make ``arn`` the tenant's key and raise the epoch. Return the tenant. Raises ClaimLost.

        Raises Refuse ``KEY_NOT_ALLOWED`` for a tenant's first own key that was not allowed, or whose terms were not
        accepted.
        """
        with self._tenancy.write() as rows:
            tenant = rows.tenant(lock=True)
            lock_claim(rows, claim)
            if tenant["key_mode"] == KeyMode.PROVIDER:
                _check_may_begin(rows, arn)
            if tenant["key_arn"] != arn or tenant["key_mode"] != KeyMode.CUSTOMER:
                rows.update(
                    tenants,
                    key_mode=KeyMode.CUSTOMER,
                    key_arn=arn,
                    key_epoch=tenant["key_epoch"] + 1,
                    key_switched_at=rows.now,
                    key_free_at=None,
                )
                detail = {"before": tenant["key_arn"], "arn": arn, "epoch": tenant["key_epoch"] + 1}
                append(rows, Action.KEY_SWITCHED, {"job": claim.job_id}, detail)
            return tenant_of(rows.tenant())

    def keys_to_move(self) -> list[str]:
        """Return the ids of data keys that another KMS key still wraps: the newest first, the secrets' key last."""
        with self._tenancy.read() as rows:
            secrets_last = data_keys.c.purpose == Purpose.SECRETS.value
            order = (secrets_last.desc(), data_keys.c.created_at.desc(), data_keys.c.data_key_id)
            return [row["data_key_id"] for row in rows.all(_under_other_keys(rows).order_by(*order))]

    def store_generation(self, claim: Claim, key: WrappedKey) -> bool:
        """Store a data key's new generation. Return False if it is outdated or the data key was removed.

        Raises ClaimLost, and EpochMoved if the tenant's key has changed since.
        """
        with self._tenancy.write() as rows:
            tenant = rows.tenant(lock=True)
            lock_claim(rows, claim)
            if (tenant["key_arn"], tenant["key_epoch"]) != (key.arn, key.key_epoch):
                raise EpochMoved
            known = rows.find(data_keys, data_keys.c.data_key_id == key.data_key_id)
            newest = max(known, key=lambda row: int(row["generation"]), default=None)
            if newest is not None and key_of(newest) == key:
                return True
            if newest is None or newest["generation"] >= key.generation:
                return False
            insert_key(rows, key, moved_at=rows.now)
            rows.update(tenants, key_free_at=None)
            rows.update(steps, steps.c.step_id == claim.step_id, claims_lost=0, **NO_TROUBLE)
            return True

    def superseded(self) -> list[WrappedKey]:
        """Return generations that have a successor under the tenant's current key."""
        with self._tenancy.read() as rows:
            later = data_keys.alias()
            followed = exists().where(
                later.c.tenant_id == data_keys.c.tenant_id,
                later.c.data_key_id == data_keys.c.data_key_id,
                later.c.generation > data_keys.c.generation,
                later.c.arn == rows.tenant()["key_arn"],
            )
            order = (data_keys.c.data_key_id, data_keys.c.generation)
            return [key_of(row) for row in rows.all(rows.query(data_keys, followed).order_by(*order))]

    def forget(self, claim: Claim, data_key_id: str, generation: int) -> None:
        """Remove a generation, unless it is the newest one. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            this_key = (data_keys.c.data_key_id == data_key_id,)
            if rows.find(data_keys, *this_key, data_keys.c.generation > generation):
                rows.delete(data_keys, *this_key, data_keys.c.generation == generation)

    def confirm_moved(self, claim: Claim, lease: float) -> bool:
        """Store the time from which the previous key may be disabled. Return False if it still wraps a data key.

        Raises ClaimLost. The time is one lease after the last change: until then processes may use keys that they
        unwrapped before.
        """
        with self._tenancy.write() as rows:
            tenant = rows.tenant(lock=True)
            lock_claim(rows, claim)
            if rows.all(_under_other_keys(rows).limit(1)):
                return False
            last = rows.connection.execute(
                select(func.max(data_keys.c.moved_at)).where(data_keys.c.tenant_id == rows.tenant_id)
            ).scalar()
            times = [time for time in (last, tenant["key_switched_at"]) if time is not None]
            rows.update(tenants, key_free_at=max(times, default=rows.now) + timedelta(seconds=lease))
            return True

    def snapshots_needing_other_keys(self) -> list[str]:
        """Return the snapshots that still need another KMS key than the current one, the newest first."""
        with self._tenancy.read() as rows:
            remaining = rows.all(_under_other_keys(rows))
            keys, job_ids = {row["data_key_id"] for row in remaining}, {row["job_id"] for row in remaining}
            run_owners = (
                rows.query(snapshot_runs)
                .join(runs, (runs.c.tenant_id == snapshot_runs.c.tenant_id) & (runs.c.run_id == snapshot_runs.c.run_id))
                .with_only_columns(snapshot_runs.c.snapshot_id, runs.c.job_id)
                .distinct()
            )
            needing = {row["snapshot_id"] for row in rows.all(run_owners) if row["job_id"] in job_ids}
            newest_first = rows.all(rows.query(snapshots, ~snapshots.c.going).order_by(snapshots.c.number.desc()))
            return [
                row["snapshot_id"]
                for row in newest_first
                if row["snapshot_id"] in needing or row["data_key_id"] in keys
            ]


def _under_other_keys(rows: Rows) -> Select[Any]:
    """Return the query for data keys whose newest generation another KMS key wraps than the tenant's current one."""
    return newest_generations(rows).where(data_keys.c.arn != rows.tenant()["key_arn"])


def _check_may_begin(rows: Changes, arn: str) -> None:
    """Raise Refuse ``KEY_NOT_ALLOWED`` unless the tenant may have its own key and the terms were accepted for it."""
    if rows.tenant()["key_allowed_at"] is None or not rows.find(acceptances, acceptances.c.arn == arn):
        raise Refuse(
            Code.KEY_NOT_ALLOWED,
            "This tenant may not have a key of its own, or the terms were not accepted for it: see 'entrakeep key enable'.",
        )
