"""The stack of docker-compose.yml: its own command lines and health checks, from an empty database to a download."""

import base64
import json
import re
import shlex
import socket
import ssl
import stat
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests import compose
from tests.flow.composed import Composed, composed
from tests.flow.stack import until
from tests.parts import CLIENT, DIRECTORY, SECRET, GraphSimulator
from tests.tables import small_options

pytestmark = [pytest.mark.flow, pytest.mark.timeout(400)]

PASSWORDS = {
    "POSTGRES_PASSWORD": "a1",
    "POSTGRES_OWNER_PASSWORD": "b2",
    "POSTGRES_USER_PASSWORD": "c3",
    "POSTGRES_CONSOLE_PASSWORD": "c4",
    "REDIS_PASSWORD": "d4",
    "FLOWER_PASSWORD": "e5",
}
GRACE = 30.0
FEWER = {"2000": "200", "300": "30"}
"""The numbers of users and groups in the trial, and those of its directory here, which read in a tenth of the time."""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Composed]:
    settings = compose.read_settings((compose.TOP / "deploy" / "trial.env").read_text())
    with composed(tmp_path, settings | PASSWORDS) as stack:
        graph = stack.services["graph"]
        assert FEWER.keys() < set(graph["command"])
        graph["command"] = [FEWER.get(word, word) for word in graph["command"]]
        yield stack


def flower(stack: Composed, path: str, password: str | None, data: bytes | None = None) -> tuple[int, bytes]:
    """Return the status and the body of an answer of Flower."""
    request = urllib.request.Request(f"http://127.0.0.1:{stack.ports['flower']}/{path}", data=data)
    if password is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"entrakeep:{password}".encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def test_the_composed_stack_backs_up_a_directory_and_its_workers_end_within_their_grace_period(stack: Composed) -> None:
    redis = stack.up("redis")
    assert "d4" not in Path(f"/proc/{redis.process.pid}/cmdline").read_text()  # type: ignore[union-attr]
    redis_files = list((stack.home / "appendonlydir").iterdir())
    assert redis_files
    assert {stat.S_IMODE(path.stat().st_mode) for path in redis_files} == {0o600}
    redis.environment["REDISCLI_AUTH"] = "wrong"
    assert not redis.healthy()
    assert stack.container("postgres").healthy()
    entrakeep = stack.container("entrakeep")
    with pytest.raises(AssertionError, match="CATALOG_NEEDS_MIGRATION"):
        entrakeep.run("tenant", "list")
    assert b"The database user entrakeep may use the catalog." in stack.container("migrations").run()
    with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(url_of(stack)) as connection:
        connection.execute("DROP TABLE jobs")

    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(stranger(stack))

    stack.up("aws")
    graph = stack.up("graph")
    certificate_names_graph(stack)
    not_there = stack.container("workers", "one")
    stack.up("beat")
    assert not not_there.healthy()
    workers = {name: stack.up("workers", name) for name in ("one", "two")}
    flower_container = stack.up("flower")

    options = ("--directory-id", DIRECTORY, "--client-id", CLIENT, "--client-secret-file", "/dev/stdin")
    entrakeep.run("tenant", "add", "demo", *options, *small_options(), stdin=f"{SECRET}\n".encode())
    job = json.loads(entrakeep.run("backup", "demo", "--wait", "--json"))
    assert job["state"] == "succeeded"
    ca_file = stack.home / "graph-ca.pem"
    assert graph.process is not None
    with closing(GraphSimulator(graph.process, stack.settings["ENTRAKEEP_GRAPH_URL"], ca_file)) as simulator:  # type: ignore[arg-type]
        expected = simulator.records()
        lines = entrakeep.run("download", "demo", "latest", "-o", "-").splitlines()
        assert len(lines) == len(expected) > 200

        assert b"demo" in dump_catalog(stack)
        for password in (None, "wrong"):
            assert flower(stack, "workers", password)[0] == 401
        until(
            lambda: {"worker@one", "worker@two"} <= set(json.loads(flower(stack, "api/workers?refresh=1", "e5")[1])),
            "Flower sees both workers",
        )
        assert flower(stack, "api/worker/shutdown/worker@one", "e5", b"")[0] == 403

        flower_container.stop()
        assert_healthy_below_a_path(stack)

        simulator.fault({"match": {"path": ".*/users/delta.*"}, "times": 1, "what": "slow", "seconds": 90})
        requested = json.loads(entrakeep.run("backup", "demo", "--full", "--json"))["job"]
        until(lambda: simulator.get("faults")[0]["fired"] == 1, "a worker reads")
        (busy,) = claim_holders(stack, "users")
        status, seconds = workers[busy].stop()
    assert status == 0, workers[busy].log[-3000:]
    assert seconds < GRACE
    (other,) = set(workers) - {busy}
    assert not workers[busy].healthy()
    assert workers[other].healthy()
    until(
        lambda: state(entrakeep.run("jobs", "show", requested, "--json")) == "succeeded",
        "the other worker ends the job",
        90,
    )


def stranger(stack: Composed) -> str:
    """Return the URL of a new database user without any privileges."""
    everybody = url_of(stack).replace("entrakeep:c3@", "postgres:a1@").replace("/entrakeep", "/postgres")
    with psycopg.connect(everybody) as connection:
        connection.execute("CREATE ROLE stranger LOGIN PASSWORD 's'")
    return url_of(stack).replace("entrakeep:c3@", "stranger:s@")


def certificate_names_graph(stack: Composed) -> None:
    """Check the certificate like the other containers."""
    trusted = ssl.create_default_context(cafile=stack.home / "graph-ca.pem")
    with (
        socket.create_connection(("127.0.0.1", stack.ports["graph"])) as plain,
        trusted.wrap_socket(plain, server_hostname="graph") as safe,
    ):
        assert safe.version() is not None


def dump_catalog(stack: Composed) -> bytes:
    """Return the tenants in a dump, made by the command on the page."""
    page = (compose.TOP / "docs" / "deploy.md").read_text()
    match = re.search(r"^docker compose exec -T postgres (sh -c '.*') > catalog\.dump$", page, re.MULTILINE)
    assert match is not None
    environment = stack.container("postgres").environment
    dump = subprocess.run(shlex.split(match[1]), env=environment, capture_output=True, check=True).stdout
    restore = ["pg_restore", "--data-only", "--table=tenants", "--file=-"]
    return subprocess.run(restore, input=dump, env=environment, capture_output=True, check=True).stdout


def assert_healthy_below_a_path(stack: Composed) -> None:
    """Assert that Flower is healthy below a path, as behind a proxy."""
    container = stack.container("flower")
    container.environment["FLOWER_URL_PREFIX"] = "/tasks/"
    container.start()
    until(container.healthy, "Flower is healthy below a path")
    assert flower(stack, "tasks/workers", "e5")[0] == 200
    assert flower(stack, "workers", "e5")[0] == 404


def url_of(stack: Composed) -> str:
    return stack.services["beat"]["environment"]["ENTRAKEEP_DATABASE_URL"]


def claim_holders(stack: Composed, step: str) -> set[str]:
    """Return the hosts of the workers with a claim on this step."""
    with psycopg.connect(url_of(stack)) as connection:
        connection.execute("SELECT set_config('entrakeep.tenant', '*', false)")
        rows = connection.execute("SELECT holder FROM steps WHERE name = %s AND state = 'running'", (step,)).fetchall()
    return {re.fullmatch(r"worker@(\w+)/\d+", holder)[1] for (holder,) in rows if holder}  # type: ignore[index]


def state(document: bytes) -> str:
    text: str = json.loads(document)["state"]
    return text
