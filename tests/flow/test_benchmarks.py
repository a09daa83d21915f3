"""The benchmark runs and prints its table. No test asserts a speed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]


@pytest.mark.flow
def test_the_quick_benchmark_prints_its_tables() -> None:
    without = [word for part in ("models", "archives", "planning") for word in ("--without", part)]
    argv = [sys.executable, "-m", "benchmarks", "--quick", *without]
    ended = subprocess.run(argv, check=False, cwd=TOP, capture_output=True, text=True, timeout=150)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert " 500 users" in ended.stdout
    row = re.search(r"^ +seconds( +[0-9.]+){4}", ended.stdout, re.MULTILINE)
    assert row, ended.stdout
    assert re.search("differences +[0-9]+ +0", ended.stdout), ended.stdout
    assert re.search("first line, s +[0-9.]+ +[0-9.]+", ended.stdout), ended.stdout
    assert re.search("Restore: 20 users", ended.stdout), ended.stdout
    for name in ("job ended( +[0-9.]+){3}", "data keys a second +[0-9.]+", "ReEncrypt +[0-9]+ +1[.][0-9]+"):
        assert re.search(name, ended.stdout), ended.stdout
