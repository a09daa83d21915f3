"""The applications of one directory, and the proof by secret or certificate that a client is one of them (OAuth 2.0)."""

import base64
import hmac
import json
import time
import uuid
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from cryptography import x509

from simulator.graph import assertions
from simulator.graph.answers import Answer, Request


@dataclass(repr=False)
class App:
    """A registered application. `permissions` is None if it has every permission."""

    client_id: str
    secret: str | None
    permissions: frozenset[str] | None
    certificate: x509.Certificate | None = None
    redirect_uris: frozenset[str] = frozenset()
    """Addresses to which people may return after their sign-in."""

    def may(self, needed: frozenset[str]) -> bool:
        """Return whether the application has one of the needed permissions."""
        return self.permissions is None or bool(self.permissions & needed)


class SignInRefused(Exception):
    """A request that the authority answers with an error. `code` is the number after `AADSTS`."""

    def __init__(self, status: int, error: str, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.error, self.code, self.sentence = status, error, code, sentence

    def answer(self, now: float) -> Answer:
        """Return the error as the token endpoint writes it."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(now))
        traces = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {when}"
        return token_document(
            {
                "error": self.error,
                "error_description": f"{self} {traces}",
                "error_codes": [self.code],
                "timestamp": when,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
            },
            self.status,
        )

    def __str__(self) -> str:
        """Return the number and the sentence."""
        return f"AADSTS{self.code}: {self.sentence}"


class Apps:
    """The applications that are registered in a directory."""

    def __init__(self, app: App) -> None:
        self._apps = {app.client_id.lower(): app}

    def register(self, app: App) -> None:
        """Add an application, or replace the one with the same client id."""
        self._apps[app.client_id.lower()] = app

    def __contains__(self, client_id: str) -> bool:
        """Return whether the application is registered."""
        return client_id.lower() in self._apps

    def get(self, client_id: str) -> App:
        """Return the application. Raises SignInRefused if it is unknown."""
        app = self._apps.get(client_id.lower())
        if app is None:
            sentence = f"Application with identifier '{client_id}' was not found in the directory."
            raise SignInRefused(400, "unauthorized_client", 700016, sentence)
        return app

    def proved(self, request: Request, form: dict[str, str]) -> App:
        """Return the application that the request proves to be. Raises SignInRefused otherwise."""
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        basic = request.headers.get("authorization", "")
        if basic.startswith("Basic "):
            pair = base64.b64decode(basic[6:] + "==").decode("utf-8", "replace").partition(":")
            client, secret = unquote_plus(pair[0]), unquote_plus(pair[2])
        app = self.get(client)
        if "client_assertion" in form:
            _check_assertion(app, form["client_assertion"], f"{request.origin}{request.path}")
        else:
            _check_secret(app, secret)
        return app


def token_form(request: Request) -> dict[str, str]:
    """Return the fields of a request for tokens. Raises SignInRefused if it names no grant."""
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    if "grant_type" not in form:
        sentence = "The request body must contain the following parameter: 'grant_type'."
        raise SignInRefused(400, "invalid_request", 900144, sentence)
    return form


def token_document(value: object, status: int = 200) -> Answer:
    """Return an answer of the authority, which must not be cached."""
    kept_nowhere = {"Cache-Control": "no-store, no-cache"}
    return Answer(status, json.dumps(value).encode(), kept_nowhere, "application/json; charset=utf-8")


def no_directory(directory: str) -> SignInRefused:
    """Return the refusal of a directory that this authority does not have."""
    sentence = f"Tenant '{directory}' not found. Check to make sure you have the correct tenant ID."
    return SignInRefused(400, "invalid_request", 90002, sentence)


def _check_secret(app: App, secret: str) -> None:
    if not secret:
        raise SignInRefused(
            401,
            "invalid_client",
            7000218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )
    if app.secret is None or not hmac.compare_digest(secret.encode(), app.secret.encode()):
        sentence = f"Invalid client secret provided. Ensure the secret being sent is for app '{app.client_id}'."
        raise SignInRefused(401, "invalid_client", 7000215, sentence)


def _check_assertion(app: App, assertion: str, endpoint: str) -> None:
    try:
        if app.certificate is None:
            raise assertions.AssertionRefused(700027, "The application has no certificate.")
        assertions.check(assertion, app.certificate, app.client_id, endpoint)
    except assertions.AssertionRefused as refused:
        raise SignInRefused(401, "invalid_client", refused.code, refused.sentence) from None
