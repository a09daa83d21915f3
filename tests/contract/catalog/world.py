"""A catalog with tenants, and helpers that advance jobs and time."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Connection, bindparam, create_engine, delete, event, insert, select, update

from shared.adapters.catalog import open_catalog
from shared.adapters.catalog.schema import OUTLIVES_TENANT, UtcTime, metadata
from shared.domain.errors import Answer, Code, Refuse
from shared.domain.jobs import Claim, Job, JobKind, JobState, Origin, StepPlan, StepRef
from shared.domain.key_health import KeyCondition, KeyEvent
from shared.domain.model import (
    CredentialKind,
    KeyMode,
    Purpose,
    ResourceReport,
    RunRef,
    Sealed,
    Snapshot,
    Tenant,
    WrappedKey,
)
from shared.ports.catalog.claims import Checkpoint
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.key_health import ProbeOutcome
from shared.ports.catalog.tenant import TenantCatalog

ARN = "arn:aws:kms:us-east-1:111122223333:key/one"
OTHER_ARN = "arn:aws:kms:us-east-1:111122223333:key/two"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
BACKUP = (
    StepPlan(phase=1, name="users"),
    StepPlan(phase=1, name="groups"),
    StepPlan(phase=2, name="users"),
    StepPlan(phase=4, name="commit"),
)
VERIFY = (StepPlan(phase=1, name="verify"),)
OK = ProbeOutcome(arn=ARN, condition=KeyCondition.OK, code=None, message="KMS answers.", result=KeyCondition.OK)
REVOKED = ProbeOutcome(
    arn=ARN,
    condition=KeyCondition.REVOKED,
    code=Code.KEY_ACCESS_REVOKED,
    message="Disabled.",
    result=KeyCondition.REVOKED,
)
_TIMES = {
    table: times
    for table in metadata.sorted_tables
    if table.name != "data_keys" and (times := [c.name for c in table.c if isinstance(c.type, UtcTime)])
}
"""The columns that contain a time. Data keys are left out, because their key objects name their creation time."""

OPEN = "import sys; from shared.adapters.catalog import open_catalog; c = open_catalog(sys.argv[1]); c.tenants(); c.close()"
"""A program that opens the catalog of its first argument."""


def refused(url: str, **values: bool) -> Refuse:
    """Return the refusal to open a catalog."""
    with pytest.raises(Refuse) as caught:
        open_catalog(url, **values).tenants()
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message
    return caught.value


def new_id() -> str:
    return str(uuid.uuid4())


def data_key(
    tenant_id: str, purpose: Purpose = Purpose.BACKUP, job_id: str | None = None, *, arn: str = ARN, epoch: int = 1
) -> WrappedKey:
    return WrappedKey(
        data_key_id=uuid.uuid4().hex * 2,
        purpose=purpose,
        arn=arn,
        generation=1,
        key_epoch=epoch,
        context={"tenant": tenant_id, "purpose": purpose},
        wrapped=b"\x00wrapped\xff",
        created_at=NOW,
        job_id=job_id,
    )


def sealed(data: bytes = b"sealed") -> Sealed:
    return Sealed(row_id=new_id(), data_key_id="d" * 64, data=data)


def run(job_id: str, stream: str = "users") -> RunRef:
    return RunRef(run_id=new_id(), job_id=job_id, stream=stream, blobs=[uuid.uuid4().hex * 2])


def checkpoint(phase: int = 1, stream: str = "users", run: RunRef | None = None) -> Checkpoint:
    return Checkpoint(phase=phase, stream=stream, sealed=sealed(), run=run)


def snapshot(job: Job, **values: object) -> Snapshot:
    defaults = {
        "snapshot_id": new_id(),
        "job_id": job.job_id,
        "parent": job.parent,
        "created_at": NOW,
        "manifest_sha256": "f" * 64,
        "data_key_id": "d" * 64,
        "objects": 3_000_000_000,
        "links": 2,
        "complete": True,
        "resources": [ResourceReport(resource="users", answer=Answer.WHOLE, records=2)],
    }
    return Snapshot(**{**defaults, **values})


def _see_all(connection: Connection) -> None:
    connection.exec_driver_sql("SET LOCAL entrakeep.tenant = '*'")


class World:
    """A catalog by its URL; ``owner_url`` connects as the owner of its tables, on PostgreSQL."""

    def __init__(self, url: str, owner_url: str | None = None) -> None:
        self.url = url
        self.owner_url = owner_url or url
        self._catalogs = [open_catalog(url)]
        self.catalog = self._catalogs[0]
        self.scheduler = self.catalog.scheduler()
        self.is_sqlite = owner_url is None
        self._engine = create_engine(url)
        if not self.is_sqlite:
            event.listen(self._engine, "begin", _see_all)

    def another(self) -> Catalog:
        """Open the same catalog once more, as another process does."""
        self._catalogs.append(open_catalog(self.url))
        return self._catalogs[-1]

    def close(self) -> None:
        for catalog in self._catalogs:
            catalog.close()
        self._engine.dispose()

    def add(
        self, name: str, directory_id: str | None = None, *, readd: bool = False, catalog: Catalog | None = None
    ) -> TenantCatalog:
        tenant_id = new_id()
        tenant = Tenant(
            tenant_id=tenant_id,
            name=name,
            directory_id=directory_id or new_id(),
            client_id=new_id(),
            created_at=NOW,
            key_mode=KeyMode.PROVIDER,
            key_arn=ARN,
            key_epoch=1,
        )
        key = data_key(tenant_id, Purpose.SECRETS)
        credential = sealed(name.encode())
        (catalog or self.catalog).add_tenant(tenant, key, CredentialKind.SECRET, credential, readd=readd)
        return self.catalog.tenant(tenant_id)

    def pass_time(self, seconds: float) -> None:
        """Move every time in the catalog into the past, except those of data keys."""
        with self._engine.begin() as connection:
            for table, times in _TIMES.items():
                key = [column.name for column in table.primary_key]
                older_rows = [
                    {f"old_{name}": row[name] for name in key}
                    | {name: row[name] and row[name] - timedelta(seconds=seconds) for name in times}
                    for row in connection.execute(select(*(table.c[name] for name in (*key, *times)))).mappings()
                ]
                if older_rows:
                    same_row = [table.c[name] == bindparam(f"old_{name}") for name in key]
                    connection.execute(
                        update(table).where(*same_row).values(**{name: bindparam(name) for name in times}), older_rows
                    )

    def count(self, table: str, tenant: TenantCatalog | None = None) -> int:
        """Return the number of rows in a table, of one tenant or of all."""
        rows = metadata.tables[table]
        query = select(rows) if tenant is None else select(rows).where(rows.c.tenant_id == tenant.tenant_id)
        with self._engine.begin() as connection:
            return len(connection.execute(query).all())

    def rows(self, table: str) -> list[dict[str, object]]:
        """Return all rows of a table."""
        with self._engine.begin() as connection:
            return [dict(row) for row in connection.execute(select(metadata.tables[table])).mappings()]

    def stored(self, query: str) -> list[object]:
        """Return the first column of a query's rows as the database has it."""
        with self._engine.begin() as connection:
            return list(connection.exec_driver_sql(query).scalars())

    def insert(self, table: str, **values: object) -> None:
        """Insert a row directly, where this suite is not about the port that does."""
        with self._engine.begin() as connection:
            connection.execute(insert(metadata.tables[table]).values(**values))

    def change(self, table: str, **values: object) -> None:
        """Change all rows of a table directly, where the port has no method."""
        with self._engine.begin() as connection:
            connection.execute(update(metadata.tables[table]).values(**values))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the rows of all tenants from another connection. In SQLite this locks the whole catalog."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE tenants SET name = name")
            yield

    def probed(self, tenant: TenantCatalog, outcome: ProbeOutcome, *, notify: bool = False) -> KeyEvent | None:
        """Probe the tenant's key with this outcome."""
        self.pass_time(1000)
        turns = self.catalog.probes().take(60, 10, 60)
        (turn,) = (each for each in turns if each.tenant_id == tenant.tenant_id)
        return tenant.health.note(turn, outcome, next_in=60, notify=notify)

    def remove_as_before(self, tenant: TenantCatalog, *unknown: str) -> None:
        """Remove a tenant as older code does that does not know these tables."""
        with self._engine.begin() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("PRAGMA foreign_keys = ON")
            for table in reversed(metadata.sorted_tables):
                if "tenant_id" in table.c and table.name not in OUTLIVES_TENANT.union(unknown):
                    connection.execute(delete(table).where(table.c.tenant_id == tenant.tenant_id))

    def wrap_anew(self, tenant: TenantCatalog, key: WrappedKey, arn: str, wrapped: bytes = b"anew") -> WrappedKey:
        """Store and return the data key's next generation."""
        newer = msgspec.structs.replace(key, arn=arn, generation=key.generation + 1, wrapped=wrapped)
        with self._engine.begin() as connection:
            row = {"tenant_id": tenant.tenant_id, **msgspec.structs.asdict(newer)}
            connection.execute(insert(metadata.tables["data_keys"]).values(row))
        return newer

    def planned(
        self,
        tenant: TenantCatalog,
        steps: Sequence[StepPlan] = BACKUP,
        *,
        kind: JobKind = JobKind.BACKUP,
        origin: Origin = Origin.HAND,
    ) -> Job:
        """Request a job and plan its steps."""
        job, _ = tenant.jobs.request(kind, origin=origin)
        assert self.scheduler.offer_steps(job, steps)
        return tenant.jobs.get(job.job_id)

    def claim(self, tenant: TenantCatalog, job: Job, name: str, holder: str = "w/1", *, seconds: float = 30) -> Claim:
        """Claim the step of this name in the open phase."""
        for step in tenant.jobs.steps(job.job_id):
            if step.name == name:
                claim = tenant.claims.claim(job.job_id, step.step_id, holder, seconds)
                if claim is not None:
                    return claim
        raise AssertionError(f"no step {name} to claim")

    def to_commit(self, tenant: TenantCatalog) -> tuple[Job, Claim]:
        """Return a backup that only has to commit, and the claim on its commit."""
        job = self.planned(tenant, (StepPlan(phase=4, name="commit"),))
        return job, self.claim(tenant, job, "commit")

    def backed_up(self, tenant: TenantCatalog, *runs: RunRef) -> Snapshot:
        """Commit a backup and return its snapshot."""
        job, claim = self.to_commit(tenant)
        new_snapshot = snapshot(job)
        tenant.claims.commit(claim, new_snapshot, runs, JobState.SUCCEEDED, None)
        return new_snapshot

    def send(self, **values: float) -> list[StepRef]:
        """Return the steps to send a message for now."""
        defaults = {"resend": 5.0, "resend_most": 120.0, "worker_seen": 20.0, "tenant_steps": 4}
        return self.scheduler.to_send(**{**defaults, **values})
