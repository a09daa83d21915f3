"""Read and store snapshots and runs in SQL."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import RowMapping

from shared.adapters.catalog.schema import runs, snapshot_runs, snapshots
from shared.adapters.catalog.tenancy import Changes, Rows, Tenancy
from shared.domain.errors import Code, Refuse
from shared.domain.model import ResourceReport, RunRef, Snapshot


class SqlSnapshots:
    """``ports.catalog.snapshots.Snapshots`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def all(self) -> list[Snapshot]:
        """Return the tenant's snapshots, the newest first."""
        with self._tenancy.read() as rows:
            query = rows.query(snapshots, ~snapshots.c.going).order_by(snapshots.c.number.desc())
            return [snapshot_of(row) for row in rows.all(query)]

    def get(self, snapshot: str) -> Snapshot:
        """Return a snapshot by id, or ``latest``. Raises Refuse ``NO_SUCH_SNAPSHOT``."""
        with self._tenancy.read() as rows:
            return snapshot_of(snapshot_row(rows, snapshot))

    def going(self) -> set[str]:
        """Return the ids of snapshots that retention is removing."""
        with self._tenancy.read() as rows:
            return {row["snapshot_id"] for row in rows.find(snapshots, snapshots.c.going)}

    def runs(self, snapshot_id: str) -> list[RunRef]:
        """Return the runs of a snapshot by stream, the oldest first."""
        same_run = snapshot_runs.c.run_id == runs.c.run_id
        same_snapshot = (snapshot_runs.c.tenant_id == runs.c.tenant_id, snapshot_runs.c.snapshot_id == snapshot_id)
        with self._tenancy.read() as rows:
            query = rows.query(runs, same_run, *same_snapshot).order_by(runs.c.stream, snapshot_runs.c.position)
            return [run_of(row) for row in rows.all(query)]


def run_of(row: RowMapping) -> RunRef:
    """Return the run in a row."""
    return RunRef(run_id=row["run_id"], job_id=row["job_id"], stream=row["stream"], blobs=row["blobs"])


def newest(rows: Rows) -> RowMapping | None:
    """Return the row of the snapshot committed last, or None."""
    query = rows.query(snapshots, ~snapshots.c.going).order_by(snapshots.c.number.desc()).limit(1)
    return next(iter(rows.all(query)), None)


def snapshot_row(rows: Rows, snapshot: str) -> RowMapping:
    """Return the row of a snapshot by id, or ``latest``. Raises Refuse ``NO_SUCH_SNAPSHOT``."""
    if snapshot == "latest":
        row = newest(rows)
        if row is None:
            raise Refuse(Code.NO_SUCH_SNAPSHOT, "There is no snapshot yet. Make one with 'entrakeep backup'.")
        return row
    row = rows.one(snapshots, snapshots.c.snapshot_id == snapshot, ~snapshots.c.going)
    if row is None:
        raise no_such_snapshot(snapshot)
    return row


def no_such_snapshot(snapshot_id: str) -> Refuse:
    """Return the refusal for an id that is not a snapshot's."""
    sentence = f"There is no snapshot {snapshot_id} of this tenant. See 'entrakeep snapshots NAME'."
    return Refuse(Code.NO_SUCH_SNAPSHOT, sentence)


def snapshot_of(row: RowMapping) -> Snapshot:
    """Return the snapshot in a row."""
    return Snapshot(
        snapshot_id=row["snapshot_id"],
        job_id=row["job_id"],
        parent=row["parent"],
        created_at=row["created_at"],
        manifest_sha256=row["manifest_sha256"],
        data_key_id=row["data_key_id"],
        objects=row["objects"],
        links=row["links"],
        complete=row["complete"],
        resources=msgspec.convert(row["resources"], list[ResourceReport]),
    )


def keep_run(rows: Changes, run: RunRef) -> None:
    """Insert a run unless it exists."""
    if rows.one(runs, runs.c.run_id == run.run_id) is None:
        rows.insert(runs, run_id=run.run_id, job_id=run.job_id, stream=run.stream, blobs=run.blobs)


def keep_snapshot(rows: Changes, snapshot: Snapshot, run_refs: Sequence[RunRef]) -> None:
    """Insert the snapshot as the newest, with its runs."""
    values = msgspec.structs.asdict(snapshot) | {"resources": msgspec.to_builtins(snapshot.resources)}
    rows.insert(snapshots, number=rows.number(snapshots), going=False, **values)
    for position, run in enumerate(run_refs):
        keep_run(rows, run)
        rows.insert(snapshot_runs, snapshot_id=snapshot.snapshot_id, run_id=run.run_id, position=position)
