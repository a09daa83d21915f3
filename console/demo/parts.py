"""The processes of the demo: the simulators, the stack, and the commands that a user would type."""

import json
import shlex
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from console.demo.screen import Screen
from console.supervisor.guarded import Guarded, tail
from shared.domain.deadline import Deadline

_ENTRAKEEP = (sys.executable, "-m", "console.cli")
_COMMAND_SECONDS = 120.0
_START_SECONDS = 60.0
_LOOK = 0.02


class DemoFailed(Exception):
    """A part of the demo failed. The text is one sentence for the user."""


class Parts:
    """The processes that run during the demo. None of them outlives this process (see ``console.supervisor.guard``)."""

    def __init__(self, logs: Path) -> None:
        """Create the folder ``logs``, for the files ``<part>.out`` and ``<part>.log``."""
        logs.mkdir(mode=0o700, parents=True)
        self._logs = logs
        self._running: dict[str, Guarded] = {}

    def __enter__(self) -> "Parts":
        return self

    def __exit__(self, *_: object) -> None:
        """Kill every process, the latest first. Nothing is lost, because their data are deleted with the demo."""
        while self._running:
            self._running.popitem()[1].kill()

    def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a part. Raise OSError if no process can be created."""
        with (self._logs / f"{name}.out").open("wb") as out, (self._logs / f"{name}.log").open("wb") as log:
            self._running[name] = Guarded(argv, environment, out, grace=0.0, errors=log)

    def start_stack(self, environment: Mapping[str, str]) -> None:
        """Start ``entrakeep up``."""
        self.start("up", (*_ENTRAKEEP, "up"), environment)

    def hears(self, name: str, word: str, kind: str = "out") -> str:
        """Wait for a line of the part's output that begins with ``word``. Return the rest of the line.

        With ``kind`` ``"log"``, read its log instead. Raise DemoFailed if the part ends, or prints no such line within a
        minute.
        """
        deadline = Deadline(_START_SECONDS, time.monotonic)
        while not deadline.over:
            for line in (self._logs / f"{name}.{kind}").read_text(errors="replace").splitlines():
                if line.startswith(word):
                    return line.removeprefix(word).strip()
            self.check()
            time.sleep(_LOOK)
        raise DemoFailed(f"'{name}' was not ready within {_START_SECONDS:.0f} seconds.")

    def check(self) -> None:
        """Raise DemoFailed if a part has ended."""
        for name, process in self._running.items():
            status = process.status()
            if status is not None:
                last = "".join(f" The last line of its log: {line}" for line in tail(self._logs / f"{name}.log", 1))
                raise DemoFailed(f"'{name}' ended with status {status}.{last}")


class Commands:
    """The product's commands. Each one runs as a separate process."""

    def __init__(self, screen: Screen, environment: Mapping[str, str]) -> None:
        self._screen = screen
        self._environment = environment

    def do(self, *words: str) -> None:
        """Show a command, run it, and show its output. Raise DemoFailed unless it succeeds."""
        self._screen.command(_typed(words))
        status = self._run(words, sys.stdout.buffer, sys.stderr.buffer)
        if status != 0:
            raise DemoFailed(f"'{_typed(words)}' ended with status {status}.")

    def ask(self, *words: str) -> Any:
        """Run a command without showing it. Return its JSON document. Raise DemoFailed unless it succeeds."""
        with TemporaryFile() as output, TemporaryFile() as errors:
            status = self._run((*words, "--json"), output, errors)
            if status != 0:
                raise DemoFailed(f"'{_typed(words)}' ended with status {status}: {_text(errors)}")
            return json.loads(_text(output))

    def refused(self, *words: str, code: str) -> None:
        """Show a command that must fail with ``code``, and its message. Raise DemoFailed if it does anything else."""
        self._screen.command(_typed(words))
        with TemporaryFile() as errors:
            status = self._run(words, sys.stdout.buffer, errors)
            message = _text(errors)
        self._screen.refusal(message)
        if status != 1 or f"{code}: " not in message:
            raise DemoFailed(f"'{_typed(words)}' should have failed with {code}, and ended with status {status}.")

    def _run(self, words: Sequence[str], output: IO[bytes], errors: IO[bytes]) -> int:
        """Run a command. Return its exit status. Raise DemoFailed if it does not end in time."""
        sys.stdout.flush()
        process = Guarded((*_ENTRAKEEP, *words), self._environment, output, grace=0.0, errors=errors)
        deadline = Deadline(_COMMAND_SECONDS, time.monotonic)
        try:
            while (status := process.status()) is None:
                if deadline.over:
                    raise DemoFailed(f"'{_typed(words)}' has not ended within {_COMMAND_SECONDS:.0f} seconds.")
                time.sleep(_LOOK)
            return status
        finally:
            process.kill()


def free_port() -> int:
    """Return a port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def simulator(name: str, *options: str) -> tuple[str, ...]:
    """Return the command line of a simulator on a free port. It is a separate program, not a part of the product."""
    return (sys.executable, "-m", "simulator", name, "--port", "0", *options)


def _typed(words: Sequence[str]) -> str:
    """Return the command as a user would type it."""
    return shlex.join(("entrakeep", *words))


def _text(file: IO[bytes]) -> str:
    """Return the content of a file as text."""
    file.seek(0)
    return file.read().decode(errors="replace").strip()
