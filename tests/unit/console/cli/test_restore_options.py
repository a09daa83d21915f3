"""The options of plans and restores: what they say of the scope and the rules, and a sentence for what cannot be."""

import inspect
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

from console.cli.plan import make
from console.cli.restore import restore
from console.cli.restore_options import Chosen, with_plan_options
from shared.domain.errors import Code, Refuse
from shared.domain.restore.scope import ConflictRule, LinkRule, Rules, Scope
from tests.contract.catalog.world import World


def chosen(**options: object) -> Chosen:
    """Return what a command gets that is called with these options and the defaults."""
    results: list[Chosen] = []

    @with_plan_options
    def command(chosen: Chosen) -> None:
        results.append(chosen)

    defaults = {name: each.default for name, each in inspect.signature(command).parameters.items()}
    command(**{**defaults, **options})
    return results[0]


def refusal(**options: object) -> str:
    with pytest.raises(Refuse) as caught:
        chosen(**options)
    assert caught.value.code is Code.WRONG_USE
    return caught.value.message


def test_without_options_everything_is_restored() -> None:
    assert chosen() == Chosen(Scope(), Rules(), None)
    assert not chosen(reason="ticket 17").narrowed
    assert chosen(undelete_only=True).narrowed
    assert chosen(resource=["users"]).narrowed


def test_plan_make_and_restore_take_the_same_options() -> None:
    options = set(inspect.signature(_options_alone).parameters)
    assert options <= set(inspect.signature(make).parameters)
    assert options <= set(inspect.signature(restore).parameters)


@with_plan_options
def _options_alone(chosen: Chosen) -> None:
    raise AssertionError(chosen)


def test_scope_and_rules_are_taken_from_the_options() -> None:
    result = chosen(
        resource=["users", "users"],
        id=["a", "b", "a"],
        property=["department"],
        delete_newer=["n"],
        deleted_since="s",
        conflict=ConflictRule.FILL_BLANKS,
        links=["skip", "groups.members=exact", "exact"],
        new_name=["A-B=ada2@contoso.example"],
        exchange_principals=True,
    )
    assert result.scope == Scope(
        resources=("users",), ids=("a", "b"), properties=("department",), delete_newer=("n",), deleted_since="s"
    )
    assert result.rules == Rules(
        conflict=ConflictRule.FILL_BLANKS,
        links=LinkRule.EXACT,
        links_of={"groups.members": LinkRule.EXACT},
        new_names={"a-b": "ada2@contoso.example"},
        exchange_principals=True,
    )


def test_ids_come_from_a_file_or_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ids"
    file.write_text("\ufeff# deleted by mistake\n a \n\nb # Bob\na\n", encoding="utf-8")
    assert chosen(ids_file=str(file), id=["c"]).scope.ids == ("c", "a", "b")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfd\n")))
    assert chosen(ids_file="-").scope.ids == ("d",)


def test_ids_from_standard_input_that_are_not_utf8_are_refused_in_every_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\n"), errors="surrogateescape"))
    assert "not UTF-8" in refusal(ids_file="-")


@pytest.mark.parametrize(
    "words",
    [("--property", "department.\udcff"), ("--new-name", "id=ada\udcff@contoso.example"), ("--reason", "\udcff")],
)
def test_bytes_that_are_not_utf8_reach_sql_in_a_form_that_it_accepts(
    world: World, document: Callable[..., Any], words: tuple[str, str]
) -> None:
    tenant = world.add("acme")
    world.backed_up(tenant)
    job = tenant.jobs.get(document("plan", "make", "acme", "latest", *words)["job"])
    assert rb"\\udcff" in msgspec.json.encode(job.detail)


@pytest.mark.parametrize("option", ["--property", "--new-name", "--links", "--reason", "--id"])
def test_an_empty_value_is_wrong_use(world: World, document: Callable[..., Any], option: str) -> None:
    with pytest.raises(typer.BadParameter, match="the value must not be empty"):
        document("plan", "make", "acme", "latest", option, "")


def test_a_file_of_ids_that_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "ids"
    assert "No such file" in refusal(ids_file=str(file))
    file.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in refusal(ids_file=str(file))
    file.write_text("# nothing\n")
    assert "lists no id" in refusal(ids_file=str(file))
    file.write_text("a\nb c\n")
    assert "Line 2" in refusal(ids_file=str(file))


@pytest.mark.parametrize(
    "links", ["nonsense", "groups.members=", "=exact", "groups.members=all", "exact=groups.members"]
)
def test_a_rule_for_links_that_does_not_exist_is_refused(links: str) -> None:
    assert "merge, exact, skip" in refusal(links=[links])


def test_options_that_exclude_each_other_or_lack_a_part_are_refused() -> None:
    assert "exclude each other" in refusal(links_only=True, property=["department"])
    for text in ("ada", "=ada@contoso.example", "id=ada"):
        assert "--new-name takes" in refusal(new_name=[text])
