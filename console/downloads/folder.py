"""A download as a folder of tables. The folder gets its name only when all of it is written and durable."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from console.download_file import sentences, sync_folder, to_file
from shared.domain.errors import Code, Refuse
from shared.engine.snapshots.download import Sink

WriteFile = Callable[[str, Callable[[Sink], None]], None]
"""Writes one file of the folder, by its name and by the function that writes its contents."""


@contextmanager
def to_folder(name: str, partial: Path, *, keep: bool) -> Iterator[WriteFile]:
    """Yield a function that writes the folder's files, one after the other. Raise Refuse ``FILE_NOT_WRITABLE``.

    They are written to ``partial``, which becomes the folder when the block succeeds. A file that ``partial`` has already is
    not written again. If the block fails, ``partial`` is removed, unless ``keep``.
    """
    target = Path(os.path.abspath(name))
    check_free(name, target)
    with sentences(name):
        if not keep:
            shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700, exist_ok=True)

    def write(file: str, contents: Callable[[Sink], None]) -> None:
        if not (partial / file).exists():
            with to_file(str(partial / file)) as sink:
                contents(sink)

    try:
        yield write
        with sentences(name):
            check_free(name, target)
            partial.rename(target)
            sync_folder(target.parent)
    except BaseException:
        if not keep:
            shutil.rmtree(partial, ignore_errors=True)
        raise


def check_free(name: str, target: Path) -> None:
    """Raise Refuse ``FILE_NOT_WRITABLE`` if there is a file or folder of that name."""
    if os.path.lexists(target):
        raise Refuse(Code.FILE_NOT_WRITABLE, f"{name} exists already: name a folder that does not exist, or remove it.")
