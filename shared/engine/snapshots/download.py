"""Download: write a snapshot's records as lines of JSON, each value byte for byte as Graph sent it."""

from collections.abc import Callable, Collection
from typing import Protocol

from shared.domain.jobs import JobKind
from shared.domain.model import Tenant
from shared.engine.context import Context
from shared.engine.snapshots.foreground import Shown, begun_foreground

_BATCH = 256 * 1024
"""Bytes of lines written at a time."""


class Sink(Protocol):
    """The output for the lines: a binary file."""

    def write(self, data: bytes, /) -> object:
        """Write all of these bytes."""
        ...


def download(
    context: Context,
    tenant: Tenant,
    snapshot: str,
    sink: Sink,
    resources: Collection[str] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write ``{"key": "…", "value": …}`` lines, sorted by resource and then by key. Return their number.

    ``progress`` is called with the number of lines written so far. If this raises, the caller must discard the output: the
    key may have been revoked half-way. Raises what reading raises, and OSError from ``sink``.
    """
    count, shown = 0, Shown()
    with begun_foreground(context, tenant, JobKind.DOWNLOAD, snapshot, shown, resources) as (work, reader):
        batch = bytearray()
        for key, value in reader.records(resources):
            batch += b'{"key": "%b", "value": %b}\n' % (key, value)
            count += 1
            if len(batch) >= _BATCH:
                work.check()
                shown.records = count
                sink.write(bytes(batch))
                batch.clear()
                progress(count)
        work.check()
        shown.records = count
        sink.write(bytes(batch))
        progress(count)
    return count
