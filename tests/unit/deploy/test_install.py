"""Setup prints one line for each step, and a tool's output only if it failed."""

import re
import subprocess
import sys
import venv
from pathlib import Path

from tests.compose import TOP

SCRIPT = TOP / "deploy" / "install"


def install(folder: Path, python: str = sys.executable) -> "subprocess.CompletedProcess[str]":
    """Run the script in ``folder``, for an empty lock file."""
    (folder / "some.lock").write_text("uv==1\n")
    return subprocess.run(
        ["sh", str(SCRIPT), python, "environment", "some.lock", "no time"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_missing_python_is_reported_in_one_sentence(tmp_path: Path) -> None:
    ended = install(tmp_path, "python3.absent")
    assert ended.returncode == 1
    assert ended.stderr.startswith("Python 3.11 is needed: no python3.absent on the PATH.")
    assert not (tmp_path / "environment").exists()


def test_a_failed_step_shows_the_output_of_its_tool_and_ends_the_installation(tmp_path: Path) -> None:
    venv.create(tmp_path / "environment", with_pip=False)
    ended = install(tmp_path)
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1] == "  Installing uv, which installs the rest"
    assert "No module named pip" in ended.stderr
    assert "This step failed" in ended.stderr


def test_make_and_the_readme_state_the_cost_of_an_installation() -> None:
    costs = re.findall(r'"about (\d+) minutes, ([\d.]+ GB)"', (TOP / "Makefile").read_text())
    readme = " ".join((TOP / "README.md").read_text().split())
    assert len(costs) == 2
    for minutes, size in costs:
        assert f"about {minutes} minutes" in readme
        assert size in readme


def test_uv_trusts_the_authorities_of_the_system_unless_configured_otherwise() -> None:
    ask = ("make", "-s", "--eval", "show: ; @echo $$UV_SYSTEM_CERTS", "show")
    for setting, expected in (({}, "true"), ({"UV_SYSTEM_CERTS": "false"}, "false")):
        environment = {"PATH": "/usr/bin:/bin", **setting}
        out = subprocess.run(ask, cwd=TOP, env=environment, capture_output=True, text=True, check=True).stdout
        assert out.strip() == expected
