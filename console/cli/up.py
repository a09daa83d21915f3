"""``entrakeep up``: the whole stack on this machine."""

import contextlib
import errno
import fcntl
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from console.parts import Nodes, celery_parts, node_names, port_for_flower
from console.redis_server import broker_at, own_redis
from console.supervisor.loop import Supervisor
from shared.domain.errors import Code, Refuse

_LEFTOVERS = 15.0
"""Seconds for the processes of an earlier, killed start to go."""


def run_up(*, home: Path, broker_url: str, environment: Mapping[str, str], flower: bool) -> int:
    """Run beat, a worker, Flower if wanted, and Redis where the broker's address is ours to serve, until a signal.

    Prints ``ready`` on standard output when all answer, everything else on standard error; logs stand in ``<home>/logs``.
    ``environment`` is what the parts are started with. Returns the exit status, 0. Raises Refuse: ``BUSY`` if the stack
    of this home runs already, ``BROKER_UNREACHABLE``, ``SETTINGS_INVALID``, ``FILE_NOT_WRITABLE``.
    """
    broker = broker_at(broker_url)
    logs = _folders(home)
    with _alone(home) as held, contextlib.closing(Nodes(environment, node_names(("beat", "worker")))) as nodes:
        redis = own_redis(broker, home, environment)
        port = port_for_flower() if flower else None
        parts = celery_parts(environment, nodes, port)
        _say(f"Redis: {broker.place} ({'one of ours' if redis else 'found running'}); logs: {logs}")
        if port is not None:
            _say(f"Flower: http://127.0.0.1:{port}")
        stages = [[redis], parts] if redis else [parts]
        Supervisor(stages, logs, say=_say, announce_ready=_announce_ready, keep=(held,)).run()
    return 0


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
    print("ready", flush=True)
