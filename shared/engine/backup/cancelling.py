"""Running requests to Graph in an event loop, and cancelling them when the lease or the claim ends."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from shared.engine.steps.work import Work

T = TypeVar("T")


def run_cancellable(work: Work, requests: Coroutine[Any, Any, T]) -> T:
    """Run ``requests`` in a new event loop and return its result.

    When the lease or the claim ends, cancel the coroutine and raise the error that ended it.
    """
    return asyncio.run(_cancellable(work, requests))


async def _cancellable(work: Work, requests: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    task = loop.create_task(requests)
    cancelled = threading.Event()

    def cancel() -> None:
        if cancelled.is_set():
            return  # a second cancellation would interrupt the clean-up after the first
        cancelled.set()
        try:
            loop.call_soon_threadsafe(task.cancel)
        except RuntimeError:
            return  # the loop is closed, because the step has already ended

    work.keys.on_end(cancel)
    work.claim_keeper.on_lost(cancel)
    try:
        return await task
    except asyncio.CancelledError:
        work.check()
        raise
