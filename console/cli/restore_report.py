"""The report of a restore as CSV (RFC 4180): a row for each operation."""

import csv
import io
from collections.abc import Iterator, Sequence

from console.cells import safe_cell
from console.documents.plans import RestoreReportDocument

_COLUMNS = (
    *("n", "state", "action", "resource", "key", "name", "reason", "message"),
    *("properties", "new_id", "code", "request_id", "at"),
)


def csv_rows(document: RestoreReportDocument) -> Iterator[bytes]:
    """Yield the rows, the first being the names of the columns."""
    yield _row(_COLUMNS)
    for each in document.results:
        yield _row(
            (
                str(each.n),
                each.state,
                each.action,
                each.resource,
                each.key,
                each.name or "",
                each.reason,
                each.message,
                " ".join(each.properties),
                each.new_id or "",
                each.code,
                each.request_id or "",
                each.at,
            )
        )


def _row(cells: Sequence[str]) -> bytes:
    """Return a row. A cell that a spreadsheet would calculate gets an apostrophe in front."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(map(safe_cell, cells))
    return text.getvalue().encode("utf-8", "backslashreplace")
