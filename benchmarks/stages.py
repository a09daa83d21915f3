"""The CPU time of a backup by stage. Functions of the product are wrapped to measure the CPU time of the calling thread.

Time that a wrapped function spends in another wrapped function counts only for the inner one, so the stages add up. Time
during which a thread waits for the network, a disk, another thread or the interpreter lock is not CPU time.
"""

import inspect
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from shared.adapters.blobs.folder import FolderStore
from shared.adapters.budget.shared_redis import SharedRedis
from shared.adapters.catalog.tenancy import Tenancy
from shared.adapters.graph import slicer
from shared.engine.backup import compact, gather, read, stream_states
from shared.vault import writer
from shared.vault.buffer import SortBuffer

_STAGES: tuple[tuple[Any, str, str], ...] = (
    (read, "_read", "download: HTTP, TLS, gzip"),
    (SharedRedis, "ask", "ask the budget"),
    (slicer, "collection", "slice pages"),
    (gather.Gatherer, "_take", "entries into lines"),
    (SortBuffer, "drain", "sort"),
    (writer.RunWriter, "write", "cut into chunks"),
    (writer.RunWriter, "_seal", "write lines, name blobs"),
    (writer, "pack", "compress"),
    (writer, "seal", "seal"),
    (writer, "open_sealed", "prove: open"),
    (writer, "unpack", "prove: decompress"),
    (FolderStore, "put", "store"),
    (compact, "_merge", "merge runs"),
    (stream_states, "_records", "count records"),
    (Tenancy, "read", "SQL"),
    (Tenancy, "write", "SQL"),
)
"""The owner of a function, its name, and its stage."""
_OTHER = "all else"


class Stages:
    """A context manager that wraps the functions of each stage while it is entered."""

    def __init__(self) -> None:
        self._spent: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._inner = threading.local()
        self._wrapped = ExitStack()

    def __enter__(self) -> None:
        for owner, name, stage in _STAGES:
            self._wrapped.enter_context(patch.object(owner, name, self._wrap(getattr(owner, name), stage)))

    def __exit__(self, *_: object) -> None:
        self._wrapped.close()

    def by_stage(self, cpu_seconds: float) -> dict[str, float]:
        """Return CPU seconds by stage, largest first. ``cpu_seconds`` are those of the whole process."""
        seconds = dict(self._spent.most_common())
        return {**seconds, _OTHER: cpu_seconds - sum(seconds.values())}

    def _wrap(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            async def measured_coroutine(*arguments: Any, **options: Any) -> Any:
                with self._spend(stage):
                    return await function(*arguments, **options)

            return measured_coroutine
        if hasattr(function, "__wrapped__") and inspect.isgeneratorfunction(function.__wrapped__):

            @contextmanager
            def measured_context(*arguments: Any, **options: Any) -> Iterator[Any]:
                with self._spend(stage), function(*arguments, **options) as value:
                    yield value

            return measured_context

        def measured(*arguments: Any, **options: Any) -> Any:
            with self._spend(stage):
                return function(*arguments, **options)

        return measured

    @contextmanager
    def _spend(self, stage: str) -> Iterator[None]:
        inner = self._inner
        outer, inner.seconds = getattr(inner, "seconds", 0.0), 0.0
        started_at = time.thread_time()
        try:
            yield
        finally:
            total = time.thread_time() - started_at
            with self._lock:
                self._spent[stage] += total - inner.seconds
            inner.seconds = outer + total
