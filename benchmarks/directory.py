"""A directory in the Graph simulator, and the children that read it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import cycle
from pathlib import Path

import httpx
import msgspec

from benchmarks.backing_up import HEAVY
from benchmarks.downloading import client_of
from benchmarks.measure import Measure
from benchmarks.moving import Moved
from benchmarks.revoking import Stopped
from tests.parts import ACCOUNT, CLIENT, DIRECTORY, REGION, SECRET, AwsSimulator, GraphSimulator, RedisServer

_IDENTITY = (DIRECTORY, CLIENT, SECRET)
_CHANGED = {"users": "department", "groups": "description"}


class MeasuredDirectory:
    """One directory in the Graph simulator."""

    def __init__(self, graph: GraphSimulator, aws: AwsSimulator, redis: RedisServer, links: int) -> None:
        """``links``: how many of an object's links one entry of a page has at most."""
        graph.post("delta", {"links_per_entry": links})
        self._graph = graph
        self._aws = aws
        self._redis = redis
        self._where = (graph.url, str(graph.ca_file), *_IDENTITY)
        self._key = aws.new_key()

    def client(self) -> AbstractContextManager[httpx.Client]:
        """A client that has signed in."""
        return client_of(*self._where)

    def download(self) -> Measure:
        """Only downloads the pages of the heavy streams' delta rounds."""
        return self._measured("downloading", [*self._where, *HEAVY], dict(os.environ))

    def model(self, sample: int) -> Measure:
        """Reads so many users and so many groups through msgraph-sdk's typed models."""
        return self._measured("modelling", [*self._where, str(sample)], dict(os.environ))

    def back_up(self, home: Path, how: str = "full") -> Measure:
        """Backs the directory up, in this home; ``how`` as ``benchmarks.backing_up`` has it."""
        return self._measured("backing_up", [*_IDENTITY, how], self._environment(home))

    def revoke(self, home: Path, trials: int, lease: float) -> Stopped:
        """Takes the key away from a backup that runs, so many times, under a key lease of so many seconds."""
        environment = self._environment(home) | {"ENTRAKEEP_KEY_LEASE_SECONDS": str(lease)}
        return msgspec.json.decode(self._child("revoking", [*_IDENTITY, str(trials)], environment), type=Stopped)

    def move(self, home: Path, data_keys: int) -> Moved:
        """Changes the KMS key of a tenant with so many data keys."""
        told = self._child("moving", [*_IDENTITY, str(data_keys)], self._environment(home))
        return msgspec.json.decode(told, type=Moved)

    def change(self, users: int, groups: int) -> None:
        """Changes a property of so many users and groups, and gives each of those groups another member."""
        with self.client() as client:
            changed = {path: list(_ids(client, path, most)) for path, most in (("users", users), ("groups", groups))}
        for path, ids in changed.items():
            self._graph.change(*(("update", f"{path}/{each}", {_CHANGED[path]: "changed"}) for each in ids))
        links = zip(changed["groups"], cycle(changed["users"]))
        self._graph.change(*(("create", f"groups/{group}/members", {"id": user}) for group, user in links))

    def limit(self) -> float:
        """Pages a second that the simulator gives to two clients that do nothing but download."""
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda _: self.download(), range(2)))
        return sum(measure.counts["pages"] for measure in both) / max(measure.seconds for measure in both)

    def _environment(self, home: Path) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTRAKEEP_"))}
        return environment | {
            "ENTRAKEEP_HOME": str(home),
            "ENTRAKEEP_BROKER_URL": self._redis.url,
            "ENTRAKEEP_PROVIDER_KEY_ARN": self._key,
            "ENTRAKEEP_GRAPH_URL": self._graph.url,
            "ENTRAKEEP_AUTHORITY_URL": self._graph.url,
            "ENTRAKEEP_CA_BUNDLE": str(self._graph.ca_file),
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_KMS": self._aws.url,
            "AWS_ENDPOINT_URL_STS": self._aws.url,
        }

    def _child(self, module: str, arguments: list[str], environment: dict[str, str]) -> bytes:
        """What a process of its own says."""
        argv = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
        return subprocess.run(argv, env=environment, stdout=subprocess.PIPE, check=True).stdout

    def _measured(self, module: str, arguments: list[str], environment: dict[str, str]) -> Measure:
        served, kms = self._served(), self._kms()
        measure = msgspec.json.decode(self._child(module, arguments, environment), type=Measure)
        return msgspec.structs.replace(measure, served=self._served() - served, kms=self._kms() - kms)

    def _kms(self) -> int:
        """Calls that KMS got so far."""
        return sum(row["count"] for row in self._aws.get("requests") if row["service"] == "kms")

    def _served(self) -> float:
        """CPU seconds that the simulator has taken so far; 0 where no ``/proc`` tells them."""
        stat = Path(f"/proc/{self._graph.process.pid}/stat")
        if not stat.exists():
            return 0.0
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ids(client: httpx.Client, path: str, most: int) -> Iterator[str]:
    """The first ids of a listing. They are spread over all keys, as ids look random."""
    link = f"/v1.0/{path}?$select=id&$top=999"
    while most > 0:
        page = client.get(link).raise_for_status().json()
        yield from (each["id"] for each in page["value"][:most])
        most -= len(page["value"])
        link = page.get("@odata.nextLink", "")
        if not link:
            return
