"""The prober process beside this worker: start it when the worker is ready, restart it, stop it with the worker."""

import logging
import os
import subprocess
import sys
import threading
from typing import Any

from celery.signals import worker_ready, worker_shutting_down

from shared.domain.limits import LIMITS

log = logging.getLogger(__name__)


_stop = threading.Event()
_prober: "list[subprocess.Popen[bytes]]" = []


@worker_ready.connect
def _start_prober(sender: Any, **_: object) -> None:
    """Start the thread that keeps a prober running."""
    threading.Thread(target=_keep_running, args=(sender.hostname,), name="prober", daemon=True).start()


@worker_shutting_down.connect
def _stop_prober(**_: object) -> None:
    """Terminate the prober. This is safe at any point: a probe without a stored result is repeated."""
    _stop.set()
    for prober in _prober:
        prober.terminate()


def _keep_running(worker: str) -> None:
    """Run one prober at a time, and restart it after each end, until the worker shuts down."""
    while not _stop.is_set():
        argv = [sys.executable, "-m", "workers.prober", str(os.getpid()), worker]
        _prober[:] = [subprocess.Popen(argv, stdin=subprocess.DEVNULL)]
        status = _prober[0].wait()
        if not _stop.wait(LIMITS.prober_restart_seconds):
            log.warning("prober ended with status %d, restarting it", status)
