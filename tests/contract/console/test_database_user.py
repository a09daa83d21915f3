"""The console's own database user on PostgreSQL: enough for every page, and no key, no sealed row, no past event."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import LargeBinary, create_engine, text
from sqlalchemy.exc import ProgrammingError

from console.web.routes import ROUTES
from shared import wiring
from shared.adapters.catalog import migrate, open_catalog, schema
from shared.domain.access import Grant, Role
from shared.domain.jobs import JobKind, JobState, Origin
from shared.domain.notices import TargetKind
from shared.engine.requests import customer_keys, notices, schedules
from shared.ports.catalog.database import Catalog
from tests.contract.catalog.granting import fill_rights
from tests.contract.catalog.restoring import fill_restores
from tests.contract.catalog.world import BACKUP, NOW, World
from tests.contract.console.person import WORD, person
from tests.contract.console.served import Console, served_console
from tests.contract.console.test_matrix import ask
from tests.contract.console.test_notices import publish
from tests.postgres import OWNER, PostgresServer

OWN_KEY = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"
SECRET_COLUMNS = [
    (table.name, column.name)
    for table in schema.metadata.sorted_tables
    for column in table.c
    if isinstance(column.type, LargeBinary) and table.name != "passkeys"
]


@pytest.fixture(scope="module")
def world(postgres: PostgresServer, migrated: str) -> Iterator[World]:
    name = postgres.new_database(migrated)
    world = World(postgres.url(name), postgres.url(name, OWNER))
    acme = world.add("acme")
    fill_restores(world, acme)
    fill_rights(world, acme)
    world.backed_up(acme)
    yield world
    world.close()
    postgres.drop(name)


@pytest.fixture(scope="module")
def url(postgres: PostgresServer, world: World) -> str:
    """Return the URL of the console's user, who had every right before."""
    user = f"console_{uuid.uuid4().hex}"
    database = world.url.rpartition("/")[2]
    postgres.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'of-the-tests'")
    postgres.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}", database)
    migrate(world.owner_url, console=user)
    return postgres.url(database, user)


@pytest.fixture(scope="module")
def catalog(url: str) -> Iterator[Catalog]:
    catalog = open_catalog(url)
    yield catalog
    catalog.close()


@pytest.fixture(scope="module")
def console(world: World, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with served_console(tmp_path_factory.mktemp("console"), world=world, catalog=catalog) as console:
        yield console


def refused(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('entrakeep.tenant', '*', true)"))
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize(("table", "column"), SECRET_COLUMNS)
def test_the_consoles_user_reads_no_wrapped_key_and_no_sealed_row(url: str, table: str, column: str) -> None:
    refused(url, f"SELECT {column} FROM {table}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET line = ''",
        "DELETE FROM audit_events",
        "DELETE FROM audit_heads",
        "INSERT INTO data_keys (tenant_id) VALUES ('t')",
        "DELETE FROM data_keys",
        "UPDATE data_keys SET arn = 'x'",
        "DELETE FROM secrets",
        "UPDATE tenants SET key_arn = 'x'",
        "DELETE FROM tenants",
        "DELETE FROM snapshots",
        "DELETE FROM jobs",
        "UPDATE stores SET store_id = 'x'",
        "UPDATE restore_plans SET sha256 = 'x'",
        "UPDATE alembic_version SET version_num = '0001'",
        "CREATE TABLE mine (x integer)",
    ],
)
def test_the_consoles_user_changes_no_key_tenant_snapshot_or_event(url: str, statement: str) -> None:
    refused(url, statement)


def test_every_page_works_for_the_consoles_user(console: Console) -> None:
    every_role = [Grant(role=role, tenant_id=None) for role in Role]
    browser = console.with_grants(*every_role)
    for route in ROUTES:
        if route.path not in ("/sign-out", "/me/sign-ins/end"):
            answer = ask(browser, route, "acme")
            assert answer.status_code < 500, f"{route.method} {route.path}: {answer.text}"


def test_people_sign_in_and_change_their_ways_as_the_consoles_user(console: Console) -> None:
    visitor = person(console)
    assert visitor.by_passkey().status_code == 303
    assert visitor.sign_in().status_code == 303
    assert visitor.sign_in(password="wrong").status_code == 403
    assert WORD


def test_jobs_schedules_and_terms_are_asked_for_as_the_consoles_user(world: World, catalog: Catalog) -> None:
    acme = catalog.tenant(catalog.find("acme").tenant_id)
    backup, _ = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    world.claim(world.catalog.tenant(acme.tenant_id), backup, backup_step(world, backup.job_id))
    acme.jobs.cancel(backup.job_id)
    queued, _ = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND, snapshot=acme.snapshots.get("latest").snapshot_id)
    acme.jobs.cancel(queued.job_id)
    assert acme.jobs.get(queued.job_id).state is JobState.CANCELLED
    schedules.set_schedule(catalog, "person:ana", "acme", "0 3 * * *", "UTC", NOW)
    schedules.pause_schedule(catalog, "person:ana", "acme")
    customer_keys.allow_key(catalog, "person:ana", "acme")
    check = customer_keys.check_key_to_enable(catalog, "person:ana", "acme", OWN_KEY)
    acme.jobs.cancel(check.job_id)
    customer_keys.request_enable(acme, OWN_KEY, "person:ana")
    customer_keys.disallow_key(catalog, "person:ana", "acme")


def test_notice_targets_are_sealed_tried_and_removed_as_the_consoles_user(
    world: World, catalog: Catalog, console: Console
) -> None:
    publish(console)
    for tenant_id in (None, catalog.find("acme").tenant_id):
        added = notices.add_target(
            catalog,
            wiring.sealer(),
            console.clock,
            tenant_id,
            name="ops",
            kind=TargetKind.MAIL,
            address="ops@example.com",
        )
        notices.send_test(catalog, tenant_id, "ops")
        (listed,) = [each for each in notices.list_targets(catalog, tenant_id) if each.target.name == "ops"]
        assert [each.notice for each in listed.deliveries] == ["test"]
        assert notices.remove_target(catalog, tenant_id, "ops").target_id == added.target.target_id
    queued = [row["notice"] for row in world.rows("notices")]
    assert queued.count("target.changed") == 4


def backup_step(world: World, job_id: str) -> str:
    """Plan the steps of a backup. Return the name of one."""
    world.scheduler.offer_steps(world.catalog.find_job(job_id), BACKUP)
    return "users"
