"""The demo as a newcomer runs it: it ends by itself, reports errors, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from console.demo.directory import COMPARED
from console.supervisor.guard import processes
from shared.domain.resources import RESOURCES
from shared.domain.resources.choice import FAMILIES, Choice

pytestmark = [pytest.mark.flow, pytest.mark.timeout(1200)]


def until(true: Callable[[], object], what: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"never came true: {what}"
        time.sleep(0.05)


class Demo:
    """A running demo with its own folder for temporary files, which also identifies its processes."""

    def __init__(self, folder: Path, keep: bool, environment: dict[str, str]) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        self._out, self._errors = folder / "out", folder / "errors"
        with self._out.open("wb") as out, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "console.cli", "demo", *(["--keep"] if keep else [])],
                env={**os.environ, "TMPDIR": str(self.temporary), **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
            )

    @property
    def output(self) -> str:
        return self._out.read_text()

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def shows(self, text: str) -> None:
        """Wait until the output contains the text."""
        until(lambda: text in self.output or self.process.poll() is not None, f"the demo shows {text}", 300)
        assert text in self.output, self.output + self.errors

    def alive(self) -> list[str]:
        """Return the command lines of its processes: those that use its folder, and all their children."""
        mark = f"TMPDIR={self.temporary}".encode()
        parents = {pid: parent for pid, parent, _ in processes()}
        ours = {pid for pid in parents if mark in _read(pid, "environ")}
        while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
            ours |= more
        return [line for pid in sorted(ours) if (line := _read(pid, "cmdline").decode().replace("\0", " "))]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path("/proc", str(pid), name).read_bytes()
    except OSError:
        return b""


@contextmanager
def demo(folder: Path, *, keep: bool = False, **environment: str) -> Iterator[Demo]:
    running = Demo(folder, keep, environment)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        until(lambda: not running.alive(), "all its processes are gone", 30)


def assert_console_shows_the_story(output: str) -> None:
    """Sign in by the printed link, with a password, and look at the tenant of the demo."""
    link = re.search(r"(http://localhost:\d+)/invitation#(\S+)", output)
    assert link is not None, output
    headers = {"sec-fetch-site": "same-origin"}
    with httpx.Client(base_url=link[1], headers=headers, trust_env=False, timeout=60) as browser:
        fields = {"code": link[2], "password": "correct horse battery staple"}
        accepted = browser.post("/invitation/password", data=fields)
        # The cookie is for secure connections, and to browsers localhost is one.
        browser.headers["cookie"] = accepted.headers["set-cookie"].partition(";")[0]
        assert "/t/demo" in browser.get("/fleet").text
        jobs = browser.get("/t/demo/jobs").text
        assert "KEY_ACCESS_REVOKED" in jobs or "refus" in jobs


def test_a_demo_completes_beside_an_interrupted_one_and_both_leave_nothing_behind(
    tmp_path: Path,
) -> None:
    strange = {
        "AWS_PROFILE": "absent",
        "AWS_REGION": "nowhere",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ENTRAKEEP_HOME": "/",
    }
    with demo(tmp_path / "first", keep=True, **strange) as first:
        first.shows("Ready.")
        with demo(tmp_path / "second") as second:
            second.shows("3. Back it up by hand")
            assert any("workers.app worker" in line for line in second.alive())
            assert first.process.poll() is None
            began = time.monotonic()
            second.process.send_signal(signal.SIGINT)
            assert second.process.wait(30) == 130
            assert time.monotonic() - began < 5
            assert second.alive() == []
            assert list(second.temporary.iterdir()) == []

        until(lambda: "Everything stays up" in first.output or first.process.poll() is not None, "it is done", 900)
        assert first.process.poll() is None, first.output + first.errors
        assert_console_shows_the_story(first.output)
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(30) == 0, first.output + first.errors
        assert first.alive() == []
        assert list(first.temporary.iterdir()) == []
        assert "\x1b" not in first.output
        assert max(map(len, first.output.splitlines())) < 250
        counts = re.findall(r"^(\S+) +([\d,]+) +([\d,]+) +([\d,]+)$", first.output, re.MULTILINE)
        assert {name: count for name, count, *_ in counts}["users"] == "1,999"
        assert {name for name, *_ in counts} == COMPARED
        families = re.findall(r"^(\S+) +(\d+) +(\d+) +(\d+) +([\d,]+)$", first.output, re.MULTILINE)
        assert [name for name, *_ in families] == list(FAMILIES)
        assert sum(int(number) for _, number, *_ in families) == len(RESOURCES)
        unread = sum(row.for_people or not Choice().has(row) for row in RESOURCES.values())
        assert sum(int(whole) for *_, whole, _, _ in families) == len(RESOURCES) - unread
        assert "The whole directory:" in first.output
        assert all(len(set(found)) == 1 for _, *found in counts)
        assert first.output.count("KEY_ACCESS_REVOKED: The KMS key arn:aws:kms:") == 2


def test_a_demo_that_cannot_start_reports_why_and_keeps_its_logs(tmp_path: Path) -> None:
    broken = tmp_path / "path" / "moto"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('moto is out of order')")
    with demo(tmp_path / "demo", PYTHONPATH=str(broken.parent)) as running:
        assert running.process.wait(60) == 1
        assert "'aws' ended with status 1." in running.errors
        assert "moto is out of order" in running.errors
        assert "Traceback" not in running.errors
        logs = running.errors.rpartition("The logs are in ")[2].strip()
        assert "moto is out of order" in Path(logs, "aws.log").read_text()
        assert running.alive() == []
