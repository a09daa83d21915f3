"""The simulator as a process: TLS, ready line, connections broken on purpose, refused options, a quick end."""

import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from simulator.graph.tokens import CLIENT_ID, CLIENT_SECRET, DIRECTORY_ID

_COMMAND = [sys.executable, "-m", "simulator", "graph"]


@contextmanager
def _running(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    ca_file = folder / "ca.pem"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*_COMMAND, "--port", "0", "--ca-file", str(ca_file), *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        word, url = process.stdout.readline().split()
        assert word == "ready"
        with httpx.Client(base_url=url, verify=ssl.create_default_context(cafile=str(ca_file)), timeout=10) as client:
            form = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "client_credentials"}
            token = client.post(f"/{DIRECTORY_ID}/oauth2/v2.0/token", data={**form, "scope": f"{url}/.default"})
            client.headers["Authorization"] = "Bearer " + token.json()["access_token"]
            yield process, client
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert process.stdout is not None
        process.stdout.close()


def test_connections_break_as_the_faults_demand(tmp_path: Path) -> None:
    with _running(tmp_path, "--objects", "100") as (_, client):
        faults = [{"match": {"path": "/users$"}, "what": what} for what in ("drop", "truncate")]
        client.post("/_sim/faults", json=[*faults, {"match": {"path": "/users$"}, "what": "slow", "seconds": 0.3}])
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/v1.0/users")
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/v1.0/users")
        slow = client.get("/v1.0/users")
        assert slow.elapsed.total_seconds() >= 0.3
        assert len(slow.json()["value"]) == 80
        assert [fault["fired"] for fault in client.get("/_sim/faults").json()] == [1, 1, 1]
        counts = {
            row["status"]: row["count"] for row in client.get("/_sim/requests").json() if row["path"] == "/v1.0/users"
        }
        assert counts == {0: 1, 200: 2}


def test_a_lost_answer_leaves_the_write_done(tmp_path: Path) -> None:
    with _running(tmp_path) as (_, client):
        faults = [
            {"match": {"method": "POST", "path": "/groups$"}, "what": "drop-after"},
            {"match": {"method": "POST", "path": "/groups$"}, "what": "status-after", "status": 504},
        ]
        client.post("/_sim/faults", json=faults)
        group = {"displayName": "G", "mailEnabled": False, "mailNickname": "g", "securityEnabled": True}
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/v1.0/groups", json=group)
        assert client.post("/v1.0/groups", json=group).status_code == 504
        assert len(client.get("/v1.0/groups").json()["value"]) == 2
        assert client.get("/_sim/created").json() == {"groups": {"created": 2, "repeated": {"G": 2}}}


def test_every_answer_is_delayed_by_the_latency(tmp_path: Path) -> None:
    with _running(tmp_path, "--latency", "0.3") as (_, client):
        assert client.get("/v1.0/organization").elapsed.total_seconds() >= 0.2
        assert client.get("/_sim/faults").elapsed.total_seconds() < 0.2


def test_the_log_contains_no_secret_no_id_and_no_query(tmp_path: Path) -> None:
    with _running(tmp_path) as (_, client):
        client.get("/v1.0/users/11111111-2222-3333-4444-555555555555?$select=canary")
        client.post("/_sim/faults", json=[{"match": {"path": "groups"}, "what": "status", "status": 500}])
        client.get("/v1.0/groups?$filter=canary")
    log = (tmp_path / "log").read_text()
    assert "/v1.0/users/{id} 404" in log
    assert "/v1.0/groups 500" in log
    for secret in ("canary", "simulated-secret", "Bearer", "11111111-2222"):
        assert secret not in log


def test_the_simulator_ends_at_once_during_a_slow_answer(tmp_path: Path) -> None:
    with _running(tmp_path) as (process, client):
        client.post("/_sim/faults", json=[{"match": {}, "what": "slow", "seconds": 60}])
        with pytest.raises(httpx.ReadTimeout):
            client.get("/v1.0/users", timeout=0.2)
    assert process.returncode == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_the_options_set_the_shares_of_objects(tmp_path: Path) -> None:
    with _running(tmp_path, "--objects", "101", "--users", "5", "--groups", "2", "--policies", "3") as (_, client):
        headers = {"ConsistencyLevel": "eventual"}
        paths = ("users", "groups", "applications", "servicePrincipals", "identity/conditionalAccess/policies")
        counts = [int(client.get(f"/v1.0/{path}/$count", headers=headers).text) for path in paths]
        assert counts == [86, 14, 4, 4, 3]


def test_a_file_to_load_may_name_links_before_objects(tmp_path: Path) -> None:
    lines = [
        {"path": "groups/g/members", "value": {"id": "u"}},
        {"path": "users", "value": {"id": "u"}},
        {"path": "groups", "value": {"id": "g"}},
    ]
    (tmp_path / "load").write_text("\n".join(map(json.dumps, lines)))
    with _running(tmp_path, "--load", str(tmp_path / "load")) as (_, client):
        assert [value["id"] for value in client.get("/v1.0/groups/g/members").json()["value"]] == ["u"]


def test_the_simulator_listens_at_the_given_address_and_its_certificate_has_every_name(tmp_path: Path) -> None:
    options = ("--host", "127.0.0.2", "--name", "graph.internal", "--name", "10.1.2.3")
    with _running(tmp_path, *options) as (_, client):
        assert client.base_url.host == "127.0.0.2"
        address = (client.base_url.host, client.base_url.port)
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        for name in ("graph.internal", "10.1.2.3", "127.0.0.2", "127.0.0.1", "localhost"):
            with socket.create_connection(address, timeout=10) as plain:
                context.wrap_socket(plain, server_hostname=name).close()
        with socket.create_connection(address, timeout=10) as plain, pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(plain, server_hostname="elsewhere.internal")


def test_quotas_match_the_given_size(tmp_path: Path) -> None:
    with _running(tmp_path, "--quotas", "medium") as (_, client):
        client.get("/v1.0/users")
        report = client.get("/_sim/quotas").json()
        assert report["quotas"] == "medium"
        assert report["apps"][0]["client_id"] == CLIENT_ID
        assert report["apps"][0]["units"] == {"used": 2, "limit": 5000, "seconds": 10}


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        (["--quotas", "huge"], 2, "invalid choice: 'huge'"),
        (["--objects", "-1"], 2, "is no number of objects"),
        (["--load", "/nowhere/at/all"], 1, "cannot begin"),
        (["--port", "99999"], 1, "cannot begin"),
        (["--host", "nowhere.invalid"], 1, "cannot begin"),
        (["--name", "two words"], 1, "cannot begin"),
    ],
)
def test_wrong_options_are_refused_with_one_sentence(
    tmp_path: Path, options: list[str], status: int, sentence: str
) -> None:
    command = [*_COMMAND, "--ca-file", str(tmp_path / "ca.pem"), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (status, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "load").write_text('{"path":"users","value":{"id":"u"}}\n{"path":"users"}\n')
    command = [*_COMMAND, "--ca-file", str(tmp_path / "ca.pem"), "--load", str(tmp_path / "load")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (1, "the simulator cannot begin: line 2: create needs value, an object\n")
