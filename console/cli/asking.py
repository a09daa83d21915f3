"""Asking the person at the terminal, and saying what to do where there is none."""

import os
import pwd
import socket
import sys

from shared.domain.errors import Code, Refuse


def check_terminal(instead: str) -> None:
    """Raises Refuse ``WRONG_USE`` where nobody can answer; ``instead`` says which option does."""
    if not somebody_answers():
        raise Refuse(Code.WRONG_USE, f"Nobody can be asked without a terminal; {instead}.")


def somebody_answers() -> bool:
    """Return whether there is a terminal to ask at."""
    return all(file is not None and file.isatty() for file in (sys.stdin, sys.stderr))


def who() -> str:
    """Who works here, as the machine knows it: ``ada@host``."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"
