"""Sign-in with client credentials, by secret or certificate, and validation of issued tokens (OAuth 2.0).

A token expires after 3,599 seconds of the simulated clock. An application's current permissions apply, not those at the time
at which its token was issued.
"""

import base64
import hmac
import json
import secrets
import time
import uuid
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from cryptography import x509

from simulator.graph import assertions
from simulator.graph.answers import Answer, Refused, Request
from simulator.graph.clock import SimulatedClock

DIRECTORY_ID = "22222222-2222-2222-2222-222222222222"
CLIENT_ID = "11111111-1111-1111-1111-111111111111"
CLIENT_SECRET = "simulated-secret"
_LIFETIME = 3599


@dataclass(repr=False)
class App:
    """A registered application. `permissions` is None if it has every permission."""

    client_id: str
    secret: str | None
    permissions: frozenset[str] | None
    certificate: x509.Certificate | None = None

    def may(self, needed: frozenset[str]) -> bool:
        """Return whether the application has one of the needed permissions."""
        return self.permissions is None or bool(self.permissions & needed)


class _SignInRefused(Exception):
    def __init__(self, status: int, error: str, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.error, self.code, self.sentence = status, error, code, sentence


class Tokens:
    """The authority of one directory: its applications and issued tokens."""

    def __init__(self, clock: SimulatedClock, directory_id: str, app: App) -> None:
        self._clock = clock
        self._directory_id = directory_id
        self._apps = {app.client_id.lower(): app}
        self._issued: dict[str, tuple[str, float]] = {}

    def register(self, app: App) -> None:
        """Add an application, or replace the one with the same client id."""
        self._apps[app.client_id.lower()] = app

    def configuration(self, request: Request) -> Answer:
        """Return the openid configuration of the directory, or 400 for another directory."""
        directory = request.path.split("/")[1]
        if directory.lower() != self._directory_id:
            return self._refused(_no_directory(directory))
        base = f"{request.origin}/{directory}"
        return _json(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "tenant_region_scope": "EU",
                "cloud_instance_name": "microsoftonline.com",
                "msgraph_host": "graph.microsoft.com",
            }
        )

    def token(self, request: Request) -> Answer:
        """Return a token for an application that proves its identity, otherwise the authority's error."""
        try:
            app, claims = self._signed_in(request)
        except _SignInRefused as refused:
            return self._refused(refused)
        return _json(
            {
                "token_type": "Bearer",
                "expires_in": _LIFETIME,
                "ext_expires_in": _LIFETIME,
                "access_token": self._make(app, request.origin, claims),
            }
        )

    def _signed_in(self, request: Request) -> tuple[App, str]:
        directory = request.path.split("/")[1]
        if directory.lower() != self._directory_id:
            raise _no_directory(directory)
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        basic = request.headers.get("authorization", "")
        if basic.startswith("Basic "):
            pair = base64.b64decode(basic[6:] + "==").decode("utf-8", "replace").partition(":")
            client, secret = unquote_plus(pair[0]), unquote_plus(pair[2])
        if "grant_type" not in form:
            raise _SignInRefused(
                400, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'."
            )
        if form["grant_type"] != "client_credentials":
            raise _SignInRefused(
                400,
                "unsupported_grant_type",
                70003,
                f"The app requested an unsupported grant type '{form['grant_type']}'.",
            )
        if not form.get("scope", "").endswith("/.default"):
            raise _SignInRefused(
                400, "invalid_scope", 1002012, "The provided value for scope is not valid. Client credential flows must "
                "have a scope value with /.default suffixed to the resource identifier."
            )  # fmt: skip
        app = self._apps.get(client.lower())
        if app is None:
            raise _SignInRefused(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client}' was not found in the directory.",
            )
        if "client_assertion" in form:
            _check_assertion(app, form["client_assertion"], f"{request.origin}{request.path}")
        else:
            _check_secret(app, secret)
        return app, form.get("claims", "")

    def _make(self, app: App, origin: str, claims: str) -> str:
        now = self._clock.now()
        claim_set: dict[str, object] = {
            "aud": origin,
            "iss": f"{origin}/{self._directory_id}/v2.0",
            "tid": self._directory_id,
            "appid": app.client_id,
            "roles": sorted(app.permissions or ()),
            "nbf": int(now),
            "exp": int(now) + _LIFETIME,
            "jti": str(uuid.uuid4()),
        }
        if "cp1" in claims.lower():
            claim_set["xms_cc"] = ["CP1"]
        parts = [_base64({"typ": "JWT", "alg": "RS256"}), _base64(claim_set), secrets.token_urlsafe(64)]
        token = ".".join(parts)
        self._issued = {text: issued for text, issued in self._issued.items() if issued[1] > now - 86400}
        self._issued[token] = (app.client_id.lower(), now + _LIFETIME)
        return token

    def _refused(self, refused: _SignInRefused) -> Answer:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(self._clock.now()))
        traces = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {when}"
        description = f"AADSTS{refused.code}: {refused.sentence} {traces}"
        return _json(
            {
                "error": refused.error,
                "error_description": description,
                "error_codes": [refused.code],
                "timestamp": when,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": f"https://login.microsoftonline.com/error?code={refused.code}",
            },
            refused.status,
        )

    def issued(self, request: Request) -> bool:
        """Return whether this authority issued the request's token. Expired tokens count."""
        return request.headers.get("authorization", "")[7:].strip() in self._issued

    def bearer(self, request: Request) -> App:
        """Return the owner of the request's token. Raises Refused (401) if the token is missing, unknown or expired."""
        header = request.headers.get("authorization", "")
        if not header.lower().startswith("bearer ") or not header[7:].strip():
            raise _unauthenticated("Access token is empty.")
        issued = self._issued.get(header[7:].strip())
        if issued is None:
            raise _unauthenticated("IDX14100: JWT is not well formed, there are no dots (.).")
        if issued[1] <= self._clock.now():
            raise _unauthenticated("Lifetime validation failed, the token is expired.")
        return self._apps[issued[0]]


def _check_secret(app: App, secret: str) -> None:
    if not secret:
        raise _SignInRefused(
            401,
            "invalid_client",
            7000218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )
    if app.secret is None or not hmac.compare_digest(secret.encode(), app.secret.encode()):
        sentence = f"Invalid client secret provided. Ensure the secret being sent is for app '{app.client_id}'."
        raise _SignInRefused(401, "invalid_client", 7000215, sentence)


def _check_assertion(app: App, assertion: str, endpoint: str) -> None:
    try:
        if app.certificate is None:
            raise assertions.AssertionRefused(700027, "The application has no certificate.")
        assertions.check(assertion, app.certificate, app.client_id, endpoint)
    except assertions.AssertionRefused as refused:
        raise _SignInRefused(401, "invalid_client", refused.code, refused.sentence) from None


def _json(value: object, status: int = 200) -> Answer:
    return Answer(
        status, json.dumps(value).encode(), {"Cache-Control": "no-store, no-cache"}, "application/json; charset=utf-8"
    )


def _base64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _no_directory(directory: str) -> _SignInRefused:
    return _SignInRefused(
        400,
        "invalid_request",
        90002,
        f"Tenant '{directory}' not found. Check to make sure you have the correct tenant ID.",
    )


def _unauthenticated(message: str) -> Refused:
    return Refused(401, "InvalidAuthenticationToken", message)


def claims_challenge() -> Refused:
    """Return a 401 that demands a newer token, as continuous access evaluation sends it."""
    claims = base64.b64encode(b'{"access_token":{"nbf":{"essential":true, "value":"1604106651"}}}').decode()
    challenge = (
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
        f'client_id="00000003-0000-0000-c000-000000000000", error="insufficient_claims", claims="{claims}"'
    )
    return Refused(
        401,
        "InvalidAuthenticationToken",
        "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: "
        "TokenIssuedBeforeRevocationTimestamp",
        {"WWW-Authenticate": challenge},
    )
