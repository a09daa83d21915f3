"""A download as tables: one CSV file (RFC 4180) for each resource, with a column for each property."""

import csv
import io
from collections.abc import Iterable, Iterator

from console.cells import safe_cell
from shared.domain.json_text import members, string
from shared.engine.snapshots.download import Download, DownloadedRecord, Sink

_BATCH = 64 * 1024


class Columns:
    """The names of all properties of a resource's records, in the order in which they first appear."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def __iter__(self) -> Iterator[str]:
        """Return the names so far."""
        return iter(self._names)

    def collect(self, records: Iterable[DownloadedRecord]) -> Iterator[DownloadedRecord]:
        """Yield the records, and add the names of their properties."""
        for key, value in records:
            if value is not None:
                self._names.update(dict.fromkeys(members(value) or {}))
            yield key, value


def write_resource(download: Download, resource: str, sink: Sink) -> None:
    """Write one resource's table. The records are read twice, because only then all columns are known."""
    columns = Columns()
    for _ in columns.collect(download.uncounted(resource)):
        pass
    write_table(download, columns, download.records([resource]), sink)


def write_table(download: Download, columns: Iterable[str], records: Iterable[DownloadedRecord], sink: Sink) -> None:
    """Write records as rows. The first row has the names of the columns: ``key``, then these properties.

    Texts are written as they are, other values as JSON. A cell that a spreadsheet would calculate gets an apostrophe in
    front. A download of changes has a column ``removed`` after the key.
    """
    columns = list(columns)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["key", *(["removed"] if download.earlier is not None else []), *map(safe_cell, columns)])
    for key, value in records:
        properties = _properties(value) if value is not None else {}
        mark = ["true" if value is None else "false"] if download.earlier is not None else []
        writer.writerow([key.decode(), *mark, *(safe_cell(properties.get(column, "")) for column in columns)])
        if text.tell() >= _BATCH:
            _flush(download, text, sink)
    _flush(download, text, sink)


def _flush(download: Download, text: io.StringIO, sink: Sink) -> None:
    """Write the collected rows, unless the lease has ended."""
    download.check()
    sink.write(text.getvalue().encode("utf-8", "backslashreplace"))
    text.seek(0)
    text.truncate()


def _properties(value: bytes) -> dict[str, str]:
    """Return the value's properties as texts: a text itself, null as an empty text, anything else as JSON."""
    return {name: _text(each) for name, each in (members(value) or {}).items()}


def _text(value: bytes) -> str:
    text = string(value)
    return text if text is not None else "" if value == b"null" else value.decode()
