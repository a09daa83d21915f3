"""``entrakeep up``: run the whole stack on this machine."""

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
from console.parts import FLOWER_USER, Nodes, WebPlace, celery_parts, node_names, port_for_flower, web_part
from console.redis_server import OwnRedis, own_redis
from console.store_watch import StoreWatch
from console.supervisor.loop import Supervisor
from console.watch import Signs, Watch
from shared import wiring
from shared.domain.deadline import Deadline
from shared.domain.errors import Code, Refuse
from shared.domain.limits import Limits
from shared.ports.broker import Broker


def run_up(
    *,
    home: Path,
    broker_url: str,
    environment: Mapping[str, str],
    flower: bool,
    signs: Signs,
    store: Callable[[], None],
    web: WebPlace | None,
    set_up_code: Callable[[], str | None],
    limits: Limits = wiring.LIMITS,
) -> int:
    """Run beat, a worker, Flower if wanted, the console, and Redis unless one answers already, until a signal. Return 0.

    Print ``ready`` on standard output when all parts answer, and everything else on standard error. Logs are written to
    ``<home>/logs``. ``environment`` is the worker's. ``store`` raises the store's problem, which is reported and stops
    nothing. ``web`` is the console's place, None for no console. ``set_up_code`` returns the code that makes the first
    person, or None if there is one. A part without a sign of life for a minute is restarted. Raise Refuse ``BUSY`` if the
    stack of this home runs already, ``BROKER_UNREACHABLE``, ``SETTINGS_INVALID``, ``FILE_NOT_WRITABLE``.
    """
    broker = wiring.broker_at(broker_url)
    logs = _folders(home)
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(_exclusive(home))
        environment = {**environment, "TMPDIR": str(_emptied(home / "tmp"))}
        redis = own_redis(broker, home, environment, wiring.ask_broker)
        _say(f"{_redis_line(broker, redis)}; logs: {logs}")
        if redis is not None:
            stack.enter_context(redis.password_kept())
            broker = redis.broker
            environment["ENTRAKEEP_BROKER_URL"] = broker.url
        nodes = stack.enter_context(contextlib.closing(Nodes(environment, node_names(("beat", "worker")))))
        port, password = port_for_flower() if flower else None, secrets.token_hex(12)
        watch = Watch(
            broker.place, lambda: wiring.ask_broker(broker, limits.watch_broker_seconds), signs, limits, logs, _say
        )
        parts = celery_parts(environment, nodes, port, watch.ticking, flower_password=password)
        if port is not None:
            _say(f"Flower: http://{FLOWER_USER}:{password}@127.0.0.1:{port}")
            _say(f"  Open that link, or http://127.0.0.1:{port} as '{FLOWER_USER}' with the password {password}.")
        if web is not None:
            parts = (*parts, web_part(environment, web, port))
            _say_console(web, set_up_code())
        silent = watch.silences(port, web)
        hang_seconds = limits.worker_restart_seconds - limits.worker_seen_seconds
        stages = [
            [replace(part, silent=silent[part.name], hang_seconds=hang_seconds) for part in stage]
            for stage in ([[redis.part], parts] if redis else [parts])
        ]
        news = stack.enter_context(StoreWatch(store, limits.store_watch_seconds, limits.store_watch_wrong_seconds)).news

        def look() -> None:
            """Report changes of the parts and of the store."""
            watch.look()
            if (line := news()) is not None:
                _say(line)

        Supervisor(stages, logs, say=_say, announce_ready=_announce_ready, keep=(lock,), look=look).run()
    return 0


def _say_console(web: WebPlace, code: str | None) -> None:
    """Say where the console is, and how to make the first person. No log contains the code: it is for this terminal alone."""
    _say(f"Console: {web.url}")
    if code is not None:
        _say(f"  Nobody can sign in yet. Open {web.url}/set-up within 30 minutes.")
        _say(f"  Set-up code: {code}")


def _redis_line(broker: Broker, own: OwnRedis | None) -> str:
    """Return a line about Redis: its address, its program, and who may use it."""
    if own is not None:
        return f"Redis: {broker.place}, started here ({own.title}) with its own password (in {own.password_file})"
    if broker.password is None:
        return (
            f"Redis: {broker.place}, already running; it needs no password, so anybody who can reach it can change it"
        )
    return f"Redis: {broker.place}, already running"


def _emptied(folder: Path) -> Path:
    """Create the folder for temporary files, without the files of earlier, killed processes. Return it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _folders(home: Path) -> Path:
    """Create the home, private to its owner, and its folder for logs. Return the latter. Raise ``FILE_NOT_WRITABLE``."""
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
def _exclusive(home: Path) -> Iterator[int]:
    """Lock this home for one supervisor, after the processes of a killed one have ended.

    Yield a descriptor whose lock lasts until the last process that keeps it open has ended. Raise Refuse ``BUSY``.
    """
    with _open(home / "up.lock") as own, _open(home / "parts.lock") as parts:
        if not _locked(own):
            raise Refuse(Code.BUSY, f"The stack of {home} is running already; stop it first.")
        deadline = Deadline(wiring.LIMITS.leftovers_seconds, time.monotonic)
        while not _locked(parts):
            if deadline.over:
                raise Refuse(Code.BUSY, f"Processes of an earlier start in {home} have not ended yet; try again.")
            time.sleep(0.05)
        yield parts


@contextlib.contextmanager
def _open(path: Path) -> Iterator[int]:
    """Yield a descriptor of the file, which is created if it does not exist."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock the file. Return False if another process has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _say(line: str) -> None:
    """Print a line on standard error."""
    print(line, file=sys.stderr, flush=True)


def _announce_ready() -> None:
    """Print ``ready`` on standard output."""
    write(b"ready\n")
