"""The simulator as an ASGI application: it reads whole requests, applies faults, compresses answers and counts them."""

import asyncio
import logging
import random
import re
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote

from simulator.graph import batch
from simulator.graph.answers import Answer, Refused, Request, document, headers
from simulator.graph.control import wrong
from simulator.graph.faults import Fault
from simulator.graph.kinds import split
from simulator.graph.realm import Realm, another
from simulator.graph.sign_in.authority import Authority
from simulator.graph.tokens import claims_challenge

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_LOG = logging.getLogger("simulator.graph")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_JITTER = 1 / 3
_FAST = 1
"""Level of zlib. It is low so that benchmarks do not measure the simulator."""


class Simulator:
    """The directories of one Graph, each with its authority and controls. ``size`` is the size of all quotas.

    Every answer to a request for Graph is delayed by ``latency`` seconds, give or take a third.
    """

    def __init__(self, realm: Realm, size: str, latency: float = 0) -> None:
        self._first = realm
        self._latency = latency
        self._random = random.Random(0)
        self._size = size
        self._realms = {realm.id: realm}
        self._authority = Authority(self._realms)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        request = await _read(scope, receive)
        if request is None:
            return
        if request.path.startswith("/_sim/"):
            await _send(self._control(request), request, send)
            return
        realm = self._realm_of(request)
        if self._latency:
            await asyncio.sleep(self._latency * self._random.uniform(1 - _JITTER, 1 + _JITTER))
        fault = realm.faults.take(request)
        path = pattern(request.path)
        if fault is not None:
            _LOG.info("%s %s gets the fault %s", request.method, path, fault.what)
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.what == "drop":
            realm.control.count(request.method, path, 0)
            await _drop(receive, send)
            return
        answer = self._answer(request, fault, partial(self._routed, realm))
        if fault is not None and fault.what == "drop-after":
            realm.control.count(request.method, path, 0)
            await _drop(receive, send)
            return
        realm.control.count(request.method, path, answer.status)
        if answer.status >= 400:
            _LOG.info("%s %s %d", request.method, path, answer.status)
        if fault is not None and fault.what == "truncate":
            await _truncate(answer, request, receive, send)
        else:
            await _send(answer, request, send)

    def _control(self, request: Request) -> Answer:
        """Answer a control request, which applies to the directory that it names, or to the first one."""
        try:
            if (request.method, request.path.strip("/")) == ("POST", "_sim/directories"):
                return self._add(another(request, self._size))
        except ValueError as error:
            return wrong(str(error), 400)
        directory_id = parse_qs(request.query).get("directory", [self._first.directory.id])[0].lower()
        realm = self._realms.get(directory_id)
        return wrong(f"there is no directory {directory_id}", 404) if realm is None else realm.control.answer(request)

    def _add(self, realm: Realm) -> Answer:
        if realm.directory.id in self._realms:
            raise ValueError(f"there is a directory {realm.directory.id} already")
        self._realms[realm.directory.id] = realm
        return document({"id": realm.directory.id})

    def _realm_of(self, request: Request) -> Realm:
        """Return the directory of a request: the one in its path, else the one that issued its token, else the first."""
        in_path = self._realms.get(request.path.split("/")[1].lower())
        issuers = (realm for realm in self._realms.values() if realm.tokens.issued(request))
        return in_path or next(issuers, self._first)

    @staticmethod
    def _answer(request: Request, fault: Fault | None, one: Callable[[Request], Answer]) -> Answer:
        """Return the answer of a fault, or that of `one` if the fault does not replace it."""
        try:
            if fault is not None and fault.what == "claims-challenge":
                raise claims_challenge()
            if fault is not None and fault.what in ("status", "garbage"):
                return fault.answer(request)
            answer = one(request)
            return fault.answer(request) if fault is not None and fault.what == "status-after" else answer
        except Refused as refused:
            return refused.answer(request)

    def _routed(self, realm: Realm, request: Request) -> Answer:
        signing_in = self._authority.route(request)
        if signing_in is not None:
            return signing_in(request)
        if request.path.endswith("/oauth2/v2.0/token") and request.method == "POST":
            return realm.tokens.token(request)
        if request.path.endswith("/$batch") and request.method == "POST":
            realm.tokens.bearer(request)
            return batch.answer(request, partial(self._item, realm))
        return realm.service.answer(request)

    def _item(self, realm: Realm, request: Request) -> Answer:
        """Answer one request of a batch. A fault that breaks connections gives a 504 here, and delays do not apply."""
        fault = realm.faults.take(request)
        what = "" if fault is None else fault.what
        lost = Refused(504, "GatewayTimeout", "The gateway did not receive a response in time.").answer(request)
        answer = lost if what in ("drop", "truncate") else self._answer(request, fault, realm.service.answer)
        answer = lost if what == "drop-after" else answer
        realm.control.count(request.method, pattern(request.path), answer.status)
        return answer


def pattern(path: str) -> str:
    """Return a path with `{id}` in place of every id."""
    version, _, rest = path.lstrip("/").partition("/")
    parts = split(rest)
    if parts is not None:
        kind, tail = parts
        shown = [
            "{id}" if index in (0, 2) and not re.match(r"\$|(microsoft\.)?graph\.|delta(\(\))?$", segment) else segment
            for index, segment in enumerate(tail)
        ]
        rest = "/".join([kind.path, *shown[bool(kind.singleton) :]])
    return _GUID.sub("{id}", f"/{version}/{rest}" if rest else f"/{version}")


async def _read(scope: Scope, receive: Receive) -> Request | None:
    """Read a request. Return None if the client disconnects before it is complete."""
    chunks: list[bytes] = []
    incomplete = True
    while incomplete:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunks.append(message.get("body", b""))
        incomplete = message.get("more_body", False)
    header_values = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(
        method=scope["method"],
        path=unquote(scope["raw_path"].decode("latin-1").partition("?")[0]),
        query=scope["query_string"].decode("latin-1"),
        headers=header_values,
        body=b"".join(chunks),
        origin=f"{scope['scheme']}://{header_values.get('host', 'localhost')}",
    )


def _encoded(answer: Answer, request: Request) -> tuple[bytes, dict[str, str]]:
    """Return the body as it is sent, and all headers."""
    all_headers = headers(answer, request)
    body = answer.body
    if body and "gzip" in request.headers.get("accept-encoding", "") and not request.path.startswith("/_sim/"):
        packer = zlib.compressobj(_FAST, wbits=31)
        body = packer.compress(body) + packer.flush()
        all_headers["Content-Encoding"] = "gzip"
    if answer.status not in (204, 304):
        all_headers["Content-Length"] = str(len(body))
    return body, all_headers


def _start(status: int, all_headers: dict[str, str]) -> dict[str, Any]:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in all_headers.items()]
    return {"type": "http.response.start", "status": status, "headers": raw}


async def _send(answer: Answer, request: Request, send: Send) -> None:
    if answer.stream is not None:
        await send(_start(answer.status, headers(answer, request)))
        for part in answer.stream:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    body, all_headers = _encoded(answer, request)
    await send(_start(answer.status, all_headers))
    await send({"type": "http.response.body", "body": body})


async def _truncate(answer: Answer, request: Request, receive: Receive, send: Send) -> None:
    """Announce the whole body, send half of it and close the connection."""
    body, all_headers = _encoded(answer, request)
    await send(_start(answer.status, all_headers))
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    _transport(send).close()
    await _wait_for_disconnect(receive)


async def _drop(receive: Receive, send: Send) -> None:
    """Reset the connection without an answer."""
    _transport(send).abort()
    await _wait_for_disconnect(receive)


def _transport(send: Send) -> Any:
    """Return the connection of uvicorn's `send`, a method of its request cycle, because ASGI cannot break connections."""
    return send.__self__.transport  # type: ignore[attr-defined]


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
