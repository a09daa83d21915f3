"""Generated documentation files are up to date, and outputs of commands fit the schemas."""

from pathlib import Path
from typing import Any

import pytest
import typer
from jsonschema import Draft202012Validator, ValidationError

from console.cli.tree import app
from tests.generated import files, unknown
from tests.generated.schemas import PRINTED, check, printed_by, schema
from tests.unit.console.cli.test_help import commands_of

FILES = files()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_generated_file_is_up_to_date(path: Path) -> None:
    assert path.read_text() == FILES[path], "write it anew: make docs"


def test_no_schema_exists_for_a_document_that_no_command_prints() -> None:
    assert unknown() == set()


def test_exactly_the_commands_with_json_have_a_document() -> None:
    with_json = {
        words
        for words, command in commands_of(typer.main.get_command(app))
        if any("--json" in each.opts for each in command.params)
    }
    named = {tuple(word for word in command.split() if not word.startswith("--")) for command in _commands()}
    assert named - with_json == {("download",)}  # writes the same lines to its file
    assert with_json - named == set()


def test_the_options_that_choose_a_document_exist() -> None:
    command_by_words = dict(commands_of(typer.main.get_command(app)))
    for command in _commands():
        words = tuple(word for word in command.split() if not word.startswith("--"))
        options = {option for each in command_by_words[words].params for option in each.opts}
        assert {word for word in command.split() if word.startswith("--")} <= options, command


@pytest.mark.parametrize("row", PRINTED, ids=lambda row: row.name)
def test_a_schema_is_valid_and_describes_every_field(row: Any) -> None:
    document = schema(row)
    Draft202012Validator.check_schema(document)
    for part in document["$defs"].values():
        assert part["description"]
        assert [name for name, field in part.get("properties", {}).items() if "description" not in field] == []


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("backup contoso", "requested-job"),
        ("backup contoso --wait", "job-with-results"),
        ("tenant remove contoso --yes --shred", "shred-certificate"),
        ("key enable contoso --rehearse", "key-validation"),
        ("jobs show j", "job-details"),
    ],
)
def test_options_choose_the_document(words: str, name: str) -> None:
    row = printed_by(words.split())
    assert row is not None
    assert row.name == name


def test_an_output_with_a_surplus_or_missing_field_is_noticed() -> None:
    check(["backup", "contoso"], b'{"job": "j"}')
    for output in (b'{"job": "j", "more": 1}', b"{}", b'{"job": 1}'):
        with pytest.raises(ValidationError):
            check(["backup", "contoso"], output)


def _commands() -> list[str]:
    """Return every command that prints a document, with the options that choose it."""
    return [command for row in PRINTED for command in row.commands]
