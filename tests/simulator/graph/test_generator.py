"""Seed and number determine generated objects, and every fact about them can be computed from an id."""

import json
from collections import Counter
from typing import Any

import pytest

from simulator.graph.generator import ASSIGNMENTS, GRANTS, PATHS, Generator, property_names
from simulator.graph.kinds import KINDS

_COUNTS = {"users": 1500, "groups": 200, "applications": 30, "servicePrincipals": 60, PATHS[4]: 10}
_TINY = [
    {},
    {"users": 1, "groups": 1, "servicePrincipals": 1},
    {"users": 3, "servicePrincipals": 9},
    {"groups": 2, "servicePrincipals": 3},
    {"users": 5, "groups": 70, "servicePrincipals": 4},
]


def _assignments(generator: Generator) -> list[str]:
    principals = [generator.id("servicePrincipals", number) for number in range(generator.count("servicePrincipals"))]
    return [assignment for id in principals for assignment in generator.naming(ASSIGNMENTS, "resourceId", id)]


def _value(generator: Generator, path: str, id: str) -> dict[str, Any]:
    number = generator.number(path, id)
    assert number is not None
    value: dict[str, Any] = json.loads(generator.value(path, number))
    return value


@pytest.mark.parametrize("path", PATHS)
def test_an_id_leads_back_to_exactly_its_object(path: str) -> None:
    generator = Generator(_COUNTS, seed=7)
    ids = [generator.id(path, number) for number in range(generator.count(path))]
    assert len(set(ids)) == len(ids) > 0
    assert [generator.number(path, id) for id in ids] == list(range(len(ids)))
    assert all(generator.number(other, ids[0]) is None for other in (*PATHS, ASSIGNMENTS) if other != path)
    assert generator.number(path, ids[0][:-1] + ("A" if ids[0][-1] != "A" else "B")) is None


def test_an_id_of_an_assignment_leads_back_to_exactly_that_assignment() -> None:
    generator = Generator(_COUNTS, seed=7)
    ids = _assignments(generator)
    assert len(set(ids)) == len(ids) > 300
    assert [_value(generator, ASSIGNMENTS, id)["id"] for id in ids] == ids
    assert all(generator.number(path, ids[0]) is None for path in PATHS)
    assert all(generator.number(ASSIGNMENTS, id) is None for id in ("", "A" * 43, ids[0][:22] + "A" * 21, ids[0] + "A"))


def test_an_id_beyond_the_last_object_does_not_exist() -> None:
    large, small = Generator(_COUNTS, seed=7), Generator({**_COUNTS, "users": 1000, "servicePrincipals": 30}, seed=7)
    assert small.number("users", large.id("users", 1000)) is None
    assert small.number(GRANTS, large.id(GRANTS, 119)) is None
    assert small.number(ASSIGNMENTS, _assignments(large)[-1]) is None


@pytest.mark.parametrize("path", PATHS)
def test_a_value_is_json_with_its_id_and_only_known_properties(path: str) -> None:
    generator = Generator(_COUNTS, seed=7)
    for number in range(generator.count(path)):
        value = json.loads(generator.value(path, number))
        assert value["id"] == generator.id(path, number)
        assert set(value) <= property_names(path) <= set(KINDS[path].properties)


def test_the_same_seed_makes_the_same_directory_and_another_seed_another() -> None:
    one, same, other = (Generator(_COUNTS, seed) for seed in (1, 1, 2))
    assert one.value("users", 5) == same.value("users", 5) != other.value("users", 5)


def test_users_have_unique_names() -> None:
    generator = Generator(_COUNTS, seed=3)
    names = {json.loads(generator.value("users", number))["userPrincipalName"] for number in range(1500)}
    assert len(names) == 1500


@pytest.mark.parametrize("counts", [_COUNTS, *_TINY])
def test_every_link_is_reachable_from_its_other_end(counts: dict[str, int]) -> None:
    generator = Generator(counts, seed=5)
    forward: dict[str, list[tuple[str, str, str]]] = {}
    for path in PATHS[:4]:
        for number in range(generator.count(path)):
            for relation in ("manager", "members", "owners"):
                for target, _ in generator.links(path, number, relation):
                    forward.setdefault(target, []).append((path, generator.id(path, number), relation))
    for path in ("users", "groups", "applications", "servicePrincipals"):
        for number in range(generator.count(path)):
            id = generator.id(path, number)
            assert sorted(generator.owners_of_link(path, id)) == sorted(forward.get(id, []))


def test_some_groups_are_large_and_have_members_other_than_users() -> None:
    generator = Generator(_COUNTS, seed=5)
    sizes = [len(list(generator.links("groups", number, "members"))) for number in range(200)]
    assert max(sizes) > 500
    kinds = {json.loads(value)["@odata.type"] for _, value in generator.links("groups", 30, "members")}
    assert kinds == {"#microsoft.graph.user", "#microsoft.graph.group", "#microsoft.graph.servicePrincipal"}


def test_a_third_of_the_service_principals_has_assignments_and_a_few_have_pages_of_them() -> None:
    generator = Generator(_COUNTS, seed=5)
    ids = [generator.id("servicePrincipals", number) for number in range(60)]
    sizes = [len(generator.naming(ASSIGNMENTS, "resourceId", id)) for id in ids]
    assert sum(size > 0 for size in sizes) == 20
    assert [size for size in sizes if size > 200] == [max(sizes)]
    kinds = Counter(_value(generator, ASSIGNMENTS, id)["principalType"] for id in _assignments(generator))
    assert kinds["User"] > kinds["Group"] > kinds["ServicePrincipal"] > 5


@pytest.mark.parametrize("counts", [_COUNTS, *_TINY])
def test_assignments_are_reachable_from_either_end_and_name_both(counts: dict[str, int]) -> None:
    generator = Generator(counts, seed=5)
    paths = {"User": "users", "Group": "groups", "ServicePrincipal": "servicePrincipals"}
    by_principal: dict[str, list[str]] = {}
    for number in range(generator.count("servicePrincipals")):
        resource = json.loads(generator.value("servicePrincipals", number))
        for id in generator.naming(ASSIGNMENTS, "resourceId", resource["id"]):
            value = _value(generator, ASSIGNMENTS, id)
            principal = _value(generator, paths[value["principalType"]], value["principalId"])
            assert (value["resourceId"], value["resourceDisplayName"]) == (resource["id"], resource["displayName"])
            assert value["principalDisplayName"] == principal["displayName"]
            by_principal.setdefault(principal["id"], []).append(id)
    for path in paths.values():
        for number in range(generator.count(path)):
            id = generator.id(path, number)
            assert generator.naming(ASSIGNMENTS, "principalId", id) == by_principal.get(id, [])


@pytest.mark.parametrize("counts", [_COUNTS, *_TINY])
def test_grants_are_reachable_from_every_end(counts: dict[str, int]) -> None:
    generator = Generator(counts, seed=5)
    ends = ("clientId", "resourceId", "principalId")
    grants: dict[tuple[str, str], list[str]] = {}
    for number in range(generator.count(GRANTS)):
        value = json.loads(generator.value(GRANTS, number))
        assert value["consentType"] == ("Principal" if value["principalId"] else "AllPrincipals")
        for name in ends:
            grants.setdefault((name, value[name]), []).append(value["id"])
    for path in ("users", "groups", "servicePrincipals"):
        for number in range(generator.count(path)):
            id = generator.id(path, number)
            for name in ends:
                assert generator.naming(GRANTS, name, id) == grants.get((name, id), [])


def test_each_client_has_two_grants_and_no_three_objects_share_two() -> None:
    generator = Generator(_COUNTS, seed=5)
    assert generator.count(GRANTS) == 120
    values = [json.loads(generator.value(GRANTS, number)) for number in range(120)]
    assert len({(value["clientId"], value["resourceId"], value["principalId"]) for value in values}) == 120
    assert set(Counter(Counter(value["clientId"] for value in values).values())) == {2, 4}
    assert {value["consentType"] for value in values} == {"AllPrincipals", "Principal"}
