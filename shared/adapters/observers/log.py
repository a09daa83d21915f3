"""Write the begin and the end of each step to the log."""

import logging

from shared.domain.errors import Code
from shared.domain.jobs import Claim
from shared.ports.observer import Observer

log = logging.getLogger(__name__)


class StepLog(Observer):
    """The log of steps. It has ids, codes and durations only."""

    def begin_step(self, claim: Claim) -> None:
        """Log that the step begins."""
        log.info("step begins", extra=_ids(claim))

    def end_step(self, claim: Claim, seconds: float, code: Code | None, *, early: bool) -> None:
        """Log that the step ended, after how long, and with which code if it ended early."""
        message = "step ends early" if early else "step ends"
        log.info(message, extra={**_ids(claim), "seconds": round(seconds, 3), "code": code})


def _ids(claim: Claim) -> dict[str, str]:
    return {"tenant": claim.tenant_id, "job": claim.job_id, "step": claim.name}
