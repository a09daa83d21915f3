"""Download: hand out a snapshot's records, each value byte for byte as Graph sent it."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Protocol

from shared.domain.jobs import JobKind
from shared.domain.model import Snapshot, Tenant
from shared.engine.context import Context
from shared.engine.snapshots.foreground import Shown, run_foreground
from shared.vault.snapshot_reader import Record, SnapshotReader

_BATCH = 256 * 1024
"""Bytes of lines written at a time."""
_REPORT_EVERY = 500
"""Records between two reports of progress and two checks of the claim."""


class Sink(Protocol):
    """The output: a binary file."""

    def write(self, data: bytes, /) -> object:
        """Write all of these bytes."""
        ...


class Download:
    """A snapshot that is being downloaded. Its records are counted as they are read."""

    def __init__(
        self,
        snapshot: Snapshot,
        reader: SnapshotReader,
        resources: Collection[str],
        check: Callable[[], None],
        report: Callable[[int], None],
    ) -> None:
        """Prepare to read these resources, all if empty.

        ``check`` raises if the claim or a lease has ended. ``report`` is called with the number of records read so far.
        """
        self.snapshot = snapshot
        """The snapshot's row, with its completeness report."""
        self.resources = sorted(resources) or reader.resources
        """The resources to download, sorted."""
        self.count = 0
        """Number of records read so far."""
        self.check = check
        """Raises if the claim or a lease has ended: call it before plaintext leaves the process."""
        self._reader = reader
        self._report = report

    def records(self, resources: Collection[str] = (), after: bytes | None = None) -> Iterator[Record]:
        """Yield records sorted by resource, then by key, of these resources; of all that are downloaded if empty.

        ``after`` is the key of a record: records up to it are left out. Raise what reading raises.
        """
        for record in self._reader.records(resources or self.resources, after):
            yield record
            self.count += 1
            if self.count % _REPORT_EVERY == 0:
                self.check()
                self._report(self.count)
        self._report(self.count)

    def values(self, resource: str) -> Iterator[bytes]:
        """Yield the values of one resource's records, without counting them."""
        for number, (_, value) in enumerate(self._reader.records([resource])):
            if number % _REPORT_EVERY == 0:
                self.check()
            yield value


@contextmanager
def opened_download(
    context: Context,
    tenant: Tenant,
    snapshot: str,
    resources: Collection[str] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[Download]:
    """Begin a download of a snapshot (id or ``latest``), and end it with the block.

    ``progress`` is called with the number of records read so far. If the block raises, the caller must discard the output:
    the key may have been revoked half-way.
    """
    row = context.catalog.tenant(tenant.tenant_id).snapshots.get(snapshot)
    shown = Shown()

    def report(count: int) -> None:
        shown.records = count
        progress(count)

    with run_foreground(context, tenant, JobKind.DOWNLOAD, row.snapshot_id, shown, resources) as (work, reader):
        yield Download(row, reader, resources, work.check, report)
        work.check()


def write_lines(download: Download, sink: Sink, resources: Collection[str] = (), after: bytes | None = None) -> None:
    """Write ``{"key": "…", "value": …}`` lines, sorted by resource and then by key. Raise OSError from ``sink``."""
    batch = bytearray()
    for key, value in download.records(resources, after):
        batch += b'{"key": "%b", "value": %b}\n' % (key, value)
        if len(batch) >= _BATCH:
            download.check()
            sink.write(bytes(batch))
            batch.clear()
    download.check()
    sink.write(bytes(batch))


def download(
    context: Context,
    tenant: Tenant,
    snapshot: str,
    sink: Sink,
    resources: Collection[str] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write a snapshot's lines as ``write_lines`` does. Return their number. Raise as ``opened_download`` does."""
    with opened_download(context, tenant, snapshot, resources, progress) as opened:
        write_lines(opened, sink)
    return opened.count
