"""Celery events for steps that end in a way Celery tasks do not: dropped, or lost with their process."""

from typing import Any

from billiard.einfo import ExceptionWithTraceback  # type: ignore[attr-defined]
from celery.exceptions import Ignore, WorkerLostError
from celery.worker import state
from celery.worker.request import Request

from shared.domain.errors import Code


class Dropped(Ignore):
    """The step's job ended for another reason, so this step's result no longer counts."""


_Request: Any = Request


class StepRequest(_Request):  # type: ignore[misc]
    """The request to run a step.

    If the step's process is killed, another worker retries the step, so that is no failure.
    """

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:
        """Report a task that raised: revoked if its step was dropped, retried if its process was lost, otherwise failed."""
        error = exc_info.exception
        error = error.exc if isinstance(error, ExceptionWithTraceback) else error
        if isinstance(error, Dropped):
            state.task_ready(self)
            self.send_event("task-revoked", terminated=False, signum=None, expired=False)
            return None
        lost = isinstance(error, WorkerLostError | SystemExit | KeyboardInterrupt)
        ended = super().on_failure(exc_info, send_failed_event and not lost, return_ok)
        if lost:
            self.send_event("task-retried", exception=str(Code.WORKER_LOST), traceback="")
        return ended
