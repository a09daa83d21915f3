"""A dump of the catalog on PostgreSQL, created and restored by the commands in docs/deploy.md."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator

import pytest

from shared.adapters.catalog import migrate
from tests.contract.catalog.world import ARN, World
from tests.pages import TOP
from tests.postgres import OWNER, USER, PostgresServer, postgres_programs


def run_documented(postgres: PostgresServer, database: str, program: str, stdin: bytes = b"") -> bytes:
    """Run the page's command for this program on the server and return its output."""
    page = (TOP / "docs" / "deploy.md").read_text()
    match = re.search(
        rf"^docker compose exec -T postgres (sh -c '.* {program} .*') [<>] catalog\.dump$", page, re.MULTILINE
    )
    assert match is not None
    shell, option, line = shlex.split(match[1])
    line = re.sub(r"\bentrakeep$", database, line)
    environment = {
        "PATH": f"{postgres_programs()}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "POSTGRES_PASSWORD": "of-the-tests",
    }
    return subprocess.run([shell, option, line], env=environment, input=stdin, capture_output=True, check=True).stdout


@pytest.fixture
def database(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    name = postgres.new_database(migrated)
    yield name
    postgres.drop(name)


@pytest.mark.parametrize("new", [False, True], ids=["over what stands", "into a new database"])
def test_a_dump_is_restored_with_its_rows_and_its_rights(postgres: PostgresServer, database: str, new: bool) -> None:
    world = World(postgres.url(database), postgres.url(database, OWNER))
    tenant = world.add("contoso")
    world.backed_up(tenant)
    dump = run_documented(postgres, database, "pg_dump")
    world.add("later")
    world.close()
    target = postgres.new_database() if new else database
    run_documented(postgres, target, "pg_restore", dump)
    migrate(postgres.url(target, OWNER), USER)
    restored = World(postgres.url(target), postgres.url(target, OWNER))
    (tenant_row,) = restored.catalog.tenants()
    assert (tenant_row.name, tenant_row.key_arn) == ("contoso", ARN)
    assert len(restored.catalog.tenant(tenant_row.tenant_id).snapshots.all()) == 1
    restored.add("new")  # the user of workers and commands may write
    restored.close()
    if new:
        postgres.drop(target)
