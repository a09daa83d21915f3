"""One request to Graph at a time, until it is answered well or there is nothing more to try.

Requests go through msgraph-sdk's request adapter, with its retries and redirects off: waiting is done here, where the budget,
the lease and a cancelled task are seen. (Graph: "Best practices for working with Microsoft Graph", throttling guidance.)
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

from shared.adapters.graph.ahead import look_ahead
from shared.adapters.graph.errors import BY_PROXY, Throttled, code_of, meaning, safe_word, seconds_of
from shared.adapters.graph.handshake import close_if_cancelled
from shared.adapters.graph.reach import reason
from shared.adapters.graph.sign_in import SignIn, claims_of
from shared.domain.errors import Answer, EntrakeepError, GraphTrouble, Skip
from shared.ports.budget import Budget

_T = TypeVar("_T")
_READ = httpx.AsyncByteStream()


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long one request is tried. Tests wire shorter times; the product has one set."""

    tries: int = 5
    first_wait_seconds: float = 1.0
    """Triples with each further try, unless Graph says how long to wait."""
    wait_seconds: float = 60.0
    """All waits of one request together."""
    answer_seconds: float = 60.0
    """The longest silence in an answer."""


class _Asked(msgspec.Struct, frozen=True):
    """A request: its method, its URL, what it costs in resource units, and its JSON, if it has any."""

    method: Method
    url: str
    units: int
    body: bytes | None = None


class Response(msgspec.Struct, frozen=True):
    """An answer's status, lower-case headers, and body, decompressed."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Challenged(Exception):
    """Graph asks for claims. kiota would answer by itself, out of the budget's and the lease's sight."""


class _Bearer(AuthenticationProvider):
    """Leaves requests as they are, for they carry their token, and stops kiota's own answer to a claims challenge."""

    async def authenticate_request(
        self,
        request: RequestInformation,  # noqa: ARG002
        additional_authentication_context: dict[str, Any] | None = None,
    ) -> None:
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
        patience: Patience,
    ) -> None:
        self._graph_url = graph_url
        self._origin = httpx.URL(graph_url)
        self._sign_in = sign_in
        self._budget = budget
        self._check = check
        self._patience = patience
        plain = httpx.AsyncClient(
            verify=context,
            http2=False,
            timeout=httpx.Timeout(patience.answer_seconds, connect=10.0),
            event_hooks={"request": [close_if_cancelled], "response": [look_ahead]},
        )
        # The factory puts transports of its own around these, which do not hand a close on.
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
        """Return what the URLs of a version of Graph begin with."""
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
        """Return what ``read`` makes of the answer's body.

        ``resuming``: the URL is a link that Graph has given. ``units``: what it costs. ``tries``: how often it is asked for
        at most, if not as often as patience allows. ``read`` raises ValueError for a body that is not what was asked for;
        that is tried again like a lost answer. Raises what ``errors.meaning`` says, Skip for a URL of another host, and
        whatever ``check`` raises.
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
        """Return what ``get`` returns, and Graph's id of the request, if it looks like one. Raise as ``get`` does."""
        self._refuse_strangers(url)
        return await self.patiently(lambda: self._answer(_Asked(Method.GET, url, units), read, resuming), tries)

    async def post(self, url: str, body: bytes, read: Callable[[bytes], Awaitable[_T]], *, units: int) -> _T:
        """Return what ``read`` makes of the answer to JSON sent to a URL of ours, asked once. Raises as ``get`` does."""
        return (await self._answer(_Asked(Method.POST, url, units, body), read, resuming=False))[0]

    async def patiently(self, ask: Callable[[], Awaitable[_T]], tries: int | None = None) -> _T:
        """Return what ``ask`` returns; call it again after trouble, with waits, as often and as long as patience allows."""
        waited, doubted, most = 0.0, False, tries or self._patience.tries
        for tried in range(1, most + 1):
            try:
                return await ask()
            except Skip as skip:
                # Licensed directories, too, were now and then said to have no licence.
                if skip.answer is not Answer.UNLICENSED or doubted or tried == most:
                    raise
                doubted = True
            except GraphTrouble as trouble:
                wait = self._patience.first_wait_seconds * 3 ** (tried - 1) if trouble.after is None else trouble.after
                if isinstance(trouble, Throttled):
                    await self._budget.throttled(wait)
                waited += wait
                if tried == most or waited > self._patience.wait_seconds:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError("the last try returns or raises")

    async def tell(self, share: str) -> None:
        """Hands on what Graph says of how much of its limit is used, if it says so."""
        told = seconds_of(share)
        if told:
            await self._budget.told(told)

    async def renew(self, www_authenticate: str) -> None:
        """Takes a newer token after one was refused within an answer, meeting the claims that the header asks for."""
        claims = claims_of(www_authenticate)
        if claims is None:
            self._sign_in.forget()
        await self._sign_in.token(claims)

    async def close(self) -> None:
        """Closes the connections. Idempotent."""
        try:
            self._check()
        except EntrakeepError:
            self._sign_in.forget()  # what ended the reading, a key lease as a rule, takes the token along
        await self._client.aclose()
        for connections in self._connections:
            await connections.aclose()

    async def _answer(
        self, asked: _Asked, read: Callable[[bytes], Awaitable[_T]], resuming: bool
    ) -> tuple[_T, str | None]:
        response = await self._authorized(asked)
        request_id = safe_word(response.headers.get("request-id", "")) or None
        await self.tell(response.headers.get("x-ms-throttle-limit-percentage", ""))
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

    async def _authorized(self, asked: _Asked) -> Response:
        """The answer to a request with a token: once more with a new one, and once more with the claims asked for."""
        claims, renewed = None, False
        while True:
            self._check()
            token = await self._sign_in.token(claims)
            response = await self._send(asked, token)
            if response.status == 403 and not self._sign_in.took(token):
                # Permissions stand in the token: they may have been given since it was taken.
                self._sign_in.forget(token)
                continue
            if response.status != 401:
                return response
            wanted = claims_of(response.headers.get("www-authenticate", ""))
            if wanted and claims is None:
                claims = wanted
            elif not wanted and not renewed:
                renewed = True
                self._sign_in.forget(token)
            else:
                return response

    async def _send(self, asked: _Asked, token: str) -> Response:
        async with self._budget.request(asked.units):
            self._check()
            try:
                return await self._exchange(asked, token)
            except _Challenged as challenged:
                return Response(401, {"www-authenticate": f'Bearer claims="{challenged}"'}, b"")
            except (httpx.HTTPError, httpx.StreamError, OSError) as error:
                # OSError: a record of TLS that cannot be read comes through httpx as it is.
                raise GraphTrouble(f"Graph cannot be reached: {reason(error)}.") from None

    async def _exchange(self, asked: _Asked, token: str) -> Response:
        request = RequestInformation(asked.method)
        request.url = asked.url
        if asked.body is not None:
            request.content = asked.body
            request.headers.add("Content-Type", "application/json")
        request.headers.add("Authorization", f"Bearer {token}")
        request.headers.add("Accept", "application/json")
        request.headers.add("Prefer", "include-unknown-enum-members")
        request.headers.add("client-request-id", str(uuid.uuid4()))
        request.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        native: httpx.Response = await self._adapter.send_no_response_content_async(request, None)
        answer = Response(native.status_code, dict(native.headers), native.content)
        native.stream = _READ  # httpx has it hold its response, whose body would stay until garbage is collected
        return answer

    def _refuse_strangers(self, url: str) -> None:
        """A token is for Graph alone, so a link to anywhere else is not followed."""
        try:
            link = httpx.URL(url)
        except httpx.InvalidURL:
            link = httpx.URL("")
        ours = (self._origin.scheme, self._origin.host, self._origin.port, b"")
        if (link.scheme, link.host, link.port, link.userinfo) != ours:
            raise Skip(Answer.FAILED, "Graph's answer holds a link to another host, which is not followed.")
