"""The outermost layer: what is refused before any page sees it, and the headers that each answer gets."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.web.errors import Problem, defect
from console.web.security import (
    API,
    SAFE_METHODS,
    Origin,
    headers_of_answer,
    host_allowed,
    peer_allowed,
    sent_from_here,
)
from console.web.visitor import COOKIE
from shared.domain.errors import Code
from shared.domain.limits import Limits

log = logging.getLogger("entrakeep.web")

Refusal = Callable[[Request, Problem], Response]


class Guard:
    """Checks host, origin, sizes, pace and time of a request, and adds the headers of its answer."""

    def __init__(self, app: ASGIApp, origin: Origin, proxies: str, limits: Limits, refusal: Refusal) -> None:
        self._app = app
        self._origin = origin
        self._peers = tuple(ip_network(each) for each in proxies.split(",") if each)
        self._limits = limits
        self._refusal = refusal
        self._headers = headers_of_answer(origin)
        self._pace = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it to the pages with its whole body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["nonce"] = secrets.token_urlsafe(16)
        send = self._with_headers(send)
        problem = self._wrong(scope) or await self._too_fast(scope)
        body = problem or (b"" if scope["method"] in SAFE_METHODS else await self._body(scope, receive))
        if isinstance(body, Problem):
            await self._refusal(Request(scope), body)(scope, receive, send)
            return
        try:
            await self._app(scope, _replayed(body, receive), send)
        except asyncio.CancelledError:
            log.info("a request was ended with the process")
        except Exception as error:
            # Its text may be anything, and a traceback of the server's own would print it.
            log.error("a request failed with %s", defect(error))

    def _with_headers(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        return sending

    def _wrong(self, scope: Scope) -> Problem | None:
        """Return why the request is refused by its head alone, or None."""
        headers, path = Headers(scope=scope), scope["path"]
        if len(scope["raw_path"]) + len(scope["query_string"]) > self._limits.web_url_bytes:
            return _wrong_use(414, f"An address of this console has at most {self._limits.web_url_bytes:,} bytes.")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self._limits.web_head_bytes:
            return _wrong_use(431, f"The head of a request has at most {self._limits.web_head_bytes:,} bytes.")
        if not self._origin.secure and not peer_allowed(self._peers, scope.get("client")):
            return Problem(403, Code.NOT_ALLOWED.value, "Without TLS, this console answers its own machine alone.")
        if not host_allowed(self._origin, headers.get("host", ""), path):
            return _wrong_use(421, f"This console answers at {self._origin.text} alone.")
        # The API looks at no cookie, so no other site can make a browser act there.
        if not path.startswith(API) and not sent_from_here(self._origin, scope["method"], headers):
            sentence = "The request came from another site, or from a browser that does not say from where."
            return Problem(403, Code.NOT_ALLOWED.value, sentence)
        if "\0" in path:
            return _wrong_use(400, "The address contains a NUL character, which no name has.")
        return None

    async def _too_fast(self, scope: Scope) -> Problem | None:
        """Return a refusal if the network, or the sign-in, has sent too many requests lately."""
        every = self._limits.web_pace_seconds
        client = scope["client"][0] if scope.get("client") else "-"
        paces = [(client, self._limits.web_network_requests)]
        cookie = Request(scope).cookies.get(COOKIE)
        if cookie:
            paces.append((cookie, self._limits.web_sign_in_requests))
        for sender, number in paces:
            if not await self._pace.hit(RateLimitItemPerSecond(number, every), sender):
                return Problem(429, Code.TOO_MANY_TRIES.value, f"That were too many requests. Wait {every} seconds.")
        return None

    async def _body(self, scope: Scope, receive: Receive) -> bytes | Problem:
        """Return the whole body, or why it is refused: too large or too slow."""
        too_large = _wrong_use(413, f"A request has at most {self._limits.web_body_bytes:,} bytes.")
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > self._limits.web_body_bytes:
            return too_large
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._limits.web_body_seconds):
                while True:
                    message = await receive()
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > self._limits.web_body_bytes:
                        return too_large
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            return _wrong_use(408, "The request did not arrive in time.")


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body, and then what the server says."""
    pending: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return pending.pop() if pending else await receive()

    return receiving


def _wrong_use(status: int, sentence: str) -> Problem:
    return Problem(status, Code.WRONG_USE.value, sentence)
