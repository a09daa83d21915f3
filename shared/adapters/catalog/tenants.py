"""Give access to one tenant's part of the catalog, and to the catalog as a whole."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import select

from shared.adapters.catalog import directories, schema
from shared.adapters.catalog.audit import SqlAudit, append
from shared.adapters.catalog.challenges import SqlChallenges
from shared.adapters.catalog.claims import SqlClaims
from shared.adapters.catalog.customer_keys import SqlCustomerKeys
from shared.adapters.catalog.engine import EVERY_TENANT, Database, Turn
from shared.adapters.catalog.fleet import SqlFleet
from shared.adapters.catalog.job_rows import job_of, no_such_job
from shared.adapters.catalog.jobs import SqlJobs
from shared.adapters.catalog.key_health import SqlHealth, SqlProbes
from shared.adapters.catalog.keys import SqlKeys, insert_key, put_credential, put_restore_credential
from shared.adapters.catalog.notice_deliveries import SqlNoticeDeliveries
from shared.adapters.catalog.notice_targets import SqlInstallationKeys, SqlNoticeTargets
from shared.adapters.catalog.overview import SqlOverview
from shared.adapters.catalog.people import SqlPeople
from shared.adapters.catalog.queries import SqlQueries
from shared.adapters.catalog.restores import SqlRestores
from shared.adapters.catalog.scheduler import SqlScheduler
from shared.adapters.catalog.schedules import SqlSchedules
from shared.adapters.catalog.sign_ins import SqlSignIns
from shared.adapters.catalog.snapshots import SqlSnapshots
from shared.adapters.catalog.stores import SqlStores
from shared.adapters.catalog.tenancy import (
    NOBODY_NAMED,
    Changes,
    Tenancy,
    no_such_tenant,
    stored_choice,
    tenant_of,
    tenant_values,
)
from shared.adapters.catalog.tokens import SqlTokens
from shared.adapters.catalog.tries import SqlTries
from shared.adapters.catalog.upkeep import SqlUpkeep
from shared.adapters.catalog.ways import SqlSignInWays
from shared.domain.audit import INSTALLATION, Action
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job
from shared.domain.model import CredentialKind, KeyMode, Sealed, Tenant, WrappedKey
from shared.domain.resources.choice import Choice
from shared.ports.catalog.audit import AuditedTenant
from shared.ports.catalog.database import Purged


class SqlTenant:
    """``ports.catalog.tenant.TenantCatalog`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy
        self.jobs = SqlJobs(tenancy)
        self.claims = SqlClaims(tenancy)
        self.snapshots = SqlSnapshots(tenancy)
        self.keys = SqlKeys(tenancy)
        self.customer_keys = SqlCustomerKeys(tenancy)
        self.schedules = SqlSchedules(tenancy)
        self.upkeep = SqlUpkeep(tenancy)
        self.health = SqlHealth(tenancy)
        self.restores = SqlRestores(tenancy)
        self.audit = SqlAudit(tenancy)

    @property
    def tenant_id(self) -> str:
        """Return the tenant's id."""
        return self._tenancy.tenant_id

    def tenant(self) -> Tenant:
        """Return the tenant. Raises Refuse ``NO_SUCH_TENANT``."""
        with self._tenancy.read() as rows:
            return tenant_of(rows.tenant())

    def update(
        self, *, client_id: str, kind: CredentialKind, sealed: Sealed, expires_at: datetime | None = None
    ) -> None:
        """Store a new client id and credential. Raises Refuse ``NO_SUCH_TENANT`` and ``DIRECTORY_EXISTS``."""
        with self._across_tenants() as rows:
            directories.refuse_second(rows, rows.tenant(lock=True))
            rows.update(schema.tenants, client_id=client_id, sign_in_expires_at=expires_at)
            put_credential(rows, kind, sealed)
            append(rows, Action.CREDENTIAL_UPDATED, {}, {"client_id": client_id, "kind": kind})

    def update_restore_identity(
        self, *, client_id: str, kind: CredentialKind, sealed: Sealed, expires_at: datetime | None = None
    ) -> None:
        """Store the application that restores, and its credential. Raises Refuse ``NO_SUCH_TENANT``."""
        with self._tenancy.write() as rows:
            rows.tenant(lock=True)
            rows.update(schema.tenants, restore_client_id=client_id, restore_expires_at=expires_at)
            put_restore_credential(rows, kind, sealed)
            append(rows, Action.RESTORE_IDENTITY_UPDATED, {}, {"client_id": client_id, "kind": kind})

    def choose(self, *, without: Sequence[str] = (), with_: Sequence[str] = ()) -> Choice:
        """Change the tenant's choice and append an event. Raises Refuse ``NO_SUCH_TENANT`` and ``WRONG_USE``."""
        with self._tenancy.write() as rows:
            before = tenant_of(rows.tenant(lock=True)).choice
            choice = before.changed(without=without, with_=with_)
            if not choice.streams():
                raise Refuse(Code.WRONG_USE, "A backup must read something: leave at least one resource switched on.")
            if choice != before:
                rows.update(schema.tenants, choice=stored_choice(choice))
                append(rows, Action.CHOICE_CHANGED, {}, {"without": ", ".join(without), "with": ", ".join(with_)})
            return choice

    def remove(self) -> frozenset[bytes]:
        """Remove the tenant's rows except its audit trail. Return the wrapped data keys that were deleted."""
        with self._across_tenants() as rows:
            tenant = rows.one(schema.tenants, lock=True)
            if tenant is None:
                return frozenset()
            wrapped = frozenset(row["wrapped"] for row in rows.find(schema.data_keys))
            for table in reversed(schema.metadata.sorted_tables):
                if "tenant_id" in table.c and table.name not in schema.OUTLIVES_TENANT:
                    rows.delete(table)
            directories.withhold(rows, tenant)
            directories.pass_claim_on(rows.connection, tenant["directory_id"])
            append(rows, Action.TENANT_REMOVED, {}, {"name": tenant["name"]}, called=tenant["name"])
            own = {"own_key": tenant["key_mode"] == KeyMode.CUSTOMER}
            detail = {"name": tenant["name"], "directory_id": tenant["directory_id"], **own}
            directories.report(rows, Action.TENANT_REMOVED, {"tenant": rows.tenant_id}, detail)
            return wrapped

    @contextmanager
    def _across_tenants(self) -> Iterator[Changes]:
        """Open a transaction on this tenant's rows that also sees its directory's other tenants, one at a time."""
        database = self._tenancy.database
        with database.write(EVERY_TENANT) as (connection, now):
            database.one_at_a_time(connection, Turn.CONNECTING)
            yield Changes(connection, self.tenant_id, now, self._tenancy.actor)


class SqlCatalog:
    """``ports.catalog.database.Catalog`` in SQL."""

    def __init__(self, database: Database, actor: str = NOBODY_NAMED) -> None:
        self._database = database
        self.actor = actor

    def as_actor(self, actor: str) -> "SqlCatalog":
        """Return the catalog with another actor for audit events."""
        return SqlCatalog(self._database, actor)

    def tenant(self, tenant_id: str) -> SqlTenant:
        """Return the catalog of one tenant. The tenant need not exist."""
        return SqlTenant(Tenancy(self._database, tenant_id, self.actor))

    def find(self, name: str) -> Tenant:
        """Return the tenant with this name. Raises Refuse ``NO_SUCH_TENANT``."""
        with self._database.read(EVERY_TENANT) as connection:
            query = select(schema.tenants).where(schema.tenants.c.name == name)
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise no_such_tenant(name)
        return tenant_of(row)

    def find_audited(self, name: str) -> AuditedTenant:
        """Return the tenant with this name or id, or else the latest removed one. Raises Refuse ``NO_SUCH_TENANT``."""
        existing, heads = schema.tenants, schema.audit_heads
        with self._database.read(EVERY_TENANT) as connection:
            for table, order in ((existing, existing.c.created_at), (heads, heads.c.at)):
                for column in (table.c.name, table.c.tenant_id):
                    same_tenant = (column == name, table.c.tenant_id != INSTALLATION)
                    query = select(table).where(*same_tenant).order_by(order.desc()).limit(1)
                    row = connection.execute(query).mappings().first()
                    if row is not None:
                        removed = table is heads
                        return AuditedTenant(tenant_id=row["tenant_id"], name=row["name"], removed=removed)
        raise Refuse(
            Code.NO_SUCH_TENANT, f"There is no tenant '{name}', existing or removed. See 'entrakeep tenant list'."
        )

    def tenants(self, limit: int | None = None) -> list[Tenant]:
        """Return the tenants, the newest first: all, or at most ``limit``."""
        with self._database.read(EVERY_TENANT) as connection:
            order = (schema.tenants.c.created_at.desc(), schema.tenants.c.name)
            query = select(schema.tenants).order_by(*order).limit(limit)
            return [tenant_of(row) for row in connection.execute(query).mappings()]

    def check_addable(self, name: str, directory_id: str, *, readd: bool) -> None:
        """Raise Refuse unless a tenant of this name may be connected to this directory. See ``refuse_taken``."""
        with self._database.read(EVERY_TENANT) as connection:
            directories.refuse_taken(connection, name, directory_id, readd=readd)

    def add_tenant(
        self,
        tenant: Tenant,
        key: WrappedKey,
        kind: CredentialKind,
        sealed: Sealed,
        *,
        restore: tuple[CredentialKind, Sealed] | None = None,
        readd: bool = False,
    ) -> None:
        """Insert a tenant with its first data key and credentials. Raises the refusals of ``check_addable``."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            self._database.one_at_a_time(connection, Turn.CONNECTING)
            directories.refuse_taken(connection, tenant.name, tenant.directory_id, readd=readd)
            rows = Changes(connection, tenant.tenant_id, now, self.actor)
            rows.insert(schema.tenants, **tenant_values(tenant), claimed_directory=tenant.directory_id.lower())
            insert_key(rows, key)
            put_credential(rows, kind, sealed)
            if restore is not None:
                put_restore_credential(rows, *restore)
            detail = {"name": tenant.name, "directory_id": tenant.directory_id, "client_id": tenant.client_id}
            append(rows, Action.TENANT_ADDED, {}, {**detail, "kind": kind, "arn": tenant.key_arn})
            directories.report_added(rows, tenant, directories.withheld_since(connection, tenant.directory_id))

    def purge(self, deleted: Collection[bytes]) -> Purged:
        """Purge deleted data keys from the database's files. See ``ports.catalog.database.Catalog.purge``."""
        return self._database.purge(deleted)

    def find_job(self, job_id: str) -> Job:
        """Return the job with this id, of any tenant. Raises Refuse ``NO_SUCH_JOB``."""
        with self._database.read(EVERY_TENANT) as connection:
            query = select(schema.jobs).where(schema.jobs.c.job_id == job_id)
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise no_such_job(job_id)
        return job_of(row)

    def scheduler(self) -> SqlScheduler:
        """Return the scheduler's access to the catalog."""
        return SqlScheduler(self._database)

    def probes(self) -> SqlProbes:
        """Return the access to probes of all tenants' keys."""
        return SqlProbes(self._database)

    def notice_targets(self, tenant_id: str | None) -> SqlNoticeTargets:
        """Return the notice targets of the tenant, or with None of the installation."""
        return SqlNoticeTargets(self._database, tenant_id, self.actor)

    def notice_deliveries(self) -> SqlNoticeDeliveries:
        """Return the handle for the process that delivers notices."""
        return SqlNoticeDeliveries(self._database)

    def installation_keys(self) -> SqlInstallationKeys:
        """Return the handle for the data keys of the installation."""
        return SqlInstallationKeys(self._database)

    def challenges(self) -> SqlChallenges:
        """Return the handle for challenges of browsers."""
        return SqlChallenges(self._database)

    def stores(self) -> SqlStores:
        """Return the access to the known blob store."""
        return SqlStores(self._database, self.actor)

    def queries(self) -> SqlQueries:
        """Return the access to lists."""
        return SqlQueries(self._database)

    def fleet(self) -> SqlFleet:
        """Return the access to the tenants as their operator sees them."""
        return SqlFleet(self._database)

    def overview(self) -> SqlOverview:
        """Return the access to figures about all tenants."""
        return SqlOverview(self._database)

    def people(self) -> SqlPeople:
        """Return the access to people and their grants."""
        return SqlPeople(self._database, self.actor)

    def ways(self) -> SqlSignInWays:
        """Return the access to the ways in which people sign in."""
        return SqlSignInWays(self._database, self.actor)

    def sign_ins(self) -> SqlSignIns:
        """Return the access to sign-ins."""
        return SqlSignIns(self._database, self.actor)

    def tokens(self) -> SqlTokens:
        """Return the access to tokens of the API."""
        return SqlTokens(self._database, self.actor)

    def tries(self) -> SqlTries:
        """Return the access to failed tries to sign in."""
        return SqlTries(self._database, self.actor)

    def close(self) -> None:
        """Close the database's connections."""
        self._database.close()
