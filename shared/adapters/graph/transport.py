"""Requests to Graph, each retried until it succeeds or cannot succeed.

Requests go through msgraph-sdk's request adapter with its retries and redirects off. This module waits itself, because it
sees the budget, the lease and a cancelled task. (Graph: "Best practices for working with Microsoft Graph", throttling
guidance.)
"""

import asyncio
import ssl
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import msgspec
from kiota_abstractions.authentication import AuthenticationProvider
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_http.middleware.options import RedirectHandlerOption, ResponseHandlerOption, RetryHandlerOption
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph_core import GraphClientFactory

from shared.adapters.graph.errors import BY_PROXY, Throttled, code_of, meaning, safe_word, seconds_of
from shared.adapters.graph.handshake import close_if_cancelled
from shared.adapters.graph.prefetch import look_ahead
from shared.adapters.graph.reach import reason
from shared.adapters.graph.sign_in import SignIn, claims_of
from shared.domain.backoff import Backoff
from shared.domain.errors import Answer, EntrakeepError, GraphTrouble, Skip
from shared.ports.budget import Budget

_T = TypeVar("_T")
_READ = httpx.AsyncByteStream()
"""An empty stream that replaces the stream of a response whose body has been read."""


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how long one request is tried. Tests wire shorter times; the product uses the defaults."""

    tries: int = 5
    """The most tries, the first one included."""
    backoff: Backoff = Backoff(first=1.0, longest=60.0, factor=3.0)
    """The waits, unless Graph says how long to wait."""
    wait_seconds: float = 60.0
    """The longest sum of all waits of one request."""
    answer_seconds: float = 60.0
    """The longest silence in an answer."""


class _Request(msgspec.Struct, frozen=True):
    """A request to Graph."""

    method: Method
    url: str
    units: int
    """The cost in resource units."""
    body: bytes | None = None
    """The JSON to send, if any."""


class Response(msgspec.Struct, frozen=True):
    """An answer of Graph."""

    status: int
    headers: dict[str, str]
    """The headers by lower-case name."""
    body: bytes
    """The decompressed body."""


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


class Transport:
    """Requests to one Graph, for one application in one directory."""

    def __init__(
        self,
        graph_url: str,
        sign_in: SignIn,
        budget: Budget,
        check: Callable[[], None],
        context: ssl.SSLContext,
        retry_policy: RetryPolicy,
    ) -> None:
        """Create the HTTP client, without sending a request.

        ``check`` is called before each request and raises if the lease or the claim has ended. ``context`` has the
        certificate authorities to trust.
        """
        self._graph_url = graph_url
        self._origin = httpx.URL(graph_url)
        self._sign_in = sign_in
        self._budget = budget
        self._check = check
        self._retry_policy = retry_policy
        plain = httpx.AsyncClient(
            verify=context,
            http2=False,
            timeout=httpx.Timeout(retry_policy.answer_seconds, connect=10.0),
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

    async def get(
        self,
        url: str,
        read: Callable[[bytes], Awaitable[_T]],
        *,
        resuming: bool = False,
        units: int = 1,
        tries: int | None = None,
    ) -> _T:
        """Request the URL and return the answer's body as parsed by ``read``.

        - ``read``: raises ValueError for an unexpected body, which is retried like a lost answer.
        - ``resuming``: the URL is a link from Graph.
        - ``units``: the cost in resource units.
        - ``tries``: the most tries, if not those of the patience.

        Raises the errors of ``errors.meaning`` and ``check``, and Skip for a URL of another host.
        """
        return (await self.identified(url, read, resuming=resuming, units=units, tries=tries))[0]

    async def identified(
        self,
        url: str,
        read: Callable[[bytes], Awaitable[_T]],
        *,
        resuming: bool = False,
        units: int = 1,
        tries: int | None = None,
    ) -> tuple[_T, str | None]:
        """Return the result of ``get``, and Graph's request id if it looks like one. Raises as ``get`` does."""
        self._refuse_other_hosts(url)
        return await self.retry(lambda: self._answer(_Request(Method.GET, url, units), read, resuming), tries)

    async def post(self, url: str, body: bytes, read: Callable[[bytes], Awaitable[_T]], *, units: int) -> _T:
        """Send JSON to a URL of this Graph, without retries, and return the answer's body as parsed by ``read``.

        Raises as ``get`` does.
        """
        return (await self._answer(_Request(Method.POST, url, units, body), read, resuming=False))[0]

    async def retry(self, request: Callable[[], Awaitable[_T]], tries: int | None = None) -> _T:
        """Return the result of ``request``. After trouble, wait and call it again, within the limits of the patience.

        Raises the error of the last try.
        """
        waited, doubted, most = 0.0, False, tries or self._retry_policy.tries
        for number in range(1, most + 1):
            try:
                return await request()
            except Skip as skip:
                # Graph sometimes answers that a licensed directory has no licence, so this answer is retried once.
                if skip.answer is not Answer.UNLICENSED or doubted or number == most:
                    raise
                doubted = True
            except GraphTrouble as trouble:
                wait = self._retry_policy.backoff.wait(number - 1) if trouble.after is None else trouble.after
                if isinstance(trouble, Throttled):
                    await self._budget.throttled(wait)
                waited += wait
                if number == most or waited > self._retry_policy.wait_seconds:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError("the last try returns or raises")

    async def report_usage(self, share: str) -> None:
        """Report to the budget how much of Graph's limit is used, if the header's value ``share`` is a number above 0."""
        usage = seconds_of(share)
        if usage:
            await self._budget.report_usage(usage)

    async def renew(self, www_authenticate: str) -> None:
        """Request a newer token after a refusal inside a batch's answer, with the claims that the header requires."""
        claims = claims_of(www_authenticate)
        if claims is None:
            self._sign_in.forget()
        await self._sign_in.token(claims)

    async def close(self) -> None:
        """Close the connections. Forget the token if the reading was ended early. Idempotent."""
        try:
            self._check()
        except EntrakeepError:
            self._sign_in.forget()  # the end of the key lease, as a rule, also ends the use of the token
        await self._client.aclose()
        for connections in self._connections:
            await connections.aclose()

    async def _answer(
        self, request: _Request, read: Callable[[bytes], Awaitable[_T]], resuming: bool
    ) -> tuple[_T, str | None]:
        """Send the request once. Return the parsed body and Graph's request id. Raises as ``get`` does."""
        response = await self._authorized(request)
        request_id = safe_word(response.headers.get("request-id", "")) or None
        await self.report_usage(response.headers.get("x-ms-throttle-limit-percentage", ""))
        if response.status != 200:
            after = seconds_of(response.headers.get("retry-after"))
            raise meaning(
                response.status, code_of(response.body), resuming=resuming, after=after, request_id=request_id
            )
        try:
            return await read(response.body), request_id
        except ValueError:
            if "html" in response.headers.get("content-type", ""):
                raise GraphTrouble(f"{BY_PROXY} (status 200, HTML).", None, request_id) from None
            raise GraphTrouble("Graph's answer is cut or is no JSON.", None, request_id) from None

    async def _authorized(self, request: _Request) -> Response:
        """Send the request with a token and return the answer.

        After a refusal, send it again with a new token, and again with the claims that Graph requires, once each.
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

    async def _send(self, request: _Request, token: str) -> Response:
        """Send the request within the budget. Raises GraphTrouble if Graph cannot be reached."""
        async with self._budget.request(request.units):
            self._check()
            try:
                return await self._exchange(request, token)
            except _Challenged as challenged:
                return Response(401, {"www-authenticate": f'Bearer claims="{challenged}"'}, b"")
            except (httpx.HTTPError, httpx.StreamError, OSError) as error:
                # OSError: httpx passes on the error of an unreadable TLS record unchanged.
                raise GraphTrouble(f"Graph cannot be reached: {reason(error)}.") from None

    async def _exchange(self, request: _Request, token: str) -> Response:
        """Send the request through the request adapter and read the whole answer."""
        information = RequestInformation(request.method)
        information.url = request.url
        if request.body is not None:
            information.content = request.body
            information.headers.add("Content-Type", "application/json")
        information.headers.add("Authorization", f"Bearer {token}")
        information.headers.add("Accept", "application/json")
        information.headers.add("Prefer", "include-unknown-enum-members")
        information.headers.add("client-request-id", str(uuid.uuid4()))
        information.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        native: httpx.Response = await self._adapter.send_no_response_content_async(information, None)
        answer = Response(native.status_code, dict(native.headers), native.content)
        native.stream = (
            _READ  # httpx's stream refers to its response: a cycle that keeps the body until garbage collection
        )
        return answer

    def _refuse_other_hosts(self, url: str) -> None:
        """Raise Skip for a link to another host, because the token is for Graph alone."""
        try:
            link = httpx.URL(url)
        except httpx.InvalidURL:
            link = httpx.URL("")
        ours = (self._origin.scheme, self._origin.host, self._origin.port, b"")
        if (link.scheme, link.host, link.port, link.userinfo) != ours:
            raise Skip(Answer.FAILED, "Graph's answer holds a link to another host, which is not followed.")
