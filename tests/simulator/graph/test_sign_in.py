"""People sign in with an authorization code and PKCE. A bad ID token is wrong in one thing, and the one after it is good."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from simulator.graph.sign_in.bad_tokens import KINDS
from simulator.graph.tokens import DIRECTORY_ID
from tests.simulator.graph.client import BASE, Client, simulated

_CONSOLE = "http://localhost:8088/signed-in"
_VERIFIER = "v" * 43
_CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")
_ANA = {"oid": "aaaaaaaa-0000-4000-8000-000000000001", "name": "Ana <b>Costa</b>", "handle": "ana"}
_REQUEST = {
    "client_id": "console",
    "response_type": "code",
    "redirect_uri": _CONSOLE,
    "scope": "openid profile",
    "state": "some state",
    "nonce": "some nonce",
    "code_challenge": _CHALLENGE,
    "code_challenge_method": "S256",
}
_OTHER = "33333333-3333-4333-8333-333333333333"


async def _ready(client: Client) -> None:
    """Register the console as an application, and a person."""
    app = {"client_id": "console", "secret": "hush", "permissions": [], "redirect_uris": [_CONSOLE]}
    for name, fields in (("apps", app), ("people", _ANA)):
        assert (await client.control(name, fields)).status_code == 200


async def _authorize(client: Client, directory: str = DIRECTORY_ID, **changed: str) -> httpx.Response:
    return await client.http.get(f"/{directory}/oauth2/v2.0/authorize", params=_REQUEST | changed)


def _returned(response: httpx.Response) -> dict[str, str]:
    """Return the parameters with which the browser was sent back."""
    assert response.status_code == 302, response.text
    address = urlsplit(response.headers["Location"])
    assert address._replace(query="").geturl() == _CONSOLE
    return {name: values[0] for name, values in parse_qs(address.query).items()}


async def _redeem(client: Client, code: str, directory: str = DIRECTORY_ID, **changed: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": "console",
        "client_secret": "hush",
        "code": code,
        "redirect_uri": _CONSOLE,
        "code_verifier": _VERIFIER,
    }
    return await client.http.post(f"/{directory}/oauth2/v2.0/token", data=form | changed)


async def _id_token(client: Client, directory: str = DIRECTORY_ID, **changed: str) -> str:
    code = _returned(await _authorize(client, directory, **{"login_hint": "ana", **changed}))["code"]
    token: str = (await _redeem(client, code, directory)).json()["id_token"]
    return token


async def _claims(client: Client, token: str) -> dict[str, Any]:
    """Return the claims of a token with a valid signature. Raises JoseError otherwise."""
    configuration = (await client.http.get(f"/{DIRECTORY_ID}/v2.0/.well-known/openid-configuration")).json()
    keys = KeySet.import_key_set((await client.http.get(configuration["jwks_uri"])).json())
    return jwt.decode(token, keys, algorithms=["RS256"]).claims


async def test_a_person_named_by_the_hint_comes_back_with_a_code_for_a_signed_id_token() -> None:
    async with simulated() as client:
        await _ready(client)
        returned = _returned(await _authorize(client, login_hint="ana"))
        assert returned["state"] == "some state"
        claims = await _claims(client, (await _redeem(client, returned["code"])).json()["id_token"])
        assert {name: claims[name] for name in ("iss", "aud", "tid", "oid", "nonce", "ver")} == {
            "iss": f"{BASE}/{DIRECTORY_ID}/v2.0",
            "aud": "console",
            "tid": DIRECTORY_ID,
            "oid": _ANA["oid"],
            "nonce": "some nonce",
            "ver": "2.0",
        }
        assert claims["preferred_username"] == "ana@contoso.onmicrosoft.com"
        assert claims["sub"] not in ("", claims["oid"])
        assert claims["nbf"] == claims["iat"] < claims["exp"]
        assert "auth_time" not in claims
        assert "auth_time" in await _claims(client, await _id_token(client, max_age="0"))


async def test_without_a_hint_a_page_lists_the_people_and_each_link_signs_one_in() -> None:
    async with simulated() as client:
        await _ready(client)
        page = (await _authorize(client)).text
        assert "Ana &lt;b&gt;Costa&lt;/b&gt;" in page
        links = [part.partition('"')[0].replace("&amp;", "&") for part in page.split('href="')[1:]]
        assert len(links) == 2
        assert "code" in _returned(await client.http.get(links[0]))
        assert _returned(await client.http.get(links[1]))["error"] == "access_denied"


async def test_organizations_admits_the_people_of_every_directory_under_an_issuer_of_their_own() -> None:
    async with simulated() as client:
        await _ready(client)
        await client.control("directories", {"id": _OTHER, "client_id": "other", "secret": "s"})
        await client.http.post(f"/_sim/people?directory={_OTHER}", json={"name": "Bob", "handle": "bob"})
        configuration = await client.http.get("/organizations/v2.0/.well-known/openid-configuration")
        assert configuration.json()["issuer"] == f"{BASE}/{{tenantid}}/v2.0"
        page = (await _authorize(client, "organizations")).text
        assert ">Bob</a>" in page
        assert "Bob" not in (await _authorize(client)).text
        claims = await _claims(client, await _id_token(client, "organizations", login_hint="bob"))
        assert (claims["tid"], claims["iss"]) == (_OTHER, f"{BASE}/{_OTHER}/v2.0")
        code = _returned(await _authorize(client, "organizations", login_hint="bob"))["code"]
        assert (await _redeem(client, code)).json()["error_codes"] == [70000]


@pytest.mark.parametrize(
    ("changed", "status", "number"),
    [
        ({"redirect_uri": "https://evil.example/"}, 400, "AADSTS50011"),
        ({"redirect_uri": ""}, 400, "AADSTS900144"),
        ({"client_id": "nobody"}, 400, "AADSTS700016"),
    ],
)
async def test_a_browser_is_not_sent_to_an_address_that_is_not_registered(
    changed: dict[str, str], status: int, number: str
) -> None:
    async with simulated() as client:
        await _ready(client)
        response = await _authorize(client, login_hint="ana", **changed)
        assert (response.status_code, number in response.text) == (status, True)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "form_post"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none", "login_hint": ""}, "login_required"),
    ],
)
async def test_a_wrong_request_comes_back_with_its_error_and_state(changed: dict[str, str], error: str) -> None:
    async with simulated() as client:
        await _ready(client)
        returned = _returned(await _authorize(client, **{"login_hint": "ana", **changed}))
        assert (returned["error"], returned["state"], "code" in returned) == (error, "some state", False)


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"code_verifier": "w" * 43}, 400, 501481),
        ({"code_verifier": ""}, 400, 501481),
        ({"redirect_uri": "http://localhost:8088/"}, 400, 500112),
        ({"client_secret": "wrong"}, 401, 7000215),
        ({"client_id": "11111111-1111-1111-1111-111111111111", "client_secret": "simulated-secret"}, 400, 70000),
        ({"code": "made up"}, 400, 70000),
    ],
)
async def test_a_code_is_redeemed_only_by_whom_it_was_made_for(changed: dict[str, str], status: int, code: int) -> None:
    async with simulated() as client:
        await _ready(client)
        made = _returned(await _authorize(client, login_hint="ana"))["code"]
        response = await _redeem(client, changed.pop("code", made), **changed)
        assert (response.status_code, response.json()["error_codes"]) == (status, [code])


async def test_a_code_is_redeemed_once_and_within_ten_minutes() -> None:
    async with simulated() as client:
        await _ready(client)
        code = _returned(await _authorize(client, login_hint="ana"))["code"]
        assert (await _redeem(client, code)).status_code == 200
        assert (await _redeem(client, code)).json()["error_codes"] == [54005]
        code = _returned(await _authorize(client, login_hint="ana"))["code"]
        await client.control("clock", {"advance_days": 11 / 24 / 60})
        assert (await _redeem(client, code)).json()["error_codes"] == [70008]


def _wrong(name: str, value: Callable[[object], bool]) -> Callable[[dict[str, Any]], bool]:
    return lambda claims: value(claims.get(name))


_SEEN: dict[str, Callable[[dict[str, Any]], bool]] = {
    "issuer": _wrong("iss", lambda iss: not str(iss).startswith(BASE)),
    "audience": _wrong("aud", lambda aud: aud != "console"),
    "nonce": _wrong("nonce", lambda nonce: nonce not in (None, "some nonce")),
    "no-nonce": _wrong("nonce", lambda nonce: nonce is None),
    "other-tenant": _wrong("tid", lambda tid: tid != DIRECTORY_ID),
    "no-oid": _wrong("oid", lambda oid: oid is None),
}


@pytest.mark.parametrize("kind", sorted(_SEEN))
async def test_a_bad_claim_is_in_the_next_token_alone(kind: str) -> None:
    async with simulated() as client:
        await _ready(client)
        assert (await client.control("tokens", {"bad": kind})).json() == [kind]
        bad, good = [await _claims(client, await _id_token(client)) for _ in range(2)]
        assert [name for name, seen in _SEEN.items() if seen(bad)] == [kind]
        assert not any(seen(good) for seen in _SEEN.values())


@pytest.mark.parametrize("kind", ["key", "unknown-key", "none", "hs256"])
async def test_a_badly_signed_token_does_not_verify(kind: str) -> None:
    async with simulated() as client:
        await _ready(client)
        await client.control("tokens", {"bad": kind})
        token = await _id_token(client)
        with pytest.raises((JoseError, ValueError)):
            await _claims(client, token)
        header = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
        assert header["alg"] == {"none": "none", "hs256": "HS256"}.get(kind, "RS256")
        await _claims(client, await _id_token(client))


async def test_a_bad_time_is_hours_off() -> None:
    async with simulated() as client:
        await _ready(client)
        good = await _claims(client, await _id_token(client, max_age="0"))
        for kind in ("expired", "not-yet-valid", "old-sign-in"):
            await client.control("tokens", {"bad": kind})
        expired, early, old = [await _claims(client, await _id_token(client, max_age="0")) for _ in range(3)]
        assert expired["exp"] < good["iat"]
        assert early["nbf"] > good["exp"]
        assert old["auth_time"] < good["auth_time"] - 3000
        assert old["iat"] >= good["iat"]


def test_every_kind_of_bad_token_has_a_test() -> None:
    tested = {*_SEEN, "key", "unknown-key", "none", "hs256", "expired", "not-yet-valid", "old-sign-in"}
    assert tested == set(KINDS)


async def test_faults_apply_to_every_endpoint() -> None:
    async with simulated() as client:
        await _ready(client)
        paths = ("authorize", "discovery/v2.0/keys", "openid-configuration", "oauth2/v2.0/token")
        faults = [{"match": {"path": path}, "what": "status", "status": 503} for path in paths]
        await client.control("faults", faults)
        assert (await _authorize(client)).status_code == 503
        assert (await client.http.get(f"/{DIRECTORY_ID}/discovery/v2.0/keys")).status_code == 503
        assert (await client.http.get(f"/{DIRECTORY_ID}/v2.0/.well-known/openid-configuration")).status_code == 503
        assert (await _redeem(client, "any")).status_code == 503


@pytest.mark.parametrize(
    ("name", "fields", "sentence"),
    [
        ("people", {"name": "Ana"}, "a person needs a name and a handle, both text"),
        ("people", {"name": "Ana", "handle": "ana", "oid": "1"}, "a person's oid is a GUID"),
        ("people", {"name": "Ana", "handle": "ana", "mail": "a"}, "a person has no mail"),
        ("tokens", {"bad": "luck"}, f"bad is one of {', '.join(KINDS)}"),
        ("tokens", {"bad": "key", "times": 0}, "times is a whole number above zero"),
        (
            "apps",
            {"client_id": "c", "secret": "s", "permissions": [], "redirect_uris": "x"},
            "redirect_uris are a list",
        ),
    ],
)
async def test_a_wrong_control_request_is_refused_with_a_sentence(
    name: str, fields: dict[str, object], sentence: str
) -> None:
    async with simulated() as client:
        response = await client.control(name, fields)
        assert (response.status_code, response.json()["error"]["message"]) == (400, sentence)
