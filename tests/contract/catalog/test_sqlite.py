"""The catalog in a SQLite file: private, durable, and shared by processes."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from shared.adapters.catalog import open_catalog
from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.domain.errors import Code, Refuse
from tests.contract.catalog.world import OPEN, refused


def test_only_the_owner_can_access_the_file_and_its_journals(tmp_path: Path) -> None:
    home = tmp_path / "a new home"
    catalog = open_catalog(f"sqlite:///{home / 'catalog.sqlite3'}")
    catalog.scheduler().record_tick()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
    catalog.close()
    assert set(modes.values()) == {0o600}
    assert "catalog.sqlite3-wal" in modes
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_commits_are_synced_to_disk_and_foreign_keys_are_enforced(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'c.sqlite3'}"
    open_catalog(url).close()
    with Database(make_url(url)).read(EVERY_TENANT) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_processes_that_open_a_new_file_concurrently_all_succeed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'c.sqlite3'}"
    processes = [subprocess.Popen([sys.executable, "-W", "error", "-c", OPEN, url]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]


def test_a_file_that_is_not_a_database_is_refused_and_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database at all, but rather long " * 100)
    error = refused(f"sqlite:///{file}")
    assert error.code is Code.CATALOG_UNREACHABLE
    assert "not a SQLite database" in error.message
    assert file.read_text().startswith("not a database at all")


def test_a_folder_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refused(f"sqlite:///{tmp_path}/file/c.sqlite3").code is Code.CATALOG_UNREACHABLE
    assert refused(f"sqlite:///{tmp_path}").code is Code.CATALOG_UNREACHABLE


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.sqlite3"
    file.touch(mode=0o400)
    assert refused(f"sqlite:///{file}").code is Code.CATALOG_UNREACHABLE


def test_a_database_overwritten_during_use_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "catalog.sqlite3"
    catalog = open_catalog(f"sqlite:///{file}")
    catalog.close()
    for journal in tmp_path.glob("catalog.sqlite3-*"):
        journal.unlink()
    file.write_bytes(b"garbage" * 1000)
    with pytest.raises(Refuse) as caught:
        catalog.tenants()
    assert caught.value.code is Code.CATALOG_UNREACHABLE
    assert caught.value.__cause__ is None


def test_a_catalog_in_memory_is_shared_by_threads() -> None:
    catalog = open_catalog("sqlite://")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: catalog.scheduler().record_heartbeat(f"w{n}", 1), range(50)))
    assert catalog.scheduler().last_tick() is None
    catalog.close()
