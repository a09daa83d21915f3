"""Protect the memory of a process with data keys from core dumps and from debuggers of the same user."""

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def seclude() -> None:
    """Disable core dumps of this process and its forks and, on Linux, tracing by others (prctl(2)).

    The limit alone is not enough: a kernel that pipes core dumps to a program ignores it (core(5)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
