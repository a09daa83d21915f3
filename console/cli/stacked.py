"""A table for a narrow terminal: each row takes several lines, and the columns stay aligned.

A value is folded only if it alone is wider than the terminal, so that ids can be copied.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_GAP = 2
_INDENT = 2
"""The indentation, in columns, of every line of a row except the first."""


def stacked(
    columns: Sequence[str], rows: Sequence[Sequence["Text"]], numbers: Collection[str], page: "Console"
) -> list["Text"]:
    """Return the lines: headings, a rule, and each row. The columns ``numbers`` are aligned to the right.

    Empty cells are empty texts. A line of a row without any value is left out.
    """
    from rich.text import Text

    headings = [Text(column, style="bold") for column in columns]
    widths = [
        min(max(cell.cell_len for cell in (headings[n], *(row[n] for row in rows))), page.width - _INDENT)
        for n in range(len(columns))
    ]
    lines = _packed(widths, page.width)
    right = {n for n, column in enumerate(columns) if column in numbers}
    drawn = [*_drawn(headings, lines, widths, right, page), Text("─" * page.width)]
    for row in rows:
        row[0].stylize("bold")
        drawn += _drawn(row, lines, widths, right, page)
    return drawn


def _packed(widths: Sequence[int], width: int) -> list[list[int]]:
    """Return the indexes of the columns of each line: as many as fit, in order."""
    lines: list[list[int]] = []
    room = 0
    for n, needed in enumerate(widths):
        if not lines or needed + _GAP > room:
            lines.append([])
            room = width - (_INDENT if n else 0) + _GAP
        lines[-1].append(n)
        room -= needed + _GAP
    return lines


def _drawn(
    cells: Sequence["Text"], lines: list[list[int]], widths: Sequence[int], right: Collection[int], page: "Console"
) -> Iterator["Text"]:
    """Yield the lines of one row or of the headings."""
    from rich.text import Text

    for number, line in enumerate(lines):
        if number and not any(cells[n].plain for n in line):
            continue
        indent = " " * (_INDENT if number else 0)
        (first, *others) = cells[line[0]].wrap(page, widths[line[0]]) or [Text("")]
        drawn = Text(indent)
        for n in line:
            cell = first if n == line[0] else cells[n].copy()
            cell.align("right" if n in right else "left", widths[n])
            drawn.append_text(cell)
            drawn.append(" " * _GAP if n != line[-1] else "")
        yield drawn
        yield from (Text.assemble(" " * _INDENT, "  ", piece) for piece in others)
