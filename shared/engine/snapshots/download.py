"""Download: hand out a snapshot's records, each value byte for byte as Graph sent it."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from shared.domain.compare import ChangedRecord
from shared.domain.errors import COMPLETE, Code, Refuse
from shared.domain.jobs import JobKind
from shared.domain.model import Snapshot, Tenant
from shared.domain.records import resource_of
from shared.engine.context import Context
from shared.engine.snapshots.foreground import Shown, run_foreground_over
from shared.vault.differing import differing
from shared.vault.snapshot_reader import SnapshotReader

_BATCH = 256 * 1024
"""Bytes of lines written at a time."""
_REPORT_EVERY = 500
"""Records between two reports of progress and two checks of the claim."""


DownloadedRecord = tuple[bytes, bytes | None]
"""A key and its value. The value of a record that only the earlier snapshot has is None."""


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
        changes: Callable[[str], Iterator[ChangedRecord]] | None = None,
        earlier: Snapshot | None = None,
    ) -> None:
        """Prepare to read these resources, all if empty.

        ``check`` raises if the claim or a lease has ended. ``report`` is called with the number of records read so far.
        ``changes`` returns the records of a resource that differ from those of ``earlier``, if only these are downloaded.
        """
        self.earlier = earlier
        """The row of the snapshot since which changes are downloaded; None if all records are."""
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
        self._changes = changes

    def records(self, resources: Collection[str] = (), after: bytes | None = None) -> Iterator[DownloadedRecord]:
        """Yield records sorted by resource, then by key, of these resources; of all that are downloaded if empty.

        ``after`` is the key of a record: records up to it are left out. Raise what reading raises.
        """
        for record in self._downloaded(resources or self.resources, after):
            yield record
            self.count += 1
            if self.count % _REPORT_EVERY == 0:
                self.check()
                self._report(self.count)
        self._report(self.count)

    def uncounted(self, resource: str) -> Iterator[DownloadedRecord]:
        """Yield the records of one resource as ``records`` does, without counting them: for another form of the same."""
        for number, record in enumerate(self._downloaded([resource])):
            if number % _REPORT_EVERY == 0:
                self.check()
            yield record

    def _downloaded(self, resources: Collection[str], after: bytes | None = None) -> Iterator[DownloadedRecord]:
        """Yield the records of these resources that follow ``after``, or those of them that differ."""
        if self._changes is None:
            yield from self._reader.records(resources, after)
            return
        last = resource_of(after).decode() if after is not None else ""
        for resource in sorted(resources):
            for record in self._changes(resource) if resource >= last else ():
                if after is None or resource > last or record.key > after:
                    yield record.key, record.after


@contextmanager
def opened_download(
    context: Context,
    tenant: Tenant,
    snapshot: Snapshot,
    resources: Collection[str] = (),
    progress: Callable[[int], None] = lambda _: None,
    earlier: Snapshot | None = None,
) -> Iterator[Download]:
    """Begin a download of a snapshot, and end it with the block.

    With ``earlier``, another snapshot, only records are downloaded that differ from those of that snapshot. Raise Refuse
    ``WRONG_USE`` if that is not known of one of the resources.

    ``progress`` is called with the number of records read so far. If the block raises, the caller must discard the output:
    the key may have been revoked half-way.
    """
    if earlier is not None:
        check_comparable(earlier, snapshot, resources)
    rows = (snapshot,) if earlier is None else (snapshot, earlier)
    detail = {"since": earlier.snapshot_id} if earlier is not None else None
    shown, most = Shown(), context.limits.compared_lines

    def report(count: int) -> None:
        shown.records = count
        progress(count)

    with run_foreground_over(context, tenant, JobKind.DOWNLOAD, rows, shown, resources, detail) as (work, readers):

        def changes(resource: str) -> Iterator[ChangedRecord]:
            return differing(readers[-1], readers[0], resource, work.blobs.lists, most)

        yield Download(
            snapshot, readers[0], resources, work.check, report, changes if earlier is not None else None, earlier
        )
        work.check()


def check_comparable(since: Snapshot, snapshot: Snapshot, resources: Collection[str]) -> None:
    """Raise Refuse ``WRONG_USE`` unless both snapshots have all records of their time of these resources (all if empty)."""
    sides = [{report.resource: report for report in side.resources} for side in (since, snapshot)]
    unknown = []
    for name in sorted(set(resources) or {*sides[0], *sides[1]}):
        answers = {None if name not in side or side[name].stale else side[name].answer for side in sides}
        if len(answers) > 1 or not answers <= COMPLETE:
            unknown.append(name)
    if unknown:
        raise Refuse(
            Code.WRONG_USE,
            f"It is not known what changed in {', '.join(unknown)}: one of the snapshots did not read all of it. Name other "
            "resources with --resource, or download without --since.",
        )


def write_lines(download: Download, records: Iterable[DownloadedRecord], sink: Sink) -> None:
    """Write a line ``{"key": "…", "value": …}`` for each of the download's records. Raise OSError from ``sink``.

    The line of a record that only the earlier snapshot has is ``{"key": "…", "removed": true}``.
    """
    batch = bytearray()
    for key, value in records:
        if value is None:
            batch += b'{"key": "%b", "removed": true}\n' % key
        else:
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
    """Write the lines of a snapshot (id or ``latest``). Return their number. Raise as ``opened_download`` does."""
    row = context.catalog.tenant(tenant.tenant_id).snapshots.get(snapshot)
    with opened_download(context, tenant, row, resources, progress) as opened:
        write_lines(opened, opened.records(), sink)
    return opened.count
