"""The prober beside this worker: begun when the worker is ready, begun again should it end, ended with the worker."""

import logging
import os
import subprocess
import sys
import threading

from celery.signals import worker_ready, worker_shutting_down

log = logging.getLogger(__name__)

AGAIN = 5.0
"""Seconds before a prober that ended is begun again."""

_stop = threading.Event()
_prober: "list[subprocess.Popen[bytes]]" = []


@worker_ready.connect
def _ready(**_: object) -> None:
    threading.Thread(target=_keep, name="prober", daemon=True).start()


@worker_shutting_down.connect
def _going(**_: object) -> None:
    """What it is doing may be cut off at any point: a probe of which nothing was noted comes again."""
    _stop.set()
    for prober in _prober:
        prober.terminate()


def _keep() -> None:
    while not _stop.is_set():
        argv = [sys.executable, "-m", "workers.prober", str(os.getpid())]
        _prober[:] = [subprocess.Popen(argv, stdin=subprocess.DEVNULL)]
        status = _prober[0].wait()
        if not _stop.wait(AGAIN):
            log.warning("the prober ended with status %d and is begun again", status)
