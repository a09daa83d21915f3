"""The import rules of the web console. Each is broken once on purpose, and only its own contract notices."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import grimp
import pytest
from importlinter import configuration
from importlinter.application.use_cases import _register_contract_types, read_user_options
from importlinter.domain.contract import Contract, registry

from tests.pages import TOP

FRONT = "The front of the console has no key, no AWS and no content"
APART = "Command line and web do not know each other"
CORE = "The core knows no vendor"
SESSION = {
    "root_packages": ["shared", "workers", "scheduler", "console", "simulator"],
    "include_external_packages": True,
}
_CONTENT = ("compare.comparing", "restore.planning", "snapshots.download", "tenants.onboarding", "keys.process_keys")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    options = configuration.configure() or read_user_options(str(TOP / "pyproject.toml"))
    return grimp.build_graph(*options.session_options["root_packages"], include_external_packages=True, cache_dir=None)


def contracts() -> dict[str, dict[str, Any]]:
    """Return the options of each contract by its name."""
    configuration.configure()
    options = read_user_options(str(TOP / "pyproject.toml"))
    _register_contract_types(options)
    return {each["name"]: each for each in options.contracts_options}


@contextmanager
def importing(graph: grimp.ImportGraph, importer: str, imported: str) -> Iterator[None]:
    """Let one module import another as long as the block lasts."""
    for name in (importer, imported):
        if name not in graph.modules:
            graph.add_module(name, is_squashed=True)
    graph.add_import(importer=importer, imported=imported)
    try:
        yield
    finally:
        graph.remove_import(importer=importer, imported=imported)


def kept(graph: grimp.ImportGraph, name: str) -> bool:
    """Return whether the contract is kept."""
    options = contracts()[name]
    rest = {key: value for key, value in options.items() if key not in ("name", "type")}
    kind = registry.get_contract_class(options["type"])
    contract: Contract = kind(name=name, session_options=SESSION, contract_options=rest)
    return bool(contract.check(deepcopy(graph), verbose=False).kept)


@pytest.mark.parametrize("name", [FRONT, APART, CORE])
def test_the_rules_are_kept(graph: grimp.ImportGraph, name: str) -> None:
    assert kept(graph, name)


@pytest.mark.parametrize("room", ["pages.home", "dispatch", "auth"])
@pytest.mark.parametrize("imported", ["boto3", "shared.vault.sealing", *(f"shared.engine.{name}" for name in _CONTENT)])
def test_the_front_may_import_neither_keys_nor_aws_nor_content(
    graph: grimp.ImportGraph, room: str, imported: str
) -> None:
    with importing(graph, f"console.web.{room}", imported):
        assert not kept(graph, FRONT)


@pytest.mark.parametrize(
    ("importer", "imported"),
    [("console.cli.backup", "console.web.commands"), ("console.web.pages.home", "console.cli.output")],
)
def test_command_line_and_web_may_not_import_each_other(graph: grimp.ImportGraph, importer: str, imported: str) -> None:
    with importing(graph, importer, imported):
        assert not kept(graph, APART)


@pytest.mark.parametrize("vendor", ["argon2", "authlib", "fastapi", "fido2", "jinja2", "joserfc", "uvicorn"])
def test_the_core_may_import_no_library_of_the_web(graph: grimp.ImportGraph, vendor: str) -> None:
    with importing(graph, "shared.domain.people", vendor):
        assert not kept(graph, CORE)
