"""The benchmark runs and prints its table. No test asserts a speed."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

pytestmark = [pytest.mark.flow, pytest.mark.timeout(400)]

TOP = Path(__file__).resolve().parents[2]


def output_of(argv: list[str], folder: Path) -> str:
    """Return the output of a program that must succeed. Kill it and all processes that it has started if it does not end."""
    with (
        (folder / "errors").open("w+") as errors,
        subprocess.Popen(
            argv,
            cwd=TOP,
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            output, _ = process.communicate(timeout=360)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        errors.seek(0)
        assert process.returncode == 0, errors.read()[-3000:]
        return output


def test_the_quick_benchmark_prints_its_tables(tmp_path: Path) -> None:
    without = [word for part in ("models", "archives", "planning", "console") for word in ("--without", part)]
    output = output_of([sys.executable, "-m", "benchmarks", "--quick", *without], tmp_path)
    assert " 500 users" in output
    row = re.search(r"^ +seconds( +[0-9.]+){4}", output, re.MULTILINE)
    assert row, output
    assert re.search("differences +[0-9]+ +0", output), output
    assert re.search("first line, s +[0-9.]+ +[0-9.]+", output), output
    assert re.search("Restore: 20 users", output), output
    for name in (
        "job ended( +[0-9.]+){3}",
        "data keys a second +[0-9.]+",
        "lag, most, s +[0-9.]+",
        "ReEncrypt +[0-9]+ +1[.][0-9]+",
    ):
        assert re.search(name, output), output
