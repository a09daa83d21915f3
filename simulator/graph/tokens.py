"""Tokens of applications for Graph (OAuth 2.0, client credentials), and their validation.

A token expires after 3,599 seconds of the simulated clock. An application's current permissions apply, not those at the time
at which its token was issued.
"""

import base64
import json
import secrets
import uuid

from simulator.graph.answers import Answer, Refused, Request
from simulator.graph.apps import App, Apps, SignInRefused, no_directory, token_document, token_form
from simulator.graph.clock import SimulatedClock

DIRECTORY_ID = "22222222-2222-2222-2222-222222222222"
CLIENT_ID = "11111111-1111-1111-1111-111111111111"
CLIENT_SECRET = "simulated-secret"
_LIFETIME = 3599


class Tokens:
    """The issuer of tokens for Graph in one directory."""

    def __init__(self, clock: SimulatedClock, directory_id: str, apps: Apps) -> None:
        self._clock = clock
        self._directory_id = directory_id
        self._apps = apps
        self._issued: dict[str, tuple[str, float]] = {}

    def token(self, request: Request) -> Answer:
        """Return a token for an application that proves its identity, otherwise the authority's error."""
        try:
            app, claims = self._signed_in(request)
        except SignInRefused as refused:
            return refused.answer(self._clock.now())
        return token_document(
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
            raise no_directory(directory)
        form = token_form(request)
        if form["grant_type"] != "client_credentials":
            sentence = f"The app requested an unsupported grant type '{form['grant_type']}'."
            raise SignInRefused(400, "unsupported_grant_type", 70003, sentence)
        if not form.get("scope", "").endswith("/.default"):
            raise SignInRefused(
                400, "invalid_scope", 1002012, "The provided value for scope is not valid. Client credential flows must "
                "have a scope value with /.default suffixed to the resource identifier."
            )  # fmt: skip
        return self._apps.proved(request, form), form.get("claims", "")

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
        return self._apps.get(issued[0])


def _base64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


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
