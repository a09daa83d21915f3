"""Store wrapped data keys, sealed credentials and remembered refusals."""

import logging
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Select

from shared.adapters.catalog.audit import append_if_sound
from shared.adapters.catalog.job_rows import GOING_ON
from shared.adapters.catalog.job_writes import end_job
from shared.adapters.catalog.key_answers import disproved, note_answer, note_refusal
from shared.adapters.catalog.key_states import key_states, newest_generation
from shared.adapters.catalog.schema import data_keys, jobs, refusals, secrets, tenants
from shared.adapters.catalog.statements import locked
from shared.adapters.catalog.tenancy import Changes, Rows, Tenancy, sealed_of
from shared.domain.audit import Action
from shared.domain.errors import Alarm, ClaimLost, Code, Refuse
from shared.domain.jobs import JobState, details_of, needs_key
from shared.domain.model import CredentialKind, Purpose, Sealed, WrappedKey, encryption_context
from shared.domain.sign_in import no_restore_identity
from shared.ports.catalog.keys import EpochMoved, KeyState

log = logging.getLogger(__name__)

_CREDENTIALS = {kind.value: kind for kind in CredentialKind}
"""Kinds of the reading application's credential, by the kind of its row."""
_RESTORE_CREDENTIALS = {f"restore-{kind}": kind for kind in CredentialKind}
"""Kinds of the restoring application's credential, by the kind of its row."""


class SqlKeys:
    """``ports.catalog.keys.Keys`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def reserve_data_key(self, job_id: str, seconds: float) -> datetime | None:
        """Reserve creation of the job's data key for ``seconds``. Return when the reservation expires.

        Return None if the key exists or another caller holds the reservation. Raises ClaimLost if the job has ended.
        """
        with self._tenancy.write() as rows:
            job = _lock_unfinished(rows, job_id)
            until = job["birth_until"]
            if (until is not None and until > rows.now) or _find_key(rows, Purpose.BACKUP, job_id) is not None:
                return None
            expires_at = rows.now + timedelta(seconds=seconds)
            rows.update(jobs, jobs.c.job_id == job_id, birth_until=expires_at)
        return expires_at

    def release_data_key_reservation(self, job_id: str, until: datetime) -> None:
        """Release the reservation that expires at ``until`` without a key, so that another caller may take it."""
        with self._tenancy.write() as rows:
            rows.update(jobs, jobs.c.job_id == job_id, jobs.c.birth_until == until, birth_until=None)

    def add(self, key: WrappedKey) -> WrappedKey:
        """Store a new data key, or return the one that its job or purpose already has.

        Raises EpochMoved if the tenant's key has changed, and ClaimLost if the job has ended.
        """
        with self._tenancy.write() as rows:
            tenant = rows.tenant(lock=True)
            known = _find_key(rows, key.purpose, key.job_id)
            if known is not None:
                return known
            if tenant["key_epoch"] != key.key_epoch:
                raise EpochMoved
            if key.job_id is not None:
                _lock_unfinished(rows, key.job_id)
                rows.update(jobs, jobs.c.job_id == key.job_id, birth_until=None)
            insert_key(rows, key)
        return key

    def get(self, data_key_id: str) -> WrappedKey:
        """Return a data key in its newest generation. Raises Alarm ``BLOB_MISSING`` if it is unknown."""
        with self._tenancy.read() as rows:
            row = _newest(rows, data_keys.c.data_key_id == data_key_id)
        if row is None:
            blob = f"{self._tenancy.tenant_id}/keys/{data_key_id}"
            raise Alarm(Code.BLOB_MISSING, f"The catalog does not know the data key {data_key_id}.", blob)
        return key_of(row)

    def all(self) -> list[WrappedKey]:
        """Return all data keys, each in its newest generation."""
        with self._tenancy.read() as rows:
            return [key_of(row) for row in rows.all(newest_generations(rows).order_by(data_keys.c.data_key_id))]

    def wrapped_by_other_keys(self, arn: str, data_key_ids: Collection[str]) -> list[WrappedKey]:
        """Return those of these data keys that another KMS key than ``arn`` now wraps."""
        with self._tenancy.read() as rows:
            requested = data_keys.c.data_key_id.in_(data_key_ids)
            return [key_of(row) for row in rows.all(newest_generations(rows).where(requested, data_keys.c.arn != arn))]

    def find(self, purpose: str, job_id: str | None) -> WrappedKey | None:
        """Return the data key of a purpose and job, or None."""
        with self._tenancy.read() as rows:
            return _find_key(rows, purpose, job_id)

    def credential(self) -> tuple[CredentialKind, Sealed]:
        """Return the tenant's sealed credential. Raises Refuse ``GRAPH_SIGN_IN_FAILED`` if a rebuilt catalog has none."""
        stored = self._credential_of(_CREDENTIALS)
        if stored is None:
            sentence = "The rebuilt catalog holds no credential of this tenant; give it one: 'entrakeep tenant update'."
            raise Refuse(Code.GRAPH_SIGN_IN_FAILED, sentence)
        return stored

    def restore_credential(self) -> tuple[CredentialKind, Sealed]:
        """Return the sealed credential of the restoring application.

        Raises Refuse ``NO_RESTORE_IDENTITY`` if there is none.
        """
        stored = self._credential_of(_RESTORE_CREDENTIALS)
        if stored is None:
            with self._tenancy.read() as rows:
                raise no_restore_identity(rows.tenant()["name"])
        return stored

    def _credential_of(self, kinds: Mapping[str, CredentialKind]) -> tuple[CredentialKind, Sealed] | None:
        """Return the sealed credential in the row of one of these kinds, or None."""
        with self._tenancy.read() as rows:
            rows.tenant()
            row = rows.one(secrets, secrets.c.kind.in_(kinds))
        return None if row is None else (kinds[row["kind"]], sealed_of(row))

    def arns(self) -> frozenset[str]:
        """Return the ARNs of the KMS keys that wrap a data key, and of the tenant's current key."""
        with self._tenancy.read() as rows:
            tenant = rows.one(tenants)
            wrapping = rows.all(newest_generations(rows).with_only_columns(data_keys.c.arn).distinct())
        return frozenset(row["arn"] for row in wrapping) | ({tenant["key_arn"]} if tenant is not None else set())

    def state(self) -> KeyState:
        """Return what is known of the tenant's KMS keys. Refusals of keys that wrap no data key are ignored."""
        with self._tenancy.read() as rows:
            tenant = rows.one(tenants)
            if tenant is None:
                return KeyState(refusal=None, unreachable=None, data_keys={})
            now = self._tenancy.database.now(rows.connection)
            return key_states(rows.connection, [tenant], now)[self._tenancy.tenant_id]

    def refuse(self, arn: str, message: str, *, ago: float = 0.0, probed: bool = False) -> int:
        """Store that KMS refused a key. If it is the current one, end the jobs that need it. Return how many ended.

        Only jobs requested up to ``ago`` seconds before now end: the refused call began then. ``probed`` refusals write
        no event here. Refusals of KMS keys that wrap no data key are ignored.
        """
        called_at = time.monotonic()
        with self._tenancy.write() as rows:
            ago += time.monotonic() - called_at  # SQLite reads its time only once it has the lock
            tenant = rows.one(tenants, lock=True)
            if tenant is None:
                return 0
            if tenant["key_arn"] != arn and not rows.all(
                newest_generations(rows).where(data_keys.c.arn == arn).limit(1)
            ):
                return 0
            if not probed and rows.one(refusals, refusals.c.arn == arn) is None:
                note_refusal(rows, tenant, arn, message)
            new = not rows.update(refusals, refusals.c.arn == arn, at=rows.now, message=message)
            if new:
                rows.insert(refusals, arn=arn, at=rows.now, since=rows.now, message=message)
            ended = _end_jobs(rows, message, rows.now - timedelta(seconds=ago)) if tenant["key_arn"] == arn else 0
            if new:
                append_if_sound(rows, Action.KEY_REFUSED, {}, {"arn": arn, "jobs": ended})
        if new:  # log once, however many jobs are refused until the key answers
            fields = {"tenant": self._tenancy.tenant_id, "code": Code.KEY_ACCESS_REVOKED.value}
            log.warning("%s Jobs that it ended: %d.", message, ended, extra=fields)
        return ended

    def allow(self, arn: str) -> None:
        """Withdraw the refusal, state and warnings that an answer of KMS for this key disproves."""
        with self._tenancy.read() as reading:  # nearly always nothing is wrong: avoid the write lock
            if not disproved(reading, arn):
                return
        with self._tenancy.write() as rows:
            tenant = rows.one(tenants, lock=True)
            recovered = tenant is not None and note_answer(rows, tenant, arn)
        if recovered:
            log.info("KMS answers for the key %s again", arn, extra={"tenant": self._tenancy.tenant_id})


def _lock_unfinished(rows: Changes, job_id: str) -> RowMapping:
    """Lock and return the job's row. Raises ClaimLost if the job has ended."""
    job = rows.one(jobs, jobs.c.job_id == job_id, lock=True)
    if job is None or JobState(job["state"]).ended:
        raise ClaimLost
    return job


def _end_jobs(rows: Changes, message: str, until: datetime) -> int:
    """Fail the unfinished jobs requested up to ``until`` that need a data key. Return how many."""
    affected = (jobs.c.state.in_(GOING_ON), jobs.c.created_at <= until)
    at_work = rows.all(locked(rows.query(jobs, *affected).order_by(jobs.c.job_id)))
    ended = [job for job in at_work if needs_key(job["kind"], details_of(job["kind"], job["detail"]))]
    for job in ended:
        end_job(rows, job, JobState.FAILED, Code.KEY_ACCESS_REVOKED, message)
    return len(ended)


def insert_key(rows: Changes, key: WrappedKey, **values: Any) -> None:
    """Insert a data key's generation."""
    rows.insert(data_keys, **msgspec.structs.asdict(key), **values)


def put_credential(rows: Changes, kind: CredentialKind, sealed: Sealed) -> None:
    """Store the tenant's credential in place of any earlier one, whatever its kind."""
    rows.delete(secrets, secrets.c.kind.in_(_CREDENTIALS))
    rows.insert(secrets, kind=kind, **msgspec.structs.asdict(sealed))


def put_restore_credential(rows: Changes, kind: CredentialKind, sealed: Sealed) -> None:
    """Store the credential of the restore identity in place of any earlier one, whatever its kind."""
    rows.delete(secrets, secrets.c.kind.in_(_RESTORE_CREDENTIALS))
    rows.insert(secrets, kind=f"restore-{kind}", **msgspec.structs.asdict(sealed))


def newest_generations(rows: Rows) -> Select[Any]:
    """Return the query for data keys in their newest generation."""
    return rows.query(data_keys, newest_generation())


def _newest(rows: Rows, *where: ColumnElement[bool]) -> RowMapping | None:
    """Return the row with the highest generation, or None."""
    return max(rows.find(data_keys, *where), key=lambda row: row["generation"], default=None)


def _find_key(rows: Rows, purpose: str, job_id: str | None) -> WrappedKey | None:
    """Return the newest generation of the data key of a purpose and job, or None."""
    row = _newest(rows, data_keys.c.purpose == purpose, data_keys.c.job_id == job_id)
    return None if row is None else key_of(row)


def key_of(row: RowMapping) -> WrappedKey:
    """Return the data key in a row.

    Its encryption context is always the tenant's own, whatever the row says: KMS refuses a key wrapped for another
    tenant.
    """
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
