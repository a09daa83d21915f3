"""The process beside a worker that probes the tenants' keys and delivers notices.

It is run by ``python -m workers.prober PARENT WORKER``.

It is a separate process for two reasons. A worker's children may be busy with steps for minutes. The worker's parent forks
children, which is unsafe while its threads call KMS. The prober ends with the process whose id is ``PARENT``. For the
worker of this name it also asks AWS which account and principal the worker's credentials have.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from shared import wiring
from shared.domain.errors import EntrakeepError
from shared.engine.key_health import Prober
from shared.engine.key_health.identity import report_identity
from shared.engine.notices.delivering import Notifier

log = logging.getLogger(__name__)
T = TypeVar("T")


def main(parent: int, worker: str) -> int:
    """Probe in rounds until the parent process ends. Return 0, or 1 if the prober cannot be set up."""
    wiring.set_up_logs()
    try:
        probing = wiring.probing()
        delivering = wiring.notifier(probing)
        prober, notifier = Prober(probing), Notifier(delivering)
    except EntrakeepError as error:
        log.critical("prober cannot start: %s", error)
        return 1
    # In threads of their own, so that a slow answer of AWS delays no probe.
    _keep("report of the AWS identity", partial(report_identity, probing, worker))
    _keep("check of the installation's key", partial(delivering.keyring.publish, probing.limits))
    while os.getppid() == parent:
        _retried("probing round", prober.once)
        _retried("round of notices", notifier.once)
        time.sleep(wiring.LIMITS.probe_round_seconds)
    return 0


def _keep(name: str, work: Callable[[], float]) -> None:
    """Start a thread that repeats ``work`` until the process ends. ``work`` returns the seconds until the next time."""

    def keep() -> None:
        while True:
            wait = _retried(name, work)
            time.sleep(wiring.LIMITS.identity_retry_seconds if wait is None else wait)

    threading.Thread(target=keep, name=name, daemon=True).start()


def _retried(name: str, work: Callable[[], T]) -> T | None:
    """Return what ``work`` returns. Log a failure instead of raising it, so that the next round follows."""
    try:
        return work()
    except EntrakeepError as error:
        log.warning("%s failed, the next round retries: %s", name, error)
    except Exception as error:
        log.error("%s failed with unexpected %s, the next round retries", name, type(error).__name__)
    return None


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), sys.argv[2]))
