"""The command line as a process: its files on a full disk, and under a umask that removes every right."""

import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest


def entrakeep(home: Path, arguments: str, before: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a command by a shell, in its own home. ``arguments`` may end with a redirection."""
    line = f"{before} exec {sys.executable} -m console.cli {arguments}"
    environment = {"PATH": "/usr/bin:/bin", "ENTRAKEEP_HOME": str(home)}
    return subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", ["tenant list", "tenant list --json", "resources", "--help", "completion bash"])
def test_a_full_disk_at_standard_output_is_reported_in_one_sentence(tmp_path: Path, command: str) -> None:
    ended = entrakeep(tmp_path, f"{command} > /dev/full")
    assert ended.stderr == "FILE_NOT_WRITABLE: Standard output cannot be written: No space left on device.\n"
    assert ended.returncode == 1


def test_written_files_are_readable_by_their_owner_whatever_the_umask(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for _ in range(2):
        ended = entrakeep(home, "tenant list", "umask 777;")
        assert (ended.returncode, ended.stderr) == (0, "")
    modes = {path.name: path.stat().st_mode for path in (home, *home.iterdir())}
    assert "catalog.sqlite3" in modes
    for name, mode in modes.items():
        assert stat.S_IMODE(mode) == (0o700 if stat.S_ISDIR(mode) else 0o600), name


def test_wrong_settings_of_a_worker_are_reported_in_one_sentence_without_a_traceback() -> None:
    line = (sys.executable, "-m", "celery", "-A", "workers.app", "worker")
    environment = {"PATH": "/usr/bin:/bin", "HTTPS_PROXY": "garbage"}
    ended = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("SETTINGS_INVALID: ")
    for name in ("ENTRAKEEP_PROVIDER_KEY_ARN is missing", "HTTPS_PROXY must be"):
        assert name in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_version_equals_that_of_the_project(tmp_path: Path) -> None:
    ended = entrakeep(tmp_path, "--version")
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())["project"]
    assert (ended.stdout, ended.returncode) == (f"entrakeep {project['version']}\n", 0)
