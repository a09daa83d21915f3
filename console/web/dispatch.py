"""The way of a request: who asks, about which tenant, may they, have they confirmed, and then the handler."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from console.web.auth import confirm, sign_in
from console.web.errors import defect, problem_of
from console.web.page import Ask, Form, Page, decoded
from console.web.security import PROBES
from console.web.visitor import Visitor, visitor_of
from shared.domain.access import RULES, Action
from shared.domain.errors import Code, EntrakeepError, Refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from console.web.front import Front
    from console.web.rendering import Rendering
    from console.web.table import Route, Table

log = logging.getLogger("entrakeep.web")

_FORM = "application/x-www-form-urlencoded"
QUIET = PROBES | {"/static/{digest}/{file}"}
"""Paths whose answers are not worth a line of the log."""
NO_SUCH_TENANT = "There is no tenant of this name, or you may not see it."


class Dispatch:
    """Answers the requests of all routes."""

    def __init__(self, front: "Front", rendering: "Rendering", table: "Table") -> None:
        self._front = front
        self._rendering = rendering
        self._table = table

    def endpoint(self, route: "Route") -> "Callable[[Request], Awaitable[Response]]":
        """Return the function that answers the requests of a route."""

        async def answer(request: "Request") -> Response:
            body = await request.body()
            return await run_in_threadpool(self._answer, route, request, body)

        return answer

    def _answer(self, route: "Route", request: "Request", body: bytes) -> Response:
        """Return the answer, whatever happens."""
        began = self._front.clock.monotonic()
        now = self._front.clock.now()
        ask = Ask(
            front=self._front,
            visitor=Visitor(now=now),
            now=now,
            request=request,
            knows=self._knows,
            rerun=self._rerun,
        )
        try:
            ask = self._read(ask, body)
            ask = admitted(ask, route)
            answer = self._rendered(ask, route, outcome(ask, route))
        except Exception as error:
            answer = self._error(ask, route, error)
        for name, value in ask.headers:
            answer.headers.append(name, value)
        self._note(route, ask, answer.status_code, self._front.clock.monotonic() - began)
        return answer

    def _rerun(self, ask: Ask, path: str, fields: list[tuple[str, str]], visitor: Visitor) -> Response:
        """Return what the route that posts to ``path`` answers to these fields. Raise Refuse, as that route does."""
        match = self._table.match("POST", path)
        if match is None:
            raise Refuse(Code.WRONG_USE, "The console has no such page.")
        route, parameters = match
        repeated = replace(ask, visitor=visitor, tenant=None, health=None, path=parameters, form=Form(fields))
        repeated = admitted(repeated, route)
        return self._rendered(repeated, route, outcome(repeated, route))

    def _knows(self, path: str) -> bool:
        """Return True for the path of one of our pages."""
        return self._table.match("GET", path) is not None

    def _read(self, ask: Ask, body: bytes) -> Ask:
        """Add who asks, and the fields. Raise Refuse."""
        request = ask.request
        visitor = visitor_of(self._front.catalog, request.cookies, ask.now, by_itself=ask.from_htmx)
        ask = replace(ask, visitor=visitor, path=dict(request.path_params), body=body)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        form = decoded(body) if kind == _FORM else Form([])
        return replace(ask, query=decoded(request.scope["query_string"]), form=form)

    def _rendered(self, ask: Ask, route: "Route", result: Page | Response) -> Response:
        return self._rendering.answer(ask, result, route.path) if isinstance(result, Page) else result

    def _error(self, ask: Ask, route: "Route", error: Exception) -> Response:
        """Return the answer for an error: sign-in first for whom nobody knows, otherwise a page with the code."""
        problem = problem_of(error)
        reads_page = ask.request.method in ("GET", "HEAD") and not ask.from_htmx and not is_stream(route)
        # Whoever is signed in already would be sent back from the sign-in, and here again, for ever.
        if problem.code == Code.NOT_SIGNED_IN and reads_page and ask.visitor.signed_in is None:
            return RedirectResponse(f"/sign-in?return={quote(back_to(ask), safe='')}", 303)
        if problem.code == Code.NOT_SIGNED_IN and ask.form and not ask.from_htmx:
            return self._rendered(ask, route, sign_in.before_form(ask))
        if problem.status == 500:
            log.error("%s %s failed with %s", route.method, route.path, defect(error))
        page = Page(template="error.html", values={"problem": problem}, status=problem.status, scripts=False)
        try:
            return self._rendering.answer(ask, page, route.path)
        except EntrakeepError:
            # The catalog went away: the frame of the page would ask it too.
            return self._rendering.bare(ask.request, problem)

    def _note(self, route: "Route", ask: Ask, status: int, seconds: float) -> None:
        """Write one line, without path and query: they may name objects. Probes and files, which are many, get none."""
        if route.path in QUIET and status < 400:
            return
        tenant = ask.tenant.name if ask.tenant else "-"
        log.info("%s %s %d %d ms %s %s", route.method, route.path, status, seconds * 1000, ask.visitor.actor, tenant)


def admitted(ask: Ask, route: "Route") -> Ask:
    """Return the request with its tenant, if the visitor may do what the route does.

    Raise Refuse ``NOT_SIGNED_IN``, ``NO_SUCH_TENANT``, ``NOT_ALLOWED``. A tenant that the visitor may not see is
    answered like one that does not exist.
    """
    if route.action is not Action.PUBLIC and ask.visitor.signed_in is None:
        raise Refuse(Code.NOT_SIGNED_IN, "Sign in first.")
    if "name" in ask.path:
        ask = _with_tenant(ask)
    tenant_id = ask.tenant.tenant_id if ask.tenant else None
    if not ask.visitor.may(route.action, tenant_id):
        raise Refuse(Code.NOT_ALLOWED, f"Your roles do not include this. It takes the role {_roles(route.action)}.")
    return ask


def outcome(ask: Ask, route: "Route") -> Page | Response:
    """Return what the handler returns, or the page that asks for confirmation first."""
    if route.needs_confirmation and not ask.visitor.confirmed(ask.now):
        return confirm.first(ask)
    return route.handler(ask)


def is_stream(route: "Route") -> bool:
    """Return True if the route is a stream, which is never led to the sign-in: 401 is its answer."""
    return route.path.startswith("/live/")


def back_to(ask: Ask) -> str:
    """Return the path and the query of the page, to come back to after the sign-in."""
    query = ask.request.url.query
    return ask.request.url.path + (f"?{query}" if query else "")


def _with_tenant(ask: Ask) -> Ask:
    """Return the request with the tenant that the path names. Raise Refuse ``NO_SUCH_TENANT``, alike for foreign tenants."""
    try:
        tenant, health = ask.front.catalog.queries().tenant_with_health(ask.path["name"])
    except Refuse as error:
        if error.code is not Code.NO_SUCH_TENANT:
            raise
        raise Refuse(Code.NO_SUCH_TENANT, NO_SUCH_TENANT) from None
    if not ask.visitor.may(Action.TENANT_SEE, tenant.tenant_id):
        raise Refuse(Code.NO_SUCH_TENANT, NO_SUCH_TENANT)
    return replace(ask, tenant=tenant, health=health)


def _roles(action: Action) -> str:
    """Return the roles that may do this, in words."""
    names = sorted(role.value for role in RULES[action].roles)
    return " or ".join(names)
