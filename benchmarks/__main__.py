"""Measure backups, restores, key revocation and key updates against the simulators.

Full backups, and backups after changes, are compared with a bare download of the same pages, with typed models, and with
restic and borg. Further parts measure commands that read snapshots, plans and restores, how soon a revoked key stops a
backup, how fast data keys move to another KMS key, how late browsers that watch a job learn of its progress, and the
pages of the console with many tenants.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from benchmarks import report, restore_report, web_report
from benchmarks.archives import archives, write_files
from benchmarks.backing_up import HEAVY
from benchmarks.directory import MeasuredDirectory
from benchmarks.watching import watch
from benchmarks.web import measure_web
from tests.parts import AwsSimulator, RedisServer, aws_simulator, graph_simulator, redis_server

PARTS = (
    *("changes", "stages", "models", "archives", "limit", "comparing", "browsing"),
    *("planning", "restoring", "revoking", "moving", "watching", "console"),
)
"""Parts that ``--without`` can leave out. Downloads and backups are always measured."""
_USERS_PER_GROUP = 5
"""Default number of users per group."""


class Bench:
    """The parts of the benchmark, with the services and the folder that all of them share."""

    def __init__(self, folder: Path, aws: AwsSimulator, redis: RedisServer, console: Console, links: int) -> None:
        self._folder = folder
        self._aws = aws
        self._redis = redis
        self._console = console
        self._links = links

    def turns(self, users: int, groups: int, runs: int, parts: set[str]) -> None:
        """Measure downloads and backups in turn, then the requested parts that use the same directory. Print the results."""
        with self._directory(users, groups) as directory:
            turns = [self._turn(directory, users, groups, "changes" in parts) for _ in range(runs)]
            limit = directory.limit() if "limit" in parts else None
            report.print_turns(self._console, report.Results(users=users, groups=groups, turns=turns, limit=limit))
            if "stages" in parts:
                with self._home() as home:
                    report.print_stages(self._console, directory.back_up(home, "staged"))

    def _turn(self, directory: MeasuredDirectory, users: int, groups: int, changes: bool) -> report.Turn:
        """Measure one turn. Raises RuntimeError if the snapshot lacks a user or a group."""
        with self._home() as home:
            download, full = directory.download(), directory.back_up(home)
            if (full.counts["users"], full.counts["groups"]) != (users, groups):
                raise RuntimeError(f"the snapshot holds other users and groups than the directory: {full.counts}")
            if not changes:
                return report.Turn(download=download, full=full, changed=None)
            directory.change(users // 100, groups // 100)
            return report.Turn(download=download, full=full, changed=directory.back_up(home, "changes"))

    def models(self, sample: int) -> None:
        """Measure how fast typed models read a sample of ``sample`` users and as many groups. Print the result."""
        with self._directory(sample, sample) as directory:
            report.print_modelled(self._console, directory.model(sample))

    def archives(self, objects: int) -> None:
        """Print the bytes that restic, borg and a backup store for so many objects, one in six of them a group."""
        groups = objects // (_USERS_PER_GROUP + 1)
        with self._directory(objects - groups, groups) as directory, self._home() as home, self._home() as folder:
            with directory.client() as client:
                files, size = write_files(client, HEAVY, folder / "objects")
            repositories = archives(folder / "objects", folder)
            stored = directory.back_up(home).counts["stored"]
            report.print_compared(
                self._console, report.Compared(files=files, size=size, archives=repositories, stored=stored)
            )

    def reading(self, users: int, groups: int, snapshots: int, parts: set[str]) -> None:
        """Measure commands that read snapshots of one directory: comparisons, a search, and a history of an object."""
        with self._directory(users, groups) as directory, self._home() as home:
            directory.back_up(home)
            if "comparing" in parts:
                self._comparisons(directory, home, users, groups)
            if "browsing" in parts:
                search, history = directory.search(home), directory.history(home, snapshots)
                report.print_browsed(self._console, users, groups, search, history)

    def _comparisons(self, directory: MeasuredDirectory, home: Path, users: int, groups: int) -> None:
        """Measure comparisons: after changes, and of two equal snapshots without a shared run. Print the results."""
        directory.change(users // 100, groups // 100)
        directory.back_up(home, "changes")
        changed = directory.compare(home)
        directory.back_up(home, "again")
        report.print_comparisons(self._console, users, groups, changed, directory.compare(home))

    def plan(self, users: int) -> None:
        """Measure the plan of a restore of so many users, of whom a third is deleted. Print the results."""
        with self._directory(users, 0) as directory, self._home() as home:
            directory.back_up(home)
            directory.damage()
            restore_report.print_planned(self._console, users, directory.plan(home))

    def restore(self, users: int, latency: float) -> None:
        """Measure a restore of so many deleted users under Graph's quotas and a latency. Print the results."""
        slow = ("--quotas", "medium", "--latency", str(latency))
        with self._directory(users * 2, 0, *slow) as directory, self._home() as home:
            directory.back_up(home)
            directory.delete(users)
            restore_report.print_restored(self._console, directory.restore(home), latency)

    def web(self, tenants: list[int], rows: int, requests: int) -> None:
        """Measure pages of the console with so many tenants, on both databases. Print the results."""
        with self._home() as home:
            measured = [
                measure_web(home, database, number, rows, requests)
                for database in ("sqlite", "postgresql")
                for number in tenants
            ]
        web_report.print_web(self._console, measured, rows)

    def keys(self, trials: int, lease: float, data_keys: int, parts: set[str]) -> None:
        """Measure revocation and update of a key, over a directory of 10 users and 1 group. Print the results."""
        with self._directory(10, 1) as directory, self._home() as home, self._home() as another:
            if "revoking" in parts:
                report.print_stopped(self._console, directory.revoke(home, trials, lease))
            if "moving" in parts:
                report.print_moved(self._console, directory.move(another, data_keys))

    def live(self, streams: int, changes: int) -> None:
        """Measure live progress of a job that many streams watch. Print the results."""
        with self._home() as home:
            report.print_watched(self._console, watch(home, streams, changes))

    @contextmanager
    def _directory(self, users: int, groups: int, *options: str) -> Iterator[MeasuredDirectory]:
        with graph_simulator(self._folder, "--users", str(users), "--groups", str(groups), *options) as graph:
            yield MeasuredDirectory(graph, self._aws, self._redis, self._links)

    @contextmanager
    def _home(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self._folder) as home:
            yield Path(home)


def main(argv: list[str]) -> int:
    """Run ``python -m benchmarks``. Return the exit status 0."""
    options = _options(argv)
    parts = set(PARTS).difference(options.without)
    console = Console(width=max(120, Console().width))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aws, redis = stack.enter_context(aws_simulator()), stack.enter_context(redis_server(folder))
        bench = Bench(folder, aws, redis, console, options.links)
        report.print_machine(console)
        bench.turns(options.users, options.groups, options.runs, parts)
        report.print_how(console)
        if parts & {"comparing", "browsing"}:
            bench.reading(options.users, options.groups, options.snapshots, parts)
        if "planning" in parts:
            bench.plan(options.planned)
        if "restoring" in parts:
            bench.restore(options.restored, options.latency)
        if "models" in parts:
            bench.models(options.sample)
        if "archives" in parts:
            bench.archives(options.archived)
        if "watching" in parts:
            bench.live(options.streams, options.changes)
        if "console" in parts:
            bench.web(options.tenants, options.rows, options.requests)
        bench.keys(options.trials, options.lease, options.data_keys, parts)
    return 0


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--users", type=int, default=100_000, help="users in the directory (100000)")
    parser.add_argument("--groups", type=int, help="groups in the directory (a fifth of the users)")
    parser.add_argument(
        "--links", type=int, default=2_000, help="most links of an object in one entry of a page (2000)"
    )
    parser.add_argument("--runs", type=int, default=5, help="turns of one download and two backups each (5)")
    parser.add_argument(
        "--sample", type=int, default=2_000, help="users and groups to read through typed models (2000 each)"
    )
    parser.add_argument("--archived", type=int, default=20_000, help="objects to back up with restic and borg (20000)")
    parser.add_argument("--snapshots", type=int, default=100, help="snapshots to make for a history (100)")
    parser.add_argument(
        "--planned", type=int, default=100_000, help="users of the directory whose restore is planned (100000)"
    )
    parser.add_argument("--restored", type=int, default=10_000, help="deleted users to restore (10000)")
    parser.add_argument(
        "--latency", type=float, default=0.3, help="seconds before an answer of Graph to a restore (0.3)"
    )
    parser.add_argument("--trials", type=int, default=50, help="number of times to revoke a key (50)")
    parser.add_argument("--lease", type=float, default=5.0, help="key lease during these trials, in seconds (5)")
    parser.add_argument("--data-keys", type=int, default=10_000, help="data keys to move (10000)")
    parser.add_argument("--streams", type=int, default=200, help="streams of live progress (200)")
    parser.add_argument("--changes", type=int, default=16, help="changes that each of them shows, 17 at most (16)")
    parser.add_argument("--tenants", type=int, nargs="+", default=[1_000, 10_000], help="tenants (1000 10000)")
    parser.add_argument("--rows", type=int, default=100_000, help="jobs, and snapshots, of all tenants (100000)")
    parser.add_argument("--requests", type=int, default=100, help="requests of each page of the console (100)")
    parser.add_argument(
        "--without", action="append", default=[], choices=PARTS, help="part to leave out; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="a short check with 500 users, one turn and small samples")
    options = parser.parse_args(argv)
    if options.quick:
        options.users, options.runs, options.sample, options.archived = 500, 1, 100, 600
        options.planned, options.restored, options.latency = 60, 20, 0.02
        options.streams, options.changes = 8, 3
        options.tenants, options.rows, options.requests = [20], 200, 3
        options.snapshots, options.trials, options.lease, options.data_keys = 1, 2, 1.0, 20
    if options.groups is None:
        options.groups = options.users // _USERS_PER_GROUP
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
