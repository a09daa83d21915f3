"""What deleted rows leave in the database's own files: overwritten and searched for, or said to be there."""

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
def on_file(tmp_path: Path) -> Iterator[World]:
    made = World(migrated_file(tmp_path / "catalog.sqlite3"))
    yield made
    made.close()


def wrappings(tenant: TenantCatalog, world: World, count: int = 300) -> list[bytes]:
    """Wrapped data keys of this tenant, which begin alike, as KMS makes them."""
    made = [b"one-key-of-kms:" + os.urandom(150) for _ in range(count)]
    for each in made:
        world.wrap_anew(tenant, data_key(tenant.tenant_id), ARN, each)
    return made


def in_files(folder: Path, wanted: list[bytes]) -> set[bytes]:
    """Which of them stand in a file of the database."""
    texts = [file.read_bytes() for file in folder.glob("catalog.sqlite3*")]
    return {each for each in wanted if any(each in text for text in texts)}


def test_nothing_of_a_removed_tenants_wrappings_is_left_in_the_files(on_file: World, tmp_path: Path) -> None:
    acme, other = on_file.add("acme"), on_file.add("other")
    gone, kept = wrappings(acme, on_file), wrappings(other, on_file)
    assert in_files(tmp_path, gone) == set(gone)
    assert acme.remove() >= set(gone)
    purged = on_file.catalog.purge(gone)
    assert (purged.removed, in_files(tmp_path, gone)) == (True, set())
    assert in_files(tmp_path, kept) == set(kept)


@pytest.mark.parametrize("known", [True, False])
def test_what_was_deleted_and_not_overwritten_is_found_and_the_file_rewritten(
    on_file: World, tmp_path: Path, known: bool
) -> None:
    acme = on_file.add("acme")
    gone = wrappings(acme, on_file)
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)) as careless:
        careless.execute("PRAGMA secure_delete = OFF")
        careless.execute("DELETE FROM data_keys WHERE generation = 2")
        careless.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert in_files(tmp_path, gone)
    assert on_file.catalog.purge(gone if known else ()).removed is True
    assert in_files(tmp_path, gone) == set()


def test_what_a_reader_keeps_in_the_log_is_said_and_gone_once_it_ends(
    on_file: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LIMITS", Limits(purge_seconds=0.5))
    acme = on_file.add("acme")
    gone = wrappings(acme, on_file, 20)
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM tenants").fetchone()
        acme.remove()
        purged = on_file.catalog.purge(gone)
        assert (purged.removed, "another program" in purged.message) == (False, True)
        assert in_files(tmp_path, gone)
    assert on_file.catalog.purge(gone).removed is True
    assert in_files(tmp_path, gone) == set()


def test_the_catalog_is_usable_after_a_purge_and_its_locks_hold(on_file: World, tmp_path: Path) -> None:
    """To close a database's file in this process would drop the locks that it holds, and another one would take its log."""
    acme = on_file.add("acme")
    on_file.catalog.purge(wrappings(acme, on_file, 2))
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3")) as last:
        last.execute("SELECT count(*) FROM tenants").fetchone()
    on_file.add("other")
    assert {tenant.name for tenant in on_file.another().tenants()} == {"acme", "other"}


@pytest.mark.parametrize(("who", "says"), [("user", "Let their owner say"), ("owner", "VACUUM was run")])
def test_postgresql_says_what_it_may_still_hold_and_vacuums_if_it_may(
    postgres: PostgresServer, migrated: str, who: str, says: str
) -> None:
    name = postgres.new_database(migrated)
    world = World(postgres.url(name, OWNER) if who == "owner" else postgres.url(name), postgres.url(name, OWNER))
    try:
        acme = world.add("acme")
        purged = world.catalog.purge(acme.remove())
        assert purged.removed is None
        assert all(word in purged.message for word in ("write-ahead log", "archives", "dumps", says))
        world.add("other")
    finally:
        world.close()
        postgres.drop(name)
