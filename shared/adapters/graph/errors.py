"""What to do after each answer of Graph: by status and error code, never by the words of a message.

Graph's error codes are not one namespace: the same missing permission is ``Authorization_RequestDenied``, ``AccessDenied``
or ``UnknownError``. So status decides first, and a code only where it changes what to do. (Microsoft Graph error
responses; throttling guidance; "Use delta query to track changes".)
"""

import math
import re

import msgspec

from shared.domain.errors import Answer, EntrakeepError, GraphTrouble, Skip, StartOver

_UNLICENSED = frozenset({"aadpremiumlicenserequired", "authentication_requestfromnonpremiumtenantorb2ctenant"})
_NOT_OFFERED = frozenset({405, 501})
_FINAL = frozenset({400, 402, 406, 409, 411, 412, 413, 414, 415, 422, 431, 451})
"""Statuses, beside those that have a branch of their own, that asking again does not change. All others are trouble: edges
and proxies have numbers of their own (507, 520 to 529, …)."""
OF_PROXIES = frozenset({300, 301, 302, 303, 304, 305, 306, 307, 308, 407, 511})
"""Statuses that Graph does not answer: it redirects nobody."""
_CURSOR_REFUSED = frozenset({400, 404, 410})
_LONGEST = 3600.0
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,80}")


BY_PROXY = (
    "Something between us and Graph answered, a proxy or a network's sign-in page: let requests to Graph and to the sign-in "
    "service through, or give the proxy's user and password in HTTPS_PROXY"
)


class Throttled(GraphTrouble):
    """Graph said 429. ``after`` is its Retry-After in seconds, which may be a fraction or missing."""


_GONE = frozenset({"request_resourcenotfound", "resourcenotfound", "notfound", "itemnotfound"})
"""Codes of a 404 that says that there is no such object. With another one (``UnknownError``) Graph is in trouble."""


class NotFound(Skip):
    """Graph said 404, in the words of a service that knows no such path or object."""


class TokenRefused(Skip):
    """Graph said 401 to a token that is new. One resource's service may say so while the others do not."""


class _Error(msgspec.Struct):
    code: str = ""


class _Body(msgspec.Struct):
    error: _Error


def code_of(body: bytes) -> str:
    """The error code in the body of a refusal; empty if there is none, or none that is safe to repeat."""
    try:
        code = msgspec.json.decode(body, type=_Body).error.code
    except ValueError:
        return ""
    return safe_word(code)


def safe_word(text: str) -> str:
    """A code or an id that came from outside, if it looks like one; else empty, so that no text of theirs gets through."""
    return text if _WORD.fullmatch(text) else ""


def seconds_of(retry_after: str | None) -> float | None:
    """Seconds in a Retry-After header, fractions included, an hour at most; None if it is missing or no number."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return min(seconds, _LONGEST) if math.isfinite(seconds) and seconds >= 0 else None


def meaning(
    status: int, code: str, *, resuming: bool, after: float | None = None, request_id: str | None = None
) -> EntrakeepError:
    """What an answer that is no success means. ``resuming``: the request followed a link that Graph had given."""
    told = f"status {status}, code {code or 'none'}, request {request_id or 'unknown'}"
    if status == 429:
        return Throttled(f"Graph throttles us ({told}).", after, request_id)
    if status in OF_PROXIES:
        return GraphTrouble(f"{BY_PROXY} ({told}).", after, request_id)
    if status == 401:
        return TokenRefused(
            Answer.FAILED,
            f"Graph does not accept the application's token ({told}). Look at the app registration in the directory.",
            request_id,
        )
    if code.lower() in _UNLICENSED:
        return Skip(Answer.UNLICENSED, f"The directory has no licence for this ({told}).", request_id)
    if resuming and status in _CURSOR_REFUSED:
        return StartOver(f"Graph does not accept the cursor any more ({told}).", request_id)
    if status == 410:
        return GraphTrouble(f"Graph asks to begin again later ({told}).", after, request_id)
    if status == 403:
        return Skip(Answer.FORBIDDEN, f"The application lacks the permission ({told}).", request_id)
    if status == 404:
        kind = NotFound if code.lower() in _GONE else Skip
        return kind(Answer.UNAVAILABLE, f"This directory does not have it ({told}).", request_id)
    if status in _NOT_OFFERED:
        return Skip(Answer.UNAVAILABLE, f"This directory does not offer it ({told}).", request_id)
    if status in _FINAL:
        return Skip(Answer.FAILED, f"Graph gave an answer that we do not expect ({told}).", request_id)
    return GraphTrouble(f"Graph is in trouble ({told}).", after, request_id)
