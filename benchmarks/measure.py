"""What one run measured, as a child process tells it."""

import resource
import sys

import msgspec


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """``peak`` is the process's largest resident set in bytes; CPU seconds are of all its threads; ``steps`` are seconds
    by what was done; ``counts`` are pages, users and bytes by name."""

    seconds: float
    cpu_seconds: float
    peak: int
    counts: dict[str, int]
    steps: dict[str, float] = {}


def peak() -> int:
    """The largest resident set of this process so far, in bytes (getrusage counts kilobytes on Linux, bytes on macOS)."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024
