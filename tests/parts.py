"""Real parts for tests, started as processes and stopped by their ids."""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from console.redis_server import find_program
from shared import aws

ACCOUNT, REGION = "111122223333", "eu-central-1"
DIRECTORY, CLIENT = "22222222-2222-2222-2222-222222222222", "11111111-1111-1111-1111-111111111111"
SECRET = "simulated-secret"
POLICIES = "identity/conditionalAccess/policies"
OBJECTS: dict[str, str | None] = {
    "users": None,
    "groups": None,
    "applications": None,
    "servicePrincipals": None,
    "oauth2PermissionGrants": None,
    "organization": None,
    POLICIES: "conditionalAccessPolicies",
    "identity/conditionalAccess/namedLocations": "namedLocations",
    "identity/conditionalAccess/authenticationContextClassReferences": "authenticationContexts",
    "policies/authenticationStrengthPolicies": "authenticationStrengthPolicies",
    "directory/administrativeUnits": "administrativeUnits",
    "roleManagement/directory/roleDefinitions": "roleDefinitions",
    "roleManagement/directory/roleAssignments": "roleAssignments",
}
"""The path of each resource in the simulator, if it differs, and the resource's name."""
BELOW = {
    "users": ("manager",),
    "groups": ("members", "owners"),
    "applications": ("owners",),
    "servicePrincipals": ("owners", "appRoleAssignedTo"),
    "authenticationStrengthPolicies": ("combinationConfigurations",),
    "administrativeUnits": ("members",),
}
"""The relations of each object, by resource."""
LISTED = ("applications/", "servicePrincipals/")
"""Relations that are read by listing."""


class RedisServer:
    """A Redis of one test. ``process`` may be stopped, continued and killed."""

    def __init__(self, port: int, folder: Path) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        program = find_program(os.environ)
        assert program is not None
        self.process = subprocess.Popen(
            [program.path, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )

    def keys(self) -> list[str]:
        """Return the names of all keys."""
        with closing(redis.Redis.from_url(self.url, decode_responses=True)) as client:
            return sorted(client.scan_iter())

    def wait(self) -> None:
        """Wait until it answers."""
        until = time.monotonic() + 20
        while True:
            try:
                with closing(redis.Redis.from_url(self.url)) as client:
                    client.ping()
                return
            except redis.ConnectionError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.02)


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Yield a Redis on a free port that stores nothing on disk. Kill it at the end."""
    server = RedisServer(free_port(), folder)
    try:
        server.wait()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


def free_port() -> int:
    """Return a free port of loopback."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture(name="redis_server")
def redis_server_fixture(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


class Simulator:
    """A running simulator with its controls."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, ca_file: Path | None = None) -> None:
        self.process = process
        self.url = url
        trusted: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca_file) if ca_file else True
        self._client = httpx.Client(base_url=f"{url}/_sim", verify=trusted, timeout=60, trust_env=False)

    def get(self, path: str, **query: str) -> Any:
        """Return the JSON answer of a control."""
        return self._client.get(f"/{path}", params=query).raise_for_status().json()

    def post(self, path: str, value: object = None) -> None:
        """Send a request to a control."""
        answer = self._client.post(f"/{path}", json=value)
        assert answer.status_code == 200, answer.text

    def fault(self, *faults: dict[str, Any]) -> None:
        """Add scripted faults."""
        self.post("faults", list(faults))

    def clear_faults(self) -> None:
        self._client.delete("/faults").raise_for_status()

    def close(self) -> None:
        self._client.close()


class GraphSimulator(Simulator):
    """A directory in Graph over TLS. ``ca_file`` is the authority to trust."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, ca_file: Path) -> None:
        super().__init__(process, url, ca_file)
        self.ca_file = ca_file

    def add_directory(self, objects: int = 0, seed: int = 1) -> str:
        """Add a directory to which the same application and secret sign in. Return its id."""
        directory_id = str(uuid.uuid4())
        given = {"id": directory_id, "client_id": CLIENT, "secret": SECRET, "objects": objects, "seed": seed}
        self.post("directories", given)
        return directory_id

    def directory(self, directory_id: str) -> "GraphSimulator":
        """Return the controls of another directory."""
        other = GraphSimulator(self.process, self.url, self.ca_file)
        other._client.params = httpx.QueryParams(directory=directory_id)
        return other

    def change(self, *changes: tuple[str, str] | tuple[str, str, object]) -> None:
        """Apply changes, as ``(op, path)`` or ``(op, path, value)``. A value of bytes is sent unchanged."""
        texts = []
        for op, path, *value in changes:
            dense = [v if isinstance(v, bytes) else json.dumps(v, separators=(",", ":")).encode() for v in value]
            given = b"".join(b',"value":' + text for text in dense)
            texts.append(b'{"op":%b,"path":%b%b}' % (json.dumps(op).encode(), json.dumps(path).encode(), given))
        answer = self._client.post("/changes", content=b"[" + b",".join(texts) + b"]")
        assert answer.status_code == 200, answer.text

    def values(self, path: str) -> list[bytes]:
        """Return the stored values at a path, byte for byte."""
        answer = self._client.get("/objects", params={"path": path}).raise_for_status()
        return answer.content.splitlines()

    def ids(self, path: str) -> list[str]:
        """Return the ids of the objects or links at a path."""
        return [json.loads(value)["id"] for value in self.values(path)]

    def records(self, *resources: str) -> dict[str, bytes]:
        """Return the records of a complete backup of the directory in its current state: record key to value.

        ``resources`` are those to read with their relations, or all if none is given.
        """
        records: dict[str, bytes] = {}
        for path in resources or OBJECTS:
            for value in self.values(path):
                records[f"{OBJECTS[path] or path}/{json.loads(value)['id']}"] = value
        paths = {resource or path: path for path, resource in OBJECTS.items()}
        for owner in list(records):
            resource, _, object_id = owner.partition("/")
            for relation in BELOW.get(resource, ()):
                for value in self.values(f"{paths[resource]}/{object_id}/{relation}"):
                    records[f"{owner}/{relation}/{json.loads(value)['id']}"] = value
        live = {key.partition("/")[2] for key in records if key.count("/") == 1}
        # A listing omits an end of a link in the recycle bin. A delta continues to report it until it is purged.
        deleted = [key for key in records if key.startswith(LISTED) and key.rpartition("/")[2] not in live]
        return {key: value for key, value in records.items() if key not in deleted or "/owners/" not in key}

    def count(self, path: str, status: int | None = None) -> int:
        """Return how many requests for this path (a regular expression for all of it) had this status."""
        return sum(
            row["count"]
            for row in self.get("requests")
            if re.fullmatch(path, row["path"]) and status in (None, row["status"])
        )


class AwsSimulator(Simulator):
    """KMS, S3 and STS on one endpoint."""

    def client(self, service: str, account: str = ACCOUNT) -> Any:
        """Return a client as the root of an account."""
        credentials_of_account = {
            "aws_access_key_id": account,
            "aws_secret_access_key": "any",
            "endpoint_url": self.url,
        }
        return aws.session(REGION).client(service, **credentials_of_account)  # type: ignore[call-overload]

    def new_key(self) -> str:
        """Create a KMS key. Return its ARN."""
        arn: str = self.client("kms").create_key()["KeyMetadata"]["Arn"]
        return arn

    def new_bucket(self, name: str) -> None:
        self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


@contextmanager
def _simulating(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run ``python -m simulator`` with these arguments. Yield the URL that it prints. End it by SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", *arguments, "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        word, _, url = process.stdout.readline().strip().partition(" ")
        assert word == "ready"
        yield process, url
    finally:
        process.terminate()
        try:
            process.communicate(timeout=10)
        finally:
            process.kill()


@contextmanager
def aws_simulator() -> Iterator[AwsSimulator]:
    """Yield the AWS simulator on a free port."""
    with _simulating("aws") as (process, url), closing(AwsSimulator(process, url)) as simulator:
        yield simulator


@contextmanager
def graph_simulator(folder: Path, *options: str) -> Iterator[GraphSimulator]:
    """Yield the Graph simulator on a free port. Write the certificate of its authority to ``folder``."""
    ca_file = folder / "graph-ca.pem"
    with (
        _simulating("graph", "--ca-file", str(ca_file), *options) as (process, url),
        closing(GraphSimulator(process, url, ca_file)) as simulator,
    ):
        yield simulator


@pytest.fixture(name="aws_simulator")
def aws_simulator_fixture() -> Iterator[AwsSimulator]:
    with aws_simulator() as simulator:
        yield simulator


@pytest.fixture(name="graph_simulator")
def graph_simulator_fixture(tmp_path: Path) -> Iterator[GraphSimulator]:
    with graph_simulator(tmp_path) as simulator:
        yield simulator
