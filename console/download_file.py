"""The output file of a download: it gets its name only when all of it is written and durable."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from shared.domain.errors import Code, Refuse

if TYPE_CHECKING:
    from shared.engine.snapshots.download import Sink

_NO_UNNAMED = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})
"""The errors of open(2) where the file system or the kernel does not support O_TMPFILE."""


class Output:
    """A descriptor whose write errors are reported as a sentence for the user."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._name = name

    def write(self, data: bytes, /) -> None:
        """Write all of the data. Raise Refuse ``FILE_NOT_WRITABLE``, or BrokenPipeError if the reader has closed the pipe."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(self._name, error) from None


@contextmanager
def to_standard_output() -> "Iterator[Sink]":
    """Yield standard output, unbuffered."""
    yield Output(1, "Standard output")


@contextmanager
def to_file(name: str) -> "Iterator[Sink]":
    """Yield a new file that appears at ``name`` only when the block succeeds; it is private to its owner.

    Until then it has no name (open(2), O_TMPFILE) and vanishes with the process. Where the file system does not support that,
    it is named ``<name>.part``, which the next download removes. Raise Refuse ``FILE_NOT_WRITABLE``, and ``WRONG_USE`` for
    ``-``: callers that can write to standard output do so before.
    """
    if name == "-":
        raise Refuse(Code.WRONG_USE, "'-' (standard output) is not possible for this option: give the name of a file.")
    with sentences(name):
        target = Path(os.path.realpath(name))
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise Refuse(Code.FILE_NOT_WRITABLE, f"{name} is not a regular file; '-o -' writes to standard output.")
        part = target.with_name(f"{target.name}.part")
        part.unlink(missing_ok=True)
        descriptor, unnamed = _opened(target.parent, part)
    try:
        yield Output(descriptor, name)
        with sentences(name):
            os.fsync(descriptor)
            if unnamed:
                _link(descriptor, part)
            unnamed = False
            part.replace(target)
            sync_folder(target.parent)
    except BaseException:
        if not unnamed:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _opened(folder: Path, part: Path) -> tuple[int, bool]:
    """Create a file. Return its descriptor, open for writing, and whether it has no name."""
    try:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600), True
    except OSError as error:
        if error.errno not in _NO_UNNAMED:
            raise
    return os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), False


def _link(descriptor: int, part: Path) -> None:
    """Give the unnamed file a name. With a folder's descriptor Python calls linkat(2), which follows the link in /proc."""
    folder = os.open(part.parent, os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.link(f"/proc/self/fd/{descriptor}", part.name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        os.close(folder)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable (fsync)."""
    descriptor = os.open(folder, os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def sentences(name: str) -> Iterator[None]:
    """Raise Refuse ``FILE_NOT_WRITABLE`` instead of the block's OSError or ValueError."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise _unwritable(name, error) from None


def _unwritable(name: str, error: OSError | ValueError) -> Refuse:
    """Return the refusal for an output that cannot be written."""
    reason = error.strerror if isinstance(error, OSError) else "that is not a valid file name"
    return Refuse(Code.FILE_NOT_WRITABLE, f"{name} cannot be written: {reason}.")
