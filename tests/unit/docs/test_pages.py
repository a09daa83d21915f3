"""Every page: its commands parse, and the names in it exist."""

import re
from pathlib import Path

import pytest

from shared.config import Settings
from shared.domain.errors import Code
from shared.network import VARIABLES
from shared.web_config import WebSettings
from tests.compose import FILE, services, variables
from tests.pages import PAGES, TOP, blocks, command_of, commands, lines, named, parse, paths

SETTINGS = {f"ENTRAKEEP_{name.upper()}" for name in (*Settings.model_fields, *WebSettings.model_fields)}
GIVEN = dict.fromkeys(variables(FILE.read_text()), "x")
GUID = "22222222-2222-2222-2222-222222222222"

for_every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))


@for_every_page
def test_every_command_shown_on_a_page_parses(page: Path) -> None:
    for words in commands(page, "entrakeep"):
        parse([GUID if word == "…" else word for word in words])


def test_the_search_finds_the_commands_of_the_pages() -> None:
    words_by_page = {str(page.relative_to(TOP)): {words[0] for words in commands(page, "entrakeep")} for page in PAGES}
    assert words_by_page["README.md"] >= {"up", "tenant", "backup", "schedule", "download"}
    assert words_by_page["docs/deploy.md"] >= {"tenant", "backup", "snapshots", "download", "schedule"}
    assert words_by_page["docs/real-directory.md"] >= {
        "up",
        "tenant",
        "backup",
        "snapshots",
        "schedule",
        "download",
        "verify",
        "catalog",
    }


def test_a_command_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(KeyError):
        parse(["tenant", "rename", "contoso"])
    with pytest.raises(Exception, match="No such option"):
        parse(["backup", "contoso", "--fully"])
    with pytest.raises(Exception, match="GUID"):
        parse(["tenant", "add", "contoso", "--directory-id", "x", "--client-id", GUID, "--client-secret-file", "f"])


@for_every_page
def test_every_command_named_on_a_page_exists(page: Path) -> None:
    for text in named(page):
        command_of(text.split())


@for_every_page
def test_every_setting_and_code_named_on_a_page_exists(page: Path) -> None:
    text = page.read_text()
    assert set(re.findall(r"ENTRAKEEP_[A-Z_]+", text)) <= SETTINGS
    passed_on = {name for service in services(GIVEN).values() for name in service.get("environment", {})}
    existing = {*Code, *SETTINGS, *GIVEN, *passed_on, *VARIABLES, "AWS_PROFILE", "AWS_DEFAULT_REGION"}
    assert {name for name in re.findall(r"`([A-Z]+_[A-Z_]+)(?==|`)", text) if not name.endswith("_")} <= existing


@for_every_page
def test_every_file_linked_from_a_page_exists(page: Path) -> None:
    for target in re.findall(r"\]\(([^):#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


_OLD = (
    "is none",
    "are none",
    "comes? to nothing",
    "came to nothing",
    "as it were",
    "anew",
    "whoever",
    "is told",
    "are told",
)
OLD_PHRASES = re.compile(rf"\b(?:{'|'.join((*_OLD, 'born', 'mend(?:s|ed)?', 'go(?:es)? on'))})\b", re.IGNORECASE)


@for_every_page
def test_a_page_uses_plain_words(page: Path) -> None:
    assert [line for line in page.read_text().splitlines() if OLD_PHRASES.search(line)] == []


@for_every_page
def test_every_project_path_named_on_a_page_exists(page: Path) -> None:
    named = {path.relative_to(TOP) for path in paths(page.read_text()) if len(path.relative_to(TOP).parts) > 1}
    assert {str(path) for path in named if not (TOP / path).exists()} == set()


def test_the_architecture_names_every_package_and_every_part_of_the_engine() -> None:
    text = (TOP / "ARCHITECTURE.md").read_text()
    for folder in (TOP / "shared", TOP / "shared" / "engine"):
        rooms = {str(path.parent.relative_to(TOP)) for path in folder.glob("*/__init__.py")}
        assert {room for room in rooms if not re.search(rf"`{room}[`/]", text)} == set()


def test_the_containers_page_names_exactly_the_existing_services() -> None:
    page = TOP / "docs" / "deploy.md"
    existing = services(GIVEN)
    rows = re.findall(r"^\| `(\w+)` \| .* \| (inside(?:, outside)?) \|$", page.read_text(), re.MULTILINE)
    product = {name for name, service in existing.items() if service.get("profiles") != ["trial"]}
    assert {name for name, _ in rows} == product
    for name, networks in rows:
        assert existing[name]["networks"] == networks.split(", ")
    for line in lines(page):
        for name in re.findall(r"docker compose (?:run --rm (?:-T )?|exec (?:-T )?|logs --follow )(\w+)", line):
            assert name in existing, line


def test_the_containers_page_begins_with_the_command_that_creates_the_settings() -> None:
    shell_blocks = blocks(TOP / "docs" / "deploy.md", "")
    assert shell_blocks[0] == "sh deploy/new-env trial\ndocker compose up --build --detach --wait\n"
    assert "sh deploy/new-env production\n" in shell_blocks
