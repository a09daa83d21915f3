"""A process that cannot outlive this one, nor can its children."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from console.supervisor import guard

_GUARD_NEEDS = ("PATH", "TMPDIR")
"""The variables of a guard: it starts programs of the PATH, and TMPDIR tells the stacks of a machine apart."""


class Guarded:
    """A command run under a guard (see ``console.supervisor.guard``). Make it from the main thread only.

    The kernel counts the end of the thread that started a process as the end of its parent.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        output: IO[bytes],
        *,
        grace: float,
        errors: IO[bytes] | None = None,
        stdin: str = "",
        keep: Sequence[int] = (),
    ) -> None:
        """Start it. ``grace`` is in seconds, from ``stop`` to SIGKILL; ``stdin`` is what it reads (at most 64 KiB).

        The command alone gets ``environment``, which may hold credentials; the guard does not. What the command writes is
        private to its user (umask 077). ``errors`` is where standard error goes, else to ``output``. Raises OSError if no
        process can be made.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT if errors is None else errors,
            env={name: environment[name] for name in _GUARD_NEEDS if name in environment},
            umask=0o077,
            start_new_session=True,
            pass_fds=keep,
        )
        order = {
            "argv": list(argv),
            "environment": dict(environment),
            "stdin": stdin,
            "grace": grace,
            "keep": list(keep),
        }
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(json.dumps(order).encode())

    def status(self) -> int | None:
        """The exit status (128 + N if signal N ended it), or None while it runs. After it nothing of it is alive."""
        if self._process.returncode is None:
            pid = self._process.pid
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return None
            if ended.si_code != os.CLD_EXITED:
                # The guard was killed. It is not collected yet, so that its session's number cannot be anybody else's.
                _kill_session(pid)
            self._process.wait()
        code: int = self._process.returncode
        return code if code >= 0 else 128 - code

    def stop(self) -> None:
        """Ask it to end; what is left after the grace is killed."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it and all that it started; returns when that is done."""
        self._process.send_signal(guard.SUPERVISOR_DIED)
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            while self.status() is None:
                time.sleep(0.01)


def _kill_session(session: int) -> None:
    for _ in range(200):
        members = [pid for pid, _, its_session in guard.processes() if its_session == session]
        if not members:
            return
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def tail(path: Path, count: int) -> list[str]:
    """The last ``count`` lines of a log, of its last 8 KiB; none if it cannot be read."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
            return log.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []
