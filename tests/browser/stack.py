"""The real stack for a file of stories: ``entrakeep up`` with its console, and both simulators."""

import fcntl
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

from console.supervisor.guard import processes
from tests.browser.owner import KeyOwner
from tests.browser.typist import Typist
from tests.flow.shell import PROGRAM, Shell, write_private
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
    free_port,
    graph_simulator,
    redis_server,
)
from tests.tables import small_options

BUCKET = "backups"
_BEGINNING = Path(tempfile.gettempdir()) / "entrakeep-browser-stacks"
LEASE = 4
"""Seconds of a key lease."""
SIGN_IN_APP, SIGN_IN_SECRET = "66666666-6666-4666-8666-666666666666", "canary-of-the-sign-in-application"


def until(true: Callable[[], object], condition: str, seconds: float = 60.0, pause: float = 0.1) -> None:
    """Wait until ``true()`` is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"never came true: {condition}"
        time.sleep(pause)


class Stack:
    """A running stack. ``home`` has the catalog of SQLite, the logs and temporary files."""

    def __init__(
        self, folder: Path, graph: GraphSimulator, aws: AwsSimulator, redis: RedisServer, settings: Mapping[str, str]
    ) -> None:
        self.folder, self.graph, self.aws, self.redis = folder, graph, aws, redis
        self.database_url = settings.get("ENTRAKEEP_DATABASE_URL", "")
        self.canaries = _put_canaries(graph)
        self.secrets: set[str] = set()
        """What people and browsers had in the stories: passwords, codes, cookies, tokens."""
        self.home = folder / "home"
        self.owner = KeyOwner(aws)
        self.url = settings["ENTRAKEEP_WEB_URL"]
        self.environment = Shell(folder, settings).environment
        self._typist = Typist(folder, self.environment)
        self._output = folder / "up.log"
        write_private(folder / "secret", SECRET)
        self._process: subprocess.Popen[bytes] | None = None

    # -- processes

    def start(self) -> None:
        """Run ``entrakeep up``. Return when everything answers.

        One stack begins at a time, because each looks for a free port for Flower.
        """
        with self._output.open("ab") as output, _BEGINNING.open("w") as beginning:
            fcntl.flock(beginning, fcntl.LOCK_EX)
            self._process = subprocess.Popen(
                (*PROGRAM, "up"),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
            until(self._ready, "the stack is ready", 120)

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.output
        assert "web ended" not in self.output, self.output + self.log("entrakeep")
        return "ready" in self.output.splitlines()

    @property
    def output(self) -> str:
        """Return all that ``up`` has printed."""
        return self._output.read_text()

    def log(self, part: str) -> str:
        """Return the end of a part's log."""
        file = self.home / "logs" / f"{part}.log"
        return file.read_text()[-5000:] if file.exists() else ""

    def code(self) -> str:
        """Return the set-up code that ``up`` has printed."""
        match = re.search(r"[Ss]et-up code:? (\S+)", self.output)
        assert match is not None, self.output
        return match[1].rstrip(".")

    def kill(self, part: str) -> None:
        """Send SIGKILL to every process of a part: ``web``, ``worker`` or ``beat``. ``up`` starts it again."""
        pids = self.pids(part)
        assert pids, f"no {part} runs"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def kill_and_wait(self, part: str) -> None:
        """Kill a part. Return when another one answers, or has begun."""
        before = self.pids(part)
        self.kill(part)
        until(lambda: set(self.pids(part)) - set(before), f"another {part} runs")
        if part == "web":
            until(self._answers, "the console answers")

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def pids(self, part: str) -> list[int]:
        """Return the processes of a part of this stack."""
        words = {"web": "console.cli web", "worker": "workers.app worker", "beat": "workers.app beat"}[part]
        mark = f"TMPDIR={self.home / 'tmp'}".encode()
        return [
            pid
            for pid, _, _ in processes()
            if words in _read(pid, "cmdline").replace(b"\0", b" ").decode()
            and mark in _read(pid, "environ").split(b"\0")
        ]

    def close(self) -> None:
        """End the stack as Ctrl-C does, and what types commands."""
        self._typist.close()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            finally:
                self._process.kill()
                self._process.wait()
            self._process = None

    def forget_confirmations(self) -> None:
        """Let every confirmation be too old, as five minutes would."""
        with closing(sqlite3.connect(self.home / "catalog.sqlite3", timeout=30)) as catalog, catalog:
            catalog.execute("UPDATE sign_ins SET confirmed_at = NULL")

    # -- what an operator does

    def run(self, *words: str, status: int = 0) -> str:
        """Run a command. Return its standard output."""
        return self._typist.run(*words, status=status)[0]

    def document(self, *words: str) -> Any:
        """Return the JSON document of a command."""
        return json.loads(self.run(*words, "--json"))

    def new_customer_key(self, name: str) -> str:
        """Let the owner create a key with the policy that Entrakeep needs for this tenant. Return its ARN."""
        return self.owner.new_key(self.document("key", "policy", name)["statements"])

    def connect(self, name: str, directory: str = DIRECTORY) -> None:
        """Connect a directory as a tenant."""
        self.run(
            *("tenant", "add", name, "--directory-id", directory, "--client-id", CLIENT),
            *("--client-secret-file", str(self.folder / "secret"), *small_options()),
        )

    def backup(self, name: str) -> None:
        """Make a backup and wait for it."""
        self.run("backup", name, "--wait")


def _put_canaries(graph: GraphSimulator) -> tuple[str, ...]:
    """Give a user and a group names that may be stored nowhere. Return the names."""
    canaries = []
    for path in ("users", "groups"):
        for id in graph.ids(path)[:1]:
            canaries.append(f"Canary-of-{path}-51c08d2e77")
            graph.change(("update", f"{path}/{id}", {"displayName": canaries[-1]}))
    return tuple(canaries)


def _read(pid: int, name: str) -> bytes:
    try:
        return Path("/proc", str(pid), name).read_bytes()
    except OSError:
        return b""


@contextmanager
def running_stack(folder: Path, *graph_options: str, settings: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Yield a running stack with a key of the provider and an empty bucket. End every process of it afterwards."""
    port = free_port()
    url = f"http://localhost:{port}"
    with ExitStack() as parts:
        graph = parts.enter_context(graph_simulator(folder, *graph_options))
        aws = parts.enter_context(aws_simulator())
        redis = parts.enter_context(redis_server(folder))
        aws.new_bucket(BUCKET)
        graph.post(
            "apps",
            {
                "client_id": SIGN_IN_APP,
                "secret": SIGN_IN_SECRET,
                "permissions": [],
                "redirect_uris": [f"{url}/sign-in/return"],
            },
        )
        write_private(folder / "sign-in-secret", SIGN_IN_SECRET)
        stack = Stack(
            folder,
            graph,
            aws,
            redis,
            {
                "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
                "ENTRAKEEP_HOME": str(folder / "home"),
                "ENTRAKEEP_BROKER_URL": redis.url,
                "ENTRAKEEP_STORE_URL": f"s3://{BUCKET}/entrakeep",
                "ENTRAKEEP_PROVIDER_KEY_ARN": aws.new_key(),
                "ENTRAKEEP_GRAPH_URL": graph.url,
                "ENTRAKEEP_AUTHORITY_URL": graph.url,
                "ENTRAKEEP_CA_BUNDLE": str(graph.ca_file),
                "ENTRAKEEP_KEY_LEASE_SECONDS": str(LEASE),
                "ENTRAKEEP_WEB_URL": url,
                "ENTRAKEEP_WEB_LISTEN": f"127.0.0.1:{port}",
                "ENTRAKEEP_OIDC_ISSUER": f"{graph.url}/{DIRECTORY}/v2.0",
                "ENTRAKEEP_OIDC_CLIENT_ID": SIGN_IN_APP,
                "ENTRAKEEP_OIDC_CLIENT_SECRET_FILE": str(folder / "sign-in-secret"),
                "AWS_ACCESS_KEY_ID": ACCOUNT,
                "AWS_SECRET_ACCESS_KEY": "any",
                "AWS_REGION": REGION,
                **{f"AWS_ENDPOINT_URL_{service}": aws.url for service in ("KMS", "S3", "STS")},
                **(settings or {}),
            },
        )
        parts.callback(stack.close)
        stack.start()
        yield stack
