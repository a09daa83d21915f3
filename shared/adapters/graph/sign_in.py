"""Tokens for one application in one directory, with azure-identity.

Each token is requested with a new credential object. Inside a credential, azure-identity takes milliseconds to find a cached
token, and msal remembers a refusal for a minute. So ``tokens`` is the only cache. The libraries' own retries are off; the
caller decides about retries. (Microsoft identity platform, "OAuth 2.0 client credentials flow", "Claims challenges, claims
requests and client capabilities".)
"""

import asyncio
import base64
import logging
import ssl
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import CertificateCredential, ClientSecretCredential

from shared.adapters.graph.errors import BY_PROXY, OF_PROXIES, seconds_of
from shared.adapters.graph.reach import reason
from shared.adapters.graph.tokens import Tokens
from shared.domain.errors import Code, EntrakeepError, GraphTrouble, Refuse
from shared.domain.limits import LIMITS
from shared.domain.model import CredentialKind
from shared.ports.directory import Identity
from shared.tls import ContextAdapter

# Its warnings repeat the sign-in service's answer; our own error has the important parts of it.
logging.getLogger("azure.identity").setLevel(logging.ERROR)

_MICROSOFT = frozenset({"login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn"})
_TRANSIENT = frozenset({50196, 90033, 90055})

_Credential = ClientSecretCredential | CertificateCredential


class Refusal(msgspec.Struct):
    """The body of a refused sign-in."""

    error: str = ""
    """The OAuth error code."""
    error_codes: list[int] = []
    """The service's error numbers (AADSTS…)."""


class _LastAnswer(msgspec.Struct):
    """The last answer of the sign-in service."""

    status: int = 0
    """The HTTP status, or 0 without an answer."""
    refusal: Refusal = msgspec.field(default_factory=Refusal)
    after: float | None = None
    """Its Retry-After in seconds."""


class SignIn:
    """Sign-in of one application. Call the methods in one event loop; requests run in a thread."""

    def __init__(
        self,
        identity: Identity,
        authority: str,
        scope: str,
        context: ssl.SSLContext,
        answer_seconds: float,
        tokens: Tokens,
    ) -> None:
        """Store the settings, without sending a request.

        - ``authority``: the sign-in service's URL.
        - ``scope``: the OAuth scope of the tokens.
        - ``context``: the certificate authorities to trust.
        - ``answer_seconds``: how long to wait for an answer.
        - ``tokens``: the cache of tokens.
        """
        self._identity = identity
        self._authority = authority
        self._scope = scope
        self._context = context
        self._answer_seconds = answer_seconds
        self._lock = asyncio.Lock()
        self._tokens = tokens
        self._name = tokens.name(identity)
        self._newest: str | None = None
        """The token that this object requested last."""
        self._last_answer = _LastAnswer()

    async def token(self, claims: str | None = None) -> str:
        """Return a cached or new token; with ``claims`` (JSON), a new token that satisfies them.

        Raises GraphTrouble if the service is in trouble, Refuse ``GRAPH_SIGN_IN_FAILED`` if it refuses.
        """
        async with self._lock:
            cached = self._tokens.get(self._name) if claims is None else None
            if cached is not None:
                return cached
            expiry = self._tokens.expiry()
            self._newest = await _in_thread(lambda: self._request(claims))
            self._tokens.keep(self._name, self._newest, expiry)
            return self._newest

    def took(self, token: str) -> bool:
        """Return True if this object requested the token last; False if it came from the cache."""
        return token == self._newest

    @property
    def shares(self) -> bool:
        """Return True unless the token in the cache is the one that this object requested last."""
        return self._newest is None or self._tokens.get(self._name) != self._newest

    def forget(self, token: str | None = None) -> None:
        """Remove this token from the cache, but no newer one; None removes any token. The next call requests a new one."""
        self._tokens.forget(self._name, token)

    def _request(self, claims: str | None) -> str:
        """Request a token and wait for it. Raises GraphTrouble, or Refuse ``GRAPH_SIGN_IN_FAILED``."""
        self._last_answer = _LastAnswer()
        try:
            with closing(self._new_credential()) as credential:
                return credential.get_token(self._scope, claims=claims, enable_cae=True).token
        except (AzureError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
            answer = self._last_answer
            if not answer.status:
                raise GraphTrouble(f"The directory's sign-in service cannot be reached: {reason(error)}.") from None
            raise refusal(answer.status, answer.refusal, answer.after) from None

    def _new_credential(self) -> _Credential:
        """Return a new credential object. Raises Refuse if the certificate cannot be used."""
        session = requests.Session()
        session.mount("https://", ContextAdapter(self._context))
        transport = RequestsTransport(
            session=session, connection_timeout=LIMITS.sign_in_connect_seconds, read_timeout=self._answer_seconds
        )
        identity, secret = self._identity, self._identity.secret.reveal()
        common: dict[str, Any] = {
            "tenant_id": identity.directory_id,
            "client_id": identity.client_id,
            "authority": self._authority,
            "disable_instance_discovery": urlsplit(self._authority).hostname not in _MICROSOFT,
            "transport": transport,
            "raw_response_hook": self._store_answer,
            "retry_total": 0,
        }
        if identity.kind is CredentialKind.SECRET:
            return ClientSecretCredential(client_secret=secret.decode(), **common)
        try:
            return CertificateCredential(certificate_data=secret, **common)
        except (ValueError, TypeError):
            sentence = (
                "The certificate cannot be used: it must be PEM, with its RSA private key, which is not encrypted."
            )
            raise Refuse(Code.GRAPH_SIGN_IN_FAILED, sentence) from None

    def _store_answer(self, response: Any) -> None:
        """Store the service's answer, from which an error is made if no token comes."""
        answer = response.http_response
        try:
            refusal = msgspec.json.decode(answer.body(), type=Refusal)
        except ValueError:
            refusal = Refusal()
        self._last_answer = _LastAnswer(answer.status_code, refusal, seconds_of(answer.headers.get("Retry-After")))


async def _in_thread(call: Callable[[], str]) -> str:
    """Run ``call`` in a daemon thread and return its result.

    After a cancellation, neither the loop nor the process waits for the thread.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def resolve(result: str | BaseException) -> None:
        if answer.done():
            return
        if isinstance(result, BaseException):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def work() -> None:
        result: str | BaseException
        try:
            result = call()
        except BaseException as error:
            result = error
        with suppress(RuntimeError):  # the loop is closed, so the result is not needed
            loop.call_soon_threadsafe(resolve, result)

    threading.Thread(target=work, name="sign-in", daemon=True).start()
    return await answer


_WRONG = {
    7000215: "The client secret is wrong: give its value, and not its id.",
    7000222: "The client secret has expired: make another, and give it with 'entrakeep tenant update'.",
    700027: "The directory does not know the certificate: upload it to the app registration.",
    700016: "The directory does not know the client id, or nobody has consented to the application there.",
    7000112: "The application is disabled in the directory.",
    90002: "There is no such directory: check the directory id.",
    53003: "A conditional access policy of the directory keeps the application out.",
}
"""The advice for the sign-in service's error numbers. (Microsoft identity platform: "AADSTS error codes".)"""


def refusal(status: int, body: Refusal, after: float | None) -> EntrakeepError:
    """Return the error that a sign-in without a token means. ``after`` is the answer's Retry-After in seconds."""
    number = f"AADSTS{body.error_codes[0]}" if body.error_codes else "no code"
    details = f"status {status}, {number}"
    advice = next((sentence for code, sentence in _WRONG.items() if code in body.error_codes), None)
    if status in OF_PROXIES or 200 <= status < 300:  # a success without a token is no answer of the service
        return GraphTrouble(f"{BY_PROXY} ({details}).", after)
    transient = body.error == "temporarily_unavailable" or not _TRANSIENT.isdisjoint(body.error_codes)
    if transient or status < 400 or status in (408, 429) or status >= 500:
        return GraphTrouble(f"The directory's sign-in service is in trouble ({details}).", after)
    return Refuse(
        Code.GRAPH_SIGN_IN_FAILED,
        f"The directory refuses the application's sign-in ({details}). "
        f"{advice or 'Check the directory id, the client id and the credential.'}",
    )


class _Claims(msgspec.Struct):
    """The claims of a token that name what its application may do."""

    roles: list[str]


def permissions_in(token: str) -> frozenset[str] | None:
    """Return the permissions in a token, or None if it has another form than today's.

    (Microsoft identity platform: "Access token claims reference", ``roles``.) Microsoft may change the form of its tokens.
    """
    _, _, rest = token.partition(".")
    claims, _, _ = rest.partition(".")
    try:
        text = base64.b64decode(claims + "=" * (-len(claims) % 4), altchars=b"-_")
        return frozenset(msgspec.json.decode(text, type=_Claims).roles)
    except ValueError:
        return None


def claims_of(header: str) -> str | None:
    """Return the claims that a ``WWW-Authenticate`` header requires, as JSON, or None if it requires none.

    Several challenges may share the header (``PoP …, Bearer …``), so the whole header is searched for claims.
    """
    _, mark, rest = header.partition('claims="')
    encoded, end, _ = rest.partition('"')
    if not (mark and end):
        return None
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_").decode() or None
    except ValueError:
        return None
