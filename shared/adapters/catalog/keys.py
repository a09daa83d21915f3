"""Data keys as KMS wrapped them, sealed credentials, and remembered refusals."""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Select, func, select

from shared.adapters.catalog.audit import append_if_sound
from shared.adapters.catalog.jobs import GOING_ON, end_job, going
from shared.adapters.catalog.key_answers import disproved, note_answer, note_refusal
from shared.adapters.catalog.schema import data_keys, jobs, refusals, secrets, steps, tenants
from shared.adapters.catalog.statements import locked
from shared.adapters.catalog.tenancy import Changes, Rows, Tenancy
from shared.domain.audit import Action
from shared.domain.errors import Alarm, ClaimLost, Code, Refuse
from shared.domain.model import (
    CredentialKind,
    JobKind,
    JobState,
    Purpose,
    Refusal,
    Sealed,
    StepState,
    WrappedKey,
    encryption_context,
)
from shared.ports.catalog import EpochMoved, KeyState

log = logging.getLogger(__name__)

_CHECKS_LOOKED_AT = 20
_CREDENTIALS = tuple(kind.value for kind in CredentialKind)


class SqlKeys:
    """``ports.catalog.Keys`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def begin_birth(self, job_id: str, seconds: float) -> datetime | None:
        with self._tenancy.write() as rows:
            job = _going_on(rows, job_id)
            until = job["birth_until"]
            if (until is not None and until > rows.now) or _found(rows, Purpose.BACKUP, job_id) is not None:
                return None
            mine = rows.now + timedelta(seconds=seconds)
            rows.update(jobs, jobs.c.job_id == job_id, birth_until=mine)
        return mine

    def end_birth(self, job_id: str, until: datetime) -> None:
        with self._tenancy.write() as rows:
            rows.update(jobs, jobs.c.job_id == job_id, jobs.c.birth_until == until, birth_until=None)

    def add(self, key: WrappedKey) -> WrappedKey:
        with self._tenancy.write() as rows:
            tenant = rows.tenant(lock=True)
            known = _found(rows, key.purpose, key.job_id)
            if known is not None:
                return known
            if tenant["key_epoch"] != key.key_epoch:
                raise EpochMoved
            if key.job_id is not None:
                _going_on(rows, key.job_id)
                rows.update(jobs, jobs.c.job_id == key.job_id, birth_until=None)
            insert_key(rows, key)
        return key

    def get(self, data_key_id: str) -> WrappedKey:
        with self._tenancy.read() as rows:
            row = _newest(rows, data_keys.c.data_key_id == data_key_id)
        if row is None:
            blob = f"{self._tenancy.tenant_id}/keys/{data_key_id}"
            raise Alarm(Code.BLOB_MISSING, f"The catalog does not know the data key {data_key_id}.", blob)
        return key_of(row)

    def all(self) -> list[WrappedKey]:
        with self._tenancy.read() as rows:
            return [key_of(row) for row in rows.all(standing(rows).order_by(data_keys.c.data_key_id))]

    def moved(self, arn: str, data_key_ids: Collection[str]) -> list[WrappedKey]:
        with self._tenancy.read() as rows:
            asked = data_keys.c.data_key_id.in_(data_key_ids)
            return [key_of(row) for row in rows.all(standing(rows).where(asked, data_keys.c.arn != arn))]

    def find(self, purpose: str, job_id: str | None) -> WrappedKey | None:
        with self._tenancy.read() as rows:
            return _found(rows, purpose, job_id)

    def credential(self) -> tuple[CredentialKind, Sealed]:
        with self._tenancy.read() as rows:
            rows.tenant()
            row = rows.one(secrets, secrets.c.kind.in_(_CREDENTIALS))
        if row is None:
            sentence = "The rebuilt catalog holds no credential of this tenant; give it one: 'entrakeep tenant update'."
            raise Refuse(Code.GRAPH_SIGN_IN_FAILED, sentence)
        sealed = Sealed(row_id=row["row_id"], data_key_id=row["data_key_id"], data=row["data"])
        return CredentialKind(row["kind"]), sealed

    def arns(self) -> frozenset[str]:
        with self._tenancy.read() as rows:
            tenant = rows.one(tenants)
            wrapping = rows.all(standing(rows).with_only_columns(data_keys.c.arn).distinct())
        return frozenset(row["arn"] for row in wrapping) | ({tenant["key_arn"]} if tenant is not None else set())

    def state(self) -> KeyState:
        with self._tenancy.read() as rows:
            tenant = rows.one(tenants)
            count = standing(rows).with_only_columns(data_keys.c.arn, func.count().label("keys"))
            counted = rows.all(count.group_by(data_keys.c.arn))
            named = {row["arn"]: row["keys"] for row in counted}
            present = {} if tenant is None else {tenant["key_arn"]: 0}
            counts = refusals.c.arn.in_(named.keys() | present.keys())
            refused = rows.all(rows.query(refusals, counts).order_by(refusals.c.at.desc()).limit(1))
            left = bool(named.keys() - present.keys())
            return KeyState(
                refusal=next((_refusal_of(row) for row in refused), None),
                unreachable=_unreachable_since(rows),
                data_keys=named,
                switched_at=None if tenant is None else tenant["key_switched_at"],
                updating=left or bool(rows.find(jobs, *going([JobKind.KEY_ENABLE, JobKind.KEY_UPDATE]))),
                old_key_free=None if tenant is None else self._is_free(rows, tenant, left),
            )

    def _is_free(self, rows: Rows, tenant: RowMapping, left: bool) -> bool | None:
        """Whether the key before may be disabled."""
        if tenant["key_switched_at"] is None:
            return None
        since = tenant["key_free_at"]
        return not left and since is not None and since <= self._tenancy.database.now(rows.connection)

    def refuse(self, arn: str, message: str, *, ago: float = 0.0, probed: bool = False) -> int:
        with self._tenancy.write() as rows:
            tenant = rows.one(tenants, lock=True)
            if tenant is None:
                return 0
            if tenant["key_arn"] != arn and not rows.all(standing(rows).where(data_keys.c.arn == arn).limit(1)):
                return 0
            if not probed and rows.one(refusals, refusals.c.arn == arn) is None:
                note_refusal(rows, tenant, arn, message)
            new = not rows.update(refusals, refusals.c.arn == arn, at=rows.now, message=message)
            if new:
                rows.insert(refusals, arn=arn, at=rows.now, since=rows.now, message=message)
            ended = _end_jobs(rows, message, rows.now - timedelta(seconds=ago)) if tenant["key_arn"] == arn else 0
            if new:
                append_if_sound(rows, Action.KEY_REFUSED, {}, {"arn": arn, "jobs": ended})
        if new:  # once, however many jobs meet it until the key answers again
            said = {"tenant": self._tenancy.tenant_id, "code": Code.KEY_ACCESS_REVOKED.value}
            log.warning("%s Jobs that it ended: %d.", message, ended, extra=said)
        return ended

    def allow(self, arn: str) -> None:
        with self._tenancy.read() as looked:  # nearly always nothing is wrong: do not wait for the write lock
            if not disproved(looked, arn):
                return
        with self._tenancy.write() as rows:
            tenant = rows.one(tenants, lock=True)
            again = tenant is not None and note_answer(rows, tenant, arn)
        if again:
            log.info("KMS answers for the key %s again", arn, extra={"tenant": self._tenancy.tenant_id})


def _going_on(rows: Changes, job_id: str) -> RowMapping:
    """The job's row, locked. Raises ClaimLost if it has ended."""
    job = rows.one(jobs, jobs.c.job_id == job_id, lock=True)
    if job is None or JobState(job["state"]).ended:
        raise ClaimLost
    return job


def _end_jobs(rows: Changes, message: str, until: datetime) -> int:
    """Ends all asked for ``until`` then that need a data key; how many."""
    mine = (jobs.c.state.in_(GOING_ON), jobs.c.created_at <= until)
    at_work = rows.all(locked(rows.query(jobs, *mine).order_by(jobs.c.job_id)))
    ended = [job for job in at_work if _needs_a_key(job)]
    for job in ended:
        end_job(rows, job, JobState.FAILED, Code.KEY_ACCESS_REVOKED, message)
    return len(ended)


def insert_key(rows: Changes, key: WrappedKey, **values: Any) -> None:
    rows.insert(data_keys, **msgspec.structs.asdict(key), **values)


def put_credential(rows: Changes, kind: CredentialKind, sealed: Sealed) -> None:
    """In the place of the one before, of whatever kind."""
    rows.delete(secrets, secrets.c.kind.in_(_CREDENTIALS))
    rows.insert(secrets, kind=kind, **msgspec.structs.asdict(sealed))


def _refusal_of(row: RowMapping) -> Refusal:
    return Refusal(arn=row["arn"], at=row["at"], since=row["since"] or row["at"], message=row["message"])


def _unreachable_since(rows: Rows) -> datetime | None:
    """Since when steps that go on wait for KMS; else when the last key check ended, if it waited in vain."""
    waiting = rows.find(steps, steps.c.trouble == Code.KEY_UNREACHABLE.value, steps.c.state != StepState.DONE.value)
    if waiting:
        since: datetime = min(row["trouble_since"] for row in waiting)
        return since
    checks = rows.query(jobs, jobs.c.kind == JobKind.KEY_CHECK.value, jobs.c.finished_at.is_not(None))
    lately = rows.all(checks.order_by(jobs.c.number.desc()).limit(_CHECKS_LOOKED_AT))
    last = next((row for row in lately if not _of_another_key(row)), None)
    return last["finished_at"] if last is not None and last["code"] == Code.KEY_UNREACHABLE else None


def _of_another_key(check: RowMapping) -> bool:
    """Whether a key check was made of a key that is not the tenant's yet."""
    return isinstance(check["detail"], dict) and "arn" in check["detail"]


def _needs_a_key(job: RowMapping) -> bool:
    shallow = isinstance(job["detail"], dict) and job["detail"].get("shallow") is True
    return job["kind"] != JobKind.PRUNE and not (job["kind"] == JobKind.VERIFY and shallow)


def standing(rows: Rows) -> Select[Any]:
    """A query for data keys in their newest generation."""
    later = data_keys.alias()
    newer = select(later.c.generation).where(
        later.c.tenant_id == data_keys.c.tenant_id,
        later.c.data_key_id == data_keys.c.data_key_id,
        later.c.generation > data_keys.c.generation,
    )
    return rows.query(data_keys, ~newer.exists())


def _newest(rows: Rows, *where: ColumnElement[bool]) -> RowMapping | None:
    return max(rows.find(data_keys, *where), key=lambda row: row["generation"], default=None)


def _found(rows: Rows, purpose: str, job_id: str | None) -> WrappedKey | None:
    row = _newest(rows, data_keys.c.purpose == purpose, data_keys.c.job_id == job_id)
    return None if row is None else key_of(row)


def key_of(row: RowMapping) -> WrappedKey:
    """The data key in a row. Its encryption context is the tenant's own whatever stands there: KMS refuses what was wrapped
    for another."""
    purpose = Purpose(row["purpose"])
    return WrappedKey(
        data_key_id=row["data_key_id"],
        purpose=purpose,
        arn=row["arn"],
        generation=row["generation"],
        key_epoch=row["key_epoch"],
        context=encryption_context(row["tenant_id"], purpose),
        wrapped=row["wrapped"],
        created_at=row["created_at"],
        job_id=row["job_id"],
    )
