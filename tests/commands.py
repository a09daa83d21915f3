"""Run commands in the test's own process.

The outputs are those of a process, without the second that a process takes.
"""

import io
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from typing import BinaryIO

import pytest

from console.cli import main
from tests.flow.shell import Shell


class Commands(Shell):
    """Runs commands like ``Shell``, by calling the console's ``main`` with their words, settings and folder."""

    def run(self, *words: str, status: int = 0) -> tuple[bytes, str]:
        """Return a command's standard output and standard error. It must end with this status."""
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            chdir(self.folder),
            _process_wide_state(self.environment),
            pytest.MonkeyPatch.context() as patch,
            open(os.devnull) as nothing,
            _descriptor(1, out),
            _descriptor(2, err),
            io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", write_through=True) as stdout,
            io.TextIOWrapper(
                io.FileIO(2, "w", closefd=False), "utf-8", "backslashreplace", write_through=True
            ) as stderr,
        ):
            patch.setattr(sys, "argv", ["entrakeep", *words])
            for name, stream in (("stdin", nothing), ("stdout", stdout), ("stderr", stderr)):
                patch.setattr(sys, name, stream)
            ended = main()
            patch.undo()
            written = [_content(file) for file in (out, err)]
        error_text = written[1].decode()
        assert ended == status, error_text
        return written[0], error_text


@contextmanager
def _process_wide_state(environment: Mapping[str, str]) -> Iterator[None]:
    """Set this environment for a command, and restore everything that a command changes in its process."""
    handlers, hook, variables, mask = logging.getLogger().handlers[:], sys.excepthook, dict(os.environ), os.umask(0o077)
    os.umask(mask)
    try:
        os.environ.clear()
        os.environ.update(environment)
        yield
    finally:
        os.environ.clear()
        os.environ.update(variables)
        os.umask(mask)
        sys.excepthook = hook
        logging.getLogger().handlers[:] = handlers


@contextmanager
def _descriptor(number: int, file: BinaryIO) -> Iterator[None]:
    """Make a descriptor write to the file. This includes children and code that does not use ``sys.stdout``."""
    saved = os.dup(number)
    try:
        os.dup2(file.fileno(), number)
        yield
    finally:
        os.dup2(saved, number)
        os.close(saved)


def _content(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()
