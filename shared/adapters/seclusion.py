"""A process that holds data keys: its memory goes into no core dump and to no debugger of the same user."""

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def seclude() -> None:
    """Switch core dumps of this process and its forks off, and on Linux also tracing by others (prctl(2)).

    The limit alone does not suffice: where the kernel pipes core dumps to a program, it ignores the limit (core(5)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
