"""Printed text stays on its line, and unprintable text is an error of one sentence."""

import json
import sys

import pytest

from console.cli.output import print_document, print_line, printable, write
from shared.domain.errors import Code, Refuse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two\nlines\t here", "two lines here"),
        ("\x1b[31mred", "?[31mred"),
        ("lone \ud800", "lone ?"),
        ("Zoë 日本", "Zoë 日本"),
    ],
)
def test_no_control_sequence_reaches_the_terminal(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_a_document_is_one_json_document(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_document([{"tenant": "contoso", "next": None}])
    assert json.loads(capsysbinary.readouterr().out) == [{"tenant": "contoso", "next": None}]


def test_a_full_disk_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(Refuse) as caught:
            write(b"x")
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space left"):
            full.close()
    assert caught.value.code is Code.FILE_NOT_WRITABLE


def test_a_closed_standard_output_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(Refuse) as caught:
        print_line("x")
    assert caught.value.code is Code.FILE_NOT_WRITABLE
