"""Identify who runs this process by the operating system, not by anything that a person can type or set."""

import os
import pwd
import socket


def operator() -> str:
    """Return ``user@host``, with the user's number if the machine does not know the user."""
    number = os.getuid()
    try:
        user = pwd.getpwuid(number).pw_name
    except KeyError:
        user = str(number)
    return f"{user}@{socket.gethostname()}"
