"""Where a backup's CPU time goes: functions of the product, wrapped so that each tells the CPU time of its own thread.

What a wrapped function spends in another wrapped one counts for the inner one alone, so the stages add up. Time in which a
thread waits, for the network, a disk, another thread or the interpreter's lock, is no CPU time.
"""

import inspect
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from shared.adapters import budget
from shared.adapters.blobs.folder import FolderStore
from shared.adapters.catalog.tenancy import Tenancy
from shared.adapters.graph import slicer
from shared.engine.backup import commit, compact, gather, read
from shared.vault import writer
from shared.vault.buffer import SortBuffer

_STAGES: tuple[tuple[Any, str, str], ...] = (
    (read, "_read", "download: HTTP, TLS, gzip"),
    (budget._Shared, "ask", "ask the budget"),
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
    (commit, "_records", "count records"),
    (Tenancy, "read", "SQL"),
    (Tenancy, "write", "SQL"),
)
"""Where a function stands, its name, and the stage that it is."""
_OTHER = "all else"


class Stages:
    """Wraps the functions of each stage while it is entered."""

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

    def told(self, cpu_seconds: float) -> dict[str, float]:
        """CPU seconds by stage, the most first; ``cpu_seconds`` are the whole process's."""
        known = dict(self._spent.most_common())
        return {**known, _OTHER: cpu_seconds - sum(known.values())}

    def _wrap(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            async def waited(*arguments: Any, **options: Any) -> Any:
                with self._spend(stage):
                    return await function(*arguments, **options)

            return waited
        if hasattr(function, "__wrapped__") and inspect.isgeneratorfunction(function.__wrapped__):

            @contextmanager
            def within(*arguments: Any, **options: Any) -> Iterator[Any]:
                with self._spend(stage), function(*arguments, **options) as found:
                    yield found

            return within

        def called(*arguments: Any, **options: Any) -> Any:
            with self._spend(stage):
                return function(*arguments, **options)

        return called

    @contextmanager
    def _spend(self, stage: str) -> Iterator[None]:
        inner = self._inner
        outer, inner.seconds = getattr(inner, "seconds", 0.0), 0.0
        begun = time.thread_time()
        try:
            yield
        finally:
            whole = time.thread_time() - begun
            with self._lock:
                self._spent[stage] += whole - inner.seconds
            inner.seconds = outer + whole
