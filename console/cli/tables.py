"""Tables and fields for people. On a terminal that is too narrow, each row takes several lines."""

import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from console.cli.output import NEVER_CUT, console, print_line, printable, unwritable, write
from console.cli.stacked import stacked
from console.documents.key_jobs import KeyChange, KeyValidation
from console.documents.verifications import DamagedBlob

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from shared.engine.key_management.policy import Policy

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
    "stopped": "yellow",
    "not_started": "dim",
    "cancelled": "yellow",
    "failed": "red",
    "revoked": "red",
    "misconfigured": "red",
    "damaged": "red",
    "unreachable": "yellow",
}
_NUMBERS = frozenset({"objects", "links", "records", "changed", "rate"})
_PROSE = frozenset({"restore", "missing", "for"})
_PROSE_COLUMNS = 24
_TRAILING = re.compile(r"( |\x1b\[[0-9;]*m)+$")
_CODES = re.compile(r"\x1b\[[0-9;]*m")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Print rows under headings, without columns that are empty in every row. Without rows, print ``empty``."""
    kept = list(rows)
    if not kept:
        print_line(empty)
        return
    visible = [n for n in range(len(columns)) if any(row[n] not in (None, "") for row in kept)]
    columns, kept = [columns[n] for n in visible], [[row[n] for n in visible] for row in kept]
    drawn = table(columns, kept)
    if sys.stdout is not None and sys.stdout.isatty():
        from rich.measure import Measurement

        page = console(sys.stdout)
        least = Measurement.get(page, page.options.update(max_width=NEVER_CUT), drawn).minimum
        if least > page.width:
            drawn = _stacked(columns, kept, page)
    _render(drawn)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> "RenderableType":
    """Return the table for live displays, which redraw it. Only columns of prose are folded, so that ids can be copied."""
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


def print_damaged(damaged: Iterable[DamagedBlob]) -> None:
    """Print the blobs that a verify found missing or changed."""
    rows = [(row.blob, row.resource, row.reason) for row in damaged]
    print_table(("blob", "resource", "reason"), rows, empty="")


def print_strays(strays: Sequence[str]) -> None:
    """Print the names in the store that are not Entrakeep's, if there are any."""
    if strays:
        print_line("Skipped, because these names in the store are not Entrakeep's:")
        print_table(("name",), [(name,) for name in strays], empty="")


def print_key_job(document: KeyValidation | KeyChange) -> None:
    """Print the results of a key check or a key change: checks, waiting snapshots, unusable key objects."""
    if isinstance(document, KeyValidation):
        rows = [(row.check, row.outcome, row.message) for row in document.checks]
        print_table(("check", "outcome", "message"), rows, empty="No check was made yet.")
        return
    print_fields([("moved", document.moved), ("to move", document.to_move), ("previous key", document.before)])
    if document.database:
        print_line(document.database)
    if document.snapshots:
        print_table(("waiting snapshot",), [(snapshot,) for snapshot in document.snapshots], empty="")
    if document.left:
        print_table(("blob", "reason"), [(row.blob, row.reason) for row in document.left], empty="")


def print_policy(policy: "Policy") -> None:
    """Print a policy ready to be pasted: nothing is cut or wrapped."""
    parts = {
        "The operator's account": policy.account,
        "The workers' principals": "\n".join(policy.principals),
        "The statements for the key's policy": msgspec.json.format(msgspec.json.encode(policy.statements)).decode(),
        "In the console": policy.console,
        "By the AWS command line": policy.cli,
        "By CloudFormation": policy.cloudformation,
        "By Terraform": policy.terraform,
    }
    print_line("\n\n".join(f"{title}:\n\n{text}" for title, text in parts.items()))


def print_fields(fields: Sequence[tuple[str, Any]]) -> None:
    """Print names and values, one pair per line."""
    from rich.table import Table

    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(style="bold", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in fields:
        drawn.add_row(name, _cell(value))
    _render(drawn)


def age_words(seconds: int | None) -> str | None:
    """Return an age in days, hours or minutes; ``<1 min`` for an age below a minute."""
    if seconds is None:
        return None
    if seconds < 60:
        return "<1 min"
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length or unit == "min":
            return f"{seconds // length} {unit}"
    return None


def fields_of(document: msgspec.Struct) -> dict[str, Any]:
    """Return the fields of a JSON document by name, as ``--json`` prints them."""
    fields: dict[str, Any] = msgspec.to_builtins(document)
    return fields


def _stacked(columns: Sequence[str], rows: Sequence[Sequence[Any]], page: "Console") -> "RenderableType":
    """Return the table with several lines for each row. A cell of several lines becomes one line."""
    from rich.console import Group
    from rich.text import Text

    cells = [
        [Text(", ").join(_cell(value).split("\n")) if value not in (None, "") else Text("") for value in row]
        for row in rows
    ]
    return Group(*stacked(columns, cells, _NUMBERS, page))


def _render(drawn: "RenderableType") -> None:
    """Print a table without spaces at the ends of lines."""
    if sys.stdout is None:
        unwritable("it is closed")
    from rich.measure import Measurement

    page = console(sys.stdout)
    page.width = max(page.width, Measurement.get(page, page.options.update(max_width=NEVER_CUT), drawn).minimum)
    with page.capture() as captured:
        page.print(drawn)
    lines = (_TRAILING.sub(_codes_alone, line) for line in captured.get().splitlines())
    write("".join(f"{line}\n" for line in lines).encode(sys.stdout.encoding, "replace"))


def _codes_alone(trailing: re.Match[str]) -> str:
    """Return the colour codes at the end of a line, without the spaces between them."""
    return "".join(_CODES.findall(trailing[0]))


def _cell(value: Any) -> "Text":
    """Return a value as the text of a cell."""
    from rich.text import Text

    if value is None or value == []:
        return Text("-", style="dim")
    if isinstance(value, list):
        value = "\n".join(map(str, value))
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, int):
        return Text(f"{value:,}")
    text = "\n".join(map(printable, str(value).splitlines()))
    return Text(text, style=_COLOURS.get(text, ""))
