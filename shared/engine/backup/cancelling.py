"""Run what waits for Graph in an event loop, and cancel it when the lease or the claim ends."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from shared.engine.work import Work

T = TypeVar("T")


def run_cancellable(work: Work, asking: Coroutine[Any, Any, T]) -> T:
    """Return what ``asking`` returns. The end of the lease or the claim cancels whatever it waits for, and is raised
    instead."""
    return asyncio.run(_cancellable(work, asking))


async def _cancellable(work: Work, asking: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    task = loop.create_task(asking)
    cancelled = threading.Event()

    def cancel() -> None:
        if cancelled.is_set():
            return  # once is enough: a second one would cut off the tidying up after the first
        cancelled.set()
        try:
            loop.call_soon_threadsafe(task.cancel)
        except RuntimeError:
            return  # the loop is closed: the step has ended already

    work.custody.on_end(cancel)
    work.hold.on_lost(cancel)
    try:
        return await task
    except asyncio.CancelledError:
        work.check()
        raise
