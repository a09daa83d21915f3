"""A comparison as CSV (RFC 4180): a row for each added and removed record, and for each property of a changed one."""

from collections.abc import Iterator, Sequence

from console.cells import csv_row
from console.cli.comparisons.visible import name_of, path_of, visible
from shared.engine.compare.comparing import Comparison
from shared.engine.compare.differences import Change, Difference

_COLUMNS = ("resource", "change", "key", "name", "property", "before", "after", "added", "removed")


def csv_rows(comparison: Comparison, *, summary: bool) -> Iterator[bytes]:
    """Yield the rows, the first being the names of the columns. A resource that is not compared is a row ``unknown``."""
    if summary:
        yield csv_row(("resource", *Change, "unknown"))
        comparison.count_all()
        for resource, number in comparison.counts.items():
            yield csv_row((resource, *(str(number[change]) for change in Change), ""))
        yield from (csv_row((each.resource, "", "", "", each.reason)) for each in comparison.unknown)
        return
    yield csv_row(_COLUMNS)
    for difference in comparison.differences():
        yield b"".join(map(csv_row, _cells(difference)))
    for unknown in comparison.unknown:
        yield csv_row((unknown.resource, "unknown", " ".join(unknown.objects), unknown.reason, "", "", "", "", ""))


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
