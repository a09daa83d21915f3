"""What one run measured, as a child process tells it."""

import resource
import sys
from pathlib import Path

import msgspec


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """``peak`` is the process's largest resident set in bytes; CPU seconds are of all its threads.

    ``steps`` are seconds of wall clock by what was done, ``stages`` CPU seconds by what they went into (only where asked
    for), ``counts`` are pages, objects, links and bytes by name. ``served`` are the simulator's CPU seconds meanwhile,
    ``kms`` the calls that KMS got.
    """

    seconds: float
    cpu_seconds: float
    peak: int
    counts: dict[str, int]
    steps: dict[str, float] = {}
    stages: dict[str, float] = {}
    served: float = 0.0
    kms: int = 0


def peak() -> int:
    """The largest resident set of this process so far, in bytes (getrusage counts kilobytes on Linux, bytes on macOS)."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder, each by its length."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
