"""Alert rules and dashboard: Prometheus reads them, and every metric that they name is served."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as parsed

from console.cli.exposition import exposition
from shared.adapters.catalog import open_catalog
from tests.migrated import migrated_file

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yml"
TESTS = DEPLOY / "prometheus" / "rules.test.yml"
BOARD = DEPLOY / "grafana" / "entrakeep.json"
NAME = re.compile(r"\bentrakeep_[a-z_]+")
DURATION = re.compile(r"([0-9]+(ms|s|m|h|d|w|y))+")


@pytest.fixture
def metric_names(tmp_path: Path) -> set[str]:
    """Return the names of all metrics."""
    catalog = open_catalog(migrated_file(tmp_path / "catalog.sqlite3"))
    families = parsed(exposition(catalog, datetime.now(UTC)).decode())
    catalog.close()
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in families}


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text())
    assert document.keys() == {"groups"}
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_promtool_accepts_the_rules_and_their_tests_pass() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool: install Debian's package 'prometheus'")
    for words in (("check", "rules", RULES.name), ("test", "rules", TESTS.name)):
        done = subprocess.run(
            [promtool, *words], check=False, cwd=RULES.parent, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_the_form_that_prometheus_reads() -> None:
    for rule in rules():
        assert rule.keys() - {"for"} == {"alert", "expr", "labels", "annotations"}
        assert DURATION.fullmatch(rule.get("for", "0s"))
        assert rule["labels"].keys() == {"severity"}
        assert rule["annotations"].keys() == {"summary", "description"}
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))


def test_rules_and_dashboard_name_only_metrics_that_are_served(metric_names: set[str]) -> None:
    board = json.loads(BOARD.read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    named = {name for text in (*queries, *(rule["expr"] for rule in rules())) for name in NAME.findall(text)}
    assert named
    assert named <= metric_names


def test_the_page_names_every_metric_and_no_other(metric_names: set[str]) -> None:
    page = (DEPLOY.parent / "docs" / "monitoring.md").read_text()
    assert set(re.findall(r"`(entrakeep_[a-z_]+)`", page)) == metric_names


def test_the_dashboard_has_its_data_source_and_its_panels_do_not_overlap() -> None:
    board = json.loads(BOARD.read_text())
    assert {variable["name"] for variable in board["templating"]["list"]} == {"source", "tenant"}
    places = [tuple(panel["gridPos"][side] for side in "xywh") for panel in board["panels"]]
    cells = [(x + i, y + j) for x, y, w, h in places for i in range(w) for j in range(h)]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
