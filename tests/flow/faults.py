"""Parts that are killed in turn while a tenant's KMS key is changed: planned in a folder, so that tests can say which."""

import os
import time
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL

from shared.ports.observer import Observer, Point

FOLDER = "ENTRAKEEP_TEST_FAULTS"
"""The environment variable that tells a worker the folder."""
EVERY = {Point.KEY_MOVED: 10, Point.GENERATION_ERASED: 100, Point.PART_PROVED: 50}
"""How many passings of a point lie between two faults."""
_STORED = Point.KEY_REWRAPPED
"""Every other fault at a data key comes here: its key object is stored, and its row not yet written."""


class Faults(Observer):
    """Plans and trails. In the folder: a file with the process id of each part, one with the parts to kill in turn, and
    files with a byte for each passing of a point, and for each fault."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kinds, self._struck = folder / "kinds", folder / "struck"

    def plan(self, *kinds: str) -> None:
        """These parts are killed in turn from now on, and none was yet."""
        for file in (self._struck, *(self._folder / point for point in EVERY)):
            file.unlink(missing_ok=True)
        self._kinds.write_text(" ".join(kinds))

    def know(self, part: str, process: int) -> None:
        """The part is this process now."""
        whole = self._folder / f"{part}.new"
        whole.write_text(str(process))
        whole.replace(self._folder / part)

    def struck(self) -> int:
        """How many parts were killed."""
        return _count(self._struck)

    def reach(self, point: Point) -> None:
        """A worker passes this point: the part whose turn it is, perhaps the worker itself, is killed if that is due."""
        if point in EVERY:
            _add(self._folder / point)
        elif point != _STORED:
            return
        due = sum(_count(self._folder / each) // every for each, every in EVERY.items())
        moving = _count(self._folder / Point.GENERATION_ERASED) == 0
        if self.struck() < due and (point == _STORED) == (moving and due % 2 == 1):
            self._strike()

    def _strike(self) -> None:
        """Waits until the part is there, if it is only just being begun again."""
        kinds = self._kinds.read_text().split()
        if not kinds:
            return
        file = self._folder / kinds[self.struck() % len(kinds)]
        while not alive(process := int(file.read_text())):
            time.sleep(0.005)
        _add(self._struck)
        with suppress(ProcessLookupError):
            (os.killpg if os.getpgid(process) == process else os.kill)(process, SIGKILL)


def alive(process: int) -> bool:
    """Whether there is such a process, and not only what is left of it."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _add(file: Path) -> None:
    with file.open("ab") as passed:
        passed.write(b".")


def _count(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
