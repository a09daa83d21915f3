"""Output of commands: documents and sentences on standard output, notes on standard error."""

import io
import sys
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import msgspec

from shared.domain.errors import Code, Refuse

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from rich.console import Console

NEVER_CUT = 10_000
"""The width, in columns, of output that is not a terminal, so that tables are never cut."""


def printable(text: str) -> str:
    """Return the text as one line. Characters that are not printable, such as escape sequences, become ``?``."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def print_document(document: Any) -> None:
    """Print one JSON document."""
    write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def print_line(text: str) -> None:
    """Print a sentence."""
    write(f"{text}\n".encode("utf-8", "backslashreplace"))


def note(text: str) -> None:
    """Print a sentence on standard error. Ignore a closed standard error."""
    if sys.stderr is not None:
        try:
            print(text, file=sys.stderr, flush=True)
        except OSError:
            sys.stderr = None  # as Python sets it where there is no standard error


def write(data: bytes) -> None:
    """Write bytes to standard output and flush them.

    Raise Refuse ``FILE_NOT_WRITABLE``, or BrokenPipeError if the reader has closed the pipe.
    """
    if sys.stdout is None:
        unwritable("it is closed")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        unwritable(str(error.strerror))


class _Descriptor(io.FileIO):
    """Standard output's descriptor. Its errors become Refuse, whichever library writes to it."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write data. Raise Refuse ``FILE_NOT_WRITABLE`` or BrokenPipeError."""
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            unwritable(str(error.strerror))


def guard_output() -> None:
    """Make every error of standard output a Refuse ``FILE_NOT_WRITABLE``, except BrokenPipeError."""
    stdout = sys.__stdout__
    if stdout is None or stdout is not sys.stdout or not isinstance(stdout, io.TextIOWrapper):
        return
    buffer = io.BufferedWriter(_Descriptor(stdout.fileno(), "wb", closefd=False))
    sys.stdout = io.TextIOWrapper(
        buffer, stdout.encoding, stdout.errors, line_buffering=stdout.line_buffering, write_through=stdout.write_through
    )


def console(file: TextIO) -> "Console":
    """Return a rich console on a terminal or another file."""
    from rich.console import Console

    return Console(file=file, highlight=False, width=None if file.isatty() else NEVER_CUT)


def unwritable(reason: str) -> NoReturn:
    """Raise Refuse ``FILE_NOT_WRITABLE`` for standard output."""
    raise Refuse(Code.FILE_NOT_WRITABLE, f"Standard output cannot be written: {reason}.") from None
