"""Write a download in the form and to the place that the user asked for."""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from console.download_file import to_file, to_standard_output
from console.downloads.archive import write_archive, write_table_archive
from console.downloads.folder import to_folder
from console.downloads.partial import Partial, Request, to_partial_file
from console.downloads.tables import write_resource
from shared.domain.errors import Code, Refuse
from shared.domain.model import Tenant
from shared.engine.context import Context
from shared.engine.snapshots.download import Download, Sink, check_comparable, opened_download, write_lines
from shared.engine.snapshots.recipients import check_recipients, to_recipients

FORMATS = ("jsonl", "csv", "zip")
STANDARD_OUTPUT = "-"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The user's request for a download."""

    output: str
    """A file's or folder's name, or ``-``."""
    format: str
    resources: Sequence[str]
    """The resources to download, all if empty."""
    recipients: Sequence[str]
    """Public keys that the output is encrypted to; none if empty."""
    resume: bool
    since: str | None = None
    """A snapshot's id or ``latest``: only what changed since then is written. None for all."""

    @property
    def in_folder(self) -> bool:
        """Return True if the output is a folder of tables."""
        return self.format == "csv" and not self.output.endswith((".zip", ".zip.age")) and not self.standard

    @property
    def standard(self) -> bool:
        """Return True if the output is standard output."""
        return self.output == STANDARD_OUTPUT

    def check(self) -> None:
        """Raise Refuse ``WRONG_USE`` for a combination that makes no sense, before anything is read."""
        if self.format not in FORMATS:
            raise Refuse(Code.WRONG_USE, f"There is no format '{self.format}'; give jsonl, csv or zip.")
        if not self.output:
            raise Refuse(Code.WRONG_USE, "-o needs the name of a file, or - for standard output.")
        check_recipients(self.recipients)
        if self.recipients and self.in_folder:
            raise Refuse(Code.WRONG_USE, "A folder cannot be encrypted: give -o a name that ends in .zip.age.")
        if self.resume and (self.recipients or self.standard or not (self.in_folder or self.format == "jsonl")):
            raise Refuse(
                Code.WRONG_USE,
                "--resume is for a file of --format jsonl or a folder of --format csv, without --recipient. "
                "Anything else is written again from the beginning.",
            )


def write_download(
    context: Context, tenant: Tenant, snapshot: str, order: Order, progress: Callable[[int], None]
) -> int:
    """Write a snapshot (id or ``latest``) as ordered. Return the number of records that were read.

    Without ``resume`` nothing remains of a download that fails.
    """
    partial = Partial(order.output)
    snapshots = context.catalog.tenant(tenant.tenant_id).snapshots
    row, earlier = snapshots.get(snapshot), snapshots.get(order.since) if order.since is not None else None
    if earlier is not None:
        check_comparable(
            earlier, row, order.resources
        )  # before anything is written, the note of a resumed one included
    if order.resume:
        request = Request(
            tenant_id=tenant.tenant_id,
            snapshot=row.snapshot_id,
            format=order.format,
            resources=sorted(order.resources),
            since=earlier.snapshot_id if earlier is not None else None,
        )
        resumed = partial.begin(request, latest=snapshot == "latest").snapshot
        row = row if resumed == row.snapshot_id else snapshots.get(resumed)
    begin = functools.partial(opened_download, context, tenant, row, order.resources, progress, earlier)
    if order.in_folder:
        with to_folder(order.output, partial.path, keep=order.resume) as write, begin() as download:
            for resource in download.resources:
                write(f"{resource}.csv", functools.partial(write_resource, download, resource))
    elif order.resume:
        with to_partial_file(partial) as (sink, last), begin() as download:
            write_lines(download, download.records(after=last), sink)
    else:
        with _sink(order) as sink, begin() as download:
            _write(download, tenant, order, sink)
    if order.resume:
        partial.finish()
    return download.count


def _write(download: Download, tenant: Tenant, order: Order, sink: Sink) -> None:
    """Write the download into one file."""
    if order.format == "jsonl":
        write_lines(download, download.records(), sink)
    elif order.format == "zip":
        write_archive(download, tenant.name, sink)
    else:
        write_table_archive(download, sink)


@contextmanager
def _sink(order: Order) -> Iterator[Sink]:
    """Yield the output, encrypted to the recipients."""
    with (
        to_standard_output() if order.standard else to_file(order.output) as file,
        to_recipients(file, order.recipients) as sink,
    ):
        yield sink
