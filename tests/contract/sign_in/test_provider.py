"""Sign-in through a provider: whose tokens count, and what a bad token or a bad provider is answered."""

import base64
import hashlib
import json
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from joserfc import jws, jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from shared.adapters.oidc import Client, OidcProvider
from shared.adapters.oidc.transport import ProviderTransport
from shared.domain.errors import Refuse
from shared.domain.people import Identity
from shared.domain.secret import Secret
from shared.ports.sign_in_provider import Fault, ProviderAsk, ProviderRefused
from tests.contract.sign_in.issuer import CLIENT_ID, NOW, OBJECT, TENANT, Issuer, guessed_key, issuing, trust

ASK = ProviderAsk(
    return_url="http://localhost:8088/sign-in/return", state="the-state", nonce="the-nonce", verifier="v" * 43
)
SECRET = Client(client_id=CLIENT_ID, secret=Secret(b"the-secret"))
OTHER = "99999999-2222-3333-4444-555555555555"


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture(scope="module")
def server() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def issuer(server: Issuer) -> Issuer:
    server.__dict__.update(Issuer(server.origin).__dict__)
    return server


def provider(issuer: Issuer, client: Client = SECRET, clock: Hand | None = None, **changes: Any) -> OidcProvider:
    return OidcProvider(changes.get("url", issuer.url), client, trust(), clock or Hand())


def sign_in(
    issuer: Issuer, ask: ProviderAsk = ASK, *, under: OidcProvider | None = None, now: datetime = NOW
) -> Identity:
    under = under or provider(issuer)
    code = issuer.authorize(under.authorize_url(ask))
    return under.identify(ask, code, now)


def fault(issuer: Issuer, ask: ProviderAsk = ASK, *, under: OidcProvider | None = None, now: datetime = NOW) -> Fault:
    with pytest.raises(ProviderRefused) as caught:
        sign_in(issuer, ask, under=under, now=now)
    assert str(caught.value).endswith(".")
    return caught.value.fault


def test_a_person_of_entra_is_directory_and_object_and_no_address(issuer: Issuer) -> None:
    assert sign_in(issuer) == Identity(authority=TENANT, subject=OBJECT)
    issuer.claims = {"email": "eve@contoso.com", "preferred_username": "eve", "sub": "other"}
    assert sign_in(issuer) == Identity(authority=TENANT, subject=OBJECT)


def test_the_link_carries_state_nonce_and_a_challenge_instead_of_the_verifier(issuer: Issuer) -> None:
    query = parse_qs(urlsplit(provider(issuer).authorize_url(ASK)).query)
    assert query["state"] == ["the-state"]
    assert query["nonce"] == ["the-nonce"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["scope"] == ["openid"]
    assert query["redirect_uri"] == [ASK.return_url]
    assert ASK.verifier not in str(query)
    assert "max_age" not in query


def test_the_code_is_exchanged_with_the_secret_and_the_verifier(issuer: Issuer) -> None:
    sign_in(issuer)
    (form,) = issuer.posted
    assert form["client_secret"] == "the-secret"
    assert form["code_verifier"] == ASK.verifier
    assert form["redirect_uri"] == ASK.return_url


def test_a_code_of_another_browser_is_refused_because_its_verifier_differs(issuer: Issuer) -> None:
    under = provider(issuer)
    issuer.authorize(under.authorize_url(ASK))
    with pytest.raises(ProviderRefused) as caught:
        under.identify(ProviderAsk(return_url=ASK.return_url, state="s", nonce="n", verifier="w" * 43), "code", NOW)
    assert caught.value.fault is Fault.REFUSED


def test_any_directory_may_sign_in_under_organizations_with_its_own_issuer(issuer: Issuer) -> None:
    issuer.path, issuer.issuer = "/organizations/v2.0", f"{issuer.origin}/{{tenantid}}/v2.0"
    issuer.claims = {"iss": f"{issuer.origin}/{OTHER}/v2.0", "tid": OTHER}
    assert sign_in(issuer) == Identity(authority=OTHER, subject=OBJECT)


def test_a_person_of_another_provider_is_issuer_and_subject(issuer: Issuer) -> None:
    issuer.path = "/realms/staff"
    assert sign_in(issuer) == Identity(authority=issuer.url, subject="pairwise")
    assert provider(issuer).name == "localhost"


def signed(header: dict[str, Any], key: RSAKey | ECKey | OctKey, **changes: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: jwt.encode(header, claims | changes, key, algorithms=[header["alg"]])


def unsigned(claims: dict[str, Any]) -> str:
    parts = [json.dumps(each).encode() for each in ({"alg": "none", "typ": "JWT", "kid": "one"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), ""])


def signed_with_the_public_key_as_secret(issuer: Issuer) -> Callable[[dict[str, Any]], str]:
    key = OctKey.import_key(base64.urlsafe_b64encode(issuer.keys[0].as_pem(private=False)).rstrip(b"=").decode())
    return signed({"alg": "HS256", "kid": "one"}, key)


def tampered(claims: dict[str, Any]) -> str:
    head, _, signature = jwt.encode({"alg": "RS256", "kid": "one"}, claims, Issuer("").signing).split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims | {"oid": OTHER}).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def with_its_own_key(claims: dict[str, Any]) -> str:
    key = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256", "kid": "one", "jwk": key.as_dict(private=False)}, claims, key)


def no_claims(_: dict[str, Any]) -> str:
    return jws.serialize_compact({"alg": "RS256", "kid": "one"}, b"[1]", Issuer("").signing)


@pytest.mark.parametrize(
    "sign",
    [
        pytest.param(unsigned, id="alg none"),
        pytest.param(signed({"alg": "RS256", "kid": "one"}, guessed_key()), id="another key under the same id"),
        pytest.param(signed({"alg": "RS256", "kid": "two"}, guessed_key()), id="unknown key"),
        pytest.param(signed({"alg": "ES256", "kid": "one"}, ECKey.generate_key("P-256")), id="another kind of key"),
        pytest.param(tampered, id="tampered claims"),
        pytest.param(with_its_own_key, id="key in the header"),
        pytest.param(no_claims, id="signed, but no claims"),
        pytest.param(lambda _: "a.b.c", id="garbage"),
        pytest.param(lambda _: "", id="empty"),
    ],
)
def test_a_token_without_the_providers_signature_signs_nobody_in(
    issuer: Issuer, sign: Callable[[dict[str, Any]], str]
) -> None:
    issuer.sign = sign
    assert fault(issuer) is Fault.SIGNATURE


def test_a_token_signed_with_the_public_key_as_a_secret_signs_nobody_in(issuer: Issuer) -> None:
    issuer.sign = signed_with_the_public_key_as_secret(issuer)
    assert fault(issuer) is Fault.SIGNATURE


def seconds(**delta: float) -> int:
    return int((NOW + timedelta(**delta)).timestamp())


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"aud": "another-application"}, Fault.AUDIENCE),
        ({"aud": None}, Fault.AUDIENCE),
        ({"aud": [CLIENT_ID, "another"]}, Fault.AUDIENCE),
        ({"iss": "https://login.example/v2.0"}, Fault.ISSUER),
        ({"iss": None}, Fault.ISSUER),
        ({"tid": OTHER}, Fault.ISSUER),
        ({"tid": OTHER, "iss": f"https://localhost/{OTHER}/v2.0"}, Fault.ISSUER),
        ({"tid": None}, Fault.ISSUER),
        ({"nonce": "another"}, Fault.NONCE),
        ({"nonce": None}, Fault.NONCE),
        ({"nonce": ["the-nonce"]}, Fault.NONCE),
        ({"exp": seconds(minutes=-2)}, Fault.EXPIRED),
        ({"exp": None}, Fault.UNEXPECTED),
        ({"exp": "tomorrow"}, Fault.UNEXPECTED),
        ({"exp": True}, Fault.UNEXPECTED),
        ({"iat": None}, Fault.UNEXPECTED),
        ({"nbf": seconds(minutes=2)}, Fault.CLOCK),
        ({"iat": seconds(minutes=5)}, Fault.CLOCK),
        ({"oid": None}, Fault.IDENTITY),
        ({"oid": "ana@contoso.com"}, Fault.IDENTITY),
        ({"oid": {"a": 1}}, Fault.IDENTITY),
    ],
    ids=str,
)
def test_a_signed_token_with_a_wrong_claim_signs_nobody_in(
    issuer: Issuer, claims: dict[str, Any], expected: Fault
) -> None:
    issuer.claims = claims
    assert fault(issuer) is expected


def test_under_organizations_the_issuer_must_be_of_the_tokens_directory(issuer: Issuer) -> None:
    issuer.path, issuer.issuer = "/organizations/v2.0", f"{issuer.origin}/{{tenantid}}/v2.0"
    issuer.claims = {"iss": f"{issuer.origin}/{TENANT}/v2.0", "tid": OTHER}
    assert fault(issuer) is Fault.ISSUER
    issuer.claims = {"iss": f"{issuer.origin}/organizations/v2.0", "tid": "organizations"}
    assert fault(issuer) is Fault.ISSUER


def test_a_key_that_microsoft_publishes_for_one_directory_signs_for_no_other(issuer: Issuer) -> None:
    issuer.path, issuer.issuer = "/organizations/v2.0", f"{issuer.origin}/{{tenantid}}/v2.0"
    key = issuer.signing.as_dict(private=True)
    issuer.keys = [RSAKey.import_key(key, {"kid": "one", "issuer": f"{issuer.origin}/{OTHER}/v2.0"})]
    issuer.claims = {"iss": f"{issuer.origin}/{TENANT}/v2.0"}
    assert fault(issuer) is Fault.ISSUER
    issuer.claims = {"iss": f"{issuer.origin}/{OTHER}/v2.0", "tid": OTHER}
    assert sign_in(issuer).authority == OTHER


def test_a_subject_of_another_provider_must_be_there(issuer: Issuer) -> None:
    issuer.path, issuer.claims = "/realms/staff", {"sub": None}
    assert fault(issuer) is Fault.IDENTITY


def test_clocks_may_differ_by_a_minute(issuer: Issuer) -> None:
    assert sign_in(issuer, now=NOW - timedelta(seconds=50)).subject == OBJECT
    assert sign_in(issuer, now=NOW + timedelta(seconds=3650)).subject == OBJECT


def test_a_clock_that_is_five_minutes_behind_is_named(issuer: Issuer) -> None:
    with pytest.raises(ProviderRefused, match="clock is 5 minutes behind"):
        sign_in(issuer, now=NOW - timedelta(minutes=5))


@pytest.fixture
def again() -> ProviderAsk:
    return ProviderAsk(return_url=ASK.return_url, state="s", nonce="the-nonce", verifier="v" * 43, fresh_since=NOW)


def test_a_confirmation_asks_the_provider_for_a_fresh_sign_in(issuer: Issuer, again: ProviderAsk) -> None:
    query = parse_qs(urlsplit(provider(issuer).authorize_url(again)).query)
    assert query["prompt"] == ["login"]
    assert query["max_age"] == ["0"]
    issuer.claims = {"auth_time": int(NOW.timestamp())}
    assert sign_in(issuer, again).subject == OBJECT


@pytest.mark.parametrize("auth_time", [None, seconds(minutes=-10), "now", float("nan")])
def test_an_old_session_at_the_provider_confirms_nothing(issuer: Issuer, again: ProviderAsk, auth_time: object) -> None:
    issuer.claims = {"auth_time": auth_time}
    assert fault(issuer, again) is Fault.NOT_FRESH


def test_a_new_key_of_the_provider_is_read_once_it_is_used(issuer: Issuer) -> None:
    clock = Hand()
    under = provider(issuer, clock=clock)
    sign_in(issuer, under=under)
    assert issuer.key_reads == 1
    issuer.signing = RSAKey.generate_key(2048, {"kid": "two"})
    issuer.keys = [issuer.signing]
    assert sign_in(issuer, under=under).subject == OBJECT
    assert issuer.key_reads == 2


def test_unknown_keys_make_the_console_read_the_keys_at_most_once_a_minute(issuer: Issuer) -> None:
    clock = Hand()
    under = provider(issuer, clock=clock)
    issuer.sign = signed({"alg": "RS256", "kid": "unknown"}, guessed_key())
    for _ in range(3):
        assert fault(issuer, under=under) is Fault.SIGNATURE
    assert issuer.key_reads == 2
    clock.seconds += 61
    fault(issuer, under=under)
    assert issuer.key_reads == 3


def test_a_token_without_a_key_id_is_only_checked_with_the_providers_only_key(issuer: Issuer) -> None:
    issuer.sign = signed({"alg": "RS256"}, issuer.signing)
    assert sign_in(issuer).subject == OBJECT
    issuer.keys = [issuer.signing, RSAKey.generate_key(2048, {"kid": "two"})]
    assert fault(issuer) is Fault.SIGNATURE


def test_keys_that_cannot_sign_are_skipped(issuer: Issuer) -> None:
    with pytest.warns(SecurityWarning):
        short = RSAKey.generate_key(1024, {"kid": "short"})
    issuer.keys = [short, RSAKey.generate_key(2048, {"kid": "enc", "use": "enc"}), issuer.signing]
    assert sign_in(issuer).subject == OBJECT
    issuer.sign = signed({"alg": "RS256", "kid": "short"}, short)
    assert fault(issuer) is Fault.SIGNATURE


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"error":"invalid_client","error_description":"AADSTS7000215: secret"}', Fault.CLIENT),
        (400, b'{"error":"invalid_grant"}', Fault.REFUSED),
        (400, b'{"error":["x"]}', Fault.UNEXPECTED),
        (200, b"<html>proxy</html>", Fault.UNEXPECTED),
        (200, b"[]", Fault.UNEXPECTED),
        (200, b"{}", Fault.UNEXPECTED),
        (200, b'{"id_token":7}', Fault.UNEXPECTED),
        (200, b'{"id_token":"' + b"a" * 70_000 + b'"}', Fault.UNEXPECTED),
        (200, b"{" * 50_000, Fault.UNEXPECTED),
        (200, b" " * 1_100_000, Fault.UNEXPECTED),
        (503, b"busy", Fault.UNEXPECTED),
    ],
)
def test_garbage_instead_of_a_token_signs_nobody_in(issuer: Issuer, status: int, body: bytes, expected: Fault) -> None:
    issuer.token_answer = (status, body)
    assert fault(issuer) is expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"<html>", Fault.UNEXPECTED),
        (404, b"{}", Fault.UNEXPECTED),
        (200, b"[]", Fault.UNEXPECTED),
        (200, b"[" * 50_000, Fault.UNEXPECTED),
        (200, b'{"issuer":"https://other.example"}', Fault.UNEXPECTED),
        (502, b"{}", Fault.UNREACHABLE),
    ],
)
def test_garbage_instead_of_a_description_is_not_used(
    issuer: Issuer, status: int, body: bytes, expected: Fault
) -> None:
    issuer.document_answer = (status, body)
    assert fault(issuer) is expected


def test_a_description_with_addresses_in_plaintext_is_not_used(issuer: Issuer) -> None:
    issuer.documents = {"token_endpoint": "http://localhost/token"}
    assert fault(issuer) is Fault.UNEXPECTED


def test_a_redirect_of_the_provider_is_not_followed(issuer: Issuer) -> None:
    issuer.redirect = True
    assert fault(issuer) is Fault.UNEXPECTED


def test_a_provider_that_is_down_is_reported_and_works_again_later(issuer: Issuer) -> None:
    under = provider(issuer, url="https://localhost:1/realms/staff")
    assert fault(issuer, under=under) is Fault.UNREACHABLE
    issuer.document_answer = (503, b"{}")
    under = provider(issuer)
    assert fault(issuer, under=under) is Fault.UNREACHABLE
    issuer.document_answer = None
    assert sign_in(issuer, under=under).subject == OBJECT


def test_a_provider_that_answers_byte_by_byte_is_given_up(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer.drip = 0.05
    under = provider(issuer)
    monkeypatch.setattr(under, "_transport", ProviderTransport(trust(), answer_seconds=0.5))
    before = time.monotonic()
    assert fault(issuer, under=under) is Fault.UNREACHABLE
    assert time.monotonic() - before < 10


def test_an_untrusted_certificate_is_named(issuer: Issuer) -> None:
    under = OidcProvider(issuer.url, SECRET, ssl.create_default_context(), Hand())
    with pytest.raises(ProviderRefused, match="certificate is not trusted"):
        under.authorize_url(ASK)


def test_a_certificate_signs_the_exchange_and_names_itself(issuer: Issuer) -> None:
    made = trustme.CA().issue_cert("console", key_type=trustme.KeyType.RSA)
    pem = made.cert_chain_pems[0].bytes() + made.private_key_pem.bytes()
    under = provider(issuer, Client(client_id=CLIENT_ID, certificate=Secret(pem)))
    sign_in(issuer, under=under)
    (form,) = issuer.posted
    assert "client_secret" not in form
    assertion = jwt.decode(form["client_assertion"], RSAKey.import_key(made.private_key_pem.bytes()))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())).digest()
    assert assertion.header["x5t#S256"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert assertion.claims["aud"] == f"{issuer.origin}/token"
    assert assertion.claims["iss"] == assertion.claims["sub"] == CLIENT_ID


@pytest.mark.parametrize("pem", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"])
def test_a_file_without_certificate_and_key_is_refused_at_the_start(issuer: Issuer, pem: bytes) -> None:
    with pytest.raises(Refuse, match="ENTRAKEEP_OIDC_CERTIFICATE"):
        provider(issuer, Client(client_id=CLIENT_ID, certificate=Secret(pem)))


@pytest.mark.parametrize("secret", [b"", b"two\nlines", b"\xff\xfe"])
def test_a_file_without_a_secret_is_refused_at_the_start(issuer: Issuer, secret: bytes) -> None:
    with pytest.raises(Refuse, match="ENTRAKEEP_OIDC_CLIENT_SECRET_FILE"):
        provider(issuer, Client(client_id=CLIENT_ID, secret=Secret(secret)))
