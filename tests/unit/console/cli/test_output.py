"""What commands print stays on its line, and ids can be copied from a table."""

import io
import json
import sys

import pytest

from console.cli.output import print_document, print_fields, print_line, print_table, printable, write
from shared.domain.errors import Code, Refuse

ID = "3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11"


class Terminal(io.TextIOWrapper):
    """A terminal of no great width."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")

    def isatty(self) -> bool:
        return True

    def shown(self) -> str:
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\t here", "two lines here"),
        ("\x1b[31mred", "?[31mred"),
        ("lone \ud800", "lone ?"),
        ("Zoë 日本", "Zoë 日本"),
    ],
)
def test_nothing_reaches_the_terminal_as_a_command(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_document_is_one_json_document(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_document([{"tenant": "contoso", "next": None}])
    assert json.loads(capsysbinary.readouterr().out) == [{"tenant": "contoso", "next": None}]


def test_ids_are_whole_on_a_narrow_terminal_and_prose_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    print_table(
        ("job", "tenant", "missing"), [(ID, "contoso", "a sentence that is much longer than a column")], empty=""
    )
    assert ID in terminal.shown()
    words = [line[len(ID) + len("contoso") + 4 :].strip() for line in terminal.shown().splitlines()[2:]]
    assert len(words) > 1
    assert " ".join(words) == "a sentence that is much longer than a column"


def test_a_table_in_a_pipe_has_a_line_a_row_and_no_colours(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_table(("job", "state", "missing"), [(ID, "failed", "word " * 100), (ID, "queued", None)], empty="")
    out = capsysbinary.readouterr().out.decode()
    assert len(out.splitlines()) == 4
    assert "\x1b" not in out


def test_no_rows_are_a_sentence(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_table(("job",), [], empty="There is no job.")
    assert capsysbinary.readouterr().out == b"There is no job.\n"


def test_text_of_others_is_shown_as_it_stands_and_not_as_markup(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_fields([("name", "[red]x[/]"), ("none", None), ("count", 1234)])
    assert b"[red]x[/]" in capsysbinary.readouterr().out


def test_a_full_disk_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(Refuse) as caught:
            write(b"x")
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space left"):
            full.close()
    assert caught.value.code is Code.FILE_NOT_WRITABLE


def test_a_closed_standard_output_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(Refuse) as caught:
        print_line("x")
    assert caught.value.code is Code.FILE_NOT_WRITABLE
