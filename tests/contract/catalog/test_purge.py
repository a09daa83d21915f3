"""Remains of deleted rows in the database's files: overwritten and searched for, or reported."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.catalog import sqlite
from shared.domain.limits import Limits
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import ARN, World, data_key
from tests.migrated import migrated_file
from tests.postgres import OWNER, PostgresServer


@pytest.fixture
def sqlite_world(tmp_path: Path) -> Iterator[World]:
    world = World(migrated_file(tmp_path / "catalog.sqlite3"))
    yield world
    world.close()


def add_wrappings(tenant: TenantCatalog, world: World, count: int = 300) -> list[bytes]:
    """Add and return wrapped data keys of this tenant. All have the same prefix, as those of KMS."""
    wrappings = [b"one-key-of-kms:" + os.urandom(150) for _ in range(count)]
    for each in wrappings:
        world.wrap_anew(tenant, data_key(tenant.tenant_id), ARN, each)
    return wrappings


def stored_in_files(folder: Path, wrappings: list[bytes]) -> set[bytes]:
    """Return the wrappings that a file of the database still contains."""
    texts = [file.read_bytes() for file in folder.glob("catalog.sqlite3*")]
    return {each for each in wrappings if any(each in text for text in texts)}


def test_a_purge_removes_a_removed_tenants_wrappings_from_the_files(sqlite_world: World, tmp_path: Path) -> None:
    acme, other = sqlite_world.add("acme"), sqlite_world.add("other")
    deleted, other_wrappings = add_wrappings(acme, sqlite_world), add_wrappings(other, sqlite_world)
    assert stored_in_files(tmp_path, deleted) == set(deleted)
    assert acme.remove() >= set(deleted)
    purged = sqlite_world.catalog.purge(deleted)
    assert (purged.removed, stored_in_files(tmp_path, deleted)) == (True, set())
    assert stored_in_files(tmp_path, other_wrappings) == set(other_wrappings)


@pytest.mark.parametrize("given", [True, False])
def test_a_purge_rewrites_the_file_if_deleted_rows_were_not_overwritten(
    sqlite_world: World, tmp_path: Path, given: bool
) -> None:
    acme = sqlite_world.add("acme")
    deleted = add_wrappings(acme, sqlite_world)
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)) as careless:
        careless.execute("PRAGMA secure_delete = OFF")
        careless.execute("DELETE FROM data_keys WHERE generation = 2")
        careless.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert stored_in_files(tmp_path, deleted)
    assert sqlite_world.catalog.purge(deleted if given else ()).removed is True
    assert stored_in_files(tmp_path, deleted) == set()


def test_a_purge_reports_rows_kept_by_a_reader_and_removes_them_after_its_end(
    sqlite_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LIMITS", Limits(purge_seconds=0.5))
    acme = sqlite_world.add("acme")
    deleted = add_wrappings(acme, sqlite_world, 20)
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM tenants").fetchone()
        acme.remove()
        purged = sqlite_world.catalog.purge(deleted)
        assert (purged.removed, "another program" in purged.message) == (False, True)
        assert stored_in_files(tmp_path, deleted)
    assert sqlite_world.catalog.purge(deleted).removed is True
    assert stored_in_files(tmp_path, deleted) == set()


def test_the_catalog_and_its_locks_work_after_a_purge(sqlite_world: World, tmp_path: Path) -> None:
    """Closing a database's file would drop this process's locks. Another process would then truncate the log."""
    acme = sqlite_world.add("acme")
    sqlite_world.catalog.purge(add_wrappings(acme, sqlite_world, 2))
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3")) as last:
        last.execute("SELECT count(*) FROM tenants").fetchone()
    sqlite_world.add("other")
    assert {tenant.name for tenant in sqlite_world.another().tenants()} == {"acme", "other"}


@pytest.mark.parametrize(
    ("role", "expected"), [("user", "owner must run: VACUUM data_keys"), ("owner", "VACUUM was run")]
)
def test_postgresql_purge_reports_remaining_copies_and_vacuums_if_permitted(
    postgres: PostgresServer, migrated: str, role: str, expected: str
) -> None:
    name = postgres.new_database(migrated)
    world = World(postgres.url(name, OWNER) if role == "owner" else postgres.url(name), postgres.url(name, OWNER))
    try:
        acme = world.add("acme")
        purged = world.catalog.purge(acme.remove())
        assert purged.removed is None
        assert all(word in purged.message for word in ("write-ahead log", "archives", "dumps", expected))
        world.add("other")
    finally:
        world.close()
        postgres.drop(name)
