"""Tables fit their terminal, ids can be copied from them, and empty decoration is omitted."""

import io
import re
import sys

import pytest

from console.cli.resources import resources
from console.cli.tables import print_fields, print_table

ID = "3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11"
COLUMNS = ("job", "tenant", "state", "missing")
ROW = (ID, "contoso", "failed", "a sentence that is much longer than a column of any width")


class Terminal(io.TextIOWrapper):
    """A narrow terminal."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


def on_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> Terminal:
    """Make standard output a terminal of this width from now on.

    A fixture cannot do this: pytest sets its own afterwards.
    """
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    return terminal


def plain(text: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_ids_are_whole(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    terminal = on_terminal(monkeypatch, width)
    print_table(COLUMNS, [ROW, (ID, "contoso", "queued", None)], empty="")
    lines = plain(terminal.text())
    assert all(len(line) <= width for line in lines)
    assert sum(ID in line for line in lines) == 2
    assert "a sentence that is much longer" in " ".join(" ".join(lines).split())


def test_a_row_of_a_wide_table_takes_several_lines_with_aligned_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = on_terminal(monkeypatch, 60)
    columns = (*COLUMNS, "records")
    other = (ID, "a-longer-name", "queued", None, 7)
    print_table(columns, [(*ROW, 12345), other], empty="")
    assert plain(terminal.text()) == [
        f"{'job':36}  {'tenant':13}  state",
        "  missing",
        "  records",
        "─" * 60,
        f"{ID}  {'contoso':13}  failed",
        "  a sentence that is much longer than a column of any width",
        "   12,345",
        f"{ID}  {'a-longer-name':13}  queued",
        "        7",
    ]


def test_the_restore_of_a_resource_is_folded_in_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch, 160)
    resources()
    lines = plain(terminal.text())
    assert lines[0].split() == ["resource", "read", "permission", "to", "read", "licence", "restore"]
    assert all(len(line) <= 160 for line in lines)


def test_no_line_ends_with_spaces_and_no_line_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch, 100)
    print_table(COLUMNS, [(ID, "contoso", "queued", None), ROW], empty="")
    print_fields([("code", None), ("message", "x")])
    lines = plain(terminal.text())
    assert lines == [line.rstrip() for line in lines]
    assert all(lines)


def test_an_empty_column_is_omitted(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_table(COLUMNS, [(ID, "contoso", "queued", None)], empty="")
    assert b"missing" not in capsysbinary.readouterr().out


def test_a_piped_table_has_one_line_per_row_and_no_colours(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_table(("job", "state", "missing"), [(ID, "failed", "word " * 100), (ID, "queued", None)], empty="")
    out = capsysbinary.readouterr().out.decode()
    assert len(out.splitlines()) == 4
    assert "\x1b" not in out


def test_a_table_without_rows_prints_one_sentence(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_table(("job",), [], empty="There is no job.")
    assert capsysbinary.readouterr().out == b"There is no job.\n"


def test_foreign_text_is_shown_literally_and_not_as_markup(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_fields([("name", "[red]x[/]"), ("none", None), ("count", 1234)])
    assert b"[red]x[/]" in capsysbinary.readouterr().out


def test_a_list_prints_one_line_per_item_and_an_empty_list_a_dash(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_fields([("arns", ["one", "two"]), ("left", [])])
    lines = [line.split() for line in capsysbinary.readouterr().out.decode().splitlines()]
    assert lines == [["arns", "one"], ["two"], ["left", "-"]]
