"""A comparison as CSV (RFC 4180): a row for each added and removed record, and for each property of a changed one."""

import csv
import io
from collections.abc import Iterator, Sequence

from console.cells import safe_cell
from console.cli.comparisons.visible import name_of, path_of, visible
from shared.engine.compare.comparing import Comparison
from shared.engine.compare.differences import Change, Difference

_COLUMNS = ("resource", "change", "key", "name", "property", "before", "after", "added", "removed")


def csv_rows(comparison: Comparison, *, summary: bool) -> Iterator[bytes]:
    """Yield the rows, the first being the names of the columns. A resource that is not compared is a row ``unknown``."""
    if summary:
        yield _row(("resource", *Change, "unknown"))
        comparison.count_all()
        for resource, number in comparison.counts.items():
            yield _row((resource, *(str(number[change]) for change in Change), ""))
        yield from (_row((each.resource, "", "", "", each.reason)) for each in comparison.unknown)
        return
    yield _row(_COLUMNS)
    for difference in comparison.differences():
        yield b"".join(map(_row, _cells(difference)))
    for unknown in comparison.unknown:
        yield _row((unknown.resource, "unknown", " ".join(unknown.objects), unknown.reason, "", "", "", "", ""))


def _cells(difference: Difference) -> Iterator[Sequence[str]]:
    """Yield the rows of a difference."""
    first = (difference.resource, difference.change, difference.key, name_of(difference))
    if not difference.properties:
        yield (*first, "", "", "", "", "")
    for change in difference.properties:
        lists = (_list(elements) for elements in (change.added, change.removed))
        yield (*first, path_of(change), visible(change.before), visible(change.after), *lists)


def _list(elements: list[bytes] | None) -> str:
    """Return elements as a JSON list, empty for a property that is not a list."""
    return "" if elements is None else f"[{','.join(map(visible, elements))}]"


def _row(cells: Sequence[str]) -> bytes:
    """Return a row. A cell that a spreadsheet would calculate gets an apostrophe in front."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(map(safe_cell, cells))
    return text.getvalue().encode("utf-8", "backslashreplace")
