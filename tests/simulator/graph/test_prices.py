"""Requests cost the units that Graph publishes."""

import pytest

from simulator.graph.prices import Price, price

_READS = [
    ("users", "", 2),
    ("users", "$select=id", 1),
    ("users", "%24select=id&$top=5", 1),
    ("users", "$expand=manager", 3),
    ("users", "$expand=manager&$select=id", 2),
    ("users", "$top=19", 1),
    ("users", "$top=20", 2),
    ("users", "$top=none", 2),
    ("users/delta", "", 2),
    ("users/microsoft.graph.delta()", "$select=id", 1),
    ("users/1", "", 1),
    ("users/1", "$select=id", 1),
    ("users/1/manager", "", 1),
    ("applications", "", 2),
    ("servicePrincipals", "", 1),
    ("groups", "$expand=members", 2),
    ("groups/1/members", "", 3),
    ("groups/1/members", "$select=id&$top=999", 2),
    ("groups/1/members/microsoft.graph.user", "", 3),
    ("groups/1/owners", "", 1),
    ("organization", "", 1),
    ("directory/deletedItems/microsoft.graph.user", "", 1),
    ("directoryObjects/1", "", 1),
]


@pytest.mark.parametrize(("path", "query", "units"), _READS)
def test_a_read_costs_units_by_path_and_query(path: str, query: str, units: int) -> None:
    assert price("GET", path, query) == Price(units)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_a_write_costs_one_unit_and_one_request_whatever_it_writes(method: str) -> None:
    assert price(method, "groups/1/members/$ref", "") == Price(1, writes=1)


def test_a_request_of_objects_by_ids_counts_as_a_read_although_it_is_a_post() -> None:
    assert price("POST", "directoryObjects/getByIds", "") == Price(3)


@pytest.mark.parametrize("path", ["identity/conditionalAccess/policies", "identityProtection/riskyUsers"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_requests_refused_before_the_directory_cost_no_units(path: str, method: str) -> None:
    assert price(method, path, "$select=id") == Price(0, scarce=True)
