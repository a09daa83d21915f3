"""What pages of help show."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from console.cli.tree import app


def names(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command below a group."""
    for name, each in command.commands.items():
        if hasattr(each, "commands"):
            yield from names(each, (*words, name))
        else:
            yield (*words, name)


def test_help_of_every_command_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    commands = list(names(typer.main.get_command(app)))
    assert ("tenant", "add") in commands
    for words in commands:
        app(args=[*words, "--help"], prog_name="entrakeep", standalone_mode=False)
        assert f"Examples:\n    entrakeep {' '.join(words)}" in capsys.readouterr().out
