"""What commands print: documents and sentences on standard output, notes on standard error, each in one place."""

import io
import sys
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import msgspec

from shared.domain.errors import Code, Refuse

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from rich.console import Console

NEVER_CUT = 10_000
"""Columns of a page that is no terminal: a table is as wide as it likes."""


def printable(text: str) -> str:
    """One line that a terminal shows as it stands: other characters, escape sequences among them, become ``?``."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 record``, ``2,000 records``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def print_document(document: Any) -> None:
    """One JSON document."""
    write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def print_line(text: str) -> None:
    """A sentence of ours."""
    write(f"{text}\n".encode("utf-8", "backslashreplace"))


def note(text: str) -> None:
    """A sentence beside the result, on standard error. Nobody listening is no trouble."""
    if sys.stderr is not None:
        try:
            print(text, file=sys.stderr, flush=True)
        except OSError:
            sys.stderr = None  # as Python has it where there is none


def write(data: bytes) -> None:
    """Bytes to standard output, at once. Raises Refuse ``FILE_NOT_WRITABLE``; BrokenPipeError where nobody reads on."""
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
    """Standard output's descriptor, whose every fault is a sentence, whichever library writes to it."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            unwritable(str(error.strerror))


def guard_output() -> None:
    """Make every fault of standard output a Refuse ``FILE_NOT_WRITABLE``, except that nobody reads on."""
    given = sys.__stdout__
    if given is None or given is not sys.stdout or not isinstance(given, io.TextIOWrapper):
        return
    buffer = io.BufferedWriter(_Descriptor(given.fileno(), "wb", closefd=False))
    sys.stdout = io.TextIOWrapper(
        buffer, given.encoding, given.errors, line_buffering=given.line_buffering, write_through=given.write_through
    )


def console(file: TextIO) -> "Console":
    """A rich console on a terminal or another file."""
    from rich.console import Console

    return Console(file=file, highlight=False, width=None if file.isatty() else NEVER_CUT)


def unwritable(reason: str) -> NoReturn:
    raise Refuse(Code.FILE_NOT_WRITABLE, f"Standard output cannot be written: {reason}.") from None
