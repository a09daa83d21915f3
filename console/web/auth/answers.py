"""Answers to scripts: documents with options, or with the sentence of a refusal."""

import functools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.responses import Response

from console.web.auth import ceremony
from console.web.errors import problem_of
from shared.domain.errors import EntrakeepError

if TYPE_CHECKING:
    from console.web.page import Ask


def options(current: ceremony.Ceremony, text: str) -> Response:
    """Return the options of a passkey's ceremony, which are JSON, and its seed."""
    return Response(f'{{"seed":{json.dumps(current.seed)},"options":{text}}}', media_type="application/json")


def for_script(handler: "Callable[[Ask], Response]") -> "Callable[[Ask], Response]":
    """Return a handler that answers a refusal with a document, which the script shows beside its button."""

    @functools.wraps(handler)
    def answer(ask: "Ask") -> Response:
        try:
            return handler(ask)
        except EntrakeepError as error:
            problem = problem_of(error)
            document = {"code": problem.code, "detail": problem.sentence}
            return Response(json.dumps(document), problem.status, media_type="application/problem+json")

    return answer
