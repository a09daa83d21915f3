"""Run commands as people and scripts do: as a process with two outputs and an exit status."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.generated.schemas import check

PROGRAM = (sys.executable, "-m", "console.cli")
_SENTENCE = re.compile(r"([A-Z_]+): \S.*\.\n")


def write_private(file: Path, text: str) -> None:
    """Write a secret to a file that only its owner may read."""
    file.touch(mode=0o600)
    file.write_text(text)


class Shell:
    """Runs commands in a folder, with only the given settings."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTRAKEEP_"))}
        self.environment = {**inherited, **settings}

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            (*PROGRAM, *words),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *words: str, status: int = 0) -> tuple[bytes, str]:
        """Return a command's standard output and standard error.

        It must end with this status, and JSON must fit its schema.
        """
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        assert process.returncode == status, err.decode()
        if "--json" in words and out:
            check(words, out)
        return out, err.decode()

    def refused(self, *words: str, code: str, status: int) -> str:
        """Return the one line on standard error of a command that is refused."""
        out, err = self.run(*words, status=status)
        match = _SENTENCE.fullmatch(err)
        assert match is not None, err
        assert (match[1], out) == (code, b"")
        return err

    def document(self, *words: str) -> object:
        """Return the JSON document of a command that prints nothing else."""
        out, err = self.run(*words, "--json")
        assert err == ""
        document: object = json.loads(out)
        return document
