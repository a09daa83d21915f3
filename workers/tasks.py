"""One task a message: decode it, do the step. And the worker's own life: its slots, and what it gives back at its end.

Never Celery's own retry or ETA: a step's fate stands in SQL when the task returns.
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
from shared.engine.jobs.perform import perform
from shared.messages import TASKS, decode
from workers.request import Dropped

if TYPE_CHECKING:
    from shared.engine.context import Context

log = logging.getLogger(__name__)

SEEN_EVERY = 5.0
"""Seconds between two signs of life of a worker in SQL."""

_stop = threading.Event()


class StepTask(Task[Any, Any]):
    """The task of every step, by whatever name."""

    Request = "workers.request:StepRequest"
    abstract = True
    ignore_result = True


class StepFailed(Exception):
    """What leaves the task of a step that ended its job: the job's code, and never a sentence."""

    def __init__(self, code: str) -> None:
        super().__init__(str(code))


class StepRetried(Exception):
    """What leaves the task of a step that is tried again: the code of what keeps it from going on."""

    def __init__(self, code: str) -> None:
        super().__init__(str(code))


_contexts: dict[int, "Context"] = {}


def _product() -> "Context":
    from workers.app import app

    return wiring.worker_context(app)


make_context: Callable[[], "Context"] = _product
"""How a process makes its engine. The tests that kill workers put another wiring here."""


def context() -> "Context":
    """The engine of this process, by its id: made after the fork, so that no connection is shared with the parent."""
    process = os.getpid()
    if process not in _contexts:
        _contexts[process] = make_context()
    return _contexts[process]


def step(self: StepTask, /, **arguments: object) -> None:
    """Do the step named in the message. Raise what shows in Flower how it ended: a code at most, and never a sentence."""
    message = decode(arguments)
    if message is None:
        raise Ignore
    try:
        ending = perform(context(), message, f"{self.request.hostname}/{os.getpid()}")
    except EntrakeepError as error:
        # The catalog itself did not answer: the claim, if there is one, expires, and the step is tried again.
        raise Retry(exc=StepRetried(error.code)) from None
    except Exception as error:
        # Its text may hold what Graph answered, and Flower shows the text of exceptions: only its name and place go on.
        place = "".join(traceback.format_tb(error.__traceback__))
        log.error("step failed with unexpected %s\n%s", type(error).__name__, place, extra={"job": message.job_id})
        raise StepFailed(Code.UNEXPECTED) from None
    _report(ending)


def _report(ending: Ending) -> None:
    """Raise what Celery reports the ending by; return if the step is done."""
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
def _begin(**_: object) -> None:
    """Loads all that a step needs before the children are forked, so that the first step begins at once.

    A worker that cannot do any step ends, with a sentence, and does not stand there as if it could.
    """
    try:
        context()
    except EntrakeepError as error:
        log.critical("this worker cannot work: %s", error)
        raise SystemExit(1) from None
    except Exception as error:
        place = "".join(traceback.format_tb(error.__traceback__))
        log.critical("this worker cannot work: unexpected %s\n%s", type(error).__name__, place)
        raise SystemExit(1) from None


@worker_process_init.connect
def _child(**_: object) -> None:
    wiring.set_up_logs()


@worker_ready.connect
def _ready(sender: Any, **_: object) -> None:
    """From now on, and until it ends, SQL knows of this worker's slots."""
    name, slots = sender.hostname, sender.controller.concurrency
    threading.Thread(target=_seen, args=(name, slots), name="seen", daemon=True).start()


def _seen(name: str, slots: int) -> None:
    begins = True
    while True:
        try:
            context().catalog.scheduler().worker_seen(name, slots, begins=begins)
            begins = False
        except Exception as error:
            # The database does not answer, as a rule: the next sign of life may get through.
            log.warning("no sign of life could be given: %s", type(error).__name__)
        if _stop.wait(SEEN_EVERY):
            return


@worker_shutting_down.connect
def _going(sender: str, **_: object) -> None:
    """Gives back what the children hold; they meet that at their next check.

    In a thread: this is called by a signal, which may have come while this very thread waits for the catalog to rest, in the
    middle of a fork.
    """
    _stop.set()
    threading.Thread(target=_give_back, args=(sender,), name="giving-back").start()


def _give_back(worker: str) -> None:
    scheduler = context().catalog.scheduler()
    try:
        scheduler.worker_seen(worker, 0)
        scheduler.release(worker)
    except EntrakeepError:
        return  # the claims expire by themselves
