"""The process beside a worker that probes the tenants' keys: ``python -m workers.prober PARENT``.

A process of its own: a worker's children may be busy with steps for minutes, and its parent forks them, which a parent with
threads in the middle of calls to KMS must not. It ends with its parent, whose process id is given.
"""

import logging
import os
import sys
import time

from shared import wiring
from shared.domain.errors import EntrakeepError
from shared.engine.key_health import Prober

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two rounds."""


def main(parent: int) -> int:
    """Rounds until the parent is gone. 1 if it could never make one."""
    wiring.set_up_logs()
    try:
        prober = Prober(wiring.probing())
    except EntrakeepError as error:
        log.critical("keys cannot be probed: %s", error)
        return 1
    while os.getppid() == parent:
        _round(prober)
        time.sleep(EVERY)
    return 0


def _round(prober: Prober) -> None:
    try:
        prober.once()
    except EntrakeepError as error:
        log.warning("keys were not probed, the next round tries again: %s", error)
    except Exception as error:
        log.error("keys were not probed, the next round tries again: %s", type(error).__name__)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1])))
