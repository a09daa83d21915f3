"""Snapshots as SQL offers them."""

import msgspec
from sqlalchemy import RowMapping

from shared.adapters.catalog.schema import snapshots
from shared.adapters.catalog.tenancy import Rows, Tenancy
from shared.domain.errors import Code, Refuse
from shared.domain.model import ResourceReport, Snapshot


class SqlSnapshots:
    """``ports.catalog.Snapshots`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def all(self) -> list[Snapshot]:
        with self._tenancy.read() as rows:
            query = rows.query(snapshots, ~snapshots.c.going).order_by(snapshots.c.number.desc())
            return [_snapshot_of(row) for row in rows.all(query)]

    def get(self, snapshot: str) -> Snapshot:
        with self._tenancy.read() as rows:
            return _snapshot_of(found(rows, snapshot))


def newest(rows: Rows) -> RowMapping | None:
    """The snapshot committed last."""
    query = rows.query(snapshots, ~snapshots.c.going).order_by(snapshots.c.number.desc()).limit(1)
    return next(iter(rows.all(query)), None)


def found(rows: Rows, snapshot: str) -> RowMapping:
    """By id, or ``latest``. Raises Refuse ``NO_SUCH_SNAPSHOT``."""
    if snapshot == "latest":
        row = newest(rows)
        message = "There is no snapshot yet. Make one with 'entrakeep backup'."
    else:
        row = rows.one(snapshots, snapshots.c.snapshot_id == snapshot, ~snapshots.c.going)
        message = f"There is no snapshot {snapshot} of this tenant. See 'entrakeep snapshots'."
    if row is None:
        raise Refuse(Code.NO_SUCH_SNAPSHOT, message)
    return row


def _snapshot_of(row: RowMapping) -> Snapshot:
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
