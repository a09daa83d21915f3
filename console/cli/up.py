"""``entrakeep up``: the whole stack on this machine."""

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from console.cli.output import write
from console.parts import FLOWER_USER, Nodes, celery_parts, node_names, port_for_flower
from console.redis_server import OwnRedis, own_redis
from console.store_watch import StoreWatch
from console.supervisor.loop import Supervisor
from console.watch import Signs, Watch
from shared import wiring
from shared.domain.errors import Code, Refuse
from shared.domain.limits import Limits
from shared.ports.broker import Broker

_BROKER_TIMEOUT = 0.5
_LEFTOVERS = 15.0
"""Seconds for the processes of an earlier, killed start to go."""


def run_up(
    *,
    home: Path,
    broker_url: str,
    environment: Mapping[str, str],
    flower: bool,
    signs: Signs,
    store: Callable[[], None],
    limits: Limits = wiring.LIMITS,
) -> int:
    """Run beat, a worker, Flower if wanted, and Redis where the broker's address is ours to serve, until a signal.

    Prints ``ready`` on standard output when all answer, everything else on standard error; logs stand in ``<home>/logs``.
    ``environment`` is what the worker is started with; ``store`` raises what is wrong with the store, which is reported and
    stops nothing. A part that gives no sign of life for a minute is started again. Returns the exit status, 0. Raises Refuse:
    ``BUSY`` if the stack of this home runs already, ``BROKER_UNREACHABLE``, ``SETTINGS_INVALID``, ``FILE_NOT_WRITABLE``.
    """
    broker = wiring.broker_at(broker_url)
    logs = _folders(home)
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(_alone(home))
        environment = {**environment, "TMPDIR": str(_emptied(home / "tmp"))}
        redis = own_redis(broker, home, environment, wiring.ask_broker)
        _say(f"{_introduced(broker, redis)}; logs: {logs}")
        if redis is not None:
            stack.enter_context(redis.password_kept())
            broker = redis.broker
            environment["ENTRAKEEP_BROKER_URL"] = broker.url
        nodes = stack.enter_context(contextlib.closing(Nodes(environment, node_names(("beat", "worker")))))
        port, password = port_for_flower() if flower else None, secrets.token_hex(12)
        watch = Watch(broker.place, lambda: wiring.ask_broker(broker, _BROKER_TIMEOUT), signs, limits, logs, _say)
        parts = celery_parts(environment, nodes, port, watch.ticking, flower_password=password)
        if port is not None:
            _say(f"Flower: http://{FLOWER_USER}:{password}@127.0.0.1:{port}")
            _say(f"  Open that link, or http://127.0.0.1:{port} as '{FLOWER_USER}' with the password {password}.")
        silent = watch.silences(port)
        patience = limits.worker_restart_seconds - limits.worker_seen_seconds
        stages = [
            [replace(part, silent=silent[part.name], patience=patience) for part in stage]
            for stage in ([[redis.part], parts] if redis else [parts])
        ]
        news = stack.enter_context(StoreWatch(store)).news

        def look() -> None:
            watch.look()
            if (line := news()) is not None:
                _say(line)

        Supervisor(stages, logs, say=_say, announce_ready=_announce_ready, keep=(held,), look=look).run()
    return 0


def _introduced(broker: Broker, own: OwnRedis | None) -> str:
    """Return a line about the Redis: which, where, and who may use it."""
    if own is not None:
        return f"Redis: {broker.place}, {own.title} of ours with a password of its own (in {own.password_file})"
    if broker.password is None:
        return f"Redis: {broker.place}, found running; it asks for no password, so whoever reaches it may change it"
    return f"Redis: {broker.place}, found running"


def _emptied(folder: Path) -> Path:
    """A folder for temporary files, without those that processes which were killed have left."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _folders(home: Path) -> Path:
    """Make the home, private to its owner, and in it the folder for logs, which is returned."""
    logs = home / "logs"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        logs.mkdir(mode=0o700, exist_ok=True)
        if not os.access(logs, os.W_OK | os.X_OK) or not os.access(home, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise Refuse(Code.FILE_NOT_WRITABLE, f"{home} cannot be written to: {error.strerror}.") from None
    return logs


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[int]:
    """Hold this home for one supervisor, once the processes of one that was killed are gone.

    Yields a descriptor whose lock lasts until the last process that keeps it has ended.
    """
    with _open(home / "up.lock") as mine, _open(home / "parts.lock") as parts:
        if not _locked(mine):
            raise Refuse(Code.BUSY, f"The stack of {home} is running already; end that one first.")
        deadline = time.monotonic() + _LEFTOVERS
        while not _locked(parts):
            if time.monotonic() > deadline:
                raise Refuse(Code.BUSY, f"Processes of an earlier start in {home} have not ended yet; try again.")
            time.sleep(0.05)
        yield parts


@contextlib.contextmanager
def _open(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _announce_ready() -> None:
    write(b"ready\n")
