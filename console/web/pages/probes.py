"""Probes: whether the process lives, and whether what it needs answers."""

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, Response

from shared.domain.errors import Refuse

if TYPE_CHECKING:
    from console.web.page import Ask


def alive(_: "Ask") -> Response:
    """Answer that the process serves requests."""
    return PlainTextResponse("ok\n")


def ready(ask: "Ask") -> Response:
    """Answer what does not work: 503 without the catalog, else 200 with the codes of what hinders jobs."""
    try:
        hindrances = ask.front.pulse.hindrances()
    except Refuse as error:
        return JSONResponse({"ready": False, "codes": [error.code.value]}, 503)
    return JSONResponse({"ready": True, "codes": [each.code.value for each in hindrances]})
