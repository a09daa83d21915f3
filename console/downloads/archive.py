"""A download as a zip archive: a folder for each resource, a page to begin with, the completeness report, checksums."""

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from functools import partial

import msgspec

from console.documents.snapshots import snapshot_document
from console.downloads.index_page import index_page
from console.downloads.tables import Columns, write_resource, write_table
from shared.engine.snapshots.download import Download, Sink, write_lines

CHECKSUMS = "SHA256SUMS"
"""The name of the file that ``sha256sum -c`` reads."""


def write_archive(download: Download, tenant: str, sink: Sink) -> None:
    """Write the archive: ``index.html``, ``completeness.json``, and for each resource its lines and its table."""
    with _archive(download, sink) as archive:
        for resource in download.resources:
            columns = Columns()
            records = columns.collect(download.records([resource]))
            archive.add(f"{resource}/{resource}.jsonl", partial(write_lines, download, records))
            archive.add(
                f"{resource}/{resource}.csv", partial(write_table, download, columns, download.uncounted(resource))
            )
        report = msgspec.json.format(msgspec.json.encode(snapshot_document(download.snapshot, tenant)), indent=2)
        archive.add("completeness.json", lambda file: file.write(report))
        archive.add("index.html", lambda file: file.write(index_page(download, tenant)))


def write_table_archive(download: Download, sink: Sink) -> None:
    """Write an archive with one table for each resource."""
    with _archive(download, sink) as archive:
        for resource in download.resources:
            archive.add(f"{resource}.csv", partial(write_resource, download, resource))


class _Archive:
    """A zip archive that is being written, with the checksum of each file so far."""

    def __init__(self, zip_file: zipfile.ZipFile, time: tuple[int, int, int, int, int, int]) -> None:
        self._zip = zip_file
        self._time = time
        self._sums: dict[str, str] = {}

    def add(self, name: str, contents: Callable[[Sink], object]) -> None:
        """Write one file."""
        info = zipfile.ZipInfo(name, self._time)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._zip.open(info, "w", force_zip64=True) as file:
            hashed = _Hashed(file)
            contents(hashed)
        self._sums[name] = hashed.sha256.hexdigest()

    def add_checksums(self) -> None:
        """Write the checksums of all files."""
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(self._sums.items()))
        self.add(CHECKSUMS, lambda file: file.write(lines.encode()))


@contextmanager
def _archive(download: Download, sink: Sink) -> Iterator[_Archive]:
    """Yield an archive in ``sink``, and end it with its checksums. If the block fails, the archive lacks its directory."""
    time = download.snapshot.created_at.astimezone(UTC)
    zip_file = zipfile.ZipFile(
        _Stream(sink), "w", allowZip64=True
    )  # closed only on success, so that it never looks whole
    archive = _Archive(zip_file, (time.year, time.month, time.day, time.hour, time.minute, time.second))
    try:
        yield archive
        archive.add_checksums()
    except BaseException:
        zip_file.fp = None  # its destructor would write the directory of the archive
        raise
    zip_file.close()


class _Hashed:
    """A sink that keeps the SHA-256 of what went through it."""

    def __init__(self, sink: Sink) -> None:
        self.sha256 = hashlib.sha256()
        self._sink = sink

    def write(self, data: bytes, /) -> None:
        """Write all of the data."""
        self.sha256.update(data)
        self._sink.write(data)


class _Stream:
    """A sink as a file that cannot seek, as zipfile expects one."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, data: bytes, /) -> int:
        """Write all of the data."""
        self._sink.write(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: nothing is buffered here."""

    def close(self) -> None:
        """Do nothing: the caller that opened the sink closes it."""
