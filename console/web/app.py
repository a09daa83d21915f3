"""The application: the table of routes behind the guard."""

from functools import partial

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Served
from starlette.types import ASGIApp

from console.web.api.dispatch import ApiDispatch
from console.web.api.openapi import router
from console.web.dispatch import Dispatch
from console.web.errors import Problem, problem_document, problem_of
from console.web.faces import Face
from console.web.front import Front
from console.web.guard import Guard
from console.web.live import Live
from console.web.progress import looking
from console.web.rendering import Rendering
from console.web.routes import ROUTES
from console.web.security import origin_of
from console.web.table import Route, Table
from shared.domain.errors import Code

_SENTENCES = {404: "There is no such page.", 405: "This address does not take that method."}


def make_app(front: Front, face: Face = Face.CATALOG) -> ASGIApp:
    """Return the application of one face."""
    table = Table(ROUTES)
    rendering = Rendering(front, table.paths)
    dispatch = Dispatch(front, rendering, table)
    refusal = partial(refused, rendering)

    async def unmatched(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        return refusal(request, Problem(status, Code.WRONG_USE.value, _SENTENCES.get(status, "That failed.")))

    async def defective(request: Request, error: Exception) -> Response:
        return refusal(request, problem_of(error))

    endpoints = router(ApiDispatch(front)).routes if face is Face.CATALOG else []
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        routes=[*(_served(route, dispatch) for route in ROUTES if route.face is face), *endpoints],
        exception_handlers={HTTPException: unmatched, Exception: defective},
        redirect_slashes=False,
    )
    app.state.live = Live(looking(front, rendering), front.limits)
    return Guard(app, origin_of(front.settings.web_url), front.settings.web_proxies, front.limits, refusal)


def refused(rendering: Rendering, request: Request, problem: Problem) -> Response:
    """Return the answer to a request that no handler sees: a document for programs (RFC 9457), a page for people."""
    if not request.url.path.startswith("/api/"):
        return rendering.bare(request, problem)
    return problem_document(problem)


def _served(route: Route, dispatch: Dispatch) -> Served:
    """Return the route as Starlette serves it."""
    return Served(route.path, dispatch.endpoint(route), methods=[route.method])
