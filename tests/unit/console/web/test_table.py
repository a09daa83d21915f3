"""The table of routes: complete, without doubles, and readable by path."""

import pytest

from console.web.page import Ask, Page
from console.web.routes import ROUTES
from console.web.table import Route, Table
from shared.domain.access import Action


def handler(ask: Ask) -> Page:
    raise NotImplementedError


def test_a_route_without_an_action_does_not_start() -> None:
    with pytest.raises(TypeError, match="GET /x has no action"):
        Route("GET", "/x", None, handler)  # type: ignore[arg-type]


def test_no_two_routes_have_the_same_method_and_path() -> None:
    keys = [(route.method, route.path) for route in ROUTES]
    assert len(keys) == len(set(keys))


def test_reading_needs_no_confirmation_and_writing_follows_the_rule_of_the_action() -> None:
    assert not Route("GET", "/x", Action.KEY_ENABLE, handler).needs_confirmation
    assert Route("POST", "/x", Action.KEY_ENABLE, handler).needs_confirmation
    assert not Route("POST", "/x", Action.BACKUP_ASK, handler).needs_confirmation
    assert not Route("POST", "/x", Action.KEY_ENABLE, handler, confirm=False).needs_confirmation


def test_a_path_is_matched_to_its_route_and_parameters() -> None:
    see = Route("GET", "/t/{name}", Action.TENANT_SEE, handler)
    save = Route("POST", "/t/{name}", Action.TENANT_SEE, handler)
    table = Table((see, save))
    assert table.match("POST", "/t/acme") == (save, {"name": "acme"})
    assert table.match("GET", "/t/acme") == (see, {"name": "acme"})
    assert table.match("GET", "/t/acme/x") is None
    assert table.match("DELETE", "/t/acme") is None
