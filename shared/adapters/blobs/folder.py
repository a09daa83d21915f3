"""Store blobs in a folder: one file each, written whole or not at all, durable when ``put`` returns."""

import contextlib
import errno
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shared.domain.errors import Code, EntrakeepError, Refuse, StoreTrouble

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_PART = ".part-"
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""Errors of ``link`` on a file system that can create files but not hard links (link(2))."""


class FolderStore:
    """Blobs below ``folder``, which is created with mode 700 if missing. Files have mode 600."""

    near = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.place = folder.absolute().as_uri()

    def prove(self, name: str, data: bytes) -> None:
        """Prove that the store works, by writing a blob."""
        self.put_new(name, data)

    def put(self, name: str, data: bytes) -> None:
        """Write a blob, and replace an existing one."""
        path = self._path(name)
        with _translated_errors(self._folder), self._written(path, data) as part:
            os.replace(part, path)
            _sync(path.parent)

    def put_new(self, name: str, data: bytes) -> bool:
        """Write a blob unless its name exists. Return True if it was written."""
        path = self._path(name)
        with _translated_errors(self._folder), self._written(path, data) as part:
            try:
                os.link(part, path)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno in _NO_LINKS:
                    raise self._without_links() from None
                raise
            _sync(path.parent)
            return True

    def get(self, name: str) -> bytes | None:
        """Return a blob, or None if it does not exist."""
        path = self._existing_path(name)
        with _translated_errors(self._folder):
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def delete(self, name: str) -> None:
        """Delete a blob and the folders that become empty. Do nothing if it does not exist."""
        path = self._existing_path(name)
        with _translated_errors(self._folder), contextlib.suppress(FileNotFoundError):
            path.unlink()
            _sync(path.parent)
            self._tidy(path.parent)

    def erase(self, name: str) -> None:
        """Delete a blob: a folder keeps no versions."""
        self.delete(name)

    def locked_until(self, name: str) -> None:
        """Return None: a folder does not protect files from deletion."""

    def names(self, prefix: str, *, deleted: bool = False) -> Iterator[str]:  # noqa: ARG002 - nothing is kept here
        """Yield the names that begin with ``prefix``, sorted. A folder keeps no deleted blobs."""
        with _translated_errors(self._folder):
            names = [
                str(Path(folder, file).relative_to(self._folder))
                for folder, _, files in os.walk(self._folder / prefix.rpartition("/")[0], onerror=_raise_unless_missing)
                for file in files
                if not file.startswith(_PART)
            ]
        return iter(sorted(name for name in names if name.startswith(prefix)))

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly below ``prefix``, sorted."""
        with _translated_errors(self._folder):
            try:
                return sorted(entry.name for entry in os.scandir(self._folder / prefix) if entry.is_dir())
            except (FileNotFoundError, NotADirectoryError):
                return []

    def _without_links(self) -> Refuse:
        """Return the refusal of a file system without hard links."""
        return Refuse(
            Code.STORE_UNSUITABLE,
            f"The file system of the store {self._folder} has no hard links. Entrakeep needs them to "
            "write each blob whole and only once. Choose a folder on another file system, or a bucket.",
        )

    def _path(self, name: str) -> Path:
        """Return the path of a new blob. Raises ValueError if the name is not allowed."""
        if not _NAME.fullmatch(name):
            raise ValueError("a blob's name holds A-Za-z0-9._- in segments that do not begin with a dot")
        return self._folder / name

    def _existing_path(self, name: str) -> Path:
        """Return the path of any name that ``names`` may return, also of a file that somebody else has put there.

        Raises ValueError if a segment is empty or leads out of the folder.
        """
        if any(segment in ("", ".", "..") for segment in name.split("/")):
            raise ValueError("a blob's name has no segment that is empty or leads elsewhere")
        return self._folder / name

    def _tidy(self, folder: Path) -> None:
        """Remove folders that have become empty."""
        while folder != self._folder:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _part(self, folder: Path) -> tuple[int, str]:
        """Return the descriptor and path of a new temporary file. Retry if the folder is removed just before."""
        for _ in range(10):
            self._make(folder)
            with contextlib.suppress(FileNotFoundError):
                return tempfile.mkstemp(prefix=_PART, dir=folder)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    @contextlib.contextmanager
    def _written(self, path: Path, data: bytes) -> Iterator[str]:
        """Yield a durable temporary file beside ``path``. Remove it afterwards if it still exists."""
        descriptor, part = self._part(path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield part
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)

    def _make(self, folder: Path) -> None:
        """Create the folder and its parents, and make each entry durable."""
        if folder.is_dir():
            return
        self._make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)


def _raise_unless_missing(error: OSError) -> None:
    """Raise the error of a folder that cannot be listed. A missing folder counts as empty."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _sync(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _translated_errors(folder: Path) -> Iterator[None]:
    """Translate errors of the file system into this project's errors."""
    try:
        yield
    except OSError as error:
        raise _meaning(folder, error) from None


def _meaning(folder: Path, error: OSError) -> EntrakeepError:
    """Return the error to raise for an error of the file system."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Refuse(Code.STORE_FULL, f"The store {folder} is full; free some space there.")
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        return Refuse(
            Code.STORE_FORBIDDEN,
            f"The store {folder} cannot be used: a file has the name of one of its folders. Move it away.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT):
        return Refuse(
            Code.STORE_FORBIDDEN,
            f"The store {folder} cannot be used: {error.strerror}. Check its path and permissions.",
        )
    return StoreTrouble(f"The store {folder} does not work: {error.strerror}.")
