"""Run the services of docker-compose.yml as processes of this machine.

They have the command lines, settings and health checks of compose. Hosts become ports of loopback, and the volume of
the home becomes a folder.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from console.redis_server import Program, find_program
from tests import compose
from tests.flow.stack import until
from tests.parts import free_port
from tests.postgres import PostgresServer, postgres_programs, postgres_server

_HOME = "/var/lib/entrakeep"
_SECONDS = re.compile(r"(\d+)s")


class Container:
    """One container of a service: a process group with its settings from compose."""

    def __init__(self, composed: "Composed", service: str, host: str) -> None:
        self.service = composed.services[service]
        self.host = host
        self.process: subprocess.Popen[bytes] | None = None
        self._composed = composed
        self._log = composed.home.parent / f"{host}.log"
        settings = compose.environment(self.service, composed.settings)
        self.environment = composed.image_environment | {"HOSTNAME": host} | settings

    @property
    def log(self) -> str:
        return self._log.read_text()

    def argv(self, *more: str) -> list[str]:
        """Return the command line: the entry point and its command, or other words in place of the command."""
        words = [*self.service.get("entrypoint", []), *(more or self.service["command"])]
        return [word.replace("@%h", f"@{self.host}") for word in words]

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv(),
                cwd=self._composed.home,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, *words: str, stdin: bytes = b"") -> bytes:
        """Run a container that ends. Return its standard output."""
        ended = subprocess.run(
            self.argv(*words),
            cwd=self._composed.home,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr.decode()
        return ended.stdout

    def healthy(self) -> bool:
        """Return whether the health check succeeds within its time limit."""
        check = self.service["healthcheck"]
        kind, *words = check["test"]
        timeout = _SECONDS.fullmatch(check["timeout"])
        assert timeout is not None
        argv = ["sh", "-c", words[0]] if kind == "CMD-SHELL" else words
        try:
            result = subprocess.run(
                argv,
                cwd=self._composed.home,
                env=self.environment,
                capture_output=True,
                timeout=int(timeout[1]),
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        return result.returncode == 0

    def stop(self) -> tuple[int, float]:
        """Send SIGTERM to the main process alone, as compose does.

        Return the exit status and the seconds until the end.
        """
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        return self.process.wait(60), time.monotonic() - began

    def kill(self) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()


class Composed:
    """The file with its settings. Containers start in the order of the calls."""

    def __init__(self, folder: Path, settings: Mapping[str, str], postgres: PostgresServer) -> None:
        self.home = folder / "home"
        (self.home / "tmp").mkdir(parents=True)
        self.ports = {"postgres": postgres.port} | {name: free_port() for name in ("redis", "aws", "graph", "flower")}
        self.settings = {name: self._adapt(value) for name, value in settings.items()}
        self.services: dict[str, Any] = self._adapt(compose.services(settings))
        programs, redis = postgres_programs(), find_program(os.environ)
        assert programs is not None
        assert redis is not None
        path = [Path(sys.executable).parent, _redis_programs(folder, redis), programs]
        self.image_environment = {
            "PATH": ":".join([*map(str, path), os.environ["PATH"]]),
            "HOME": str(self.home),
            "ENTRAKEEP_HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(postgres.port),
        }
        self._containers: list[Container] = []

    def _adapt(self, value: Any) -> Any:
        """Return a value of the file, adapted to this machine."""
        if isinstance(value, dict):
            return {name: self._adapt(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._adapt(each) for each in value]
        if not isinstance(value, str):
            return value
        ports = {"redis": 6379, "postgres": 5432, "aws": 4566, "graph": 8443, "flower": 5555}
        for name, port in ports.items():
            value = value.replace(f"{name}:{port}", f"127.0.0.1:{self.ports[name]}")
            value = re.sub(rf"(?<!\d){port}(?!\d)", str(self.ports[name]), value)
        return value.replace(_HOME, str(self.home)).replace("0.0.0.0", "127.0.0.1")

    def container(self, service: str, host: str | None = None) -> Container:
        """Create a container, named by its host."""
        container = Container(self, service, host or service)
        self._containers.append(container)
        return container

    def up(self, service: str, host: str | None = None) -> Container:
        """Start a container. Return it when it is healthy."""
        container = self.container(service, host)
        container.start()

        def well() -> bool:
            assert container.process is not None
            assert container.process.poll() is None, container.log[-3000:]
            return container.healthy()

        # Each check is a process that competes with the one that starts; those without a pause cost more than the services.
        until(well, f"{service} is healthy", 90, pause=1.0)
        return container

    def close(self) -> None:
        """Kill every running container, the last one first."""
        for container in reversed(self._containers):
            container.kill()


def _redis_programs(folder: Path, server: Program) -> Path:
    """Return a folder with the two programs that the service uses from the image of Redis."""
    programs = folder / "redis-bin"
    programs.mkdir()
    (programs / "redis-server").symlink_to(server.path)
    client = programs / "redis-cli"
    client.write_text(f'#!/bin/sh\nPYTHONPATH={compose.TOP} exec {sys.executable} -m tests.redis_cli "$@"\n')
    client.chmod(0o755)
    return programs


@contextmanager
def composed(folder: Path, settings: Mapping[str, str]) -> Iterator[Composed]:
    """Yield the file on its own PostgreSQL, prepared by the script that the image of PostgreSQL would run."""
    with postgres_server() as postgres:
        for role in ("entrakeep", "entrakeep_owner"):
            postgres.execute(f"DROP ROLE {role}")
        stack = Composed(folder, settings, postgres)
        try:
            script = compose.TOP / "deploy" / "postgres" / "roles.sql"
            settings_of_postgres = compose.environment(stack.services["postgres"], stack.settings)
            postgres.script(script, stack.image_environment | settings_of_postgres)
            postgres.execute(f"ALTER ROLE postgres PASSWORD '{settings_of_postgres['POSTGRES_PASSWORD']}'")
            yield stack
        finally:
            stack.close()
