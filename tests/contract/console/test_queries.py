"""Each page asks SQL a bounded number of questions, on both databases, and has an answer when SQL is away."""

import re
from collections.abc import Iterator

import msgspec
import pytest

from console.web.routes import ROUTES
from console.web.table import Route
from shared.domain.access import Action, Role
from tests.contract.catalog.world import World
from tests.contract.console.counted import counted
from tests.contract.console.served import QUICK, Browser, Console, served_console
from tests.postgres import OWNER, PostgresServer

MOST = 6
"""Queries that a page may make."""
PAGES = [route for route in ROUTES if route.method == "GET" and route.action is not Action.PUBLIC]
WORK = ("/verify", "/export")
"""Ends of paths that are not pages but work over all rows."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Yield a console with a tenant that has a job and a snapshot."""
    world = None
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        name = server.new_database(request.getfixturevalue("migrated"))
        world = World(server.url(name), server.url(name, OWNER))
    with served_console(tmp_path_factory.mktemp("filled"), world=world) as console:
        tenant = console.world.add("acme")
        console.ids = {"snapshot": console.world.backed_up(tenant).snapshot_id}
        console.ids["job"] = tenant.jobs.recent()[0].job_id
        yield console


@pytest.fixture(scope="module")
def visitors(filled: Console) -> list[Browser]:
    """Return the browsers of an operator and of a key administrator."""
    return [filled.as_(Role.OPERATOR), filled.as_(Role.KEYS, "acme")]


def path_of(route: Route, ids: dict[str, str]) -> str:
    """Return a path of the route with things that exist."""
    kind = "job" if "job" in route.path else "snapshot"
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda match: "acme" if match[1] == "name" else ids[kind], route.path)


@pytest.mark.parametrize(
    "route", [route for route in PAGES if not route.path.endswith(WORK)], ids=lambda route: route.path
)
def test_a_page_makes_six_queries_at_most(filled: Console, visitors: list[Browser], route: Route) -> None:
    for browser in visitors:
        browser.get("/tenants")  # what a process asks every few seconds for all pages
        with counted() as queries:
            browser.get(path_of(route, filled.ids))
        assert len(queries) <= MOST, "\n".join(queries)


def test_without_sql_pages_say_so_and_name_no_machine(
    postgres: PostgresServer, migrated: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = postgres.new_database(migrated)
    world = World(postgres.url(name), postgres.url(name, OWNER))
    limits = msgspec.structs.replace(QUICK, web_pulse_seconds=0.0)
    with served_console(tmp_path_factory.mktemp("away"), world=world, limits=limits) as console:
        browser = console.as_(Role.OPERATOR)
        assert browser.get("/tenants").status_code == 200
        postgres.drop(name)
        answer = browser.get("/tenants")
        assert answer.status_code == 503
        assert "CATALOG_UNREACHABLE" in answer.text
        assert "127.0.0.1" not in answer.text
        assert name not in answer.text
        assert console.nobody().get("/help").status_code == 200
        assert console.nobody().get("/healthz").status_code == 200
        probe = console.nobody().get("/readyz")
        assert (probe.status_code, probe.json()["codes"]) == (503, ["CATALOG_UNREACHABLE"])
