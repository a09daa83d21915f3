"""A process that, with its children, cannot outlive this one."""

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
"""The variables of a guard: PATH to find programs, TMPDIR to tell the stacks of a machine apart."""


class Guarded:
    """A command run under a guard (see ``console.supervisor.guard``). Create it in the main thread only.

    The kernel treats the end of the thread that started a process as the death of its parent.
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
        """Start the command. ``grace`` is the seconds from ``stop`` to SIGKILL.

        Only the command gets ``environment``, which may hold credentials; the guard does not. ``stdin`` is the text that the
        command reads (at most 64 KiB). ``errors`` receives standard error; without it, ``output`` does. ``keep`` are
        descriptors that the guard keeps open. Files that the command creates are private to its user (umask 077). Raise
        OSError if no process can be created.
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
        """Return the exit status (128 + N if signal N ended it), or None while it runs.

        With a status, no process of the command is alive.
        """
        if self._process.returncode is None:
            pid = self._process.pid
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return None
            if ended.si_code != os.CLD_EXITED:
                # The guard was killed. It is not collected yet, so that no other session can get its number.
                _kill_session(pid)
            self._process.wait()
        code: int = self._process.returncode
        return code if code >= 0 else 128 - code

    def stop(self) -> None:
        """Send SIGTERM. The guard kills every process that remains after the grace."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the command and everything that it started, and wait until they are gone."""
        self._process.send_signal(guard.SUPERVISOR_DIED)
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            while self.status() is None:
                time.sleep(0.01)


def _kill_session(session: int) -> None:
    """Kill the processes of a session. Stop after two seconds or when none is left."""
    for _ in range(200):
        members = [pid for pid, _, its_session in guard.processes() if its_session == session]
        if not members:
            return
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def tail(path: Path, count: int) -> list[str]:
    """Return the last ``count`` lines of a log's last 8 KiB, or none if it cannot be read."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
            return log.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []
