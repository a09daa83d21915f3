"""Questions to the user at the terminal, and the refusal where there is none."""

import sys

from shared.domain.errors import Code, Refuse


def check_terminal(instead: str) -> None:
    """Raise Refuse ``WRONG_USE`` if there is no terminal. ``instead`` names the option that replaces the answer."""
    if not somebody_answers():
        raise Refuse(Code.WRONG_USE, f"There is no terminal to ask at; {instead}.")


def somebody_answers() -> bool:
    """Return whether there is a terminal at which the user can be asked."""
    return all(file is not None and file.isatty() for file in (sys.stdin, sys.stderr))
