"""The parts of the stack on one machine. Larger installations use the same command lines."""

import http.client
import json
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.supervisor.guarded import Guarded
from console.supervisor.part import Part
from shared import network

if TYPE_CHECKING:
    from shared.wiring import WebSettings

_CELERY = (sys.executable, "-m", "celery", "-A", "workers.app")
_FLOWER_PORT = 5555
FLOWER_USER = "entrakeep"
_CONCURRENCY = 2
_SOFT_SHUTDOWN = 4
"""Seconds that a stopping worker gives its running steps. With the rest of its exit it stays under a part's grace."""

_TO_RUN = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_INWARD = (
    *("ENTRAKEEP_HOME", "ENTRAKEEP_BROKER_URL", "ENTRAKEEP_DATABASE_URL", "ENTRAKEEP_PROVIDER_KEY_ARN"),
    *("ENTRAKEEP_STORE_URL", "ENTRAKEEP_KEY_LEASE_SECONDS", "AWS_REGION", "AWS_DEFAULT_REGION"),
    *("ENTRAKEEP_LOG_FORMAT", "ENTRAKEEP_LOG_LEVEL"),
)
"""The settings of beat and Flower, the same as ``x-settings`` of docker-compose.yml."""
_OF_WEB = (
    *("ENTRAKEEP_HOME", "ENTRAKEEP_DATABASE_URL", "ENTRAKEEP_LOG_FORMAT", "ENTRAKEEP_LOG_LEVEL"),
    *("ENTRAKEEP_CA_BUNDLE", "ENTRAKEEP_FLOWER_URL"),
)
"""The settings of the web console beside its own."""


def celery_parts(
    environment: Mapping[str, str],
    nodes: "Nodes",
    flower_port: int | None,
    ticked: Callable[[], bool] = lambda: True,
    *,
    flower_password: str | None = None,
) -> tuple[Part, ...]:
    """Return beat, one worker and, if a port is given, Flower on loopback. Only Flower needs the workers' events.

    ``environment`` is the worker's. Beat and Flower get only their part of it, without AWS credentials and without the
    settings of Microsoft Graph. ``ticked`` returns whether beat has ticked lately, as a beat that hangs may still answer.
    """
    host = socket.gethostname()
    inward = inward_environment(environment)
    beat = Part(
        name="beat",
        argv=(
            *_CELERY,
            *("beat", "--scheduler", "scheduler.beat:CatalogScheduler", "--pidfile=", "-l", "info"),
            *("--enable-remote-control", "-n", f"beat@{host}"),
        ),
        environment=inward,
        ready=lambda: ticked() and nodes.answer(f"beat@{host}"),
    )
    worker = Part(
        name="worker",
        argv=(
            *_CELERY,
            *("worker", "--concurrency", str(_CONCURRENCY), "-Q", "manual,backup,upkeep", "-n", f"worker@{host}"),
            *("-l", "info", "--without-mingle", "--without-gossip"),
            *(() if flower_port is None else ("-E",)),
            f"worker_soft_shutdown_timeout={_SOFT_SHUTDOWN}",
        ),
        # Celery reads this variable on import, so it cannot be a setting. With it, SIGTERM ends a worker within that time.
        environment={**environment, "REMAP_SIGTERM": "SIGQUIT"},
        ready=lambda: nodes.answer(f"worker@{host}"),
    )
    if flower_port is None:
        return beat, worker
    # Passed in the environment, so that no process list shows the password.
    password = {} if flower_password is None else {"FLOWER_BASIC_AUTH": f"{FLOWER_USER}:{flower_password}"}
    flower = Part(
        name="flower",
        argv=(
            *_CELERY,
            "flower",
            "--address=127.0.0.1",
            f"--port={flower_port}",
            "--read-only=True",
            "--enable-events=False",
            "--tasks-columns=name,kwargs,state,exception,received,runtime,uuid,worker",
        ),
        environment={**inward, **password},
        ready=lambda: flower_answers(flower_port),
    )
    return beat, worker, flower


@dataclass(frozen=True, kw_only=True)
class WebPlace:
    """Where the console listens on this machine, and its address in browsers."""

    host: str
    port: int
    url: str
    tls: bool = False

    def answers(self) -> bool:
        """Return whether the console's health check answers 200."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        if not self.tls:
            return _answers(http.client.HTTPConnection(host, self.port, timeout=1.0), "/healthz")
        # Whether it answers at all: the certificate is of the name in browsers, and not of the address asked here.
        anybody = ssl.create_default_context()
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        return _answers(http.client.HTTPSConnection(host, self.port, timeout=1.0, context=anybody), "/healthz")


def web_place(settings: "WebSettings") -> WebPlace:
    """Return where the console listens: at the place in the settings, or without one at a free port if its own is in use."""
    host, port = settings.web_address
    if settings.model_fields_set & {"web_url", "web_listen"}:
        return WebPlace(host=host, port=port, url=settings.web_url, tls=settings.web_certificate is not None)
    port = _free_port(port)
    return WebPlace(host=host, port=port, url=f"http://localhost:{port}")


def web_part(environment: Mapping[str, str], place: WebPlace, flower_port: int | None) -> Part:
    """Return the web console, which gets neither AWS credentials nor the broker."""
    own = {"ENTRAKEEP_WEB_URL": place.url, "ENTRAKEEP_WEB_LISTEN": f"{_bracketed(place.host)}:{place.port}"}
    flower = {} if flower_port is None else {"ENTRAKEEP_FLOWER_URL": f"http://127.0.0.1:{flower_port}"}
    return Part(
        name="web",
        argv=(sys.executable, "-m", "console.cli", "web"),
        environment={**flower, **web_environment(environment), **own},
        ready=place.answers,
    )


def web_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the web console: to run, to reach catalog and sign-in provider, and its own settings."""
    return {
        name: value
        for name, value in environment.items()
        if (name in _TO_RUN + _OF_WEB + network.VARIABLES and not name.startswith("AWS_"))
        or name.startswith(("PYTHON", "ENTRAKEEP_WEB_", "ENTRAKEEP_OIDC_"))
    }


def inward_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of processes that use neither AWS nor Microsoft Graph: to run, and to reach catalog and broker."""
    return {
        name: value for name, value in environment.items() if name in _TO_RUN + _INWARD or name.startswith("PYTHON")
    }


def node_names(parts: Sequence[str]) -> tuple[str, ...]:
    """Return the names of these parts' Celery nodes on this machine."""
    return tuple(f"{part}@{socket.gethostname()}" for part in parts)


class Nodes:
    """Liveness checks of Celery nodes: one ``celery inspect ping`` at a time, in the background."""

    def __init__(self, environment: Mapping[str, str], names: Sequence[str]) -> None:
        self._environment = environment
        self._names = names
        self._heard: set[str] = set()
        self._asking: Guarded | None = None
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()

    def answer(self, name: str) -> bool:
        """Return whether this node has answered since the last True. Start a ping if none is in progress. Never block."""
        if self._asking is None and name not in self._heard:
            self._ask()
        elif self._asking is not None and self._asking.status() is not None:
            self._asking = None
            self._output.seek(0)
            self._heard |= _nodes_in(self._output.read())
        if name not in self._heard:
            return False
        self._heard.discard(name)
        return True

    def close(self) -> None:
        """Kill a ping that is in progress."""
        if self._asking is not None:
            self._asking.kill()
        self._output.close()
        self._errors.close()

    def _ask(self) -> None:
        """Start a ping of all nodes."""
        self._output.seek(0)
        self._output.truncate()
        argv = (*_CELERY, "inspect", "ping", "--json", "--timeout", "1", "-d", ",".join(self._names))
        self._asking = Guarded(
            argv, inward_environment(self._environment), self._output, grace=0.0, errors=self._errors
        )


def _nodes_in(output: bytes) -> set[str]:
    """Return the names in the JSON line that ``inspect`` prints, or none: without an answer it prints a sentence."""
    for line in output.splitlines():
        if line.startswith(b"{"):
            return set(json.loads(line))
    return set()


def flower_answers(port: int) -> bool:
    """Return whether Flower's health check on loopback answers 200."""
    return _answers(http.client.HTTPConnection("127.0.0.1", port, timeout=1.0), "/healthcheck")


def _answers(connection: http.client.HTTPConnection, path: str) -> bool:
    """Return whether the answer to a request of this path is 200. Close the connection."""
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def port_for_flower() -> int:
    """Return Flower's usual port on loopback, or a free one if that is in use. Raise OSError if no port is free."""
    return _free_port(_FLOWER_PORT)


def _free_port(usual: int) -> int:
    """Return the usual port on loopback, or a free one if that is in use. Raise OSError if no port is free."""
    for port in (usual, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on loopback")


def _bracketed(host: str) -> str:
    """Return the host as it stands before a port."""
    return f"[{host}]" if ":" in host else host
