"""A dump of the catalog on PostgreSQL, made and put back by the commands that the page on containers shows."""

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


def shown(postgres: PostgresServer, database: str, program: str, given: bytes = b"") -> bytes:
    """Run the page's command for this program on the server; what it prints."""
    page = (TOP / "docs" / "deploy.md").read_text()
    found = re.search(
        rf"^docker compose exec -T postgres (sh -c '.* {program} .*') [<>] catalog\.dump$", page, re.MULTILINE
    )
    assert found is not None
    shell, option, line = shlex.split(found[1])
    line = re.sub(r"\bentrakeep$", database, line)
    environment = {
        "PATH": f"{postgres_programs()}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "POSTGRES_PASSWORD": "of-the-tests",
    }
    return subprocess.run([shell, option, line], env=environment, input=given, capture_output=True, check=True).stdout


@pytest.fixture
def database(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    name = postgres.new_database(migrated)
    yield name
    postgres.drop(name)


@pytest.mark.parametrize("anew", [False, True], ids=["over what stands", "into a new database"])
def test_a_dump_is_put_back_with_its_rows_and_its_rights(postgres: PostgresServer, database: str, anew: bool) -> None:
    world = World(postgres.url(database), postgres.url(database, OWNER))
    tenant = world.add("contoso")
    world.backed_up(tenant)
    dump = shown(postgres, database, "pg_dump")
    world.add("later")
    world.close()
    into = postgres.new_database() if anew else database
    shown(postgres, into, "pg_restore", dump)
    migrate(postgres.url(into, OWNER), USER)
    again = World(postgres.url(into), postgres.url(into, OWNER))
    (found,) = again.catalog.tenants()
    assert (found.name, found.key_arn) == ("contoso", ARN)
    assert len(again.catalog.tenant(found.tenant_id).snapshots.all()) == 1
    again.add("new")  # the user of workers and commands may write
    again.close()
    if anew:
        postgres.drop(into)
