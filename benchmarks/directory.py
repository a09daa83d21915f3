"""A directory in the Graph simulator, and the child processes that measure it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import msgspec

from benchmarks.backing_up import HEAVY
from benchmarks.downloading import client_of
from benchmarks.measure import Measure
from benchmarks.moving import Moved
from benchmarks.revoking import Stopped
from shared.domain.resources import RESOURCES
from tests.parts import ACCOUNT, CLIENT, DIRECTORY, REGION, SECRET, AwsSimulator, GraphSimulator, RedisServer

_IDENTITY = (DIRECTORY, CLIENT, SECRET)
_CHANGED_AT_ONCE = 20
"""Users that are changed between two snapshots of a history."""
_AT_ONCE = 960
"""Users that one request to the simulator changes or deletes."""
_RESTORER = "55555555-5555-5555-5555-555555555555"
_TO_RESTORE = sorted({name for row in RESOURCES.values() for name in row.permissions_to_restore})
_CHANGED = {"users": "department", "groups": "description"}


class MeasuredDirectory:
    """One directory in the Graph simulator."""

    def __init__(self, graph: GraphSimulator, aws: AwsSimulator, redis: RedisServer, links: int) -> None:
        """Set the most links in one entry of a page to ``links``, and create the provider's KMS key."""
        graph.post("delta", {"links_per_entry": links})
        self._graph = graph
        self._aws = aws
        self._redis = redis
        self._where = (graph.url, str(graph.ca_file), *_IDENTITY)
        self._key = aws.new_key()

    def client(self) -> AbstractContextManager[httpx.Client]:
        """Return a client that has signed in to Graph."""
        return client_of(*self._where)

    def download(self) -> Measure:
        """Measure a bare download of the pages of the heavy streams' delta rounds."""
        return self._measured("downloading", [*self._where, *HEAVY], dict(os.environ))

    def model(self, sample: int) -> Measure:
        """Measure msgraph-sdk's typed models, which read ``sample`` users and as many groups."""
        return self._measured("modelling", [*self._where, str(sample)], dict(os.environ))

    def back_up(self, home: Path, how: str = "full") -> Measure:
        """Measure a backup of the directory, in this home. ``how`` is a kind of run of ``benchmarks.backing_up``."""
        return self._measured("backing_up", [*_IDENTITY, how], self._environment(home))

    def compare(self, home: Path) -> Measure:
        """Measure a comparison of the two newest snapshots in this home."""
        return self._measured("comparing", [], self._environment(home))

    def search(self, home: Path) -> Measure:
        """Measure a search of the newest snapshot in this home, for the name of a user."""
        with self.client() as client:
            page = client.get("/v1.0/users?$select=displayName&$top=1").raise_for_status().json()
        return self._measured("browsing", ["search", page["value"][0]["displayName"]], self._environment(home))

    def history(self, home: Path, snapshots: int) -> Measure:
        """Measure the history of a user who differs in each of so many snapshots, which are added to this home."""
        with self.client() as client:
            users = list(_ids(client, "users", _CHANGED_AT_ONCE))
        for number in range(snapshots):
            self._graph.change(*(("update", f"users/{each}", {"department": f"history {number}"}) for each in users))
            self.back_up(home, "changes")
        return self._measured("browsing", ["history", users[0]], self._environment(home))

    def revoke(self, home: Path, trials: int, lease: float) -> Stopped:
        """Revoke the key of a running backup ``trials`` times, under a key lease of ``lease`` seconds. Return the delays."""
        environment = self._environment(home) | {"ENTRAKEEP_KEY_LEASE_SECONDS": str(lease)}
        return msgspec.json.decode(self._child("revoking", [*_IDENTITY, str(trials)], environment), type=Stopped)

    def plan(self, home: Path) -> Measure:
        """Measure the plan of a restore of the first snapshot in this home."""
        environment = self._environment(home)
        self._child("planning", ["prepare"], environment)
        return self._measured("planning", ["plan"], environment)

    def restore(self, home: Path) -> Measure:
        """Measure a restore of the users of the first snapshot in this home, by an application of its own."""
        application = {"client_id": _RESTORER, "secret": SECRET, "permissions": _TO_RESTORE}
        self._graph.post("apps", application)
        return self._measured("restoring", [_RESTORER, SECRET], self._environment(home))

    def damage(self) -> None:
        """Change one of six users, delete a second one, and delete a third one for good."""
        with self.client() as client:
            users = [each["id"] for each in _listed(client, "users", "id")]
        for place in range(0, len(users), _AT_ONCE):
            part = users[place : place + _AT_ONCE]
            self._graph.change(*(("update", f"users/{each}", {"department": "changed"}) for each in part[::6]))
            self._graph.change(*(("delete", f"users/{each}") for first in (1, 2) for each in part[first::6]))
            self._graph.change(*(("purge", f"users/{each}") for each in part[2::6]))

    def delete(self, users: int) -> None:
        """Delete so many users that Graph lets be written: those that are not synchronised from on-premises."""
        with self.client() as client:
            listed = _listed(client, "users", "id,onPremisesSyncEnabled")
            own = [each["id"] for each in listed if not each.get("onPremisesSyncEnabled")][:users]
        for place in range(0, len(own), _AT_ONCE):
            self._graph.change(*(("delete", f"users/{each}") for each in own[place : place + _AT_ONCE]))

    def move(self, home: Path, data_keys: int) -> Moved:
        """Measure an update of the KMS key of a tenant that has ``data_keys`` data keys."""
        output = self._child("moving", [*_IDENTITY, str(data_keys)], self._environment(home))
        return msgspec.json.decode(output, type=Moved)

    def change(self, users: int, groups: int) -> None:
        """Change a property of so many users and groups, and add a member to each of those groups."""
        with self.client() as client:
            changed = {path: list(_ids(client, path, most)) for path, most in (("users", users), ("groups", groups))}
        for path, ids in changed.items():
            self._graph.change(*(("update", f"{path}/{each}", {_CHANGED[path]: "changed"}) for each in ids))
        links = zip(changed["groups"], cycle(changed["users"]))
        self._graph.change(*(("create", f"groups/{group}/members", {"id": user}) for group, user in links))

    def limit(self) -> float:
        """Return the pages per second that the simulator serves to two clients that only download."""
        with ThreadPoolExecutor(2) as pool:
            measures = list(pool.map(lambda _: self.download(), range(2)))
        return sum(measure.counts["pages"] for measure in measures) / max(measure.seconds for measure in measures)

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
        """Run a benchmark module as a child process. Return its output. Raises CalledProcessError if it fails."""
        argv = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
        return subprocess.run(argv, env=environment, stdout=subprocess.PIPE, check=True).stdout

    def _measured(self, module: str, arguments: list[str], environment: dict[str, str]) -> Measure:
        served, kms = self._served(), self._kms()
        measure = msgspec.json.decode(self._child(module, arguments, environment), type=Measure)
        return msgspec.structs.replace(measure, served=self._served() - served, kms=self._kms() - kms)

    def _kms(self) -> int:
        """Return the number of calls to KMS so far."""
        return sum(row["count"] for row in self._aws.get("requests") if row["service"] == "kms")

    def _served(self) -> float:
        """Return the simulator's CPU seconds so far, or 0 on a system without ``/proc``."""
        stat = Path(f"/proc/{self._graph.process.pid}/stat")
        if not stat.exists():
            return 0.0
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ids(client: httpx.Client, path: str, most: int) -> Iterator[str]:
    """Yield the first ``most`` ids of a listing. Ids look random, so these are spread over the whole key range."""
    yield from (each["id"] for each in islice(_listed(client, path, "id"), most))


def _listed(client: httpx.Client, path: str, select: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a listing with the selected properties."""
    link = f"/v1.0/{path}?$select={select}&$top=999"
    while link:
        page = client.get(link).raise_for_status().json()
        yield from page["value"]
        link = page.get("@odata.nextLink", "")
