"""Who runs this process, as the operating system has it: nothing that anybody could type or set."""

import os
import pwd
import socket


def operator() -> str:
    """``user@host``; of a user whom this machine does not know, the number."""
    number = os.getuid()
    try:
        user = pwd.getpwuid(number).pw_name
    except KeyError:
        user = str(number)
    return f"{user}@{socket.gethostname()}"
