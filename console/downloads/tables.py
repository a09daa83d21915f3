"""A download as tables: one CSV file (RFC 4180) for each resource, with a column for each property."""

import csv
import io

from console.cells import safe_cell
from shared.domain.json_text import members, string
from shared.engine.snapshots.download import Download, Sink

_BATCH = 64 * 1024


def write_table(download: Download, resource: str, sink: Sink) -> None:
    """Write one resource's records as rows. The first row has the names of the columns: ``key``, then the properties.

    Texts are written as they are, other values as JSON. A cell that a spreadsheet would calculate gets an apostrophe in
    front. The records are read twice, because only then all columns are known. A download of changes has a column
    ``removed`` after the key.
    """
    columns = _columns(download, resource)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["key", *(["removed"] if download.earlier is not None else []), *map(safe_cell, columns)])
    for key, value in download.records([resource]):
        properties = _properties(value) if value is not None else {}
        mark = ["true" if value is None else "false"] if download.earlier is not None else []
        writer.writerow([key.decode(), *mark, *(safe_cell(properties.get(column, "")) for column in columns)])
        if text.tell() >= _BATCH:
            _flush(download, text, sink)
    _flush(download, text, sink)


def _columns(download: Download, resource: str) -> list[str]:
    """Return the names of all properties of the resource's records, in the order in which they first appear."""
    names: dict[str, None] = {}
    for value in download.values(resource):
        names.update(dict.fromkeys(_properties(value)))
    return list(names)


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
