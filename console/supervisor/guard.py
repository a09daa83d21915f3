"""The process between the supervisor and one part. It ensures that nothing of that part outlives the supervisor.

It is run by its path (``python -I -S guard.py PARENT``) with the standard library alone, so that it starts in a few
hundredths of a second. ``PARENT`` is the supervisor's process id. The order is one JSON document on standard input:
``{"argv": [...], "environment": {...}, "stdin": text, "grace": seconds, "keep": [descriptors]}``.

::

    supervisor ── guard (own session, subreaper) ── part ── its children ── theirs

- The kernel sends the guard SIGUSR1 when the supervisor dies (PR_SET_PDEATHSIG, prctl(2)), even by SIGKILL. If it died before
  that was set, the guard notices by its changed parent. Then the guard kills every process below itself at once.
- A part's own children do not inherit that signal, so the guard is their subreaper. Any process that loses its parent,
  daemons included, becomes the guard's child, is found in /proc and killed.
- On SIGTERM the guard passes SIGTERM to the part, and kills every process that remains after the grace.
- If the guard itself is killed, the kernel kills the part, and the supervisor kills the rest by its session.

The descriptors of ``keep`` stay open in the guard, so that a lock lasts until no process remains. The part closes them.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
SUPERVISOR_DIED = signal.SIGUSR1
_WATCHED = {signal.SIGCHLD, signal.SIGTERM, SUPERVISOR_DIED}
_KILLED = 128 + signal.SIGKILL


def main(parent: int) -> int:
    """Run one part until it ends, a SIGTERM arrives, or the supervisor dies. Return the part's exit status.

    A part that signal N ended has the status 128 + N. On return none of its descendants is alive.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {*_WATCHED, signal.SIGINT, signal.SIGHUP})
    _prctl(_PR_SET_PDEATHSIG, SUPERVISOR_DIED)
    adopt_orphans(True)
    order = sys.stdin.read()
    if os.getppid() != parent or not order:
        return _KILLED
    order = json.loads(order)
    for descriptor in order["keep"]:
        os.set_inheritable(descriptor, False)
    part = _start(order["argv"], order["environment"], order["stdin"])
    status = _watch(part, order["grace"])
    kill_descendants()
    return _KILLED if status is None else status


def _watch(part: int, grace: float) -> int | None:
    """Wait for the end of the part. Return its exit status, or None if it still runs and must be killed."""
    deadline: float | None = None
    while True:
        if deadline is None:
            received = signal.sigwaitinfo(_WATCHED).si_signo
        else:
            waited = signal.sigtimedwait(_WATCHED, max(0.0, deadline - time.monotonic()))
            if waited is None:
                return None
            received = waited.si_signo
        if received == SUPERVISOR_DIED:
            return None
        if received == signal.SIGTERM and deadline is None:
            deadline = time.monotonic() + grace
            os.kill(part, signal.SIGTERM)
        status = _reap(part)
        if status is not None:
            return status


def _reap(part: int) -> int | None:
    """Collect every child that has ended, adopted ones too. Return the part's exit status if it is one of them, or None."""
    while True:
        pid, raw = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return None
        if pid == part:
            code = os.waitstatus_to_exitcode(raw)
            return code if code >= 0 else 128 - code


def _start(argv: list[str], environment: dict[str, str], stdin: str) -> int:
    """Start the part with ``stdin`` as its standard input. Return its process id."""
    guard = os.getpid()
    reading, writing = os.pipe()
    os.write(writing, stdin.encode())
    os.close(writing)
    pid = os.fork()
    if pid:
        os.close(reading)
        return pid
    try:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(_KILLED)
        os.dup2(reading, 0)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - the command line of a part, no shell wanted
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be started: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def adopt_orphans(wanted: bool) -> None:
    """Set whether descendants whose parents end become this process's children (PR_SET_CHILD_SUBREAPER, prctl(2))."""
    _prctl(_PR_SET_CHILD_SUBREAPER, int(wanted))


def kill_descendants() -> None:
    """Kill every descendant of this process, in any session, until none is left. This process must be a subreaper."""
    while True:
        parents = {pid: parent for pid, parent, _ in processes()}
        family = {os.getpid()}
        while children := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= children
        for pid in family - {os.getpid()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        signal.sigtimedwait({signal.SIGCHLD}, 0.05)


def processes() -> Iterator[tuple[int, int, int]]:
    """Yield every visible process as (process id, parent's process id, session id), without zombies (proc(5))."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                stat = Path("/proc", name, "stat").read_bytes()
                state, parent, _group, session = stat[stat.rindex(b")") + 2 :].split()[:4]
                if state not in (b"Z", b"X"):
                    yield int(name), int(parent), int(session)


def _prctl(option: int, value: int) -> None:
    """Call prctl(2). Raise OSError if it fails."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
