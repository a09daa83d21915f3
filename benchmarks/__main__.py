"""Measures a full backup of users against only downloading the same pages, and prints what it found."""

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import msgspec

from benchmarks.measure import Measure
from benchmarks.report import Found, print_report
from shared.domain.resources import STREAMS
from tests.parts import (
    ACCOUNT,
    CLIENT,
    DIRECTORY,
    REGION,
    SECRET,
    AwsSimulator,
    GraphSimulator,
    RedisServer,
    aws_simulator,
    graph_simulator,
    redis_server,
)

_IDENTITY = (DIRECTORY, CLIENT, SECRET)


class Bench:
    """One directory of so many users in the Graph simulator, and the children that read it."""

    def __init__(self, folder: Path, graph: GraphSimulator, aws: AwsSimulator, redis: RedisServer) -> None:
        self._folder = folder
        self._graph = graph
        self._aws = aws
        self._redis = redis

    def download(self) -> Measure:
        """Only downloads the pages of the users' delta round."""
        query = f"$select={','.join(STREAMS['users'].selected)}"
        return _child("downloading", [self._graph.url, str(self._graph.ca_file), query, *_IDENTITY], dict(os.environ))

    def back_up(self) -> Measure:
        """Backs the directory up in full, into a home of its own that is removed afterwards."""
        with tempfile.TemporaryDirectory(dir=self._folder) as home:
            environment = {
                name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTRAKEEP_"))
            }
            environment |= {
                "ENTRAKEEP_HOME": home,
                "ENTRAKEEP_BROKER_URL": self._redis.url,
                "ENTRAKEEP_PROVIDER_KEY_ARN": self._aws.new_key(),
                "ENTRAKEEP_GRAPH_URL": self._graph.url,
                "ENTRAKEEP_AUTHORITY_URL": self._graph.url,
                "ENTRAKEEP_CA_BUNDLE": str(self._graph.ca_file),
                "AWS_ACCESS_KEY_ID": ACCOUNT,
                "AWS_SECRET_ACCESS_KEY": "any",
                "AWS_REGION": REGION,
                "AWS_ENDPOINT_URL_KMS": self._aws.url,
            }
            return _child("backing_up", list(_IDENTITY), environment)

    def limit(self) -> float:
        """Pages a second that the simulator gives to two clients that do nothing but download."""
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda _: self.download(), range(2)))
        seconds = max(measure.seconds for measure in both)
        return sum(measure.counts["pages"] for measure in both) / seconds


def _child(module: str, arguments: list[str], environment: dict[str, str]) -> Measure:
    argv = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    ended = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(ended.stdout, type=Measure)


def _measure(folder: Path, aws: AwsSimulator, redis: RedisServer, users: int, runs: int) -> Found:
    """Alternates the two, so that whatever else the machine does meets both. Raises RuntimeError if users are missing."""
    downloads, backups = [], []
    with graph_simulator(folder, "--users", str(users)) as graph:
        bench = Bench(folder, graph, aws, redis)
        for _ in range(runs):
            downloads.append(bench.download())
            backups.append(bench.back_up())
            if backups[-1].counts["users"] != users:
                raise RuntimeError(f"the snapshot holds {backups[-1].counts['users']} of {users} users")
        return Found(users=users, downloads=downloads, backups=backups, limit=bench.limit())


def main(argv: list[str]) -> int:
    """``python -m benchmarks``. Returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--users", type=int, default=100_000, help="users in the directory (100000)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each, in turn (5)")
    parser.add_argument("--quick", action="store_true", help="2,000 users, one run: shows that it works")
    options = parser.parse_args(argv)
    users, runs = (2_000, 1) if options.quick else (options.users, options.runs)
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory()))
        aws, redis = parts.enter_context(aws_simulator()), parts.enter_context(redis_server(folder))
        print_report([_measure(folder, aws, redis, count, runs) for count in (users // 10, users)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
