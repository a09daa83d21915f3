"""Workers of two versions share one fleet, as during a rolling upgrade."""

import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from console.parts import Nodes, celery_parts
from shared.domain.jobs import JobState
from shared.domain.model import Tenant
from tests.flow.stack import TOP, Stack, running_stack, same, until

pytestmark = pytest.mark.flow

BEFORE = "6e37e76"
"""The commit with the code of the previous version.

If the current code cannot share a fleet with it, name a newer commit.
"""


@pytest.fixture
def code_before(tmp_path: Path) -> Path:
    """Return a folder with the code of the previous version, unpacked from the history of this checkout."""
    words = ("git", "archive", "--format=tar", BEFORE, "shared", "workers")
    archive = subprocess.run(words, cwd=TOP, capture_output=True, check=False)
    if archive.returncode != 0:
        reason = f"skipped: this checkout has no commit {BEFORE}; a clone with its history is needed"
        print(reason)
        pytest.skip(reason)
    folder = tmp_path / "before"
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


@contextmanager
def worker_before(stack: Stack, code: Path) -> Iterator[Path]:
    """Run a worker of the previous version beside those of the stack. Yield its log."""
    nodes = Nodes(stack.environment, ())
    (part,) = (part for part in celery_parts(stack.environment, nodes, stack.flower_port) if part.name == "worker")
    nodes.close()
    environment = {**part.environment, "PYTHONPATH": str(code)}
    origin = (sys.executable, "-c", "import shared, workers; print(shared.__file__, workers.__file__)")
    paths = subprocess.run(origin, cwd=code, env=environment, capture_output=True, text=True, check=True).stdout
    assert all(Path(file).is_relative_to(code) for file in paths.split()), paths
    log = stack.home / "before.log"
    with log.open("wb") as log_file:
        process = subprocess.Popen(
            [word.replace("worker@", "before@") for word in part.argv],
            cwd=code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            start_new_session=True,
        )
    try:
        until(lambda: b" ready." in log.read_bytes() or process.poll() is not None, "the worker before is at work")
        assert process.poll() is None, log.read_text()[-3000:]
        yield log
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def back_up(stack: Stack, tenant: Tenant) -> set[str]:
    """Make a full backup. Return the names of the workers that claimed its steps."""
    job, jobs = stack.ask(tenant, full=True), stack.catalog_of(tenant).jobs
    workers: set[str] = set()

    def ended() -> bool:
        with closing(sqlite3.connect(stack.home / "catalog.sqlite3")) as catalog:
            rows = catalog.execute("SELECT holder FROM steps WHERE job_id = ? AND holder NOT NULL", (job.job_id,))
            workers.update(holder.partition("@")[0] for (holder,) in rows)
        return jobs.get(job.job_id).state.ended

    until(ended, "the backup ends")
    job = jobs.get(job.job_id)
    assert job.state is JobState.SUCCEEDED, (job.code, job.message)
    return workers


def test_workers_of_the_previous_and_the_current_version_share_a_backup(tmp_path: Path, code_before: Path) -> None:
    with running_stack(tmp_path, "--users", "40", "--groups", "6", "--applications", "5", "--policies", "2") as stack:
        stack.start("beat", "worker")
        with worker_before(stack, code_before) as before:
            tenant = stack.add("shared")
            # Slow each answer down, so that one worker alone cannot take all steps.
            stack.graph.fault({"match": {"path": "/v1.0/"}, "what": "slow", "seconds": 0.2})
            workers: set[str] = set()
            for _ in range(4):
                workers = back_up(stack, tenant)
                same(stack.download(tenant), stack.graph.records())
                if workers == {"before", "worker"}:
                    break
            assert workers == {"before", "worker"}, "one of the two workers has taken no step of four backups"
            stack.graph.clear_faults()
            stack.graph.change(("update", f"users/{stack.graph.ids('users')[0]}", {"city": "after the upgrade"}))
        stack.backup(tenant)
        same(stack.download(tenant), stack.graph.records())
        for log in (before, stack.home / "worker.log"):
            assert "unexpected" not in log.read_text(), log.read_text()[-3000:]
