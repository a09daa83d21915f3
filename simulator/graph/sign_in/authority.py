"""The endpoints of the authority: openid configuration, keys, authorization, and redemption of codes.

`organizations` and `common` in place of a directory admit the people and the applications of every directory.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, urlencode

from simulator.graph.answers import Answer, Request
from simulator.graph.apps import Apps, SignInRefused, no_directory, token_document, token_form
from simulator.graph.clock import SimulatedClock
from simulator.graph.sign_in import page
from simulator.graph.sign_in.bad_tokens import BadTokens
from simulator.graph.sign_in.people import People, Person
from simulator.graph.sign_in.signing import SigningKey, encoded

_EVERY_DIRECTORY = ("organizations", "common")
_CODE_SECONDS = 600
_LIFETIME = 3600
_BACKDATED = 300
"""Seconds by which Microsoft puts `iat` and `nbf` back, for clients whose clock is late."""
_REQUIRED = ("client_id", "redirect_uri", "response_type", "scope")


class Home(Protocol):
    """A directory, as far as signing people in needs it."""

    id: str
    clock: SimulatedClock
    apps: Apps
    people: People
    bad_tokens: BadTokens


@dataclass(frozen=True)
class _Code:
    """What an authorization code stands for."""

    home: Home
    person: Person
    query: dict[str, str]
    signed_in_at: float


class Authority:
    """The authority of all directories. They share one signing key, as Microsoft's do."""

    def __init__(self, homes: Mapping[str, Home]) -> None:
        self._homes = homes
        self._key = SigningKey()
        self._codes: dict[str, _Code] = {}
        self._redeemed: set[str] = set()

    def route(self, request: Request) -> Callable[[Request], Answer] | None:
        """Return the endpoint of a request, or None if it is not one of this class."""
        if request.method == "GET" and request.path.endswith("/v2.0/.well-known/openid-configuration"):
            return self._configuration
        if request.method == "GET" and request.path.endswith(("/discovery/v2.0/keys", "/jwks")):
            return self._keys
        if request.method == "GET" and request.path.endswith("/oauth2/v2.0/authorize"):
            return self._authorize
        if request.path.endswith("/oauth2/v2.0/token") and b"authorization_code" in request.body:
            return self._token
        return None

    def _configuration(self, request: Request) -> Answer:
        directory = request.path.split("/")[1]
        try:
            self._admitted(request)
        except SignInRefused as refused:
            return refused.answer(self._first.clock.now())
        base = f"{request.origin}/{directory}"
        issuer = "{tenantid}" if directory.lower() in _EVERY_DIRECTORY else directory
        return token_document(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_modes_supported": ["query"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "issuer": f"{request.origin}/{issuer}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "tenant_region_scope": "EU",
                "cloud_instance_name": "microsoftonline.com",
                "msgraph_host": "graph.microsoft.com",
            }
        )

    def _keys(self, _request: Request) -> Answer:
        return token_document({"keys": [self._key.web_key()]})

    # -- authorization

    def _authorize(self, request: Request) -> Answer:
        """Let somebody choose a person, or take the one that `login_hint` names, and send the browser back with a code."""
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        try:
            homes = self._admitted(request)
            self._check_return(homes, query)
        except SignInRefused as refused:
            return page.refused(refused.status, str(refused))
        try:
            _check_request(query)
            chosen = self._chosen(homes, query)
        except SignInRefused as refused:
            return _returned(query, {"error": refused.error, "error_description": str(refused)})
        if chosen is None:
            return _choices(request, homes, query)
        home, person = chosen
        code = secrets.token_urlsafe(48)
        self._codes[code] = _Code(home, person, query, home.clock.now())
        return _returned(query, {"code": code})

    @staticmethod
    def _check_return(homes: list[Home], query: dict[str, str]) -> None:
        """Raise SignInRefused if the browser must not be sent to the address in the request."""
        for name in _REQUIRED[:2]:
            if not query.get(name):
                raise _lacks(name)
        if query["redirect_uri"] not in _apps(homes, query["client_id"]).get(query["client_id"]).redirect_uris:
            sentence = (
                f"The redirect URI '{query['redirect_uri']}' specified in the request does not match the redirect URIs "
                f"configured for the application '{query['client_id']}'."
            )
            raise SignInRefused(400, "invalid_request", 50011, sentence)

    @staticmethod
    def _chosen(homes: list[Home], query: dict[str, str]) -> tuple[Home, Person] | None:
        """Return the person that the request names, or None. Raises SignInRefused if nobody may choose one."""
        if query.get("cancel"):
            raise SignInRefused(400, "access_denied", 65004, "User declined to consent to access the app.")
        hint = query.get("login_hint", "").lower()
        for home, person in _everybody(homes):
            if hint and hint in (person.oid, person.handle.lower(), person.preferred_username.lower()):
                return home, person
        if query.get("prompt") == "none":
            sentence = "A silent sign-in request was sent but no user is signed in."
            raise SignInRefused(400, "login_required", 50058, sentence)
        return None

    # -- codes

    def _token(self, request: Request) -> Answer:
        """Return an ID token for a code that is presented by the application, and with the verifier, that it was made for."""
        try:
            homes, form = self._admitted(request), token_form(request)
            client_id = _apps(homes, form.get("client_id", "")).proved(request, form).client_id
            code = self._redeem(homes, client_id, form)
        except SignInRefused as refused:
            return refused.answer(self._first.clock.now())
        return token_document(
            {
                "token_type": "Bearer",
                "scope": code.query["scope"],
                "expires_in": _LIFETIME,
                "ext_expires_in": _LIFETIME,
                "access_token": secrets.token_urlsafe(64),
                "id_token": code.home.bad_tokens.token(self._key, _claims(request.origin, client_id, code)),
            }
        )

    def _redeem(self, homes: list[Home], client_id: str, form: dict[str, str]) -> _Code:
        """Return what a code stands for, once. Raises SignInRefused."""
        text = form.get("code", "")
        if text in self._redeemed:
            raise _no_grant(
                54005, "OAuth2 Authorization code was already redeemed, please retry with a new valid code."
            )
        code = self._codes.pop(text, None)
        if code is None or code.home not in homes or code.query["client_id"].lower() != client_id.lower():
            raise _no_grant(70000, "Provided grant is invalid or malformed.")
        self._redeemed.add(text)
        if code.home.clock.now() > code.signed_in_at + _CODE_SECONDS:
            raise _no_grant(70008, "The provided authorization code has expired due to inactivity.")
        if form.get("redirect_uri") != code.query["redirect_uri"]:
            sentence = "The reply address does not match the reply address provided when requesting Authorization code."
            raise _no_grant(500112, sentence)
        challenge = code.query.get("code_challenge", "")
        if challenge and challenge != encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest()):
            sentence = "The Code_Verifier does not match the code_challenge supplied in the authorization request."
            raise _no_grant(501481, sentence)
        return code

    # -- directories

    @property
    def _first(self) -> Home:
        return next(iter(self._homes.values()))

    def _admitted(self, request: Request) -> list[Home]:
        """Return the directories whose people the request admits. Raises SignInRefused for an unknown directory."""
        directory = request.path.split("/")[1]
        if directory.lower() in _EVERY_DIRECTORY:
            return list(self._homes.values())
        home = self._homes.get(directory.lower())
        if home is None:
            raise no_directory(directory)
        return [home]


def _apps(homes: list[Home], client_id: str) -> Apps:
    """Return the applications of the first of these directories that has this one, or else those of the first."""
    return next((home.apps for home in homes if client_id in home.apps), homes[0].apps)


def _everybody(homes: list[Home]) -> Iterator[tuple[Home, Person]]:
    return ((home, person) for home in homes for person in home.people.all())


def _choices(request: Request, homes: list[Home], query: dict[str, str]) -> Answer:
    def link(**changed: str) -> str:
        return f"{request.path}?{urlencode(query | changed)}"

    people = [(person.name, person.preferred_username, link(login_hint=person.oid)) for _, person in _everybody(homes)]
    return page.choices(people, link(cancel="1"))


def _check_request(query: dict[str, str]) -> None:
    """Raise SignInRefused for a request that is not one for a code of OpenID Connect."""
    for name in _REQUIRED[2:]:
        if not query.get(name):
            raise _lacks(name)
    if query["response_type"] != "code" or query.get("response_mode", "query") != "query":
        sentence = "The provided value for the input parameter 'response_type' or 'response_mode' is not allowed."
        raise SignInRefused(400, "unsupported_response_type", 700054, sentence)
    if "openid" not in query["scope"].split():
        sentence = "The provided value for the input parameter 'scope' is not valid: it needs 'openid'."
        raise SignInRefused(400, "invalid_scope", 70011, sentence)
    if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
        sentence = "The size or method of the code challenge is not valid: 'code_challenge_method' must be 'S256'."
        raise SignInRefused(400, "invalid_request", 501491, sentence)


def _claims(origin: str, client_id: str, code: _Code) -> dict[str, object]:
    """Return the claims of an ID token, as version 2.0 of Microsoft's has them."""
    now, person, tenant = int(code.home.clock.now()), code.person, code.home.id
    subject = base64.urlsafe_b64encode(hashlib.sha256(f"{person.oid} {client_id}".encode()).digest()).decode()
    claims: dict[str, object] = {
        "ver": "2.0",
        "iss": f"{origin}/{tenant}/v2.0",
        "aud": client_id,
        "sub": subject.rstrip("="),
        "oid": person.oid,
        "tid": tenant,
        "iat": now - _BACKDATED,
        "nbf": now - _BACKDATED,
        "exp": now + _LIFETIME,
        "uti": secrets.token_urlsafe(16),
    }
    if code.query.get("nonce"):
        claims["nonce"] = code.query["nonce"]
    if "max_age" in code.query:
        claims["auth_time"] = int(code.signed_in_at)
    if "profile" in code.query["scope"].split():
        claims |= {"name": person.name, "preferred_username": person.preferred_username}
    return claims


def _returned(query: dict[str, str], answer: dict[str, str]) -> Answer:
    """Send the browser back to the application."""
    state = {"state": query["state"]} if "state" in query else {}
    mark = "&" if "?" in query["redirect_uri"] else "?"
    return Answer(302, b"", {"Location": f"{query['redirect_uri']}{mark}{urlencode(answer | state)}"})


def _lacks(name: str) -> SignInRefused:
    sentence = f"The request body must contain the following parameter: '{name}'."
    return SignInRefused(400, "invalid_request", 900144, sentence)


def _no_grant(code: int, sentence: str) -> SignInRefused:
    return SignInRefused(400, "invalid_grant", code, sentence)
