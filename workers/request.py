"""What the worker's parent reports of a step that ended in another way than a Celery task does."""

from typing import Any

from billiard.einfo import ExceptionWithTraceback  # type: ignore[attr-defined]
from celery.exceptions import Ignore, WorkerLostError
from celery.worker import state
from celery.worker.request import Request

from shared.domain.errors import Code


class Dropped(Ignore):
    """The step's job has ended, and not by this step."""


_Request: Any = Request


class StepRequest(_Request):  # type: ignore[misc]
    """A request to do a step. A killed child leaves its step to another worker, so that is a retry and no failure."""

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:
        """Report the end of a task that raised."""
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
