"""The agreed cases of KMS answers, run against the AWS simulator."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulator.aws.running import running

SHARED = Path(__file__).parents[3] / "shared"


def test_the_simulator_answers_every_case_as_kms_does(tmp_path: Path) -> None:
    runner, cases = SHARED / "run_kms_cases.py", SHARED / "kms-cases.json"
    if not runner.exists() or not cases.exists():
        pytest.skip("the cases are not beside this checkout")
    report = tmp_path / "told.json"
    environment = {**os.environ, "AWS_EC2_METADATA_DISABLED": "true"}
    with running() as aws:
        subprocess.run(
            [sys.executable, runner, cases, aws.url, "--json", report],
            env=environment,
            check=False,
            capture_output=True,
        )
    rows = json.loads(report.read_text())
    assert [(row["name"], row["why"]) for row in rows if not row["pass"]] == []
    assert len(rows) == len(json.loads(cases.read_text())["cases"])
