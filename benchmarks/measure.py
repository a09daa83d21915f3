"""The measurements of one run, as a child process prints them."""

import resource
import sys
from pathlib import Path

import msgspec


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements of one run."""

    seconds: float
    """Wall clock."""
    cpu_seconds: float
    """CPU time of all threads of the process."""
    peak: int
    """The process's largest resident set, in bytes."""
    counts: dict[str, int]
    """Pages, objects, links and bytes, by name."""
    steps: dict[str, float] = {}
    """Seconds of wall clock, by step."""
    stages: dict[str, float] = {}
    """CPU seconds, by stage. Empty unless the run measured stages."""
    served: float = 0.0
    """CPU seconds of the simulator during the run."""
    kms: int = 0
    """Calls to KMS during the run."""


def peak() -> int:
    """Return the largest resident set of this process so far, in bytes.

    getrusage counts kilobytes on Linux and bytes on macOS.
    """
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def size_of(folder: Path) -> int:
    """Return the sum of the lengths of all files below a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
