"""The report of a restore as CSV (RFC 4180): a row for each operation."""

from collections.abc import Iterator

from console.cells import csv_row
from console.documents.plans import RestoreReportDocument

_COLUMNS = (
    *("n", "state", "action", "resource", "key", "name", "reason", "message"),
    *("properties", "new_id", "code", "request_id", "at"),
)


def csv_rows(document: RestoreReportDocument) -> Iterator[bytes]:
    """Yield the rows, the first being the names of the columns."""
    yield csv_row(_COLUMNS)
    for each in document.results:
        yield csv_row(
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
