"""What a rebuild brings back into SQL, and what the sweep takes out of it."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from sqlalchemy import RowMapping, select

from shared.adapters.catalog.audit import append, append_if_sound, append_rebuilt
from shared.adapters.catalog.claims import held, keep_snapshot
from shared.adapters.catalog.directories import claim_of
from shared.adapters.catalog.engine import EVERY_TENANT, Turn
from shared.adapters.catalog.jobs import GOING_ON, end_job
from shared.adapters.catalog.keys import insert_key
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
from shared.adapters.catalog.tenancy import Changes, Rows, Tenancy, tenant_of
from shared.domain.audit import Action, Plain
from shared.domain.model import Claim, JobState, Snapshot, Tenant, WrappedKey
from shared.domain.trust import Untrusted
from shared.ports.upkeep import Found, Known, Leftovers

_LONGEST_NAME = 40


class SqlUpkeep:
    """``ports.upkeep.Upkeep`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def known(self) -> Known:
        with self._tenancy.read() as rows:
            row, of_jobs = rows.one(tenants), rows.find(jobs)
            noted = rows.find(bucket_jobs)
            found = {row["job_id"] for row in noted}
            standing = rows.find(snapshots)
            return Known(
                tenant=None if row is None else tenant_of(row),
                jobs=found | {row["job_id"] for row in of_jobs},
                ended=found | {row["job_id"] for row in of_jobs if JobState(row["state"]).ended},
                swept={row["job_id"] for row in noted if row["swept_at"] is not None},
                snapshots={row["snapshot_id"]: row["job_id"] for row in standing},
                parents={row["parent"] for row in standing if row["parent"]},
                attempts={row["snapshot_id"]: row["job_id"] for row in rows.find(snapshot_attempts)},
                data_keys={(row["data_key_id"], row["generation"]) for row in rows.find(data_keys)},
            )

    def blobs(self, job_id: str) -> set[str]:
        with self._tenancy.read() as rows:
            return {blob for row in rows.find(runs, runs.c.job_id == job_id) for blob in row["blobs"]}

    def bring_back(self, found: Found) -> Tenant:
        database, tenant_id = self._tenancy.database, self._tenancy.tenant_id
        with database.write(EVERY_TENANT) as (connection, now):  # a name must be free among all tenants
            database.one_at_a_time(connection, Turn.CONNECTING)
            rows = Changes(connection, tenant_id, now, self._tenancy.actor)
            _bring_tenant(rows, found.tenant)
            _bring_keys(rows, found.data_keys)
            standing = {row["snapshot_id"] for row in rows.find(snapshots)}
            for snapshot, named in found.snapshots:
                if snapshot.snapshot_id not in standing:
                    keep_snapshot(rows, snapshot, named)
                    _end(rows, snapshot)
            _number_anew(rows)
            noted = {row["snapshot_id"] for row in rows.find(snapshot_attempts)}
            for snapshot_id, job_id in found.uncommitted.items():
                if snapshot_id not in noted:
                    rows.insert(snapshot_attempts, snapshot_id=snapshot_id, job_id=job_id, noted_at=now)
            told = {row["job_id"] for table in (jobs, bucket_jobs) for row in rows.find(table)}
            for job_id in sorted(found.jobs - told):
                rows.insert(bucket_jobs, job_id=job_id, found_at=now)
            _tell(rows, found)
            return tenant_of(rows.tenant())

    def to_sweep(self, claim: Claim, settled: timedelta) -> list[str]:
        with self._tenancy.write() as rows:
            held(rows, claim)
            until = rows.now - settled
            noted = rows.find(bucket_jobs)
            found = {row["job_id"] for row in noted if row["swept_at"] is None and row["found_at"] <= until}
            ended = rows.find(jobs, jobs.c.finished_at <= until)
            return sorted(found | {row["job_id"] for row in ended} - {row["job_id"] for row in noted})

    def leftovers(self, claim: Claim, job_id: str) -> Leftovers:
        with self._tenancy.write() as rows:
            held(rows, claim)
            for row in rows.find(runs, runs.c.job_id == job_id):
                if not _named(rows, row["run_id"]):
                    rows.delete(runs, runs.c.run_id == row["run_id"])
            kept = rows.find(runs, runs.c.job_id == job_id)
            made = {row["snapshot_id"] for row in rows.find(snapshots, snapshots.c.job_id == job_id)}
            noted = rows.find(snapshot_attempts, snapshot_attempts.c.job_id == job_id)
            keys = set() if kept or made else {row["data_key_id"] for row in _keys_of(rows, job_id)}
            return Leftovers(
                blobs={blob for row in kept for blob in row["blobs"]},
                manifests=sorted({row["snapshot_id"] for row in noted} - made),
                data_keys=sorted(keys),
            )

    def swept(self, claim: Claim, job_id: str, left: Leftovers) -> None:
        with self._tenancy.write() as rows:
            held(rows, claim)
            rows.delete(snapshot_attempts, snapshot_attempts.c.job_id == job_id)
            rows.delete(data_keys, data_keys.c.job_id == job_id, data_keys.c.data_key_id.in_(left.data_keys))
            if not rows.update(bucket_jobs, bucket_jobs.c.job_id == job_id, swept_at=rows.now):
                rows.insert(bucket_jobs, job_id=job_id, swept_at=rows.now)

    def note_untrusted(self, found: Sequence[Untrusted]) -> None:
        with self._tenancy.write() as rows:
            rows.tenant(lock=True)
            before = {row["arn"] for row in rows.find(untrusted_keys)}
            for arn in before - {each.arn for each in found}:
                rows.delete(untrusted_keys, untrusted_keys.c.arn == arn)
            for each in found:
                counts = {"data_keys": each.data_keys, "manifests": each.manifests}
                if each.arn in before:
                    rows.update(untrusted_keys, untrusted_keys.c.arn == each.arn, **counts)
                else:
                    rows.insert(untrusted_keys, arn=each.arn, found_at=rows.now, **counts)
                    append_if_sound(rows, Action.KEY_UNTRUSTED, {}, {"arn": each.arn, **counts})

    def untrusted(self) -> list[Untrusted]:
        with self._tenancy.read() as rows:
            noted = rows.all(rows.query(untrusted_keys).order_by(untrusted_keys.c.arn))
        return [
            Untrusted(arn=row["arn"], data_keys=row["data_keys"], manifests=row["manifests"], found_at=row["found_at"])
            for row in noted
        ]


def _tell(rows: Changes, found: Found) -> None:
    """The head that lay in the bucket is named, whether or not it is the one that the event stands behind."""
    detail: dict[str, Plain] = {
        "snapshots": len(found.snapshots),
        "data_keys": len({key.data_key_id for key in found.data_keys}),
    }
    if found.head is not None:
        detail |= {"head": found.head.number, "head_hash": found.head.hash}
    append_rebuilt(rows, detail, found.head)
    for arn in sorted(found.trusted):
        append(rows, Action.KEY_TRUSTED, {}, {"arn": arn})


def _named(rows: Rows, run_id: str) -> bool:
    """Whether a snapshot or a checkpoint names the run."""
    return any(rows.find(table, table.c.run_id == run_id) for table in (snapshot_runs, checkpoint_runs))


def _keys_of(rows: Rows, job_id: str) -> Sequence[RowMapping]:
    return rows.find(data_keys, data_keys.c.job_id == job_id)


def _bring_tenant(rows: Changes, tenant: Tenant) -> None:
    values = msgspec.structs.asdict(tenant)
    del values["tenant_id"]
    if rows.one(tenants, lock=True) is None:
        claim = claim_of(rows.connection, tenant.directory_id)
        rows.insert(tenants, **values | {"name": _free_name(rows, tenant.name), "claimed_directory": claim})


def _free_name(rows: Changes, name: str) -> str:
    """The name, or one with a number where another tenant has it by now."""
    taken = set(rows.connection.execute(select(tenants.c.name)).scalars())
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: _LONGEST_NAME - len(str(number)) - 1]}-{number}"
    return free


def _bring_keys(rows: Changes, keys: Sequence[WrappedKey]) -> None:
    standing = {(row["data_key_id"], row["generation"]) for row in rows.find(data_keys)}
    for key in keys:
        if (key.data_key_id, key.generation) not in standing:
            insert_key(rows, key)


def _end(rows: Changes, snapshot: Snapshot) -> None:
    """The job that made the snapshot has ended, even if SQL, put back from an older state, takes it to be going on."""
    job = rows.one(jobs, jobs.c.job_id == snapshot.job_id, jobs.c.state.in_(GOING_ON), lock=True)
    if job is not None:
        rows.update(jobs, jobs.c.job_id == snapshot.job_id, state=JobState.RUNNING)  # a queued one cannot succeed
        running = rows.one(jobs, jobs.c.job_id == snapshot.job_id)
        state = JobState.SUCCEEDED if snapshot.complete else JobState.SUCCEEDED_WITH_WARNINGS
        end_job(rows, running or job, state, snapshot=snapshot.snapshot_id)


def _number_anew(rows: Changes) -> None:
    """In order of time, a parent before its children whatever the clocks of their workers said."""
    standing = {row["snapshot_id"]: row for row in rows.find(snapshots)}
    ordered = sorted(standing.values(), key=lambda row: (row["created_at"], row["snapshot_id"]))
    placed: dict[str, None] = {}
    for snapshot in ordered:
        line, row = [], standing.get(snapshot["snapshot_id"])
        while row is not None and row["snapshot_id"] not in placed:
            line.append(row["snapshot_id"])
            row = standing.get(row["parent"])
        placed |= dict.fromkeys(reversed(line))
    if [standing[snapshot_id]["number"] for snapshot_id in placed] == list(range(1, len(placed) + 1)):
        return
    for sign in (-1, 1):  # numbers are unique all the way
        for number, snapshot_id in enumerate(placed, start=1):
            rows.update(snapshots, snapshots.c.snapshot_id == snapshot_id, number=sign * number)
