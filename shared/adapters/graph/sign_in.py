"""Tokens for one application in one directory, by azure-identity.

Each token is asked for with a credential of its own: azure-identity takes milliseconds to find one that it keeps, and msal
remembers a refusal for a minute, both inside the credential. What is kept, ``tokens`` keeps. Retries of their own are off;
whoever asks decides. (Microsoft identity platform, "OAuth 2.0 client credentials flow", "Claims challenges, claims requests
and client capabilities".)
"""

import asyncio
import base64
import logging
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import CertificateCredential, ClientSecretCredential
from requests.adapters import HTTPAdapter

from shared.adapters.graph.errors import BY_PROXY, OF_PROXIES, seconds_of
from shared.adapters.graph.reach import reason
from shared.adapters.graph.tokens import Tokens
from shared.domain.errors import Code, EntrakeepError, GraphTrouble, Refuse
from shared.domain.model import CredentialKind
from shared.ports.directory import Identity

# Its warnings repeat what the sign-in service answered; what matters of it is in our own error.
logging.getLogger("azure.identity").setLevel(logging.ERROR)

_MICROSOFT = frozenset({"login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn"})
_TRANSIENT = frozenset({50196, 90033, 90055})
_CONNECT_SECONDS = 10

_Credential = ClientSecretCredential | CertificateCredential


class Refusal(msgspec.Struct):
    error: str = ""
    error_codes: list[int] = []


class _Said(msgspec.Struct):
    """What the sign-in service said last: status, its error numbers (AADSTS…), and its Retry-After in seconds."""

    status: int = 0
    refusal: Refusal = msgspec.field(default_factory=Refusal)
    after: float | None = None


class _Trusting(HTTPAdapter):
    """Verifies servers by the given TLS context, so that our authorities come on top of the system's."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002
        """The context has its authorities: requests would load its own into it, anew for each connection."""
        conn.cert_reqs = "CERT_REQUIRED"


class SignIn:
    """Takes tokens for ``scope`` and forgets them. Methods are for one event loop; requests run in a thread."""

    def __init__(
        self,
        identity: Identity,
        authority: str,
        scope: str,
        context: ssl.SSLContext,
        answer_seconds: float,
        tokens: Tokens,
    ) -> None:
        self._identity = identity
        self._authority = authority
        self._scope = scope
        self._context = context
        self._answer_seconds = answer_seconds
        self._lock = asyncio.Lock()
        self._tokens = tokens
        self._name = tokens.name(identity)
        self._taken: str | None = None
        self._said = _Said()

    async def token(self, claims: str | None = None) -> str:
        """A token, kept or new; with ``claims`` (JSON) a new one that meets them.

        Raises GraphTrouble if the service is in trouble, Refuse ``GRAPH_SIGN_IN_FAILED`` if it refuses.
        """
        async with self._lock:
            kept = self._tokens.get(self._name) if claims is None else None
            if kept is not None:
                return kept
            asked = time.monotonic()
            self._taken = await _in_thread(lambda: self._take(claims))
            self._tokens.keep(self._name, self._taken, asked)
            return self._taken

    def took(self, token: str) -> bool:
        """Whether this token was taken here last, and not some time ago by somebody else."""
        return token == self._taken

    def forget(self, token: str | None = None) -> None:
        """Drops this token, and none that took its place meanwhile; None: whichever is kept. The next is asked for afresh."""
        self._tokens.forget(self._name, token)

    def _take(self, claims: str | None) -> str:
        self._said = _Said()
        try:
            with closing(self._new_credential()) as credential:
                return credential.get_token(self._scope, claims=claims, enable_cae=True).token
        except (AzureError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
            if not self._said.status:
                raise GraphTrouble(f"The directory's sign-in service cannot be reached: {reason(error)}.") from None
            raise refusal(self._said.status, self._said.refusal, self._said.after) from None

    def _new_credential(self) -> _Credential:
        session = requests.Session()
        session.mount("https://", _Trusting(self._context))
        transport = RequestsTransport(
            session=session, connection_timeout=_CONNECT_SECONDS, read_timeout=self._answer_seconds
        )
        identity, secret = self._identity, self._identity.secret.reveal()
        common: dict[str, Any] = {
            "tenant_id": identity.directory_id,
            "client_id": identity.client_id,
            "authority": self._authority,
            "disable_instance_discovery": urlsplit(self._authority).hostname not in _MICROSOFT,
            "transport": transport,
            "raw_response_hook": self._hear,
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

    def _hear(self, response: Any) -> None:
        answer = response.http_response
        try:
            refusal = msgspec.json.decode(answer.body(), type=Refusal)
        except ValueError:
            refusal = Refusal()
        self._said = _Said(answer.status_code, refusal, seconds_of(answer.headers.get("Retry-After")))


async def _in_thread(call: Callable[[], str]) -> str:
    """What ``call`` returns, in a thread that nobody waits for once this is cancelled: neither the loop nor the process."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def settle(taken: str | BaseException) -> None:
        if answer.done():
            return
        if isinstance(taken, BaseException):
            answer.set_exception(taken)
        else:
            answer.set_result(taken)

    def work() -> None:
        taken: str | BaseException
        try:
            taken = call()
        except BaseException as error:
            taken = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, taken)

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
"""What to do about the sign-in service's error numbers. (Microsoft identity platform: "AADSTS error codes".)"""


def refusal(status: int, said: Refusal, after: float | None) -> EntrakeepError:
    """What a sign-in without a token means."""
    number = f"AADSTS{said.error_codes[0]}" if said.error_codes else "no code"
    told = f"status {status}, {number}"
    ours = next((sentence for code, sentence in _WRONG.items() if code in said.error_codes), None)
    if status in OF_PROXIES or 200 <= status < 300:  # a success without a token is no answer of the service
        return GraphTrouble(f"{BY_PROXY} ({told}).", after)
    transient = said.error == "temporarily_unavailable" or not _TRANSIENT.isdisjoint(said.error_codes)
    if transient or status < 400 or status in (408, 429) or status >= 500:
        return GraphTrouble(f"The directory's sign-in service is in trouble ({told}).", after)
    return Refuse(
        Code.GRAPH_SIGN_IN_FAILED,
        f"The directory refuses the application's sign-in ({told}). "
        f"{ours or 'Look at directory id, client id and client secret.'}",
    )


def claims_of(header: str) -> str | None:
    """The claims that a ``WWW-Authenticate`` header asks for, as JSON; None if it asks for none.

    Several challenges may share the header (``PoP …, Bearer …``), so claims are looked for all through it.
    """
    _, mark, rest = header.partition('claims="')
    encoded, end, _ = rest.partition('"')
    if not (mark and end):
        return None
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_").decode() or None
    except ValueError:
        return None
