"""The catalog on PostgreSQL: row-level security between tenants, database users, and lost connections."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DatabaseError

from shared.adapters.catalog import migrate, open_catalog, schema
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobKind, Origin, StepPlan
from shared.domain.trust import Untrusted
from shared.ports.catalog.tenant import TenantCatalog
from tests.accepted import accept
from tests.contract.catalog.granting import fill_rights
from tests.contract.catalog.restoring import fill_restores
from tests.contract.catalog.test_upgrade import WITHOUT_TENANT
from tests.contract.catalog.world import ARN, REVOKED, World, checkpoint, refused, run
from tests.postgres import OWNER, USER, PostgresServer

TENANT_TABLES = sorted(set(schema.metadata.tables) - set(WITHOUT_TENANT))


@pytest.fixture
def database(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    name = postgres.new_database(migrated)
    yield name
    postgres.drop(name)


@pytest.fixture
def world(postgres: PostgresServer, database: str) -> Iterator[World]:
    world = World(postgres.url(database), postgres.url(database, OWNER))
    yield world
    world.close()


@pytest.fixture
def two_tenants(world: World) -> tuple[TenantCatalog, TenantCatalog]:
    """Add two tenants with rows in every table but those of ``EMPTY``."""
    tenants = world.add("acme"), world.add("other")
    for tenant in tenants:
        world.catalog.overview().add_usage({tenant.tenant_id: {"kms_calls": 1}}, {})
        tenant.upkeep.note_untrusted([Untrusted(arn=ARN, data_keys=1, manifests=0)])
        tenant.claims.fail(world.claim(tenant, world.planned(tenant), "users"), Code.GRAPH_FORBIDDEN, "No.")
        backup, _ = tenant.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
        world.scheduler.offer_steps(backup, (StepPlan(phase=1, name="users"),))
        claim = world.claim(tenant, backup, "users")
        tenant.claims.checkpoint(claim, checkpoint(run=run(backup.job_id)), [])
        tenant.claims.finish(claim)
        world.backed_up(tenant, run(backup.job_id))
        tenant.keys.refuse(ARN, "Refused.")
        world.probed(tenant, REVOKED)
        fill_restores(world, tenant)
        accept(tenant, ARN)
        fill_rights(world, tenant)
        tenant.jobs.begin_foreground(JobKind.DOWNLOAD, "latest", "download", 30)
    return tenants


EMPTY = {
    "checkpoints",
    "checkpoint_runs",
    "schedules",
    "snapshot_attempts",
    "bucket_jobs",
    "withheld_directories",
}
"""Tables in which these tenants have no row."""


def as_user(world: World, url: str, tenant: str | None) -> Connection:
    connection = create_engine(url).connect()
    if tenant is not None:
        connection.execute(text("SELECT set_config('entrakeep.tenant', :tenant, true)"), {"tenant": tenant})
    return connection


@pytest.mark.parametrize("role", [USER, OWNER])
def test_a_query_without_its_tenant_sees_nothing(
    world: World, two_tenants: tuple[TenantCatalog, TenantCatalog], role: str
) -> None:
    url = world.url if role == USER else world.owner_url
    with as_user(world, url, None) as no_tenant, as_user(world, url, two_tenants[0].tenant_id) as acme:
        for table in TENANT_TABLES:
            assert no_tenant.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0
            visible = acme.execute(text(f"SELECT DISTINCT tenant_id FROM {table}")).scalars().all()
            assert set(visible) <= {two_tenants[0].tenant_id}
            assert table in EMPTY or visible
    no_tenant.engine.dispose()
    acme.engine.dispose()


def test_a_transaction_of_one_tenant_cannot_change_or_insert_rows_of_another(
    world: World, two_tenants: tuple[TenantCatalog, TenantCatalog]
) -> None:
    acme, other = two_tenants
    with as_user(world, world.url, acme.tenant_id) as connection:
        parameters = {"of": other.tenant_id}
        assert connection.execute(text("UPDATE jobs SET message = 'x' WHERE tenant_id = :of"), parameters).rowcount == 0
        assert connection.execute(text("DELETE FROM pins WHERE tenant_id = :of"), parameters).rowcount == 0
        with pytest.raises(DatabaseError, match="row-level security"):
            connection.execute(text("INSERT INTO runs VALUES (:of, 'r', 'j', 's', '[]')"), parameters)
    connection.engine.dispose()
    assert other.jobs.recent()


def test_row_level_security_is_forced_on_every_table_of_a_tenant(world: World) -> None:
    engine = create_engine(world.owner_url)
    with engine.connect() as connection:
        forced = text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity AND relkind = 'r'")
        assert sorted(connection.execute(forced).scalars()) == TENANT_TABLES
    engine.dispose()


def test_a_user_that_bypasses_row_level_security_is_refused(postgres: PostgresServer, database: str) -> None:
    for user, bypass in ((f"u{uuid.uuid4().hex}", "BYPASSRLS"), (f"u{uuid.uuid4().hex}", "SUPERUSER")):
        postgres.execute(f"CREATE ROLE {user} LOGIN {bypass} PASSWORD 'of-the-tests'")
        migrate(postgres.url(database, OWNER), user)
        error = refused(postgres.url(database, user))
        assert error.code is Code.SETTINGS_INVALID
        assert "row-level security" in error.message


def test_a_user_without_rights_is_refused_with_the_command_that_grants_them(
    postgres: PostgresServer, database: str
) -> None:
    user = f"u{uuid.uuid4().hex}"
    postgres.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'of-the-tests'")
    assert "catalog migrate --grant USER" in refused(postgres.url(database, user)).message
    migrate(postgres.url(database, OWNER), user)
    catalog = open_catalog(postgres.url(database, user))
    catalog.scheduler().record_tick()
    catalog.close()


def test_a_grant_to_an_unknown_role_is_refused(postgres: PostgresServer, database: str) -> None:
    with pytest.raises(Refuse, match="CREATE ROLE") as caught:
        migrate(postgres.url(database, OWNER), "nobody_of_that_name")
    assert caught.value.code is Code.SETTINGS_INVALID


def test_a_user_that_owns_no_table_cannot_migrate(postgres: PostgresServer) -> None:
    name = postgres.new_database()
    with pytest.raises(Refuse) as caught:
        migrate(postgres.url(name))
    assert caught.value.code is Code.CATALOG_UNREACHABLE
    postgres.drop(name)


def test_an_unusable_server_is_reported_in_a_sentence_without_the_password(postgres: PostgresServer) -> None:
    wrong_password = f"postgresql+psycopg://{USER}:hunter2@127.0.0.1:{postgres.port}/postgres"
    for url, words in (
        (wrong_password, "user or password"),
        (postgres.url("no_such_database"), "no such database"),
        (f"postgresql://{USER}:hunter2@127.0.0.1:1/postgres", "no server listens"),
        (f"postgresql://{USER}:hunter2@no-such-host.invalid/postgres", "no such host"),
    ):
        error = refused(url)
        assert error.code is Code.CATALOG_UNREACHABLE
        assert words in error.message
        assert "hunter2" not in error.message


def test_connections_ended_by_the_server_are_reopened(postgres: PostgresServer, world: World, database: str) -> None:
    world.add("acme")
    postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
    assert [tenant.name for tenant in world.catalog.tenants()] == ["acme"]
