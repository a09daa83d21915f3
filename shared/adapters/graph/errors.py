"""The reaction to each answer of Graph, by status and error code, never by a message's text.

Graph's error codes are not one namespace: the same missing permission is ``Authorization_RequestDenied``, ``AccessDenied``
or ``UnknownError``. So the status decides first, and a code only where it changes the reaction. (Microsoft Graph error
responses; throttling guidance; "Use delta query to track changes".)
"""

import math
import re

import msgspec

from shared.domain.errors import Answer, EntrakeepError, GraphTrouble, Skip, StartOver
from shared.domain.limits import LIMITS

_UNLICENSED = frozenset({"aadpremiumlicenserequired", "authentication_requestfromnonpremiumtenantorb2ctenant"})
_NOT_OFFERED = frozenset({405, 501})
_FINAL = frozenset({400, 402, 406, 409, 411, 412, 413, 414, 415, 422, 431, 451})
"""Statuses that a retry does not change, besides those with a branch of their own.

Every other status is trouble, because edge servers and proxies have numbers of their own (507, 520 to 529, …).
"""
OF_PROXIES = frozenset({300, 301, 302, 303, 304, 305, 306, 307, 308, 407, 511})
"""Statuses that Graph never sends, because it does not redirect. A proxy sends them."""
_CURSOR_REFUSED = frozenset({400, 404, 410})
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,80}")


BY_PROXY = (
    "Something between us and Graph answered, a proxy or a network's sign-in page: let requests to Graph and to the sign-in "
    "service through, or give the proxy's user and password in HTTPS_PROXY"
)


class Throttled(GraphTrouble):
    """Graph answered 429. ``after`` is its Retry-After in seconds, which may be a fraction or missing."""


_GONE = frozenset({"request_resourcenotfound", "resourcenotfound", "notfound", "itemnotfound"})
"""Codes of a 404 that means that the object does not exist. With another code (``UnknownError``) Graph is in trouble."""


class NotFound(Skip):
    """Graph answered 404, with the error code of a service that has no such path or object."""


class TokenRefused(Skip):
    """Graph answered 401 to a new token. The service of one resource may do so while the others do not."""


class _Error(msgspec.Struct):
    """The error in the body of a refusal."""

    code: str = ""


class _Body(msgspec.Struct):
    """The body of a refusal."""

    error: _Error


def code_of(body: bytes) -> str:
    """Return the error code in the body of a refusal, or an empty string if it is missing or not safe to repeat."""
    try:
        code = msgspec.json.decode(body, type=_Body).error.code
    except ValueError:
        return ""
    return safe_word(code)


def safe_word(text: str) -> str:
    """Return a code or id from outside if it looks like one, otherwise an empty string, so that no foreign text passes."""
    return text if _WORD.fullmatch(text) else ""


def seconds_of(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After header, or None if it is missing or no number.

    Fractions are kept. The result is at most one hour.
    """
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return min(seconds, LIMITS.graph_wait_most_seconds) if math.isfinite(seconds) and seconds >= 0 else None


def meaning(
    status: int, code: str, *, resuming: bool, after: float | None = None, request_id: str | None = None
) -> EntrakeepError:
    """Return the error that an unsuccessful answer means.

    - ``code``: Graph's error code.
    - ``resuming``: the request followed a link from Graph, so some statuses mean that Graph refuses the cursor.
    - ``after``: Graph's Retry-After in seconds.
    """
    details = f"status {status}, code {code or 'none'}, request {request_id or 'unknown'}"
    if status == 429:
        return Throttled(f"Graph throttles us ({details}).", after, request_id)
    if status in OF_PROXIES:
        return GraphTrouble(f"{BY_PROXY} ({details}).", after, request_id)
    if status == 401:
        return TokenRefused(
            Answer.FAILED,
            f"Graph does not accept the application's token ({details}). Check the app registration in the directory.",
            request_id,
        )
    if code.lower() in _UNLICENSED:
        return Skip(Answer.UNLICENSED, f"The directory has no licence for this ({details}).", request_id)
    if resuming and status in _CURSOR_REFUSED:
        return StartOver(f"Graph does not accept the cursor any more ({details}).", request_id)
    if status == 410:
        return GraphTrouble(f"Graph asks to begin again later ({details}).", after, request_id)
    if status == 403:
        return Skip(Answer.FORBIDDEN, f"The application lacks the permission ({details}).", request_id)
    if status == 404:
        kind = NotFound if code.lower() in _GONE else Skip
        return kind(Answer.UNAVAILABLE, f"This directory does not have it ({details}).", request_id)
    if status in _NOT_OFFERED:
        return Skip(Answer.UNAVAILABLE, f"This directory does not offer it ({details}).", request_id)
    if status in _FINAL:
        return Skip(Answer.FAILED, f"Graph gave an answer that we do not expect ({details}).", request_id)
    return GraphTrouble(f"Graph is in trouble ({details}).", after, request_id)
