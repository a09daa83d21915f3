"""``tenant update --without … --with …`` changes what backups hold, and asks before it switches on what has a warning."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import typer

from console.cli.tree import app
from shared.domain import resources
from shared.domain.errors import Code, Refuse
from shared.domain.resources import RESOURCES, Switch
from tests.contract.catalog.world import World

WARNING = "It has secrets."
Run = Callable[..., str]


@pytest.fixture
def run(world: World, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command and returns all that it prints. One resource is optional, with a warning."""
    world.add("acme")
    row = msgspec.structs.replace(RESOURCES["organization"], switch=Switch.OPTIONAL, warning=WARNING)
    monkeypatch.setitem(resources.RESOURCES, "organization", row)

    def run(*words: str) -> str:
        app(args=list(words), standalone_mode=False)
        captured = capfdbinary.readouterr()
        return (captured.out + captured.err).decode()

    return run


def test_what_is_switched_off_and_on_is_shown(run: Run, document: Callable[..., Any]) -> None:
    output = run("tenant", "update", "acme", "--without", "groups", "--without", "roles-pim")
    assert "Switched off: groups, roles-pim." in output
    assert (shown := document("tenant", "show", "acme"))["switched_off"] == ["groups", "roles-pim"]
    assert shown["switched_on"] == []
    assert "groups, roles-pim" in run("tenant", "show", "acme")
    output = run("tenant", "update", "acme", "--with", "groups", "--with", "beta", "--accept-warnings")
    assert "Switched off: roles-pim. Switched on: beta." in output
    assert document("tenant", "list")[0]["switched_on"] == ["beta"]


def test_a_warning_is_shown_and_agreed_to_before_anything_changes(run: Run, document: Callable[..., Any]) -> None:
    words = ("tenant", "update", "acme", "--with", "organization")
    with pytest.raises(Refuse, match="--accept-warnings") as refusal:
        run(*words)
    assert refusal.value.code is Code.WRONG_USE
    assert document("tenant", "show", "acme")["switched_on"] == []
    assert f"attention: organization: {WARNING}" in run(*words, "--accept-warnings")
    assert document("tenant", "show", "acme")["switched_on"] == ["organization"]
    assert WARNING not in run("tenant", "update", "acme", "--without", "groups")


def test_names_that_cannot_be_switched_are_wrong_use(run: Run) -> None:
    for name, reason in (("telepathy", "no family or resource"), ("groups.members", "read together with 'groups'")):
        with pytest.raises(typer.BadParameter, match=reason):
            run("tenant", "update", "acme", "--without", name)


def test_permissions_follow_the_choice_and_the_directory_of_a_tenant(run: Run, world: World) -> None:
    run("tenant", "update", "acme", "--without", "identity")
    script = run("permissions", "--tenant", "acme", "--format", "az")
    assert f"directory={world.catalog.find('acme').directory_id}\n" in script
    assert "User.Read.All" not in script
    assert "Application.Read.All" in script
