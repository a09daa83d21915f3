"""The Graph simulator against the conformance cases of reads and writes beside the checkout."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[3] / "shared"
_RUNNER = _SHARED / "run_graph_cases.py"


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the address of a running simulator, and the certificate to trust."""
    ca_file = tmp_path / "ca.pem"
    options = ["--ca-file", str(ca_file), "--objects", "500", "--policies", "5", "--quotas", "off"]
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "graph", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().split()[1], ca_file
    process.terminate()
    process.wait(5)
    process.stdout.close()


@pytest.mark.parametrize("name", ["graph-cases.json", "write-cases.json"])
def test_the_simulator_answers_every_case_as_graph_does(simulator: tuple[str, Path], tmp_path: Path, name: str) -> None:
    cases = _SHARED / name
    if not (_RUNNER.is_file() and cases.is_file()):
        print(f"skipped: run_graph_cases.py and {name} do not stand beside the checkout")
        pytest.skip(f"run_graph_cases.py and {name} do not stand beside the checkout")
    url, ca_file = simulator
    out = tmp_path / "rows.json"
    done = subprocess.run(
        [sys.executable, str(_RUNNER), str(cases), url, str(ca_file), "--json", str(out)],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    print(done.stdout)
    rows = json.loads(out.read_text())
    assert len(rows) == len(json.loads(cases.read_text())["cases"])
    assert [row for row in rows if not row["pass"]] == []
