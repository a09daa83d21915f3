"""Fork Celery's processes from a process that has loaded every import, so that a restart costs little.

``python -m tests.flow.nursery APPLICATION``. A line on standard input, ``LOG WORD…``, starts ``celery -A APPLICATION
WORD…`` in a new session that writes to the file LOG. The answer on standard output is the process id. All started
processes are killed when standard input ends.
"""

import gc
import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

_LOADED = (
    "billiard.heap",
    "billiard.popen_fork",
    "billiard.sharedctypes",
    "billiard.synchronize",
    "celery.app.amqp",
    "celery.app.control",
    "celery.app.events",
    "celery.app.log",
    "celery.app.routes",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer.delayed_delivery",
    "celery.worker.strategy",
    "kombu.transport.redis",
    "shared.adapters.blobs",
    "shared.adapters.budget",
    "shared.adapters.catalog.open",
    "shared.adapters.clock",
    "shared.adapters.dispatch",
    "shared.adapters.graph",
    "shared.adapters.kms",
    "shared.adapters.operator",
)
"""Modules that workers and beats import only at their start. None of them connects to anything or starts a thread."""


class Nursery:
    """The process as a test uses it. Use as a context manager."""

    def __init__(self, application: str, environment: Mapping[str, str], folder: Path) -> None:
        argv = [sys.executable, "-m", __name__, application]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(argv, cwd=folder, env=environment, text=True, **pipes)  # type: ignore[call-overload]

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)

    def begin(self, log: Path, *words: str) -> int:
        """Start a process. Return its id, which is also the id of its session."""
        self._process.stdin.write(f"{log} {' '.join(words)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _main(application: str) -> None:
    for name in (*_LOADED, application):
        importlib.import_module(name)
    started: set[int] = set()
    signal.signal(signal.SIGCHLD, lambda *_: started.difference_update(_ended()))
    gc.freeze()
    for line in sys.stdin:
        log, *words = line.split()
        process = os.fork()
        if process == 0:
            _be(log, "-A", application, *words)
        started.add(process)
        print(process, flush=True)
    for process in tuple(started):
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)


def _ended() -> Iterator[int]:
    """Yield the ids of ended children. The system may reuse these ids from now on."""
    with suppress(ChildProcessError):
        while (process := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            yield process


def _be(log: str, *words: str) -> None:
    """Turn this process into Celery's. Never return."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null, log_file = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for descriptor, number in ((null, 0), (log_file, 1), (log_file, 2)):
        os.dup2(descriptor, number)
    from celery.bin.celery import main

    sys.argv = ["celery", *words]
    try:
        sys.exit(main())
    finally:
        os._exit(1)


if __name__ == "__main__":
    _main(sys.argv[1])
