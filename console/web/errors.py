"""Errors as people and programs see them: a status, a code, a sentence, and who must act."""

import json
from typing import NamedTuple

from starlette.responses import Response

from shared.domain.errors import Alarm, Code, EntrakeepError, Retry, Unexpected

_STATUSES = {
    Code.KEY_ACCESS_REVOKED: 423,
    Code.KEY_UNREACHABLE: 503,
    Code.KEY_NOT_ALLOWED: 403,
    Code.KEY_INVALID: 422,
    Code.GRAPH_UNREACHABLE: 503,
    Code.STORE_UNREACHABLE: 503,
    Code.STORE_FULL: 503,
    Code.NO_SUCH_TENANT: 404,
    Code.NO_SUCH_SNAPSHOT: 404,
    Code.NO_SUCH_OBJECT: 404,
    Code.NO_SUCH_JOB: 404,
    Code.NO_SUCH_PLAN: 404,
    Code.NO_SUCH_TARGET: 404,
    Code.NO_SUCH_PERSON: 404,
    Code.NO_SUCH_TOKEN: 404,
    Code.TENANT_EXISTS: 409,
    Code.DIRECTORY_EXISTS: 409,
    Code.DIRECTORY_WITHHELD: 409,
    Code.BUSY: 409,
    Code.CANCELLED: 409,
    Code.INTERRUPTED: 409,
    Code.PLAN_OUTDATED: 409,
    Code.PLAN_EXPIRED: 409,
    Code.STACK_NOT_RUNNING: 503,
    Code.BROKER_UNREACHABLE: 503,
    Code.NO_WORKER: 503,
    Code.CATALOG_UNREACHABLE: 503,
    Code.CATALOG_NEEDS_MIGRATION: 503,
    Code.WRONG_USE: 400,
    Code.UNEXPECTED: 500,
    Code.NOT_SIGNED_IN: 401,
    Code.NOT_ALLOWED: 403,
    Code.CONFIRM_FIRST: 403,
    Code.TOO_MANY_TRIES: 429,
}
"""The HTTP status of each code. A refusal with another code is 409: the state of things does not allow it."""

_OPERATOR = "the operator of this installation"
_ADMIN = "the tenant's administrator"
_OWNER = "the owner of the KMS key"
_ACTORS = {
    Code.KEY_ACCESS_REVOKED: _OWNER,
    Code.KEY_UNREACHABLE: "nobody: AWS KMS is tried again",
    Code.KEY_MISCONFIGURED: _OPERATOR,
    Code.KEY_NOT_ALLOWED: _OPERATOR,
    Code.KEY_UNTRUSTED: _OPERATOR,
    Code.GRAPH_SIGN_IN_FAILED: _ADMIN,
    Code.GRAPH_FORBIDDEN: _ADMIN,
    Code.GRAPH_UNREACHABLE: "nobody: Microsoft Graph is tried again",
    Code.STORE_UNREACHABLE: _OPERATOR,
    Code.STORE_FULL: _OPERATOR,
    Code.STORE_FORBIDDEN: _OPERATOR,
    Code.STORE_NOT_OURS: _OPERATOR,
    Code.STORE_UNSUITABLE: _OPERATOR,
    Code.STACK_NOT_RUNNING: _OPERATOR,
    Code.BROKER_UNREACHABLE: _OPERATOR,
    Code.NO_WORKER: _OPERATOR,
    Code.CATALOG_UNREACHABLE: _OPERATOR,
    Code.CATALOG_NEEDS_MIGRATION: _OPERATOR,
    Code.CATALOG_OUTDATED: _OPERATOR,
    Code.AUDIT_BROKEN: _OPERATOR,
    Code.NO_RESTORE_IDENTITY: _ADMIN,
    Code.NOT_ALLOWED: "whoever grants roles here",
    Code.UNEXPECTED: _OPERATOR,
}
_HIDDEN = frozenset({Code.CATALOG_UNREACHABLE, Code.CATALOG_NEEDS_MIGRATION, Code.SETTINGS_INVALID})
"""Codes whose sentences name machines and files, which are no visitor's business."""
_TITLES = {
    400: "That request does not fit",
    401: "Please sign in",
    403: "Not allowed",
    404: "Not found",
    405: "That cannot be done here",
    408: "The request took too long",
    409: "Not possible now",
    413: "The request is too large",
    414: "The address is too long",
    415: "That kind of request is not understood",
    421: "Another address",
    422: "Please check what you typed",
    423: "The key is revoked",
    431: "The request is too large",
    429: "Too many requests",
    500: "A defect of Entrakeep",
    503: "Something does not answer",
}


class Problem(NamedTuple):
    """An error to show."""

    status: int
    code: str
    sentence: str
    actor: str | None = None
    """Who must act, or None if the reader can."""

    @property
    def title(self) -> str:
        """Return a few words for a heading."""
        return _TITLES.get(self.status, "Error")


def problem_of(error: Exception) -> Problem:
    """Return the error to show. An exception without a code shows its class alone."""
    if not isinstance(error, EntrakeepError):
        error = Unexpected(error)
    code = error.code
    unknown = 503 if isinstance(error, Retry) else 500 if isinstance(error, Alarm) else 409
    sentence = "The catalog does not answer." if code in _HIDDEN else error.message
    return Problem(_STATUSES.get(code, unknown), code.value, sentence, actor_of(code))


def problem_document(problem: Problem) -> Response:
    """Return the error as a document for programs (RFC 9457). A 401 says how to send a token."""
    document = {"type": "about:blank", "title": problem.title, "status": problem.status}
    document |= {"code": problem.code, "detail": problem.sentence}
    headers = {"www-authenticate": "Bearer"} if problem.status == 401 else {}
    return Response(json.dumps(document), problem.status, headers, media_type="application/problem+json")


def actor_of(code: Code) -> str | None:
    """Return who must act on an error with this code, or None if the reader can."""
    return _ACTORS.get(code)


def defect(error: Exception) -> str:
    """Return the class of an exception and where it was raised, without its text, which may be anything."""
    trace, places = error.__traceback__, []
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' > '.join(places)}"
