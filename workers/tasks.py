"""The Celery task that decodes one message and runs its step, and the worker's signals: slots, shutdown, released claims.

Celery's own retry and ETA are never used: the step's outcome is stored in SQL before the task returns.
"""

import logging
import os
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from celery import Task, shared_task
from celery.exceptions import Ignore, Retry
from celery.signals import worker_init, worker_process_init, worker_ready, worker_shutting_down

from shared import wiring
from shared.domain.errors import Code, EntrakeepError
from shared.engine.jobs.ending import Ending, Outcome
from shared.engine.jobs.runner import run_step
from shared.messages import TASKS, decode
from workers.request import Dropped

if TYPE_CHECKING:
    from shared.engine.context import Context

log = logging.getLogger(__name__)


_stop = threading.Event()


class StepTask(Task[Any, Any]):
    """The Celery task class of every kind of step."""

    Request = "workers.request:StepRequest"
    abstract = True
    ignore_result = True


class StepFailed(Exception):
    """The exception of a step that ended its job. It carries the job's code only, never a sentence."""

    def __init__(self, code: str) -> None:
        super().__init__(str(code))


class StepRetried(Exception):
    """The exception of a step that is retried. It carries only the code of the problem that blocks the step."""

    def __init__(self, code: str) -> None:
        super().__init__(str(code))


_contexts: dict[int, "Context"] = {}


def _product() -> "Context":
    """Return the engine with the product's own wiring."""
    from workers.app import app

    return wiring.worker_context(app)


make_context: Callable[[], "Context"] = _product
"""The factory for a process's engine. Tests that kill workers replace it with other wiring."""


def context() -> "Context":
    """Return this process's engine. It is created after the fork, so that no connection is shared with the parent."""
    process = os.getpid()
    if process not in _contexts:
        _contexts[process] = make_context()
    return _contexts[process]


def step(self: StepTask, /, **arguments: object) -> None:
    """Run the step named in the message, and raise its outcome for Flower: at most a code, never a sentence."""
    message = decode(arguments)
    if message is None:
        raise Ignore
    try:
        ending = run_step(context(), message, f"{self.request.hostname}/{os.getpid()}")
    except EntrakeepError as error:
        # The catalog did not answer. If the step was claimed, the claim expires and the step is retried.
        raise Retry(exc=StepRetried(error.code)) from None
    except Exception as error:
        # Flower shows the text of exceptions, and this text may quote Graph's answer: report its type and traceback only.
        place = "".join(traceback.format_tb(error.__traceback__))
        log.error("step failed with unexpected %s\n%s", type(error).__name__, place, extra={"job": message.job_id})
        raise StepFailed(Code.UNEXPECTED) from None
    _report(ending)


def _report(ending: Ending) -> None:
    """Raise the exception that makes Celery report this ending; return if the step is done."""
    if ending.outcome is Outcome.FAILED:
        raise StepFailed(ending.code or Code.UNEXPECTED)
    if ending.outcome is Outcome.RETRIED:
        raise Retry(exc=StepRetried(ending.code or "RELEASED"))
    if ending.outcome is Outcome.DROPPED:
        raise Dropped
    if ending.outcome is Outcome.ELSEWHERE:
        raise Ignore


for _name in TASKS:
    shared_task(name=_name, bind=True, base=StepTask, throws=(StepFailed,))(step)


@worker_init.connect
def _load_engine(**_: object) -> None:
    """Load everything that a step needs before the children are forked, so that the first step starts at once.

    A worker that cannot run any step logs the reason and exits, so that it does not look available.
    """
    try:
        context()
    except EntrakeepError as error:
        log.critical("worker cannot start: %s", error)
        raise SystemExit(1) from None
    except Exception as error:
        place = "".join(traceback.format_tb(error.__traceback__))
        log.critical("worker cannot start: unexpected %s\n%s", type(error).__name__, place)
        raise SystemExit(1) from None


@worker_process_init.connect
def _set_up_child(**_: object) -> None:
    """Set up the logs of a forked child."""
    wiring.set_up_logs()


@worker_ready.connect
def _start_heartbeat(sender: Any, **_: object) -> None:
    """Start the thread that reports this worker and its slots to SQL until the worker ends."""
    name, slots = sender.hostname, sender.controller.concurrency
    threading.Thread(target=_heartbeat, args=(name, slots), name="heartbeat", daemon=True).start()


def _heartbeat(name: str, slots: int) -> None:
    """Report the worker to SQL every ``Limits.heartbeat_seconds`` until it shuts down."""
    begins = True
    while True:
        try:
            context().catalog.scheduler().record_heartbeat(name, slots, begins=begins)
            begins = False
        except Exception as error:
            # Usually the database does not answer; the next heartbeat may succeed.
            log.warning("heartbeat failed, the next one retries: %s", type(error).__name__)
        if _stop.wait(wiring.LIMITS.heartbeat_seconds):
            return


@worker_shutting_down.connect
def _start_release(sender: str, **_: object) -> None:
    """Start to release the children's claims. Each child notices that at its next check.

    A thread does it: this handler runs in a signal, which may have interrupted its own thread in the middle of a fork, while
    it waits until the catalog is idle.
    """
    _stop.set()
    threading.Thread(target=_release_claims, args=(sender,), name="release-claims").start()


def _release_claims(worker: str) -> None:
    """Report that the worker has no slots any more, and release its claims."""
    scheduler = context().catalog.scheduler()
    try:
        scheduler.record_heartbeat(worker, 0)
        scheduler.release(worker)
    except EntrakeepError:
        return  # the claims expire by themselves
