"""The Dockerfile: images that are installed by hash, contain no secret and run as an unprivileged user."""

import re
import tomllib
from typing import Any

from tests.compose import TOP
from tests.unit.deploy.trial import ALL, OURS


def dockerfile() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile: word and arguments, with lines joined."""
    text = re.sub(r"^#.*\n", "", (TOP / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def test_the_images_install_by_hash_and_run_as_an_unprivileged_user() -> None:
    instructions = dockerfile()
    stages = [rest for word, rest in instructions if word == "FROM"]
    assert stages == [
        "python:3.11-slim AS build",
        "build AS build-trial",
        "python:3.11-slim AS plain",
        "plain AS trial",
        "plain AS product",
    ]
    (user,) = (rest for word, rest in instructions if word == "USER")
    assert {ALL[name]["user"] for name in OURS} == {user}
    for word, rest in instructions:
        if word == "RUN" and "pip sync" in rest:
            assert "--require-hashes" in rest
        assert word != "ARG"
        assert not re.search("(?i)password|secret|token", rest)


def test_an_image_stores_its_data_in_the_volume_that_its_user_owns() -> None:
    (environment,) = (rest for word, rest in dockerfile() if word == "ENV" and "ENTRAKEEP_HOME" in rest)
    variables = dict(word.split("=", 1) for word in environment.split())
    home = variables["ENTRAKEEP_HOME"]
    assert variables["HOME"] == home
    assert variables["PATH"].startswith("/opt/entrakeep/bin:")
    assert any(word == "RUN" and rest.endswith(f"-o entrakeep -g entrakeep {home}") for word, rest in dockerfile())
    assert ("WORKDIR", home) in dockerfile()
    assert ALL["workers"]["volumes"] == [f"home:{home}"]


def test_the_build_context_equals_the_files_that_the_dockerfile_copies() -> None:
    allowed = {
        line[1:].rstrip("/") for line in (TOP / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {
        source.rstrip("/")
        for word, rest in dockerfile()
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert {name for name in copied if not name.startswith("requirements")} == allowed - {"requirements*.lock"}
    project: dict[str, Any] = tomllib.loads((TOP / "pyproject.toml").read_text())
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= copied


def test_an_image_has_the_version_of_the_project() -> None:
    (labels,) = (dict(re.findall(r'(\S+?)="([^"]*)"', rest)) for word, rest in dockerfile() if word == "LABEL")
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    values = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}
    assert values == {
        "title": "Entrakeep",
        "description": project["description"],
        "version": project["version"],
        "licenses": project["license"],
    }
