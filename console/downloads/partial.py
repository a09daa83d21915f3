"""Downloads that can be resumed: what is written so far is stored beside the output, with a note of which download it is."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from console.download_file import Output, sentences, sync_folder
from shared.domain.errors import Code, Refuse
from shared.engine.snapshots.download import Sink


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A download that may be resumed: the same request goes on with the same snapshot."""

    tenant_id: str
    snapshot: str
    """The snapshot's id."""
    format: str
    resources: list[str]
    since: str | None = None
    """The id of the snapshot since which only changes are downloaded, or None."""


class Partial:
    """The unfinished output of a download: ``NAME.partial``, and the note ``NAME.partial.json`` about it."""

    def __init__(self, name: str) -> None:
        """Name the output. Nothing is read or written."""
        self.name = name
        target = Path(os.path.abspath(name))
        self.path = target.with_name(f"{target.name}.partial")
        self._note = target.with_name(f"{target.name}.partial.json")

    def begin(self, request: Request, *, latest: bool) -> Request:
        """Return the request to carry out: ``request``, or the noted one if that download was cut off.

        With ``latest``, the caller asked for the newest snapshot; a download that was cut off keeps its own. Raise
        Refuse ``WRONG_USE`` if another download was cut off there, and Refuse ``FILE_NOT_WRITABLE``.
        """
        with sentences(self.name):
            earlier = self._read() if self.path.exists() else None
            if earlier is None:
                self._note.write_bytes(msgspec.json.encode(request))
                self._note.chmod(0o600)
                return request
        if latest:
            request = msgspec.structs.replace(request, snapshot=earlier.snapshot)
        if request != earlier:
            raise Refuse(
                Code.WRONG_USE,
                f"{self.path.name} is part of another download (snapshot {earlier.snapshot}, format {earlier.format}"
                f"{f', since {earlier.since}' if earlier.since else ''}): "
                f"give the same tenant, snapshot, format, resources and --since, or remove {self.path.name}.",
            )
        return earlier

    def finish(self) -> None:
        """Remove the note."""
        with sentences(self.name):
            self._note.unlink(missing_ok=True)

    def _read(self) -> Request | None:
        """Return the noted request, or None if there is no note that can be read."""
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=Request)
        except (FileNotFoundError, msgspec.DecodeError):
            return None


@contextmanager
def to_partial_file(partial: Partial) -> Iterator[tuple[Sink, bytes | None]]:
    """Yield the unfinished file, open for more lines, and the key of its last whole line, or None if it has none.

    It gets the output's name when the block succeeds, and stays as it is if the block fails. Raise Refuse
    ``FILE_NOT_WRITABLE``.
    """
    target = partial.path.with_name(Path(partial.name).name)
    with sentences(partial.name):
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise Refuse(Code.FILE_NOT_WRITABLE, f"{partial.name} is not a regular file.")
        descriptor = os.open(partial.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with sentences(partial.name):
            last = _cut_to_lines(descriptor)
        yield Output(descriptor, partial.name), last
        with sentences(partial.name):
            os.fsync(descriptor)
            partial.path.replace(target)
            sync_folder(target.parent)
    finally:
        with suppress(OSError):
            os.close(descriptor)


def _cut_to_lines(descriptor: int) -> bytes | None:
    """Remove an unfinished line at the end of the file, and go there. Return the key of the last line, None without one."""
    end = _line_end(descriptor, os.fstat(descriptor).st_size)
    while end:
        start = _line_end(descriptor, end - 1)
        try:
            key = json.loads(os.pread(descriptor, end - start, start))["key"]
        except (ValueError, KeyError, TypeError):  # zeros that a crash of the machine left
            end = start
            continue
        os.ftruncate(descriptor, end)
        os.lseek(descriptor, end, os.SEEK_SET)
        return str(key).encode()
    os.ftruncate(descriptor, 0)
    return None


_BLOCK = 1 << 16


def _line_end(descriptor: int, size: int) -> int:
    """Return the position after the last line break within the first ``size`` bytes, 0 if there is none."""
    while size > 0:
        start = max(0, size - _BLOCK)
        position = os.pread(descriptor, size - start, start).rfind(b"\n")
        if position >= 0:
            return start + position + 1
        size = start
    return 0
