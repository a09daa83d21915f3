"""``entrakeep web`` as a process: it needs SQL alone, survives being killed, and ends at once."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from console.web.visitor import COOKIE
from shared.domain.access import Grant, Role
from shared.domain.people import Means, SignIn
from shared.engine.access.sign_in import hash_of
from tests.contract.catalog.world import World, new_id
from tests.flow.shell import PROGRAM
from tests.parts import free_port

pytestmark = pytest.mark.flow


class Web:
    """The process, at a port of its own, over a catalog in a folder. Nothing else of the stack runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.world = World(f"sqlite:///{folder / 'catalog.sqlite3'}")
        self.cookie = secrets.token_urlsafe(32)
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            "PATH": os.environ["PATH"],
            "ENTRAKEEP_HOME": str(folder),
            "ENTRAKEEP_WEB_LISTEN": f"127.0.0.1:{self.port}",
            "ENTRAKEEP_WEB_URL": f"http://localhost:{self.port}",
        }
        self._sign_in()

    def start(self) -> None:
        with (self.folder / "web.out").open("wb") as out, (self.folder / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                (*PROGRAM, "web"), env=self.environment, cwd=self.folder, stdout=out, stderr=log
            )
        until = time.monotonic() + 60
        while b"ready" not in (self.folder / "web.out").read_bytes():
            assert self.process.poll() is None, (self.folder / "web.log").read_text()
            assert time.monotonic() < until
            time.sleep(0.05)

    def get(self, path: str) -> httpx.Response:
        cookie = {"cookie": f"{COOKIE}={self.cookie}"}
        return httpx.get(f"http://localhost:{self.port}{path}", headers=cookie, trust_env=False, timeout=20)

    def end(self, signal_: int) -> float:
        """Send the signal. Return the seconds until the process has ended."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal_)
        self.process.wait(30)
        return time.monotonic() - began

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.world.close()

    def _sign_in(self) -> None:
        now, person = datetime.now(UTC), new_id()
        self.world.catalog.people().add(person, "ana", grants=(Grant(role=Role.OPERATOR, tenant_id=None),))
        sign_in = SignIn(
            sign_in_id=new_id(),
            means=Means.PASSKEY,
            begun_at=now,
            seen_at=now,
            expires_at=now + timedelta(hours=8),
            confirmed_at=now,
            address="127.0.0.1",
            browser="test",
        )
        self.world.catalog.sign_ins().begin(person, hash_of(self.cookie), sign_in)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    running = Web(tmp_path)
    try:
        yield running
    finally:
        running.close()


def test_it_needs_sql_alone_survives_a_kill_and_ends_with_open_streams(web: Web) -> None:
    tenant = web.world.add("acme")
    job = web.world.planned(tenant)
    web.start()
    page = web.get("/t/acme")
    assert page.status_code == 200
    assert "STACK_NOT_RUNNING" in page.text  # no beat, no Redis, no KMS, no store, no Microsoft
    assert web.get("/readyz").json() == {"ready": True, "codes": ["STACK_NOT_RUNNING"]}
    assert b"ready http://localhost" in (web.folder / "web.out").read_bytes()

    web.end(signal.SIGKILL)
    web.start()
    assert web.get("/t/acme").status_code == 200  # the sign-in is a row in SQL

    with contextlib.ExitStack() as streams:
        client = streams.enter_context(httpx.Client(trust_env=False, timeout=20))
        headers = {"cookie": f"{COOKIE}={web.cookie}"}
        stream = client.stream("GET", f"http://localhost:{web.port}/live/jobs/{job.job_id}", headers=headers)
        assert streams.enter_context(stream).status_code == 200
        silent = streams.enter_context(socket.create_connection(("127.0.0.1", web.port)))
        silent.sendall(b"GET /help HTTP/1.1\r\n")
        assert web.end(signal.SIGTERM) < 10
    assert web.process is not None
    assert web.process.returncode == 0
    log = (web.folder / "web.log").read_text()
    assert "Traceback" not in log, log
    assert web.cookie not in log
    assert "GET /t/{name} 200" in log


def test_an_address_that_is_in_use_is_named(web: Web) -> None:
    with socket.create_server(("127.0.0.1", web.port)):
        done = subprocess.run((*PROGRAM, "web"), env=web.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith(
        f"SETTINGS_INVALID: ENTRAKEEP_WEB_LISTEN: 127.0.0.1:{web.port} is in use or not of this machine; give another.\n"
    )
