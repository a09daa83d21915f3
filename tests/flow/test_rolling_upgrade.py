"""Workers of two versions share one fleet, as they do while workers are replaced one by one."""

import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from console.parts import Nodes, celery_parts
from tests.flow.stack import TOP, Stack, running_stack, same, until

pytestmark = pytest.mark.flow

BEFORE = "4c62821"
"""The commit whose code is the version before. Code that it cannot share a fleet with needs a newer one here."""


@pytest.fixture
def code_before(tmp_path: Path) -> Path:
    """A folder with the code of the version before, unpacked from the history of this checkout."""
    words = ("git", "archive", "--format=tar", BEFORE, "shared", "workers")
    archive = subprocess.run(words, cwd=TOP, capture_output=True, check=False)
    if archive.returncode != 0:
        reason = f"skipped: this checkout has no commit {BEFORE}; a clone with its history is needed"
        print(reason)
        pytest.skip(reason)
    folder = tmp_path / "before"
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as opened:
        opened.extractall(folder, filter="data")
    return folder


@contextmanager
def worker_before(stack: Stack, code: Path) -> Iterator[Path]:
    """Run a worker of the version before beside those of the stack. Yield its log."""
    nodes = Nodes(stack.environment, ())
    (part,) = (part for part in celery_parts(stack.environment, nodes, stack.flower_port) if part.name == "worker")
    nodes.close()
    environment = {**part.environment, "PYTHONPATH": str(code)}
    origin = (sys.executable, "-c", "import shared, workers; print(shared.__file__, workers.__file__)")
    found = subprocess.run(origin, cwd=code, env=environment, capture_output=True, text=True, check=True).stdout
    assert all(Path(file).is_relative_to(code) for file in found.split()), found
    log = stack.home / "before.log"
    with log.open("wb") as opened:
        process = subprocess.Popen(
            [word.replace("worker@", "before@") for word in part.argv],
            cwd=code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=opened,
            stderr=opened,
            start_new_session=True,
        )
    try:
        until(lambda: b" ready." in log.read_bytes() or process.poll() is not None, "the worker before is at work")
        assert process.poll() is None, log.read_text()[-3000:]
        yield log
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def succeeded(log: Path) -> int:
    """Return how many steps a worker has ended without an error."""
    return log.read_text().count("] succeeded in ")


def test_a_worker_of_the_version_before_and_one_of_now_share_a_backup(tmp_path: Path, code_before: Path) -> None:
    with running_stack(tmp_path, "--users", "40", "--groups", "6", "--applications", "5", "--policies", "2") as stack:
        stack.start("beat", "worker")
        with worker_before(stack, code_before) as before:
            tenant = stack.add("shared")
            logs = (before, stack.home / "worker.log")
            # Each answer takes a while, so that one worker alone cannot take all steps.
            stack.graph.fault({"match": {"path": "/v1.0/"}, "what": "slow", "seconds": 0.2})
            for _ in range(4):
                counts = [succeeded(log) for log in logs]
                stack.backup(tenant, full=True)
                same(stack.download(tenant), stack.graph.records())
                if all(succeeded(log) > count for log, count in zip(logs, counts, strict=True)):
                    break
            else:
                pytest.fail("one of the two workers has taken no step of four backups")
            stack.graph.clear_faults()
            stack.graph.change(("update", f"users/{stack.graph.ids('users')[0]}", {"city": "after the upgrade"}))
        stack.backup(tenant)
        same(stack.download(tenant), stack.graph.records())
        for log in logs:
            assert "unexpected" not in log.read_text(), log.read_text()[-3000:]
