"""A comparison as text for a terminal: a line for each record, and one below it for each property that changed."""

from collections.abc import Iterator, Sequence
from textwrap import fill

from console.cli.comparisons.visible import name_of, named_value, path_of, shortened, visible
from console.cli.output import printable
from console.documents.times import moment, to_second
from console.documents.words import counted
from shared.domain.compare import PropertyChange
from shared.engine.compare.comparing import Comparison
from shared.engine.compare.differences import Change, Difference
from shared.engine.compare.naming import Names
from shared.engine.compare.unknowns import Unknown

_MARKS = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~"}
_LONGEST = 200
"""Characters of a value that are shown."""
_INDENT = " " * 6


def table(comparison: Comparison, *, summary: bool) -> Iterator[bytes]:
    """Yield the text: the differences (without ``summary``), the counts, and what is unknown."""
    yield _heading(comparison)
    if summary:
        comparison.count_all()
    else:
        yield from _details(comparison)
    yield _counts(comparison)
    yield from _not_compared(comparison.unknown)


def _not_compared(unknown: Sequence[Unknown]) -> Iterator[bytes]:
    """Yield a line for each reason, with the resources that are not compared for it."""
    by_reason: dict[str, list[str]] = {}
    for each in unknown:
        objects = f": {', '.join(map(printable, each.objects))}" if each.objects else ""
        by_reason.setdefault(each.reason + objects, []).append(each.resource)
    for reason, resources in by_reason.items():
        line = f"Not compared: {', '.join(resources)}, {reason}."
        yield f"{fill(line, 120, subsequent_indent='  ', break_long_words=False, break_on_hyphens=False)}\n".encode()


def _heading(comparison: Comparison) -> bytes:
    """Return the lines that name the two snapshots."""
    sides = zip("AB", comparison.snapshots, strict=True)
    return "".join(
        f"{side}  {point.snapshot_id}  {to_second(moment(point.created_at))}\n" for side, point in sides
    ).encode()


def _details(comparison: Comparison) -> Iterator[bytes]:
    """Yield the lines of all differences, with a heading for each resource."""
    resource = None
    for difference in comparison.differences():
        if difference.resource != resource:
            resource = difference.resource
            yield f"\n{resource}\n".encode()
        yield "".join(_lines(comparison, difference)).encode("utf-8", "backslashreplace")


def _lines(comparison: Comparison, difference: Difference) -> Iterator[str]:
    """Yield the lines of a difference."""
    name = name_of(difference)
    yield f"  {_MARKS[difference.change]} {difference.change:<7}  {name}{'  ' if name else ''}{difference.key}\n"
    yield from property_lines(difference, comparison.names)


def property_lines(difference: Difference, names: Names) -> Iterator[str]:
    """Yield the lines of the properties that changed."""
    for change in difference.properties:
        if change.added or change.removed:
            yield f"{_INDENT}{path_of(change)}\n"
            yield from _elements(names, difference, change)
        else:
            before, after = (_shown(names, difference, change, each) for each in (change.before, change.after))
            yield f"{_INDENT}{path_of(change)}  {before} → {after}\n"


def _elements(names: Names, difference: Difference, change: PropertyChange) -> Iterator[str]:
    """Yield a line for each element that was added to a list or removed from it."""
    for mark, elements in (("-", change.removed), ("+", change.added)):
        for each in elements or []:
            yield f"{_INDENT}  {mark} {_shown(names, difference, change, each)}\n"


def _shown(names: Names, difference: Difference, change: PropertyChange, value: bytes | None) -> str:
    """Return a value, shortened, with the name of the object that it names."""
    if value is not None and len(value) > _LONGEST:
        return shortened(visible(value), _LONGEST)
    return named_value(difference.resource, change, value, names)


def _counts(comparison: Comparison) -> bytes:
    """Return a line for each resource that differs, and one for all together."""
    counts = comparison.counts
    if not counts:
        return b"\nNo differences.\n"
    width = max(map(len, counts))
    lines = [
        f"{resource:<{width}}  " + ", ".join(f"{number[change]:,} {change}" for change in Change if number[change])
        for resource, number in counts.items()
    ]
    total = sum(number.total() for number in counts.values())
    return "\n{}\n\n{}.\n".format("\n".join(lines), counted(total, "difference")).encode()
