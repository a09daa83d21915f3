"""What commands print: documents and tables on standard output, notes on standard error, each in one place."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import msgspec

from shared.domain.errors import Code, Refuse

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

_COLOURS = {
    "succeeded": "green",
    "whole": "green",
    "complete": "green",
    "ok": "green",
    "running": "cyan",
    "reading": "cyan",
    "queued": "dim",
    "succeeded_with_warnings": "yellow",
    "forbidden": "yellow",
    "incomplete": "yellow",
    "paused": "yellow",
    "cancelled": "yellow",
    "failed": "red",
    "revoked": "red",
}
_NUMBERS = frozenset({"objects", "links", "records", "changed", "rate"})
_PROSE = frozenset({"restore", "missing"})
_PROSE_COLUMNS = 24
_NEVER_CUT = 10_000
"""Columns of a page that is no terminal: a table is as wide as it likes."""


def printable(text: str) -> str:
    """One line that a terminal shows as it stands: other characters, escape sequences among them, become ``?``."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def print_document(document: Any) -> None:
    """One JSON document."""
    write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Rows under headings; the sentence ``empty`` if there are none."""
    found = list(rows)
    if found:
        _render(table(columns, found))
    else:
        print_line(empty)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> "RenderableType":
    """The table itself, for what draws it again and again. Only columns of prose are folded: ids are there to be copied."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    cells = [[_cell(value) for value in row] for row in rows]
    drawn = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for n, column in enumerate(columns):
        widest = max(len(column), *(line.cell_len for row in cells for line in row[n].split("\n")))
        drawn.add_column(
            column,
            justify="right" if column in _NUMBERS else "left",
            overflow="fold",
            no_wrap=column not in _PROSE,
            min_width=min(widest, _PROSE_COLUMNS) if column in _PROSE else widest,
        )
    for row in cells:
        drawn.add_row(*row)
    return drawn


def print_fields(fields: Sequence[tuple[str, Any]]) -> None:
    """Names and values, a line each."""
    from rich.table import Table

    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(style="bold", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in fields:
        drawn.add_row(name, _cell(value))
    _render(drawn)


def print_line(text: str) -> None:
    """A sentence of ours."""
    write(f"{text}\n".encode("utf-8", "backslashreplace"))


def note(text: str) -> None:
    """A sentence beside the result, on standard error. Nobody listening is no trouble."""
    if sys.stderr is not None:
        try:
            print(text, file=sys.stderr, flush=True)
        except OSError:
            sys.stderr = None  # as Python has it where there is none


def write(data: bytes) -> None:
    """Bytes to standard output, at once. Raises Refuse ``FILE_NOT_WRITABLE``; BrokenPipeError where nobody reads on."""
    if sys.stdout is None:
        _unwritable("it is closed")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _unwritable(str(error.strerror))


def console(file: TextIO) -> "Console":
    """A rich console on a terminal or another file."""
    from rich.console import Console

    return Console(file=file, highlight=False, width=None if file.isatty() else _NEVER_CUT)


def _unwritable(reason: str) -> NoReturn:
    raise Refuse(Code.FILE_NOT_WRITABLE, f"Standard output cannot be written: {reason}.") from None


def _render(drawn: "RenderableType") -> None:
    if sys.stdout is None:
        _unwritable("it is closed")
    from rich.measure import Measurement

    page = console(sys.stdout)
    page.width = max(page.width, Measurement.get(page, page.options.update(max_width=_NEVER_CUT), drawn).minimum)
    with page.capture() as captured:
        page.print(drawn)
    lines = (line.rstrip() for line in captured.get().splitlines())
    write("".join(f"{line}\n" for line in lines).encode(sys.stdout.encoding, "replace"))


def _cell(value: Any) -> "Text":
    from rich.text import Text

    if value is None:
        return Text("-", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, int):
        return Text(f"{value:,}")
    text = "\n".join(map(printable, str(value).splitlines()))
    return Text(text, style=_COLOURS.get(text, ""))
