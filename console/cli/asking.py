"""Asking the person at the terminal, and saying what to do where there is none."""

import os
import pwd
import socket
import sys

from shared.domain.errors import Code, Refuse


def check_terminal(instead: str) -> None:
    """Raises Refuse ``WRONG_USE`` where nobody can answer; ``instead`` says which option does."""
    if sys.stdin is None or not sys.stdin.isatty() or sys.stderr is None or not sys.stderr.isatty():
        raise Refuse(Code.WRONG_USE, f"Nobody can be asked without a terminal; {instead}.")


def who() -> str:
    """Who works here, as the machine knows it: ``ada@host``."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"
