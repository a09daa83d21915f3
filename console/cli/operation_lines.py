"""Operations of a plan or a report, for people: a line each, and their reasons below, folded on a narrow terminal.

A reason that the operation before gave for the same kind of change is not repeated.
"""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from console.cli.output import print_line, printable
from shared.domain.limits import LIMITS

_GAP = "  "
_NARROWEST = 40
"""The least number of columns that a folded reason gets."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An operation, or a difference that is not restored."""

    cells: tuple[str, ...]
    """The columns before the subject, such as number and action. All entries of a listing have as many."""
    subject: str
    """The object's name, or the names of both ends of a link, with what is written."""
    reasons: tuple[str, ...]
    """Why, as sentences."""
    group: str
    """Entries of one group in a row give equal reasons once."""
    values: tuple[str, ...] = ()
    """Values to set by hand, a line each, without characters that a terminal obeys."""


def print_entries(entries: Sequence[Entry]) -> None:
    """Print the first entries, and how many follow."""
    shown = entries[: LIMITS.shown_operations]
    width = shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else None
    for line in lines(shown, width):
        print_line(line)
    if len(entries) > len(shown):
        print_line(f"{len(entries) - len(shown):,} more: --json shows all of them.")


def lines(entries: Iterable[Entry], width: int | None) -> Iterator[str]:
    """Yield the lines of a listing. ``width`` is that of the terminal, None to fold nothing."""
    kept = list(entries)
    columns = zip(*(each.cells[:-1] for each in kept), strict=True)  # the last cell ends where its text ends
    widths = [max(map(len, column)) for column in columns]
    given: tuple[str, tuple[str, ...]] = ("", ())
    for each in kept:
        cells = [cell.ljust(size) for cell, size in zip(each.cells, widths, strict=False)]
        indent = " " * (len(cells[0]) + len(_GAP)) if cells else _GAP
        yield from _folded(printable(each.subject), _GAP.join([*cells, each.cells[-1], ""]), indent + _GAP, width)
        if (each.group, each.reasons) != given:
            for reason in each.reasons:
                yield from _folded(printable(reason), indent, indent, width)
        for value in each.values:
            yield indent + value
        given = (each.group, each.reasons)


def _folded(text: str, first: str, later: str, width: int | None) -> list[str]:
    """Return a text with what begins its first line and the later ones, folded between words."""
    if width is None:
        return [first + text]
    return textwrap.wrap(
        text,
        width=max(width, len(later) + _NARROWEST),
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
