"""One connection to Graph: authorized requests, each sent once.

Requests go through msgraph-sdk's request adapter with its retries and redirects off. (Graph: "Best practices for working
with Microsoft Graph".)
"""

import asyncio
import ssl
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import msgspec
from kiota_abstractions.authentication import AuthenticationProvider
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_http.middleware.options import RedirectHandlerOption, ResponseHandlerOption, RetryHandlerOption
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph_core import GraphClientFactory

from shared.adapters.graph.errors import safe_word, seconds_of
from shared.adapters.graph.handshake import close_if_cancelled
from shared.adapters.graph.prefetch import look_ahead
from shared.adapters.graph.reach import reason
from shared.adapters.graph.sign_in import SignIn, claims_of, permissions_in
from shared.domain.errors import EntrakeepError, GraphTrouble

_READ = httpx.AsyncByteStream()
"""An empty stream that replaces the stream of a response whose body has been read."""
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
"""Errors of httpx before the first byte of a request is sent."""


class Request(msgspec.Struct, frozen=True):
    """A request to Graph."""

    method: Method
    url: str
    admit: Callable[[], AbstractAsyncContextManager[None]]
    """Wait until the budget allows the request, and occupy its place while the block lasts."""
    body: bytes | None = None
    """The bytes to send, if any."""
    headers: Mapping[str, str] = {}
    """Headers beside the usual ones."""
    seconds: float | None = None
    """The longest time until the whole answer is there, None for no limit beside the longest silence."""


class Response(msgspec.Struct, frozen=True):
    """An answer of Graph."""

    status: int
    headers: dict[str, str]
    """The headers by lower-case name."""
    body: bytes
    """The decompressed body."""

    @property
    def request_id(self) -> str | None:
        """Return Graph's request id, or None if it does not look like one."""
        return safe_word(self.headers.get("request-id", "")) or None

    @property
    def retry_after(self) -> float | None:
        """Return Graph's Retry-After in seconds, or None."""
        return seconds_of(self.headers.get("retry-after"))


class AnswerLost(GraphTrouble):
    """The connection broke after the request may have been sent, so nobody knows whether Graph carried it out."""


class _Challenged(Exception):
    """Graph requires claims. This stops kiota, which would send the request again without budget and lease checks."""


class _Bearer(AuthenticationProvider):
    """A provider that leaves requests unchanged, because they already carry their token."""

    async def authenticate_request(
        self,
        request: RequestInformation,  # noqa: ARG002
        additional_authentication_context: dict[str, Any] | None = None,
    ) -> None:
        """Do nothing. Raises ``_Challenged`` if Graph answered with a claims challenge."""
        claims = (additional_authentication_context or {}).get("claims")
        if claims:
            raise _Challenged(claims)


class Connection:
    """A connection to one Graph, for one application in one directory."""

    def __init__(
        self,
        graph_url: str,
        sign_in: SignIn,
        check: Callable[[], None],
        context: ssl.SSLContext,
        answer_seconds: float,
    ) -> None:
        """Create the HTTP client, without sending a request.

        ``check`` is called before each request and raises if the lease or the claim has ended. ``context`` has the
        certificate authorities to trust. ``answer_seconds`` is the longest silence in an answer.
        """
        self._graph_url = graph_url
        self._sign_in = sign_in
        self._check = check
        plain = httpx.AsyncClient(
            verify=context,
            http2=False,
            timeout=httpx.Timeout(answer_seconds, connect=10.0),
            event_hooks={"request": [close_if_cancelled], "response": [look_ahead]},
        )
        # The factory wraps these in transports of its own, which do not pass on a close.
        self._connections = [plain._transport, *filter(None, plain._mounts.values())]
        self._client = GraphClientFactory.create_with_default_middleware(
            client=plain,
            options={
                RetryHandlerOption.get_key(): RetryHandlerOption(max_retries=0),
                RedirectHandlerOption.get_key(): RedirectHandlerOption(should_redirect=False),
            },
        )
        self._adapter = GraphRequestAdapter(_Bearer(), client=self._client)
        self._adapter.base_url = self.root()

    def root(self, api: str = "v1.0") -> str:
        """Return the root URL of a version of Graph."""
        return f"{self._graph_url}/{api}"

    async def answer(self, request: Request) -> Response:
        """Send the request with a token and return the answer.

        After a refusal, send it again with a new token, and again with the claims that Graph requires, once each. Raises
        GraphTrouble if Graph cannot be reached, AnswerLost if the request may have been carried out.
        """
        claims, renewed = None, False
        while True:
            self._check()
            token = await self._sign_in.token(claims)
            response = await self._send(request, token)
            if response.status == 403 and not self._sign_in.took(token):
                # The token contains the permissions. They may have been granted after the token was issued.
                self._sign_in.forget(token)
                continue
            if response.status != 401:
                return response
            required = claims_of(response.headers.get("www-authenticate", ""))
            if required and claims is None:
                claims = required
            elif not required and not renewed:
                renewed = True
                self._sign_in.forget(token)
            else:
                return response

    async def renew(self, www_authenticate: str) -> None:
        """Request a newer token after a refusal inside a batch's answer, with the claims that the header requires."""
        claims = claims_of(www_authenticate)
        if claims is None:
            self._sign_in.forget()
        await self._sign_in.token(claims)

    @property
    def shares_token(self) -> bool:
        """Return True if the token came from the cache. Permissions may have been granted after it was issued."""
        return self._sign_in.shares

    async def permissions(self) -> frozenset[str] | None:
        """Return the permissions that the token names, or None if it cannot be read."""
        self._check()
        return permissions_in(await self._sign_in.token())

    async def close(self) -> None:
        """Close the connections. Forget the token if the work was ended early. Idempotent."""
        try:
            self._check()
        except EntrakeepError:
            self._sign_in.forget()  # the end of the key lease, as a rule, also ends the use of the token
        await self._client.aclose()
        for connections in self._connections:
            await connections.aclose()

    async def _send(self, request: Request, token: str) -> Response:
        """Send the request within the budget. Raises as ``answer`` does."""
        async with request.admit():
            self._check()
            try:
                async with asyncio.timeout(request.seconds):
                    return await self._exchange(request, token)
            except _Challenged as challenged:
                return Response(401, {"www-authenticate": f'Bearer claims="{challenged}"'}, b"")
            except _UNSENT as error:
                raise GraphTrouble(f"Graph cannot be reached: {reason(error)}.") from None
            except (httpx.HTTPError, httpx.StreamError, OSError) as error:
                # OSError: httpx passes on the error of an unreadable TLS record unchanged.
                raise AnswerLost(f"Graph cannot be reached: {reason(error)}.") from None

    async def _exchange(self, request: Request, token: str) -> Response:
        """Send the request through the request adapter and read the whole answer."""
        information = RequestInformation(request.method)
        information.url = request.url
        information.headers.add("Authorization", f"Bearer {token}")
        information.headers.add("Accept", "application/json")
        information.headers.add("Prefer", "include-unknown-enum-members")
        information.headers.add("client-request-id", str(uuid.uuid4()))
        if request.body is not None:
            information.content = request.body
            information.headers.add("Content-Type", request.headers.get("Content-Type", "application/json"))
        for name, value in request.headers.items():
            if name != "Content-Type":
                information.headers.add(name, value)
        information.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        native: httpx.Response = await self._adapter.send_no_response_content_async(information, None)
        answer = Response(native.status_code, dict(native.headers), native.content)
        native.stream = (
            _READ  # httpx's stream refers to its response: a cycle that keeps the body until garbage collection
        )
        return answer
