"""Encryption of an output to recipients, in the age format (age-encryption.org/v1)."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Protocol

import pyrage

from shared.domain.errors import Code, Refuse

_SHOWN = 80
"""Largest number of characters of a wrong recipient that are repeated."""


class Recipient(Protocol):
    """A public key of age or of SSH. Only age's library looks into it."""


class Output(Protocol):
    """A binary file that is written from its beginning to its end."""

    def write(self, data: bytes, /) -> object:
        """Write all of these bytes."""
        ...


def recipient_of(text: str) -> Recipient:
    """Return the recipient that a text names: ``age1…``, ``ssh-ed25519 …`` or ``ssh-rsa …``. Raise Refuse ``WRONG_USE``."""
    stripped = text.strip()
    if stripped.upper().startswith("AGE-SECRET-KEY-"):  # never repeat it
        raise Refuse(Code.WRONG_USE, "--recipient got a secret key. Give its public key: 'age-keygen -y' prints it.")
    kind = pyrage.ssh if stripped.startswith("ssh-") else pyrage.x25519
    try:
        recipient: Recipient = kind.Recipient.from_str(stripped)
        return recipient
    except pyrage.RecipientError:
        shown = stripped if len(stripped) <= _SHOWN else f"{stripped[:_SHOWN]}…"
        raise Refuse(
            Code.WRONG_USE,
            f"{shown!a} is not a recipient: give a public key of age, which begins with age1, or one of SSH. "
            "'age-keygen' makes one.",
        ) from None


@contextmanager
def encrypted(output: Output, recipients: Sequence[Recipient]) -> Iterator[Output]:
    """Yield an output whose bytes are encrypted to the recipients and written to ``output``.

    If the block raises, the encrypted stream stays without its end, so that no reader takes it for whole. Raise what writing
    to ``output`` raises.
    """
    reading, writing = os.pipe()
    encryption = _Encryption(output, recipients, os.fdopen(reading, "rb", buffering=0))
    encryption.start()
    with os.fdopen(writing, "wb") as pipe:
        try:
            yield _Pipe(pipe, encryption)
            pipe.flush()
        except BaseException:
            encryption.aborted = True
            raise
        finally:
            encryption.close(pipe)
    encryption.raise_error()


class _Encryption(threading.Thread):
    """Encrypts the bytes from a pipe. age's library pulls its input, so it runs in a thread of its own."""

    def __init__(self, output: Output, recipients: Sequence[Recipient], source: BinaryIO) -> None:
        super().__init__(name="age", daemon=True)
        self.aborted = False
        """True if the input ends too early."""
        self._output = output
        self._recipients = list(recipients)
        self._source = source
        self._error: BaseException | None = None

    def run(self) -> None:
        """Encrypt until the input ends."""
        with self._source:  # closed at once after an error, so that the writing side notices
            try:
                pyrage.encrypt_io(self, self, self._recipients)
            except pyrage.EncryptError as error:
                self._error = self._error or OSError(str(error))

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes of the input. Called by the library."""
        data = self._source.read(size)
        if not data and self.aborted:
            raise OSError("the input ended early")
        return data

    def write(self, data: bytes) -> int:
        """Write encrypted bytes. Called by the library, which would turn an error into text."""
        try:
            self._output.write(bytes(data))
        except BaseException as error:
            self._error = error
            raise
        return len(data)

    def flush(self) -> None:
        """Do nothing: the caller owns the output. Called by the library."""

    def close(self, pipe: BinaryIO) -> None:
        """Close the writing side, and wait until the last byte is encrypted."""
        try:
            pipe.close()
        except BrokenPipeError:
            pass  # the error that closed the other side is raised instead
        self.join()

    def raise_error(self) -> None:
        """Raise the error that ended the encryption, if there was one."""
        if self._error is not None:
            raise self._error


class _Pipe:
    """The writing side of the pipe."""

    def __init__(self, pipe: BinaryIO, encryption: _Encryption) -> None:
        self._pipe = pipe
        self._encryption = encryption

    def write(self, data: bytes, /) -> None:
        """Write all of the data. Raise the error that ended the encryption."""
        try:
            self._pipe.write(data)
        except BrokenPipeError:
            self._encryption.join()
            self._encryption.raise_error()
            raise
