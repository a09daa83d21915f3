"""Sign-in is checked by secret and by certificate. Tokens expire with the simulated clock."""

import base64
import datetime
import json
import time
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from simulator.graph.apps import App
from tests.simulator.graph.client import BASE, simulated

_ENDPOINT = f"{BASE}/22222222-2222-2222-2222-222222222222/oauth2/v2.0/token"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_KEY.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(_KEY, hashes.SHA256())
    )


_CERTIFICATE = _certificate()


def _encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _assertion(**changed: object) -> str:
    header = {"alg": "PS256", "typ": "JWT", "x5t#S256": _encoded(_CERTIFICATE.fingerprint(hashes.SHA256()))}
    claims = {"aud": _ENDPOINT, "iss": "c", "sub": "c", "jti": "1", "nbf": time.time(), "exp": time.time() + 600}
    text = f"{_encoded(header)}.{_encoded({**claims, **changed})}"
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
    return f"{text}.{_encoded(_KEY.sign(text.encode(), pss, hashes.SHA256()))}"


@pytest.mark.parametrize(
    ("make", "code"),
    [  # each is made when its test begins, because it is valid for ten minutes
        (_assertion, None),
        (lambda: _assertion(exp=time.time() - 10), 700024),
        (lambda: _assertion(aud=BASE), 700023),
        (lambda: _assertion(iss="d"), 700023),
        (lambda: _assertion()[:-8] + "AAAAAAAA", 700027),
        (lambda: "none", 50027),
    ],
)
async def test_a_certificate_signs_in_only_with_a_valid_assertion(make: Callable[[], str], code: int | None) -> None:
    assertion = make()
    pem = _CERTIFICATE.public_bytes(serialization.Encoding.PEM).decode()
    async with simulated(users=1) as client:
        response = await client.control(
            "apps", {"client_id": "c", "certificate": pem, "permissions": ["User.Read.All"]}
        )
        assert response.status_code == 200
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        response = await client.sign_in("c", "", client_assertion=assertion, client_assertion_type=kind)
        if code is None:
            assert (await client.get("users")).status_code == 200
        else:
            assert (response.status_code, response.json()["error_codes"]) == (401, [code])


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"grant_type": "password"}, 400, 70003),
        ({"scope": "https://graph.microsoft.com/User.Read"}, 400, 1002012),
        ({"client_secret": ""}, 401, 7000218),
        ({"client_id": "nobody"}, 400, 700016),
    ],
)
async def test_a_wrong_request_is_refused_with_its_error_number(more: dict[str, str], status: int, code: int) -> None:
    async with simulated() as client:
        response = await client.sign_in(**more)
        assert (response.status_code, response.json()["error_codes"]) == (status, [code])


async def test_a_token_expires_with_the_simulated_clock() -> None:
    async with simulated() as client:
        assert (await client.get("organization")).status_code == 200
        await client.control("clock", {"advance_days": 1 / 24})
        response = await client.get("organization")
        assert response.status_code == 401
        assert response.json()["error"]["message"] == "Lifetime validation failed, the token is expired."
        await client.sign_in()
        assert (await client.get("organization")).status_code == 200


def test_an_app_has_no_printed_secret() -> None:
    assert "hush" not in repr(App("c", "hush", None))
