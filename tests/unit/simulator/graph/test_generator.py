"""Generated objects are decided by seed and number, and everything about them can be reckoned back."""

import json

import pytest

from simulator.graph.generator import PATHS, Generator, property_names
from simulator.graph.kinds import KINDS

_COUNTS = {"users": 1500, "groups": 200, "applications": 30, "servicePrincipals": 30, PATHS[4]: 10}


@pytest.mark.parametrize("path", PATHS)
def test_an_id_leads_back_to_its_object_and_to_no_other(path: str) -> None:
    generator = Generator(_COUNTS, seed=7)
    ids = [generator.id(path, number) for number in range(_COUNTS[path])]
    assert len(set(ids)) == len(ids)
    assert [generator.number(path, id) for id in ids] == list(range(len(ids)))
    assert all(generator.number(other, ids[0]) is None for other in PATHS if other != path)
    assert generator.number(path, generator.id(path, len(ids))) is None


@pytest.mark.parametrize("path", PATHS)
def test_a_value_is_json_with_its_id_and_known_properties_alone(path: str) -> None:
    generator = Generator(_COUNTS, seed=7)
    for number in range(_COUNTS[path]):
        value = json.loads(generator.value(path, number))
        assert value["id"] == generator.id(path, number)
        assert set(value) <= property_names(path) <= set(KINDS[path].properties)


def test_the_same_seed_makes_the_same_directory_and_another_seed_another() -> None:
    one, same, other = (Generator(_COUNTS, seed) for seed in (1, 1, 2))
    assert one.value("users", 5) == same.value("users", 5) != other.value("users", 5)


def test_users_have_names_of_their_own() -> None:
    generator = Generator(_COUNTS, seed=3)
    names = {json.loads(generator.value("users", number))["userPrincipalName"] for number in range(1500)}
    assert len(names) == 1500


def test_every_link_is_found_from_its_other_end() -> None:
    generator = Generator(_COUNTS, seed=5)
    forward: dict[str, set[tuple[str, str, str]]] = {}
    for path in PATHS[:4]:
        for number in range(_COUNTS[path]):
            for relation in ("manager", "members", "owners"):
                for target, _ in generator.links(path, number, relation):
                    forward.setdefault(target, set()).add((path, generator.id(path, number), relation))
    for path in ("users", "groups", "servicePrincipals"):
        for number in range(_COUNTS[path]):
            id = generator.id(path, number)
            assert set(generator.owners_of_link(path, id)) == forward.get(id, set())


def test_some_groups_are_large_and_hold_more_than_users() -> None:
    generator = Generator(_COUNTS, seed=5)
    sizes = [len(list(generator.links("groups", number, "members"))) for number in range(200)]
    assert max(sizes) > 500
    kinds = {json.loads(value)["@odata.type"] for _, value in generator.links("groups", 30, "members")}
    assert kinds == {"#microsoft.graph.user", "#microsoft.graph.group", "#microsoft.graph.servicePrincipal"}
