"""The process that stands between the supervisor and one part, and lets nothing of that part outlive the supervisor.

Run by its path (``python -I -S guard.py PARENT``) with the standard library alone, so that it starts in a few hundredths
of a second. ``PARENT`` is the process id of the supervisor; the order, one JSON document, comes on standard input:
``{"argv": [...], "environment": {...}, "stdin": text, "grace": seconds, "keep": [descriptors]}``.

::

    supervisor ── guard (own session, subreaper) ── part ── its children ── theirs

- The kernel sends the guard SIGUSR1 when the supervisor dies (PR_SET_PDEATHSIG, prctl(2)), even by SIGKILL; whoever died
  before that was set is noticed by looking at the parent afterwards. Then everything below is killed at once.
- That signal is not inherited by a part's own children, so the guard is their subreaper: whatever loses its parent becomes
  the guard's child, daemons included, and is found in /proc and killed.
- On SIGTERM the part is asked to end, and what is left after the grace is killed.
- If the guard itself is killed, the kernel kills the part; the supervisor kills the rest by its session.

The descriptors of ``keep`` stay open in the guard (a lock is held until nothing is left) and are closed in the part.
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
    """Run one part until it ends, is asked to end, or the supervisor is gone; returns the part's exit status.

    A part ended by signal N has the status 128 + N. On return none of its descendants is alive.
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
    """Wait for the end of the part. None if it still runs and must be killed."""
    deadline: float | None = None
    while True:
        if deadline is None:
            got = signal.sigwaitinfo(_WATCHED).si_signo
        else:
            waited = signal.sigtimedwait(_WATCHED, max(0.0, deadline - time.monotonic()))
            if waited is None:
                return None
            got = waited.si_signo
        if got == SUPERVISOR_DIED:
            return None
        if got == signal.SIGTERM and deadline is None:
            deadline = time.monotonic() + grace
            os.kill(part, signal.SIGTERM)
        status = _reap(part)
        if status is not None:
            return status


def _reap(part: int) -> int | None:
    """Collect every child that has ended, adopted ones too; the part's exit status if it is among them."""
    while True:
        pid, raw = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return None
        if pid == part:
            code = os.waitstatus_to_exitcode(raw)
            return code if code >= 0 else 128 - code


def _start(argv: list[str], environment: dict[str, str], stdin: str) -> int:
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
    """Whether processes below this one become its children when their parents end (PR_SET_CHILD_SUBREAPER, prctl(2))."""
    _prctl(_PR_SET_CHILD_SUBREAPER, int(wanted))


def kill_descendants() -> None:
    """Kill every process below this one, whatever session it is in, until there is none. Needs a subreaper."""
    while True:
        parents = {pid: parent for pid, parent, _ in processes()}
        below = {os.getpid()}
        while found := {pid for pid, parent in parents.items() if parent in below} - below:
            below |= found
        for pid in below - {os.getpid()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        signal.sigtimedwait({signal.SIGCHLD}, 0.05)


def processes() -> Iterator[tuple[int, int, int]]:
    """Every process that can be seen, as (process id, parent's process id, session id); zombies are left out (proc(5))."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                stat = Path("/proc", name, "stat").read_bytes()
                state, parent, _group, session = stat[stat.rindex(b")") + 2 :].split()[:4]
                if state not in (b"Z", b"X"):
                    yield int(name), int(parent), int(session)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
