"""Type commands, one after another, in a process that has loaded the product once. A process for each would take minutes.

``python -m tests.browser.typist FOLDER``. A line on standard input is a list of words and an exit status. The answer is one
line, with standard output and standard error, or with what was wrong.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.commands import Commands

_TOP = Path(__file__).resolve().parents[2]


class Typist:
    """The process as a test uses it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder)],
            cwd=_TOP,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, status: int = 0) -> tuple[str, str]:
        """Return a command's standard output and standard error. It must end with this status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([words, status]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "wrong" not in answer, f"{' '.join(words)}: {answer['wrong']}"
        return answer["out"], answer["err"]

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=20)


def _main(folder: str) -> None:
    settings = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "ENTRAKEEP_"))}
    commands = Commands(Path(folder), settings)
    for line in sys.stdin:
        words, status = json.loads(line)
        try:
            out, err = commands.run(*words, status=status)
            answer = {"out": out.decode(), "err": err}
        except AssertionError as error:
            answer = {"wrong": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _main(sys.argv[1])
