"""Kill parts in turn while a tenant's KMS key changes. Tests write the plan into files of a folder."""

import os
import time
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL

from shared.ports.observer import Observer, Point

FOLDER = "ENTRAKEEP_TEST_FAULTS"
"""The environment variable that names the folder for a worker."""
EVERY = {Point.KEY_MOVED: 10, Point.GENERATION_ERASED: 100, Point.PART_PROVED: 50}
"""Number of passed points between two faults."""
_STORED = Point.KEY_REWRAPPED
"""Every second fault at a data key occurs here: its key object is stored, and its row is not yet written."""


class Faults(Observer):
    """Plans and records of faults.

    The folder has a file with the process id of each part and a file with the parts to kill in turn. It also has files
    with one byte for each passed point and for each fault.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kinds, self._struck = folder / "kinds", folder / "struck"

    def plan(self, *kinds: str) -> None:
        """Kill these parts in turn from now on. Reset the number of faults."""
        for file in (self._struck, *(self._folder / point for point in EVERY)):
            file.unlink(missing_ok=True)
        self._kinds.write_text(" ".join(kinds))

    def record_process(self, part: str, process: int) -> None:
        """Record this process as the part."""
        new_file = self._folder / f"{part}.new"
        new_file.write_text(str(process))
        new_file.replace(self._folder / part)

    def strikes(self) -> int:
        """Return the number of killed parts."""
        return _count(self._struck)

    def reach(self, point: Point) -> None:
        """Record that a worker passes this point. If a fault is due, kill the next part, which may be this worker."""
        if point in EVERY:
            _add(self._folder / point)
        elif point != _STORED:
            return
        due = sum(_count(self._folder / each) // every for each, every in EVERY.items())
        moving = _count(self._folder / Point.GENERATION_ERASED) == 0
        if self.strikes() < due and (point == _STORED) == (moving and due % 2 == 1):
            self._strike()

    def _strike(self) -> None:
        """Kill the part. Wait until it runs if it is just being restarted."""
        kinds = self._kinds.read_text().split()
        if not kinds:
            return
        file = self._folder / kinds[self.strikes() % len(kinds)]
        while not alive(process := int(file.read_text())):
            time.sleep(0.005)
        _add(self._struck)
        with suppress(ProcessLookupError):
            (os.killpg if os.getpgid(process) == process else os.kill)(process, SIGKILL)


def alive(process: int) -> bool:
    """Return whether the process runs and is not a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _add(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b".")


def _count(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
