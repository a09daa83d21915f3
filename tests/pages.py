"""Parse the pages of documentation: blocks by language, and the commands that they show."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from console.cli.tree import app

TOP = Path(__file__).resolve().parents[1]
PAGES = tuple(sorted((*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md"))))
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BEFORE = re.compile(r"^(?:sudo -u \w+ |docker compose run --rm (?:-T )?|.* \| (?=docker |entrakeep ))+")
_END = {"|", ">", "<", "&&", ";"}
_ROOMS = "|".join(sorted(path.name for path in TOP.iterdir() if path.is_dir() and path.name[0].isalpha()))
_PATH = re.compile(rf"(?<![\w./-])(?:(?:{_ROOMS})/[\w./-]*\w|\.?[\w-]+\.(?:md|py|toml|yaml))(?![\w/])")


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language. An empty name selects blocks without a language."""
    return [text for name, text in _BLOCK.findall(page.read_text()) if name == language]


def lines(page: Path) -> Iterator[str]:
    """Yield each line of the shell blocks, with continued lines joined and without comments. Drawings are omitted."""
    for text in (text for name in ("", "sh") for text in blocks(page, name) if "─" not in text):
        for line in re.sub(r"\\\n\s*", "", text).splitlines():
            yield re.sub(r"(^|\s)#\s.*", "", line).strip()


def commands(page: Path, program: str) -> list[list[str]]:
    """Return the words of each command of a program, up to its output or the next command."""
    result = []
    for line in lines(page):
        plain = re.sub(r"^\w+=\$\((.*)$", r"\1", _BEFORE.sub("", line))
        if plain.startswith(f"{program} "):
            words = shlex.split(plain.removesuffix(")"))
            end = next((place for place, word in enumerate(words) if word in _END), len(words))
            result.append(words[1:end])
    return result


def named(page: Path) -> set[str]:
    """Return the commands that the running text names as ``entrakeep …``."""
    return set(re.findall(r"`entrakeep ([a-z][^`]*)`", _BLOCK.sub("", page.read_text())))


def paths(text: str) -> set[Path]:
    """Return every file and folder of this project that a text names, except names to be chosen (``r0014_NAME.py``)."""
    return {TOP / name for name in _PATH.findall(text) if "NAME" not in name}


def command_of(words: Sequence[str]) -> tuple[Any, list[str]]:
    """Return the command that these words name, and its remaining words. Raise KeyError if it does not exist."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    return command, rest


def parse(words: Sequence[str]) -> None:
    """Parse a command's words as the command line does, checks included, without running it. Raise its errors."""
    command, rest = command_of(words)
    command.make_context("entrakeep", rest)
