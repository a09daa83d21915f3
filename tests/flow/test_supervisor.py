"""The supervisor with real processes: no process outlives it, and parts that end by themselves are restarted."""

import json
import os
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.supervisor import guard
from console.supervisor.guard import processes

pytestmark = pytest.mark.flow
TOP = Path(__file__).resolve().parents[2]


def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "the condition never came true"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def pids(folder: Path) -> list[int]:
    return [int(path.suffix[1:]) for path in folder.glob("pid.*")]


class Running:
    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.errors = folder / "stderr"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.flow.supervised", str(folder), *words],
                cwd=TOP,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(*words: str) -> Running:
        started.append(Running(tmp_path, *words))
        return started[-1]

    yield begin
    for running in started:
        running.end()
    until(lambda: not any(map(alive, pids(tmp_path))))


def test_children_and_their_children_end_with_a_killed_supervisor(start: Callable[..., Running]) -> None:
    running = start("family")
    running.ready()
    until(lambda: len(pids(running.folder)) == 3)
    os.kill(running.process.pid, signal.SIGKILL)
    until(lambda: not any(map(alive, pids(running.folder))), 5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_all_processes_end_within_ten_seconds_of_a_signal(start: Callable[..., Running], number: int) -> None:
    running = start("deaf", "family")
    running.ready()
    until(lambda: len(pids(running.folder)) == 4)
    began = time.monotonic()
    running.process.send_signal(number)
    assert running.process.wait(10) == 0
    assert time.monotonic() - began < 10
    assert not any(map(alive, pids(running.folder)))


def test_a_part_that_keeps_dying_is_restarted_and_does_not_affect_the_others(start: Callable[..., Running]) -> None:
    running = start("family", "dying")
    running.ready()
    until(lambda: len(list(running.folder.glob("died.*"))) >= 4)
    text = running.errors.read_text()
    assert "dying ended with status 3; restarting it in 0.1 s" in text
    assert "restarting it in 0.3 s" in text
    assert "dying | out of luck" in text
    assert all(map(alive, pids(running.folder)))


def test_a_killed_part_is_restarted(start: Callable[..., Running]) -> None:
    running = start("deaf")
    running.ready()
    (first,) = pids(running.folder)
    os.kill(first, signal.SIGKILL)
    until(lambda: len(pids(running.folder)) == 2)
    assert "deaf ended with status 137 (SIGKILL)" in running.errors.read_text()


def guards(running: Running) -> list[int]:
    """Return the processes between the supervisor and its parts."""
    return [pid for pid, parent, _ in processes() if parent == running.process.pid and _is_guard(pid)]


def _is_guard(pid: int) -> bool:
    return guard.__file__.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_children_of_a_killed_guard_are_gone_when_the_supervisor_has_ended(start: Callable[..., Running]) -> None:
    running = start("family")
    running.ready()
    until(lambda: len(pids(running.folder)) == 3)
    (first,) = guards(running)
    os.kill(first, signal.SIGKILL)
    until(lambda: len(pids(running.folder)) == 6)
    remaining = [pid for pid in pids(running.folder) if alive(pid)]
    assert len(remaining) > 3  # those in their own session
    running.process.terminate()
    assert running.process.wait(10) == 0
    assert not any(map(alive, remaining))


@pytest.mark.parametrize(
    ("parent", "order", "status"),
    [(os.getpid, True, 0), (lambda: 1, True, 137), (os.getpid, False, 137)],
    ids=["its own parent's", "another parent's", "nobody's"],
)
def test_a_guard_starts_its_part_only_for_the_parent_that_started_it(
    tmp_path: Path, parent: Callable[[], int], order: bool, status: int
) -> None:
    argv = ["/bin/sh", "-c", "echo started > started"]
    orders = {"argv": argv, "environment": {}, "stdin": "", "grace": 1.0, "keep": []}
    text = json.dumps(orders) if order else ""
    command = [sys.executable, "-I", "-S", guard.__file__, str(parent())]
    ended = subprocess.run(command, cwd=tmp_path, input=text.encode(), check=False)
    assert (ended.returncode, (tmp_path / "started").exists()) == (status, status == 0)


def test_a_long_log_is_rotated_and_its_part_continues_in_the_new_file(
    start: Callable[..., Running],
) -> None:
    running = start("chatty")
    running.ready()
    old, new = running.folder / "chatty.log.1", running.folder / "chatty.log"
    until(lambda: old.exists() and new.stat().st_size == 0)
    assert old.read_bytes().startswith(b"the first line\n")
    assert old.stat().st_size > 10 * 1024 * 1024
    (running.folder / "asked").touch()
    until(lambda: new.read_bytes() == b"the last line\n")
    for log in (old, new):
        assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_ready_is_reported_once_and_only_after_every_part_has_answered(start: Callable[..., Running]) -> None:
    running = start("deaf", "shy")
    until(lambda: len(pids(running.folder)) == 2)
    assert running.process.stdout is not None
    silent, _, _ = select.select([running.process.stdout], [], [], 0.5)
    assert silent == []
    (running.folder / "asked").touch()
    running.ready()
    running.process.terminate()
    assert running.process.stdout.read() == b""


def test_a_part_that_cannot_be_started_is_reported(start: Callable[..., Running]) -> None:
    running = start("absent")
    until(lambda: "absent ended with status 127" in running.errors.read_text())
    until(lambda: "absent | /no/such/program cannot be started: No such file" in running.errors.read_text())
