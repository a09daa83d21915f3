"""``entrakeep people`` and ``entrakeep token`` on a catalog without a stack."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.domain.people import Identity, Means
from shared.engine.access.sign_in import Origin, begin, hash_of
from shared.engine.access.tokens import is_token
from tests.commands import Commands
from tests.contract.catalog.world import World


def run(shell: Commands, *words: str) -> str:
    out, err = shell.run(*words)
    return out.decode() + err


@pytest.fixture
def shell(tmp_path: Path, world: World) -> Commands:
    world.add("acme")
    return Commands(tmp_path, {"ENTRAKEEP_HOME": str(tmp_path), "ENTRAKEEP_WEB_URL": "https://backups.example"})


def test_a_person_is_added_with_a_link_that_lets_them_in(shell: Commands, world: World) -> None:
    output = run(shell, "people", "add", "Ana", "--role", "admin", "--role", "viewer", "--tenant", "acme")
    link = output.splitlines()[0]
    assert link.startswith("https://backups.example/invitation#")
    now = datetime.now(UTC)
    invitation = world.catalog.ways().invitation(hash_of(link.partition("#")[2]), now)
    assert invitation is not None
    assert invitation.person.handle == "ana"
    assert "72" not in output
    assert "once, until" in output
    again = run(shell, "people", "invite", "ana").splitlines()[0]
    assert again != link
    assert world.catalog.ways().invitation(hash_of(link.partition("#")[2]), now) is None


def test_people_are_listed_with_roles_means_and_last_request(shell: Commands, world: World) -> None:
    assert "people add" in run(shell, "people", "list")
    run(shell, "people", "add", "ana", "--role", "operator", "--break-glass")
    run(shell, "people", "add", "bob", "--role", "viewer", "--tenant", "acme", "--until", "2099-01-02T03:04:05Z")
    ana = world.catalog.people().find("ana")
    world.catalog.ways().add(ana.person_id, Identity(authority="t", subject="o"))
    table = run(shell, "people", "list")
    assert "operator of the installation" in table
    assert "viewer of acme until 2099-01-02T03:04:05Z" in table
    assert "provider, break-glass" in table
    assert "invited until" in table


def test_documents_fit_their_schemas(shell: Commands, world: World, document: Callable[..., Any]) -> None:
    added = document("people", "add", "ana", "--role", "operator", "--reason", "INC-1")
    assert set(added) == {"handle", "link", "expires_at"}
    granted = document("people", "grant", "ana", "restorer", "--tenant", "acme", "--hours", "4")
    assert [(grant["role"], grant["tenant"], grant["reason"]) for grant in granted["grants"]] == [
        ("operator", None, "INC-1"),
        ("restorer", "acme", ""),
    ]
    assert granted["grants"][1]["until"] is not None
    assert [person["handle"] for person in document("people", "list", "--tenant", "acme")] == ["ana"]
    assert document("people", "take", "ana", "restorer", "--tenant", "acme")["grants"][0]["role"] == "operator"
    begin(
        world.catalog,
        world.catalog.people().find("ana"),
        Means.PASSKEY,
        Origin(address="192.0.2.1", browser="Firefox"),
        datetime.now(UTC),
    )
    (signed_in,) = document("people", "sign-ins", "ana")
    assert (signed_in["means"], signed_in["address"], signed_in["browser"]) == ("passkey", "192.0.2.1", "Firefox")
    assert document("people", "sign-ins", "ana", "--end") == {"handle": "ana", "ended": 1}
    assert document("people", "reset", "ana", "--yes")["handle"] == "ana"
    document("people", "add", "bob")
    assert document("people", "remove", "bob", "--yes")["handle"] == "bob"
    made = document("token", "make", "nightly", "--tenant", "acme", "--action", "backup.ask")
    assert is_token(made["token"])
    (listed,) = document("token", "list")
    assert listed == {name: value for name, value in made.items() if name != "token"}
    assert document("token", "end", "nightly", "--tenant", "acme") == listed
    assert document("token", "list", "--tenant", "acme") == []


def test_the_set_up_code_is_printed_while_there_are_no_people(shell: Commands, world: World) -> None:
    assert "https://backups.example/set-up" in run(shell, "people", "code")
    document = json.loads(shell.run("people", "code", "--json")[0])
    assert document["link"] == "https://backups.example/set-up"
    assert world.count("secrets_hashed") == 1
    run(shell, "people", "add", "ana")
    assert "people add" in shell.refused("people", "code", code="WRONG_USE", status=2)


def test_a_granted_and_a_taken_role_are_named(shell: Commands) -> None:
    run(shell, "people", "add", "ana", "--role", "viewer")
    assert run(shell, "people", "grant", "ana", "keys", "--tenant", "acme").startswith(
        "Granted: ana has the role keys in acme."
    )
    assert run(shell, "people", "take", "ana", "viewer").startswith(
        "Taken: ana no longer has the role viewer in the installation."
    )


def test_a_token_is_the_only_line_on_standard_output(shell: Commands) -> None:
    out, err = shell.run("token", "make", "wall board", "--action", "fleet.see", "--network", "192.0.2.0/24")
    assert is_token(out.decode().strip())
    assert "not shown again" in err
    assert "192.0.2.0/24" in run(shell, "token", "list")
    assert run(shell, "token", "end", "wall board").startswith("Ended")
    assert "token make" in run(shell, "token", "list")


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (("people", "add", "<b>"), "WRONG_USE", 2),
        (("people", "add", "ana", "--role", "operator", "--tenant", "acme"), "WRONG_USE", 2),
        (("people", "add", "ana", "--role", "viewer", "--tenant", "nowhere"), "NO_SUCH_TENANT", 1),
        (("people", "add", "ana", "--role", "viewer", "--until", "2020-01-01"), "WRONG_USE", 2),
        (("people", "add", "ana", "--role", "viewer", "--until", "2099-01-01", "--hours", "1"), "WRONG_USE", 2),
        (("people", "add", "ana", "--role", "root"), "WRONG_USE", 2),
        (("people", "grant", "nobody", "viewer"), "NO_SUCH_PERSON", 1),
        (("people", "take", "nobody", "viewer"), "NO_SUCH_PERSON", 1),
        (("people", "invite", "nobody"), "NO_SUCH_PERSON", 1),
        (("people", "reset", "nobody", "--yes"), "NO_SUCH_PERSON", 1),
        (("people", "reset", "nobody"), "WRONG_USE", 2),
        (("people", "remove", "nobody"), "WRONG_USE", 2),
        (("people", "remove", "nobody", "--yes"), "NO_SUCH_PERSON", 1),
        (("people", "sign-ins", "nobody"), "NO_SUCH_PERSON", 1),
        (("people", "list", "--tenant", "nowhere"), "NO_SUCH_TENANT", 1),
        (("token", "make", "ci"), "WRONG_USE", 2),
        (("token", "make", "ci", "--action", "key.enable"), "WRONG_USE", 2),
        (("token", "make", "ci", "--action", "backup.ask", "--network", "office"), "WRONG_USE", 2),
        (("token", "make", "ci", "--action", "backup.ask", "--days", "366"), "WRONG_USE", 2),
        (("token", "make", "<b>", "--action", "backup.ask"), "WRONG_USE", 2),
        (("token", "end", "ci"), "NO_SUCH_TOKEN", 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_done_is_refused(shell: Commands, words: tuple[str, ...], code: str, status: int) -> None:
    shell.refused(*words, code=code, status=status)


def test_the_last_operator_is_not_removed(shell: Commands, world: World) -> None:
    run(shell, "people", "add", "ana", "--role", "operator")
    world.catalog.ways().add(world.catalog.people().find("ana").person_id, Identity(authority="t", subject="o"))
    for words in (("people", "take", "ana", "operator"), ("people", "remove", "ana", "--yes")):
        assert "operator" in shell.refused(*words, code="LAST_WAY_IN", status=1)


def test_an_existing_handle_is_refused(shell: Commands) -> None:
    run(shell, "people", "add", "ana")
    shell.refused("people", "add", "ANA", code="PERSON_EXISTS", status=1)
