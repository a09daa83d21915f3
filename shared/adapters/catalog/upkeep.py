"""Store what a rebuild finds in the bucket, and remove what the sweep no longer needs."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import RowMapping, select

from shared.adapters.catalog.audit import append, append_if_sound, append_rebuilt
from shared.adapters.catalog.directories import claim_of
from shared.adapters.catalog.engine import EVERY_TENANT, Turn
from shared.adapters.catalog.job_rows import GOING_ON
from shared.adapters.catalog.job_writes import end_job
from shared.adapters.catalog.keys import insert_key
from shared.adapters.catalog.restores import add_entries
from shared.adapters.catalog.schema import (
    bucket_jobs,
    checkpoint_runs,
    data_keys,
    jobs,
    runs,
    snapshot_attempts,
    snapshot_runs,
    snapshots,
    tenants,
    untrusted_keys,
)
from shared.adapters.catalog.snapshots import keep_snapshot
from shared.adapters.catalog.step_writes import lock_claim
from shared.adapters.catalog.tenancy import Changes, Rows, Tenancy, tenant_of, tenant_values
from shared.domain.audit import Action, Plain
from shared.domain.jobs import Claim, JobState
from shared.domain.model import Snapshot, Tenant, WrappedKey
from shared.domain.trust import Untrusted
from shared.ports.catalog.upkeep import BucketContents, KnownBlobs, Leftovers

_LONGEST_NAME = 40


class SqlUpkeep:
    """``ports.catalog.upkeep.Upkeep`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def known_blobs(self) -> KnownBlobs:
        """Return what the catalog knows of the tenant's jobs, snapshots and data keys."""
        with self._tenancy.read() as rows:
            row, job_rows = rows.one(tenants), rows.find(jobs)
            bucket_rows = rows.find(bucket_jobs)
            from_bucket = {row["job_id"] for row in bucket_rows}
            snapshot_rows = rows.find(snapshots)
            return KnownBlobs(
                tenant=None if row is None else tenant_of(row),
                jobs=from_bucket | {row["job_id"] for row in job_rows},
                ended=from_bucket | {row["job_id"] for row in job_rows if JobState(row["state"]).ended},
                swept={row["job_id"] for row in bucket_rows if row["swept_at"] is not None},
                snapshots={row["snapshot_id"]: row["job_id"] for row in snapshot_rows},
                parents={row["parent"] for row in snapshot_rows if row["parent"]},
                attempts={row["snapshot_id"]: row["job_id"] for row in rows.find(snapshot_attempts)},
                data_keys={(row["data_key_id"], row["generation"]) for row in rows.find(data_keys)},
            )

    def blobs(self, job_id: str) -> set[str]:
        """Return the names of the blobs that a job's runs refer to."""
        with self._tenancy.read() as rows:
            return {blob for row in rows.find(runs, runs.c.job_id == job_id) for blob in row["blobs"]}

    def restore(self, contents: BucketContents) -> Tenant:
        """Insert what a rebuild found and SQL lacks. Return the tenant."""
        database, tenant_id = self._tenancy.database, self._tenancy.tenant_id
        with database.write(EVERY_TENANT) as (connection, now):  # a name must be free among all tenants
            database.one_at_a_time(connection, Turn.CONNECTING)
            rows = Changes(connection, tenant_id, now, self._tenancy.actor)
            _bring_tenant(rows, contents.tenant)
            _bring_keys(rows, contents.data_keys)
            existing = {row["snapshot_id"] for row in rows.find(snapshots)}
            for snapshot, run_refs in contents.snapshots:
                if snapshot.snapshot_id not in existing:
                    keep_snapshot(rows, snapshot, run_refs)
                    _end(rows, snapshot)
            _number_anew(rows)
            add_entries(rows, contents.id_map)
            attempts = {row["snapshot_id"] for row in rows.find(snapshot_attempts)}
            for snapshot_id, job_id in contents.uncommitted.items():
                if snapshot_id not in attempts:
                    rows.insert(snapshot_attempts, snapshot_id=snapshot_id, job_id=job_id, noted_at=now)
            known_jobs = {row["job_id"] for table in (jobs, bucket_jobs) for row in rows.find(table)}
            for job_id in sorted(contents.jobs - known_jobs):
                rows.insert(bucket_jobs, job_id=job_id, found_at=now)
            _report(rows, contents)
            return tenant_of(rows.tenant())

    def to_sweep(self, claim: Claim, settled: timedelta) -> list[str]:
        """Return the unswept jobs that ended, or that a rebuild added, at least ``settled`` ago. Raises ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            until = rows.now - settled
            bucket_rows = rows.find(bucket_jobs)
            from_bucket = {row["job_id"] for row in bucket_rows if row["swept_at"] is None and row["found_at"] <= until}
            ended = rows.find(jobs, jobs.c.finished_at <= until)
            return sorted(from_bucket | {row["job_id"] for row in ended} - {row["job_id"] for row in bucket_rows})

    def leftovers(self, claim: Claim, job_id: str) -> Leftovers:
        """Remove the job's runs without references. Return its remaining blobs, and the manifests and keys to delete.

        Raises ClaimLost.
        """
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            for row in rows.find(runs, runs.c.job_id == job_id):
                if not _is_referenced(rows, row["run_id"]):
                    rows.delete(runs, runs.c.run_id == row["run_id"])
            kept = rows.find(runs, runs.c.job_id == job_id)
            made = {row["snapshot_id"] for row in rows.find(snapshots, snapshots.c.job_id == job_id)}
            attempts = rows.find(snapshot_attempts, snapshot_attempts.c.job_id == job_id)
            keys = set() if kept or made else {row["data_key_id"] for row in _keys_of(rows, job_id)}
            return Leftovers(
                blobs={blob for row in kept for blob in row["blobs"]},
                manifests=sorted({row["snapshot_id"] for row in attempts} - made),
                data_keys=sorted(keys),
            )

    def mark_swept(self, claim: Claim, job_id: str, leftovers: Leftovers) -> None:
        """Mark the job as swept. Remove the rows of its swept manifests and data keys. Raise ClaimLost."""
        with self._tenancy.write() as rows:
            lock_claim(rows, claim)
            rows.delete(snapshot_attempts, snapshot_attempts.c.job_id == job_id)
            rows.delete(data_keys, data_keys.c.job_id == job_id, data_keys.c.data_key_id.in_(leftovers.data_keys))
            if not rows.update(bucket_jobs, bucket_jobs.c.job_id == job_id, swept_at=rows.now):
                rows.insert(bucket_jobs, job_id=job_id, swept_at=rows.now)

    def note_untrusted(self, untrusted: Sequence[Untrusted]) -> None:
        """Store which untrusted KMS keys wrap data in the bucket, and append an audit event for each new one."""
        with self._tenancy.write() as rows:
            rows.tenant(lock=True)
            known_arns = {row["arn"] for row in rows.find(untrusted_keys)}
            for arn in known_arns - {each.arn for each in untrusted}:
                rows.delete(untrusted_keys, untrusted_keys.c.arn == arn)
            for each in untrusted:
                counts = {"data_keys": each.data_keys, "manifests": each.manifests}
                if each.arn in known_arns:
                    rows.update(untrusted_keys, untrusted_keys.c.arn == each.arn, **counts)
                else:
                    rows.insert(untrusted_keys, arn=each.arn, found_at=rows.now, **counts)
                    append_if_sound(rows, Action.KEY_UNTRUSTED, {}, {"arn": each.arn, **counts})

    def untrusted(self) -> list[Untrusted]:
        """Return the untrusted KMS keys that wrap data in the bucket."""
        with self._tenancy.read() as rows:
            untrusted_rows = rows.all(rows.query(untrusted_keys).order_by(untrusted_keys.c.arn))
        return [
            Untrusted(arn=row["arn"], data_keys=row["data_keys"], manifests=row["manifests"], found_at=row["found_at"])
            for row in untrusted_rows
        ]


def _report(rows: Changes, contents: BucketContents) -> None:
    """Append the audit events of a rebuild.

    The event names the head found in the bucket, whether or not the event follows it in the chain.
    """
    detail: dict[str, Plain] = {
        "snapshots": len(contents.snapshots),
        "data_keys": len({key.data_key_id for key in contents.data_keys}),
    }
    if contents.head is not None:
        detail |= {"head": contents.head.number, "head_hash": contents.head.hash}
    append_rebuilt(rows, detail, contents.head)
    for arn in sorted(contents.trusted):
        append(rows, Action.KEY_TRUSTED, {}, {"arn": arn})


def _is_referenced(rows: Rows, run_id: str) -> bool:
    """Return True if a snapshot or a checkpoint refers to the run."""
    return any(rows.find(table, table.c.run_id == run_id) for table in (snapshot_runs, checkpoint_runs))


def _keys_of(rows: Rows, job_id: str) -> Sequence[RowMapping]:
    """Return the rows of a job's data keys."""
    return rows.find(data_keys, data_keys.c.job_id == job_id)


def _bring_tenant(rows: Changes, tenant: Tenant) -> None:
    """Insert the tenant unless it exists."""
    if rows.one(tenants, lock=True) is None:
        claim = claim_of(rows.connection, tenant.directory_id)
        values = tenant_values(tenant) | {"name": _free_name(rows, tenant.name), "claimed_directory": claim}
        rows.insert(tenants, **values)


def _free_name(rows: Changes, name: str) -> str:
    """Return the name, with a number appended if another tenant has it."""
    taken = set(rows.connection.execute(select(tenants.c.name)).scalars())
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: _LONGEST_NAME - len(str(number)) - 1]}-{number}"
    return free


def _bring_keys(rows: Changes, keys: Sequence[WrappedKey]) -> None:
    """Insert the data keys' generations that SQL lacks."""
    existing = {(row["data_key_id"], row["generation"]) for row in rows.find(data_keys)}
    for key in keys:
        if (key.data_key_id, key.generation) not in existing:
            insert_key(rows, key)


def _end(rows: Changes, snapshot: Snapshot) -> None:
    """End the snapshot's job if SQL, restored from an older state, still has it as unfinished."""
    job = rows.one(jobs, jobs.c.job_id == snapshot.job_id, jobs.c.state.in_(GOING_ON), lock=True)
    if job is not None:
        rows.update(jobs, jobs.c.job_id == snapshot.job_id, state=JobState.RUNNING)  # a queued job cannot succeed
        running = rows.one(jobs, jobs.c.job_id == snapshot.job_id)
        state = JobState.SUCCEEDED if snapshot.complete else JobState.SUCCEEDED_WITH_WARNINGS
        end_job(rows, running or job, state, snapshot=snapshot.snapshot_id)


def _number_anew(rows: Changes) -> None:
    """Renumber snapshots in order of time, a parent before its children whatever the workers' clocks said."""
    by_id = {row["snapshot_id"]: row for row in rows.find(snapshots)}
    ordered = sorted(by_id.values(), key=lambda row: (row["created_at"], row["snapshot_id"]))
    placed: dict[str, None] = {}
    for snapshot in ordered:
        line, row = [], by_id.get(snapshot["snapshot_id"])
        while row is not None and row["snapshot_id"] not in placed:
            line.append(row["snapshot_id"])
            row = by_id.get(row["parent"])
        placed |= dict.fromkeys(reversed(line))
    if [by_id[snapshot_id]["number"] for snapshot_id in placed] == list(range(1, len(placed) + 1)):
        return
    for sign in (-1, 1):  # numbers must be unique after each update
        for number, snapshot_id in enumerate(placed, start=1):
            rows.update(snapshots, snapshots.c.snapshot_id == snapshot_id, number=sign * number)
