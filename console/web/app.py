"""The application: the table of routes behind the guard."""

import json
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.routing import Route as Served
from starlette.types import ASGIApp

from console.web.dispatch import Dispatch
from console.web.errors import Problem
from console.web.faces import Face
from console.web.front import Front
from console.web.guard import Guard
from console.web.rendering import Rendering
from console.web.routes import ROUTES, Route
from console.web.security import origin_of
from shared.domain.errors import Code, Refuse

_SENTENCES = {404: "There is no such page.", 405: "This address does not take that method."}


def make_app(front: Front, face: Face = Face.CATALOG) -> ASGIApp:
    """Return the application of one face."""
    rendering = Rendering(front)
    dispatch = Dispatch(front, rendering)
    refusal = partial(refused, rendering)

    async def unmatched(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return refusal(request, Problem(status, Code.WRONG_USE.value, _SENTENCES.get(status, "That failed.")))

    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        routes=[_served(route, dispatch) for route in ROUTES if route.face is face],
        exception_handlers={HTTPException: unmatched},
        redirect_slashes=False,
    )
    return Guard(app, origin_of(front.settings.web_url), front.limits, refusal)


def refused(rendering: Rendering, request: Request, problem: Problem) -> Response:
    """Return the answer to a request that no handler sees: a document for programs (RFC 9457), a page for people."""
    if not request.url.path.startswith("/api/"):
        return rendering.bare(request, problem)
    document = {"type": "about:blank", "title": problem.title, "status": problem.status}
    document |= {"code": problem.code, "detail": problem.sentence}
    return Response(json.dumps(document), problem.status, media_type="application/problem+json")


def matching(method: str, path: str) -> tuple[Route, dict[str, Any]]:
    """Return the route of a path, and the path's parameters. Raise Refuse ``WRONG_USE`` if no route of ours has it."""
    scope = {"type": "http", "method": method, "path": path, "root_path": ""}
    for route in ROUTES:
        if route.method == method:
            match, inner = Served(route.path, _unserved).matches(scope)
            if match is Match.FULL:
                return route, dict(inner["path_params"])
    raise Refuse(Code.WRONG_USE, "The console has no such page.")


def _served(route: Route, dispatch: Dispatch) -> Served:
    """Return the route as Starlette serves it."""
    return Served(route.path, dispatch.endpoint(route), methods=[route.method])


async def _unserved(request: Request) -> Response:
    raise NotImplementedError
