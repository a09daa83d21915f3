"""Generate ``docs/command-line.md`` from the parser: every command with its arguments and options."""

import inspect
from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer

from console.cli.tree import app
from tests.generated.schemas import PRINTED
from tests.pages import TOP

PAGE = TOP / "docs" / "command-line.md"
_TOP = """# Command line

Every command with its arguments, options and examples. This page is made from the parser; `entrakeep COMMAND --help` prints
the same.

## For all commands

| exit status | meaning |
| --- | --- |
| 0 | done |
| 1 | refused or failed: one line `CODE: sentence` on standard error says why |
| 2 | wrong use or wrong settings: nothing was done |
| 3 | `compare --exit-code` alone: the snapshots differ, or something could not be compared |
| 130 | interrupted by Ctrl-C; a requested job continues |

- `entrakeep --version` prints the version. `--help` after a command prints its page.
- Results go to standard output, notes and progress to standard error.
- Times are in UTC, as in `2026-05-01T12:00:00Z`.
- Without a terminal nothing is asked: the command ends with status 2 and names the option that answers.
- `--json` prints one JSON document and nothing else ([json.md](json.md)).
"""


def text() -> str:
    """Return the whole page."""
    root: Any = typer.main.get_command(app)
    return "".join((_TOP, *_sections(root, ())))


def _sections(group: Any, words: tuple[str, ...]) -> Iterator[str]:
    """Yield the section of every command below a group."""
    for name, command in group.commands.items():
        path = (*words, name)
        if hasattr(command, "commands"):
            yield f"\n## entrakeep {name}\n\n{command.help}\n"
            yield from _sections(command, path)
        else:
            yield _section(command, path)


def _section(command: Any, words: tuple[str, ...]) -> str:
    """Return the section of a command."""
    heading = f"\n{'#' * (len(words) + 1)} entrakeep {' '.join(words)}"
    parts = [heading, _usage(command, words), inspect.cleandoc(command.help)]
    if command.params:
        rows = "".join(f"| {_signature(each)} | {_meaning(each)} | {_default(each)} |\n" for each in command.params)
        parts.append(f"| argument or option | meaning | default |\n| --- | --- | --- |\n{rows}".rstrip())
    documents = [row for row in PRINTED if any(_words(each) == words for each in row.commands)]
    if any("--json" in each.opts for each in command.params):
        links = ", ".join(f"[{row.name}.json](schemas/{row.name}.json)" for row in documents)
        parts.append(f"With `--json`: {links}.")
    examples = inspect.cleandoc(command.epilog.split("Examples:\n")[1])
    parts.append(f"```sh\n{examples}\n```")
    return "\n".join(f"{part}\n" for part in parts)


def _usage(command: Any, words: tuple[str, ...]) -> str:
    """Return the block that shows how the command is typed."""
    required = [f" {each.opts[0]} {each.metavar}" for each in command.params if _is_option(each) and each.required]
    options = any(_is_option(each) and not each.required for each in command.params)
    arguments = [f" {_argument(each)}" for each in command.params if not _is_option(each)]
    return (
        f"```text\nentrakeep {' '.join(words)}{''.join((*arguments, *required))}{' [OPTIONS]' if options else ''}\n```"
    )


def _words(command: str) -> tuple[str, ...]:
    """Return the words of a command without its options."""
    return tuple(word for word in command.split() if not word.startswith("--"))


def _is_option(parameter: Any) -> bool:
    """Return whether a parameter is an option, and not an argument."""
    return bool(parameter.opts[0].startswith("-"))


def _argument(parameter: Any) -> str:
    """Return an argument as the usage shows it."""
    return parameter.metavar if parameter.required else f"[{parameter.metavar}]"


def _signature(parameter: Any) -> str:
    """Return an argument or option as it is typed."""
    if not _is_option(parameter):
        return f"`{parameter.metavar}`"
    value = "" if parameter.is_flag else f" {parameter.metavar}"
    return ", ".join(f"`{name}{value}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _meaning(parameter: Any) -> str:
    """Return the help of a parameter."""
    return str(parameter.help).replace("|", "\\|")


def _default(parameter: Any) -> str:
    """Return the default of a parameter."""
    if parameter.required:
        return "**must be given**"
    if getattr(parameter, "is_flag", False):
        return "off"
    if parameter.default in (None, ()):
        return "none"
    value = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    return f"`{value}`"
