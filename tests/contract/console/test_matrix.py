"""The authorisation matrix: every route, every role, own and foreign tenant, computed from the table of roles and actions."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations

import httpx
import pytest

from console.web.api.endpoints import ENDPOINTS
from console.web.api.table import PREFIX
from console.web.routes import ROUTES
from console.web.table import Route
from console.web.visitor import COOKIE
from shared.domain.access import TENANT_ROLES, Action, Grant, Role, may
from shared.engine.access.sign_in import hash_of
from tests.contract.console.served import Browser, Console, served_console

OWN, FOREIGN, UNKNOWN = "acme", "other", "nowhere"
NOW = datetime.now(UTC)
_browsers: dict[tuple[tuple[Grant, ...], bool], Browser] = {}
_GATES = ("NOT_ALLOWED", "NO_SUCH_TENANT", "NOT_SIGNED_IN", "CONFIRM_FIRST")
GUARDED = [route for route in ROUTES if route.action is not Action.PUBLIC]

for_each_guarded_route = pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route.method} {route.path}")


@pytest.fixture(scope="module")
def ended(matrix: Console) -> Browser:
    """Return the browser of an administrator whose sign-in ended by itself."""
    browser = matrix.as_(Role.ADMIN, OWN)
    cookie = browser.headers["cookie"].removeprefix(f"{COOKIE}=")
    matrix.world.catalog.sign_ins().note_seen(hash_of(cookie), datetime.now(UTC) - timedelta(hours=1))
    return browser


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with served_console(tmp_path_factory.mktemp("matrix")) as console:
        for name in (OWN, FOREIGN):
            console.world.add(name)
        yield console


def ask(browser: Browser, route: Route, tenant: str) -> httpx.Response:
    """Return the answer of the route in this tenant, to an empty form."""
    path = re.sub(
        r"\{(\w+)(:\w+)?\}", lambda match: tenant if match[1] == "name" else str(uuid.UUID(int=7)), route.path
    )
    return browser.request(route.method, path)


def gate(answer: httpx.Response) -> str | None:
    """Return the code of the gate that refused the request, or None if it came to the handler."""
    if answer.headers.get("location", "").startswith("/sign-in?return="):
        return "NOT_SIGNED_IN"
    if answer.status_code == 403 and 'name="confirm-path"' in answer.text:
        return "CONFIRM_FIRST"
    return next((code for code in _GATES if f"<strong>{code}</strong>" in answer.text), None)


def expected(route: Route, tenant: str, *grants: Grant) -> str | None:
    """Return the code of the gate that must refuse these grants in the tenant, or None."""
    if "{name}" not in route.path:
        return None if may(route.action, grants, None, NOW) else "NOT_ALLOWED"
    covered = {grant.tenant_id for grant in grants if grant.tenant_id is not None}
    tenant_id = next(iter(covered), "any that the installation covers") if tenant == OWN else "another"
    if tenant == UNKNOWN or not may(Action.TENANT_SEE, grants, tenant_id, NOW):
        return "NO_SUCH_TENANT"
    return None if may(route.action, grants, tenant_id, NOW) else "NOT_ALLOWED"


def browser_of(matrix: Console, route: Route, *grants: Grant, confirmed: bool = True) -> Browser:
    """Return a browser of a person with these grants: the same for all routes of a tenant, which end no sign-in."""
    key = (grants, confirmed)
    if "{name}" in route.path or route.method == "GET":
        if key not in _browsers:
            _browsers[key] = matrix.with_grants(*grants, confirmed=confirmed)
        return _browsers[key]
    return matrix.with_grants(*grants, confirmed=confirmed)


def check(matrix: Console, route: Route, *grants: Grant, confirmed: bool = True) -> None:
    """Assert that the route answers these grants as the table says, in each tenant."""
    for tenant in (OWN, FOREIGN) if "{name}" in route.path else (OWN,):
        browser = browser_of(matrix, route, *grants, confirmed=confirmed)
        answer = ask(browser, route, tenant)
        wanted = expected(route, tenant, *grants)
        if wanted is None and not confirmed and route.needs_confirmation:
            wanted = "CONFIRM_FIRST"
        assert gate(answer) == wanted, f"{[grant.role for grant in grants]} in {tenant}: {answer.status_code}"
        assert answer.status_code < 500


@for_each_guarded_route
def test_each_role_comes_to_the_routes_of_its_actions_alone(matrix: Console, route: Route) -> None:
    own = matrix.world.catalog.find(OWN).tenant_id
    for role in TENANT_ROLES:
        check(matrix, route, Grant(role=role, tenant_id=own))
    check(matrix, route, Grant(role=Role.OPERATOR, tenant_id=None))
    check(matrix, route)


@for_each_guarded_route
def test_two_roles_add_up(matrix: Console, route: Route) -> None:
    own = matrix.world.catalog.find(OWN).tenant_id
    one, two = sorted(combinations(TENANT_ROLES, 2), key=lambda pair: hash((pair, route.path)))[0]
    check(matrix, route, Grant(role=one, tenant_id=own), Grant(role=two, tenant_id=own))


@pytest.mark.parametrize(
    "route", [each for each in GUARDED if each.needs_confirmation], ids=lambda route: f"{route.method} {route.path}"
)
def test_without_a_confirmation_of_the_last_minutes_the_handler_is_not_reached(matrix: Console, route: Route) -> None:
    own = matrix.world.catalog.find(OWN).tenant_id
    for role in TENANT_ROLES:
        check(matrix, route, Grant(role=role, tenant_id=own), confirmed=False)
    check(matrix, route, Grant(role=Role.OPERATOR, tenant_id=None), confirmed=False)


@for_each_guarded_route
def test_whoever_is_not_signed_in_comes_to_no_route(matrix: Console, ended: Browser, route: Route) -> None:
    with_token = matrix.nobody()
    with_token.headers["authorization"] = "Bearer ek1_" + "a" * 52
    for browser in (matrix.nobody(), ended, with_token):
        for tenant in (OWN, UNKNOWN):
            answer = ask(browser, route, tenant)
            assert gate(answer) == "NOT_SIGNED_IN", answer.status_code
            assert answer.status_code in (303, 401)


@for_each_guarded_route
def test_a_grant_that_has_ended_gives_nothing(matrix: Console, route: Route) -> None:
    own = matrix.world.catalog.find(OWN).tenant_id
    past = NOW - timedelta(minutes=1)
    browser = browser_of(matrix, route, *(Grant(role=role, tenant_id=own, until=past) for role in TENANT_ROLES))
    assert gate(ask(browser, route, OWN)) == expected(route, FOREIGN)


@pytest.mark.parametrize(
    "route", [each for each in ROUTES if "{name}" in each.path], ids=lambda route: f"{route.method} {route.path}"
)
def test_a_foreign_tenant_is_answered_like_an_unknown_one_byte_for_byte(matrix: Console, route: Route) -> None:
    own = matrix.world.catalog.find(OWN).tenant_id
    browser = browser_of(matrix, route, Grant(role=Role.ADMIN, tenant_id=own))
    foreign, unknown = ask(browser, route, FOREIGN), ask(browser, route, UNKNOWN)
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content
    heads = [{k: v for k, v in answer.headers.items() if k != "date"} for answer in (foreign, unknown)]
    assert heads[0] == heads[1]


def test_every_served_route_is_in_a_table(matrix: Console) -> None:
    from console.web.app import make_app

    served = {
        (method, route.path)
        for route in make_app(matrix.front())._app.routes  # type: ignore[attr-defined]
        for method in route.methods - {"HEAD"}
    }
    endpoints = {(endpoint.method, PREFIX + endpoint.path) for endpoint in ENDPOINTS}
    assert served == {(route.method, route.path) for route in ROUTES} | endpoints
