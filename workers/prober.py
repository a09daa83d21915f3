"""The process beside a worker that probes the tenants' keys: ``python -m workers.prober PARENT``.

It is a separate process for two reasons. A worker's children may be busy with steps for minutes. The worker's parent forks
children, which is unsafe while its threads call KMS. The prober ends with the process whose id is ``PARENT``.
"""

import logging
import os
import sys
import time

from shared import wiring
from shared.domain.errors import EntrakeepError
from shared.engine.key_health import Prober

log = logging.getLogger(__name__)


def main(parent: int) -> int:
    """Probe in rounds until the parent process ends. Return 0, or 1 if the prober cannot be set up."""
    wiring.set_up_logs()
    try:
        prober = Prober(wiring.probing())
    except EntrakeepError as error:
        log.critical("prober cannot start: %s", error)
        return 1
    while os.getppid() == parent:
        _round(prober)
        time.sleep(wiring.LIMITS.probe_round_seconds)
    return 0


def _round(prober: Prober) -> None:
    """Probe the keys once. Log a failure instead of raising it, so that the next round follows."""
    try:
        prober.once()
    except EntrakeepError as error:
        log.warning("probing round failed, the next round retries: %s", error)
    except Exception as error:
        log.error("probing round failed with unexpected %s, the next round retries", type(error).__name__)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1])))
