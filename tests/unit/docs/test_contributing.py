"""CONTRIBUTING.md names files, make targets, modules and names that exist."""

import importlib.util
import re

import pytest

from tests.pages import TOP, paths

PAGE = TOP / "CONTRIBUTING.md"
TEXT = PAGE.read_text()
_RECIPES = re.split(r"^#{2,3} ", TEXT.partition("## Recipes\n")[2].partition("\n## ")[0], flags=re.MULTILINE)[1:]
RECIPES = {recipe.partition("\n")[0]: recipe for recipe in _RECIPES}


def sources(text: str) -> str:
    """Return the Python code of every file and folder that a text names."""
    files = {file for path in paths(text) for file in (path.glob("**/*.py") if path.is_dir() else (path,))}
    return "\n".join(file.read_text() for file in sorted(files) if file.suffix == ".py")


def test_every_path_named_on_the_page_exists() -> None:
    named = paths(TEXT)
    assert len(named) > 25
    assert {str(path.relative_to(TOP)) for path in named if not path.exists()} == set()


def test_every_make_target_and_module_run_on_the_page_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", TEXT, re.MULTILINE)) <= targets
    modules = set(re.findall(r"python -m (tests[\w.]+)", TEXT))
    assert modules
    assert all(importlib.util.find_spec(module) for module in modules)


def test_the_page_has_a_recipe_for_each_common_extension() -> None:
    assert {"Add a resource", "Add a job kind", "Add an answer of AWS KMS", "Add a migration"} <= RECIPES.keys()


@pytest.mark.parametrize("title", RECIPES)
def test_every_name_in_a_recipe_is_in_the_code_named_there(title: str) -> None:
    names = {
        name for name in re.findall(r"`([A-Za-z_]+)(?:=\w+)?`", RECIPES[title]) if not name.islower() or "_" in name
    }
    existing = set(re.findall(r"\w+", sources(RECIPES[title])))
    assert names
    assert names - existing == set()


def test_the_readme_links_to_the_page_and_to_the_release_process() -> None:
    readme = (TOP / "README.md").read_text()
    assert "(CONTRIBUTING.md)" in readme
    assert "(docs/releasing.md)" in readme
