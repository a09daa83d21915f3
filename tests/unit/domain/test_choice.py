"""The owner's choice: what a name switches off and on, and that a later choice overrides an earlier one."""

from collections.abc import Iterator

import msgspec
import pytest

from shared.domain import resources
from shared.domain.resources import RESOURCES, STREAMS, Switch
from shared.domain.resources.choice import BETA, FAMILIES, Choice, refused_switch

FAMILY, BASIC, EXTRA = "roles-pim", "roleDefinitions", "roleAssignments"


@pytest.fixture
def switched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make one resource of the family optional, and ``organization`` beta."""
    for name, switch in ((EXTRA, Switch.OPTIONAL), ("organization", Switch.BETA)):
        row = msgspec.structs.replace(RESOURCES[name], switch=switch)
        monkeypatch.setitem(resources.RESOURCES, name, row)
    yield


def read(choice: Choice) -> set[str]:
    return {row.resource for row in choice.rows()}


def optional() -> set[str]:
    """Return the optional resources of the family."""
    return {name for name, row in RESOURCES.items() if row.family == FAMILY and row.switch is Switch.OPTIONAL}


DEFAULT = Choice()


def test_by_default_everything_is_read_but_beta_and_optional_resources(switched: None) -> None:
    assert read(DEFAULT) == {name for name, row in RESOURCES.items() if row.switch is Switch.STANDARD}
    assert EXTRA not in read(DEFAULT)


def test_the_streams_of_a_choice_feed_exactly_its_resources() -> None:
    choice = DEFAULT.changed(without=["groups", FAMILY])
    assert {name for stream in choice.streams() for name in stream.resources} == read(choice)
    assert {"groups", "groups.members", "groups.owners", "roleAssignments"}.isdisjoint(read(choice))


@pytest.mark.parametrize("family", {row.family: None for row in Choice().rows()})
def test_a_family_switched_off_and_on_is_as_before(family: str) -> None:
    off = DEFAULT.without(family)
    assert read(off) == {row.resource for row in DEFAULT.rows() if row.family != family}
    assert read(off.with_(family)) == read(DEFAULT)


def test_of_a_family_that_is_on_the_optional_resources_are_switched_on(switched: None) -> None:
    assert read(DEFAULT.without(FAMILY).with_(FAMILY)) == read(DEFAULT)
    extended = DEFAULT.with_(FAMILY)
    assert EXTRA in optional()
    assert read(extended) == read(DEFAULT) | optional()
    assert read(extended.without(FAMILY).with_(FAMILY)) == read(DEFAULT)


def test_a_resource_is_switched_on_although_its_family_is_off(switched: None) -> None:
    off = DEFAULT.without(FAMILY)
    assert read(off.with_(BASIC)) == {*read(off), BASIC}
    assert read(off.with_(BASIC).without(BASIC)) == read(off)
    assert read(off.with_(BASIC).without(FAMILY)) == read(off)
    assert read(DEFAULT.without(BASIC).with_(FAMILY)) == read(DEFAULT) | optional()


def test_an_optional_resource_is_switched_on_by_name_and_off_again(switched: None) -> None:
    on = DEFAULT.with_(EXTRA)
    assert read(on) == {*read(DEFAULT), EXTRA}
    assert on.without(EXTRA) == DEFAULT


def test_beta_switches_all_beta_resources(switched: None) -> None:
    on = DEFAULT.with_(BETA)
    beta = {name for name, row in RESOURCES.items() if row.switch is Switch.BETA}
    assert "organization" in beta
    assert read(on) == read(DEFAULT) | beta
    assert read(on.without("organization")) == read(DEFAULT) | beta - {"organization"}
    assert DEFAULT.with_("organization").with_(BETA).without(BETA) == DEFAULT
    assert DEFAULT.without(BETA) == DEFAULT


def test_names_of_a_newer_version_are_kept() -> None:
    newer = Choice(off=("telepathy",), on=("users.dreams",))
    assert newer.without("groups").with_("groups") == newer


def test_what_is_read_together_cannot_be_switched_by_itself() -> None:
    assert "read together with 'groups'" in str(refused_switch("groups.members"))
    assert "no family or resource 'telepathy'" in str(refused_switch("telepathy"))
    names = [BETA, *FAMILIES, *(stream.resource for stream in STREAMS.values())]
    assert [name for name in names if refused_switch(name) is not None] == []
