"""The help pages."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from console.cli.tree import app


def commands_of(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the words of every command below a group, and the command."""
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from commands_of(each, (*words, name))
        else:
            yield (*words, name), each


def test_the_help_of_every_command_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    commands = [words for words, _ in commands_of(typer.main.get_command(app))]
    assert ("tenant", "add") in commands
    for words in commands:
        app(args=[*words, "--help"], prog_name="entrakeep", standalone_mode=False)
        assert f"Examples:\n    entrakeep {' '.join(words)}" in capsys.readouterr().out


def test_every_argument_and_option_of_every_command_has_help() -> None:
    without = [
        (*words, parameter.name)
        for words, command in commands_of(typer.main.get_command(app))
        for parameter in command.params
        if not getattr(parameter, "help", None)
    ]
    assert without == []


def test_the_ids_accepted_by_tenant_update_must_be_guids(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--client-id", "--directory-id"):
        with pytest.raises(typer.BadParameter, match="give a GUID"):
            app(args=["tenant", "update", "contoso", option, "contoso"], prog_name="entrakeep", standalone_mode=False)
