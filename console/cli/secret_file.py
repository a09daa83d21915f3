"""Reading a client secret from a file, never from the command line, where others could see it."""

from pathlib import Path

from shared.domain.errors import Code, Refuse
from shared.domain.secret import Secret

_LONGEST = 4096
"""Bytes; Entra's are about 40."""


def read_secret(file: Path) -> Secret:
    """The file's one line, without its last line break. Raises Refuse ``WRONG_USE``, which never repeats what it holds."""
    try:
        with file.open("rb") as opened:
            text = opened.read(_LONGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not the name of a file"
        raise _wrong(file, f"cannot be read: {reason}") from None
    secret = text.removesuffix(b"\n").removesuffix(b"\r")
    if not secret.strip():
        raise _wrong(file, "is empty")
    if len(text) > _LONGEST or b"\n" in secret or b"\r" in secret:
        raise _wrong(file, "holds more than one line with a client secret")
    try:
        secret.decode()
    except UnicodeDecodeError:
        raise _wrong(file, "is not UTF-8") from None
    return Secret(secret)


def _wrong(file: Path, reason: str) -> Refuse:
    return Refuse(Code.WRONG_USE, f"The file {file} {reason}; --client-secret-file takes a file with the secret alone.")
