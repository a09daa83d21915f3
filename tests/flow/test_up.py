"""``up`` with real Celery processes: one per home, and a restart after a kill. The application is a small one."""

import base64
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from tests.parts import redis_server

pytestmark = pytest.mark.flow

APPLICATION = """
import os, threading, time
from celery import Celery
from celery.signals import worker_ready
app = Celery("small", broker=os.environ["ENTRAKEEP_BROKER_URL"])
app.conf.worker_hijack_root_logger = False
app.conf.task_ignore_result = True
@app.task(name="mark")
def mark(name):
    open(name, "w").close()
@app.task(name="nap")
def nap(name):
    import time
    open(name, "w").close()
    time.sleep(60)
def seen():
    while True:
        open("seen", "w").close()
        time.sleep(0.1)
@worker_ready.connect
def ready(**_):
    threading.Thread(target=seen, daemon=True).start()
"""
SCHEDULER = """
from celery.beat import Scheduler
class CatalogScheduler(Scheduler):
    def setup_schedule(self):
        return None
    def tick(self, *args, **kwargs):
        return 1.0
"""
PROGRAM = """
import os, sys, time
from pathlib import Path
from console.cli.up import run_up
from console.watch import Signs
from shared.domain.errors import Refuse
from shared.domain.limits import Limits
signs = Signs(beat=lambda: 0.0, worker=lambda: time.time() - os.stat("seen").st_mtime if os.path.exists("seen") else None)
try:
    status = run_up(home=Path("home").absolute(), broker_url=os.environ["ENTRAKEEP_BROKER_URL"], environment=dict(os.environ),
                    flower=True, signs=signs, store=lambda: None, web=None, set_up_code=lambda: None,
                    limits=Limits(worker_seen_seconds=5.0, worker_restart_seconds=10.0))
except Refuse as refused:
    status = str(refused)
sys.exit(status)
"""


def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "the condition never came true"
        time.sleep(0.05)


def first_of(family: set[int]) -> int:
    """Return the process of which the others are children. Its id need not be the lowest, because ids wrap around."""
    stats = {process: Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split() for process in family}
    (first,) = (process for process, stat in stats.items() if int(stat[1]) not in family)
    return first


def replaced(place: "Place", previous: set[int]) -> bool:
    """Return whether a new worker runs and none of the previous processes.

    Both facts come from one look: between two looks the previous processes may end.
    """
    now = set(place.alive("workers.app worker"))
    return len(now) == 3 and not previous & now


class Place:
    """A folder with a small application, a home and its own broker address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for package, module, text in (("workers", "app", APPLICATION), ("scheduler", "beat", SCHEDULER)):
            (folder / package).mkdir()
            (folder / package / "__init__.py").touch()
            (folder / package / f"{module}.py").write_text(text)
        (folder / "run.py").write_text(PROGRAM)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        # The folder for temporary files identifies every process of this stack, whatever its parent.
        self.mark = f"TMPDIR={folder}/home/tmp"
        self.password = f"pass-{os.getpid()}-{self.port}"
        self.environment = {
            **os.environ,
            "ENTRAKEEP_BROKER_URL": f"redis://:{self.password}@127.0.0.1:{self.port}/2",
            "AWS_SECRET_ACCESS_KEY": "canary",
        }
        self.errors = folder / "stderr"
        self.started: list[subprocess.Popen[bytes]] = []

    def up(self) -> subprocess.Popen[bytes]:
        with self.errors.open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "run.py"],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self.started.append(process)
        return process

    @property
    def flower(self) -> str:
        """Return the address of Flower that was printed last, without its password."""
        return f"http://{self._link[1]}"

    @property
    def flower_login(self) -> str:
        return self._link[0]

    @property
    def _link(self) -> list[str]:
        (*_, link) = re.findall(r"^Flower: http://(\S+)$", self.errors.read_text(), re.MULTILINE)
        user_and_password, _, address = link.partition("@")
        return [user_and_password, address]

    def send(self, task: str, *, name: str) -> None:
        code = f"from workers.app import {task}; {task}.apply_async(({name!r},), queue='manual')"
        subprocess.run([sys.executable, "-c", code], cwd=self.folder, env=self.environment, check=True)

    def alive(self, word: str = "") -> list[int]:
        """Return the processes of the stack whose command line contains ``word``."""
        ids = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if self.mark.encode() in (entry / "environ").read_bytes():
                        line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                        ids += [int(entry.name)] if word in line and line else []
                except OSError:
                    continue
        return sorted(ids)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    for process in place.started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    until(lambda: not place.alive())


def ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"


def test_one_stack_runs_per_home_and_another_starts_after_a_kill(place: Place) -> None:
    first = place.up()
    ready(first)
    second = place.up()
    assert second.wait(20) == 1
    assert "home is running already" in place.errors.read_text()

    first.send_signal(signal.SIGKILL)
    third = place.up()  # at once, while the parts of the first are still ending
    ready(third)
    place.send("mark", name="done")
    until((place.folder / "done").exists)
    errors = place.errors.read_text()
    assert re.search(
        r"^Redis: 127\.0\.0\.1:\d+, started here \((Redis|Valkey) \d+\.\d+\.\d+\) with its own password",
        errors,
        re.MULTILINE,
    )
    password_file = place.folder / "home" / "redis" / "password"
    assert password_file.read_text().strip() == place.password
    secrets = [place.password, *re.findall(r"with the password ([0-9a-f]{24})\.", errors)]
    assert len(secrets) >= 2
    processes = place.alive()
    assert (
        len(processes) >= 9
    )  # beat, the worker and its children, Flower, and guards; Redis overwrites its environment
    for process in processes:
        assert not any(secret in Path(f"/proc/{process}/cmdline").read_text() for secret in secrets)
    for log in (place.folder / "home" / "logs").iterdir():
        assert not any(secret in log.read_text() for secret in secrets)
        assert "no permissions" not in log.read_text(), "a command is missing in PERMISSIONS"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(place.flower)
    user, _, password = place.flower_login.partition(":")
    signed_in = urllib.request.Request(place.flower)
    signed_in.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
    with urllib.request.urlopen(signed_in) as answer:
        assert answer.status == 200
    for process in processes:
        line = Path(f"/proc/{process}/cmdline").read_text()
        credentials = "AWS_SECRET_ACCESS_KEY=canary" in Path(f"/proc/{process}/environ").read_text()
        assert credentials == ("\0worker\0" in line and "guard.py" not in line), line

    place.send("nap", name="napping")
    until((place.folder / "napping").exists)
    began = time.monotonic()
    third.send_signal(signal.SIGTERM)
    assert third.wait(15) == 0
    assert time.monotonic() - began < 10
    assert place.alive() == []


def test_a_worker_that_is_killed_or_hangs_or_loses_its_guard_leaves_nothing_behind_and_returns(place: Place) -> None:
    running = place.up()
    ready(running)
    before = set(place.alive("workers.app worker"))
    assert len(before) == 3
    os.kill(first_of(before), signal.SIGKILL)
    until(lambda: replaced(place, before))
    assert "worker ended with status 137 (SIGKILL); restarting it in 1 s" in place.errors.read_text()

    restarted = set(place.alive("workers.app worker"))
    guard = os.getsid(first_of(restarted))
    os.kill(guard, signal.SIGKILL)
    until(lambda: replaced(place, restarted))

    sign = place.folder / "seen"
    sign.unlink()
    until(sign.exists)
    hung = set(place.alive("workers.app worker"))
    os.kill(first_of(hung), signal.SIGSTOP)
    until(lambda: replaced(place, hung))
    until(lambda: "recovered: the worker is seen again" in place.errors.read_text())
    errors = place.errors.read_text()
    assert "attention: NO_WORKER: the worker has not been seen for 5 s. After 10 s it is restarted." in errors
    assert "worker gives no sign of life; restarting it in" in errors
    assert "flower gives" not in errors
    assert "beat gives" not in errors
    running.send_signal(signal.SIGINT)
    assert running.wait(15) == 0
    assert place.alive() == []


def test_a_redis_that_refuses_is_reported_with_its_reason_and_the_parts_keep_running(place: Place) -> None:
    with redis_server(place.folder) as server, closing(redis.Redis.from_url(server.url)) as control:
        place.environment["ENTRAKEEP_BROKER_URL"] = server.url
        running = place.up()
        ready(running)
        assert "already running; it needs no password" in place.errors.read_text()
        before = place.alive("workers.app worker")
        control.config_set("maxmemory", 1)
        until(lambda: "attention: BROKER_UNREACHABLE: The Redis at " in place.errors.read_text())
        assert (
            "OOM command not allowed when used memory > 'maxmemory'). Raise its maxmemory" in place.errors.read_text()
        )
        control.config_set("maxmemory", 0)
        until(lambda: "takes messages again" in place.errors.read_text())
        assert place.alive("workers.app worker") == before
        assert "restarting it" not in place.errors.read_text()
        running.terminate()
        assert running.wait(15) == 0

        control.replicaof("127.0.0.1", 1)
        refused = place.up()
        assert refused.wait(20) == 1
        assert (
            "READONLY You can't write against a read only replica). Set ENTRAKEEP_BROKER_URL"
            in place.errors.read_text()
        )
