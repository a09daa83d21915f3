"""Questions to the user at the terminal, and the refusal where there is none."""

import sys

import typer

from console.cli.output import note
from shared.domain.errors import Code, Refuse


def check_terminal(instead: str) -> None:
    """Raise Refuse ``WRONG_USE`` if there is no terminal. ``instead`` names the option that replaces the answer."""
    if not somebody_answers():
        raise Refuse(Code.WRONG_USE, f"There is no terminal to ask at; {instead}.")


def confirm(yes: bool, question: str, declined: str) -> None:
    """Ask for confirmation unless ``yes``. Raise Exit with status 1, after the note ``declined``, if the user declines."""
    if not yes and not typer.confirm(question, err=True):
        note(declined)
        raise typer.Exit(1)


def somebody_answers() -> bool:
    """Return whether there is a terminal at which the user can be asked."""
    return all(file is not None and file.isatty() for file in (sys.stdin, sys.stderr))
