"""Sign people in through Microsoft Entra or another OpenID Connect provider, with Authlib and joserfc.

The provider's document and keys are read at the first sign-in and kept for a day. A token that names an unknown key makes the
console read them again, at most once a minute.
"""

import hashlib
import re
import ssl
import threading
import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import urlsafe_b64encode

from shared.adapters.oidc.id_token import ProviderKey, verified
from shared.adapters.oidc.issuer import Issuer
from shared.adapters.oidc.transport import ProviderTransport, document
from shared.domain.errors import Code, Refuse
from shared.domain.limits import LIMITS
from shared.domain.people import Identity
from shared.domain.secret import Secret
from shared.ports.clock import Clock
from shared.ports.sign_in_provider import Fault, ProviderAsk, ProviderRefused


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """The console as the provider knows it: an id with a secret, or with a certificate."""

    client_id: str
    secret: Secret | None = None
    certificate: Secret | None = None
    """A certificate and its RSA private key, PEM."""


class _Provider(msgspec.Struct, frozen=True):
    """What the provider publishes about itself."""

    authorize: str
    token: str
    keys: Mapping[str, ProviderKey]
    read_at: float


class OidcProvider:
    """The provider in the settings."""

    def __init__(self, issuer: str, client: Client, trust: ssl.SSLContext, clock: Clock) -> None:
        """Store the settings without a request. Raise Refuse ``SETTINGS_INVALID`` for an unusable credential."""
        self._issuer = Issuer(issuer)
        self._client = client
        self._secret, self._header = _credential(client)
        self._transport = ProviderTransport(trust)
        self._clock = clock
        self._lock = threading.Lock()
        self._known: _Provider | None = None
        self._searched_at = float("-inf")

    @property
    def name(self) -> str:
        """Return the provider's name for a button: ``Microsoft``, or the issuer's host."""
        return "Microsoft" if self._issuer.is_entra else urlsplit(self._issuer.url).hostname or ""

    def authorize_url(self, ask: ProviderAsk) -> str:
        """Return the URL at which the person signs in. Raise ``ProviderRefused``."""
        fresh = {"prompt": "login", "max_age": "0"} if ask.fresh_since else {"prompt": "select_account"}
        url, _ = self._session(ask).create_authorization_url(
            self._provider().authorize,
            state=ask.state,
            nonce=ask.nonce,
            code_verifier=ask.verifier,
            response_mode="query",
            **fresh,
        )
        return str(url)

    def identify(self, ask: ProviderAsk, code: str, now: datetime) -> Identity:
        """Exchange the code that came back, verify the ID token, and return whom it means. Raise ``ProviderRefused``."""
        answer = self._exchange(ask, code)
        claims = verified(answer.get("id_token"), self._key, self._issuer, self._client.client_id, ask, now)
        return self._issuer.identity(claims)

    def _exchange(self, ask: ProviderAsk, code: str) -> Mapping[str, Any]:
        """Return the provider's answer to the code. Raise ProviderRefused."""
        endpoint = self._provider().token
        try:
            answer = self._session(ask).fetch_token(endpoint, code=code, code_verifier=ask.verifier)
        except AuthlibBaseError as error:
            raise _refusal(error.error) from None
        except (requests.RequestException, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise ProviderRefused(Fault.UNEXPECTED, _NO_ANSWER) from None
        if not isinstance(answer, dict):
            raise ProviderRefused(Fault.UNEXPECTED, _NO_ANSWER)
        return answer

    def _session(self, ask: ProviderAsk | None = None) -> OAuth2Session:
        """Return a session for one exchange over the shared connections."""
        method = "client_secret_post" if self._client.certificate is None else PrivateKeyJWT.name
        session = OAuth2Session(
            self._client.client_id,
            self._secret,
            token_endpoint_auth_method=method,
            scope="openid",
            redirect_uri=ask.return_url if ask else None,
            code_challenge_method="S256",
        )
        session.register_client_auth_method(PrivateKeyJWT(headers=dict(self._header)))
        session.adapters.clear()
        session.mount("https://", self._transport)
        return session

    def _key(self, kid: str | None) -> ProviderKey | None:
        """Return the provider's key. Read the keys again if it is unknown, at most once a minute."""
        keys = self._provider().keys
        if kid not in keys and self._may_search():
            keys = self._read().keys
        if kid is None:
            return next(iter(keys.values())) if len(keys) == 1 else None
        return keys.get(kid)

    def _may_search(self) -> bool:
        with self._lock:
            now = self._clock.monotonic()
            if now - self._searched_at < LIMITS.provider_keys_again_seconds:
                return False
            self._searched_at = now
            return True

    def _provider(self) -> _Provider:
        """Return what the provider publishes, from memory if it is not too old. Raise ProviderRefused."""
        known = self._known
        if known and self._clock.monotonic() - known.read_at < LIMITS.provider_keys_hours * 3600:
            return known
        return self._read()

    def _read(self) -> _Provider:
        """Read what the provider publishes. Raise ProviderRefused."""
        session = self._session()
        about = document(session, f"{self._issuer.url}/.well-known/openid-configuration")
        if not self._issuer.described_by(about.get("issuer")):
            raise ProviderRefused(Fault.UNEXPECTED, _OTHER_ISSUER)
        places = [about.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if not all(isinstance(place, str) and place.startswith("https://") for place in places):
            raise ProviderRefused(Fault.UNEXPECTED, _NO_ENDPOINTS)
        authorize, token, keys = map(str, places)
        self._known = _Provider(authorize, token, _keys(document(session, keys)), self._clock.monotonic())
        return self._known


def _credential(client: Client) -> tuple[str | RSAKey, dict[str, str]]:
    """Return the client's credential as Authlib takes it, and the header by which Microsoft finds a certificate.

    Raise Refuse ``SETTINGS_INVALID`` for an unusable secret or certificate.
    """
    if client.certificate is None:
        secret = client.secret.reveal() if client.secret else b""
        if not secret or not secret.isascii() or b"\n" in secret:
            raise Refuse(Code.SETTINGS_INVALID, _NO_ONE_LINE)
        return secret.decode(), {}
    pem = client.certificate.reveal().decode(errors="replace")
    certificate, private = _CERTIFICATE.search(pem), _PRIVATE_KEY.search(pem)
    if certificate and private:
        try:
            der = ssl.PEM_cert_to_DER_cert(certificate[0])
            return RSAKey.import_key(private[0]), {"x5t#S256": _base64(hashlib.sha256(der).digest())}
        except (JoseError, ValueError, TypeError):
            pass
    raise Refuse(Code.SETTINGS_INVALID, _BAD_CERTIFICATE)


def _keys(published: Mapping[str, Any]) -> dict[str, ProviderKey]:
    """Return the keys that sign, by id. Skip those of other kinds or uses, and those that cannot be read."""
    keys: dict[str, ProviderKey] = {}
    entries = published.get("keys")
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or not isinstance(entry.get("kid"), str):
            continue
        kind = _KINDS.get(str(entry.get("kty")))
        issuer = entry.get("issuer")
        try:
            with warnings.catch_warnings(action="error"):  # of keys that are too short
                key = None if kind is None else kind.import_key(entry)
        except (JoseError, SecurityWarning, ValueError, TypeError, KeyError):
            continue
        if key is not None:
            keys[entry["kid"]] = ProviderKey(key, issuer if isinstance(issuer, str) else None)
    return keys


def _base64(value: bytes) -> str:
    return urlsafe_b64encode(value).decode()


def _refusal(error: object) -> ProviderRefused:
    """Return the refusal for an error of OAuth 2.0 (RFC 6749, 5.2)."""
    if error in ("invalid_client", "unauthorized_client"):
        return ProviderRefused(Fault.CLIENT, _CLIENT)
    if error == "invalid_grant":
        return ProviderRefused(Fault.REFUSED, _GRANT)
    return ProviderRefused(Fault.UNEXPECTED, _NO_ANSWER)


_KINDS: Mapping[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?P<kind>[A-Z ]*)PRIVATE KEY-----.+?-----END (?P=kind)PRIVATE KEY-----", re.DOTALL
)
_NO_ONE_LINE = "The file of ENTRAKEEP_OIDC_CLIENT_SECRET_FILE must contain the client secret alone, in one line."
_BAD_CERTIFICATE = (
    "The file of ENTRAKEEP_OIDC_CERTIFICATE must contain, as PEM, a certificate and its RSA private key, which is not "
    "encrypted."
)
_CHECK = "An operator must check ENTRAKEEP_OIDC_ISSUER."
_OTHER_ISSUER = (
    "The sign-in provider calls itself something else than ENTRAKEEP_OIDC_ISSUER. An operator must set it to the issuer that "
    "the provider publishes; for Microsoft, with the directory's id instead of its name."
)
_NO_ENDPOINTS = f"The sign-in provider does not publish its addresses. {_CHECK}"
_NO_ANSWER = "The sign-in provider's answer cannot be used. Sign in again, or in another way."
_CLIENT = (
    "The sign-in provider rejects this console's own credential, which may be wrong or expired. Sign in another way. An "
    "operator must renew the secret or certificate of the app registration."
)
_GRANT = "The sign-in took too long or was repeated. Sign in again."
