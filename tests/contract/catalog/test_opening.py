"""Opening a catalog: made, migrated, or refused in one sentence."""

import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from shared.adapters import catalog as package
from shared.adapters.catalog import migrate, open_catalog, schema
from shared.domain.errors import Code, Refuse
from shared.domain.model import Asked, JobKind
from shared.ports.catalog import TenantCatalog
from tests.contract.catalog.world import World

OPEN = "import sys; from shared.adapters.catalog import open_catalog; c = open_catalog(sys.argv[1]); c.tenants()"


def refused(url: str, **values: bool) -> Refuse:
    with pytest.raises(Refuse) as caught:
        open_catalog(url, **values).tenants()
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message
    return caught.value


def set_revision(url: str, revision: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    engine.dispose()


def test_the_migrations_make_the_tables_that_the_code_names(world: World) -> None:
    engine = create_engine(world.url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    engine.dispose()


def test_the_revision_in_the_code_is_the_newest_migration() -> None:
    script = ScriptDirectory(str(Path(package.__file__).parent / "migrations"))
    assert script.get_heads() == [schema.REVISION]


def test_every_table_of_a_tenant_has_a_key_that_begins_with_the_tenant() -> None:
    for table in schema.metadata.tables.values():
        if table.name not in ("beats", "workers"):
            assert next(iter(table.primary_key)).name == "tenant_id"


def test_the_file_and_its_journals_are_for_their_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "a new home"
    catalog = open_catalog(f"sqlite:///{home / 'catalog.sqlite3'}")
    catalog.scheduler().ticked()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
    catalog.close()
    assert set(modes.values()) == {0o600}
    assert "catalog.sqlite3-wal" in modes
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_commits_are_synced_to_the_disk_and_keys_are_foreign(world: World) -> None:
    from shared.adapters.catalog.engine import Database

    with Database(create_engine(world.url).url).read() as connection:
        asked = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_processes_that_open_a_new_file_at_the_same_time_all_get_in(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'c.sqlite3'}"
    started = [subprocess.Popen([sys.executable, "-W", "error", "-c", OPEN, url]) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]


def test_a_current_catalog_is_opened_without_alembic(world: World) -> None:
    code = f"{OPEN}; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, world.url], check=False).returncode == 0


def test_a_catalog_not_to_be_migrated_says_what_to_run(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'c.sqlite3'}"
    error = refused(url, migrate=False)
    assert error.code is Code.CATALOG_NEEDS_MIGRATION
    assert "entrakeep catalog migrate" in error.message
    assert migrate(url) == schema.REVISION
    assert migrate(url) == schema.REVISION
    assert open_catalog(url, migrate=False).tenants() == []


def test_a_catalog_of_a_newer_version_is_left_alone(world: World) -> None:
    set_revision(world.url, "9999")
    for values in ({}, {"migrate": False}):
        error = refused(world.url, **values)
        assert error.code is Code.CATALOG_NEEDS_MIGRATION
        assert "newer version" in error.message
    with pytest.raises(Refuse, match="newer version"):
        migrate(world.url)


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database at all, but rather long " * 100)
    error = refused(f"sqlite:///{file}")
    assert error.code is Code.CATALOG_UNREACHABLE
    assert "not a SQLite database" in error.message
    assert file.read_text().startswith("not a database at all")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refused(f"sqlite:///{tmp_path}/file/c.sqlite3").code is Code.CATALOG_UNREACHABLE
    assert refused(f"sqlite:///{tmp_path}").code is Code.CATALOG_UNREACHABLE


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.sqlite3"
    file.touch(mode=0o400)
    assert refused(f"sqlite:///{file}").code is Code.CATALOG_UNREACHABLE


@pytest.mark.parametrize("url", ["", "nonsense", "oracle://u:hunter2@h/x", "made-up://u:hunter2@h/x"])
def test_a_url_that_is_none_is_refused_without_its_password(url: str) -> None:
    error = refused(url)
    assert error.code is Code.SETTINGS_INVALID
    assert "hunter2" not in error.message


def test_a_database_that_goes_away_is_told_in_a_sentence(world: World, tmp_path: Path) -> None:
    file = tmp_path / "catalog.sqlite3"
    world.catalog.close()
    for journal in tmp_path.glob("catalog.sqlite3-*"):
        journal.unlink()
    file.write_bytes(b"garbage" * 1000)
    with pytest.raises(Refuse) as caught:
        world.catalog.tenants()
    assert caught.value.code is Code.CATALOG_UNREACHABLE
    assert caught.value.__cause__ is None


def test_a_child_after_fork_uses_connections_of_its_own(world: World, acme: TenantCatalog) -> None:
    job, _ = acme.jobs.ask(JobKind.KEY_CHECK, asked=Asked.HAND)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            acme.jobs.cancel(job.job_id)
            world.scheduler.ticked()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert acme.jobs.get(job.job_id).state == "cancelled"
    assert world.scheduler.last_tick() is not None


def test_a_process_that_forks_in_the_middle_of_its_writing_has_children_that_can_write(world: World) -> None:
    over = threading.Event()

    def write() -> None:
        while not over.wait(0.002):
            world.scheduler.worker_seen("parent", 1)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for _ in range(30):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    world.scheduler.ticked()
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        over.set()
        writing.join()


def test_a_catalog_in_memory_is_shared_by_threads() -> None:
    catalog = open_catalog("sqlite://")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: catalog.scheduler().worker_seen(f"w{n}", 1), range(50)))
    assert catalog.scheduler().last_tick() is None
    catalog.close()


def test_closing_twice_is_closing_once(world: World) -> None:
    world.catalog.close()
    world.catalog.close()
