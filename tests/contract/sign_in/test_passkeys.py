"""Passkeys: what an authenticator proves, and which answers prove nothing."""

import json
from typing import Any

import pytest
from fido2.utils import websafe_decode, websafe_encode
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.passkeys import Fido2Passkeys
from shared.ports.passkeys import NewPasskey, PasskeyRefused
from tests.contract.sign_in.authenticator import Authenticator

ORIGIN = "https://backups.example"
PASSKEYS = Fido2Passkeys(ORIGIN)
FIRST, SECOND = b"1" * 32, b"2" * 32


@pytest.fixture
def phone() -> Authenticator:
    return Authenticator(ORIGIN)


def made(phone: Authenticator, challenge: bytes = FIRST) -> NewPasskey:
    return PASSKEYS.created(challenge, phone.create(PASSKEYS.creation_options(challenge, b"p" * 16, "ana", ())))


def verify(answer: str, passkey: NewPasskey, challenge: bytes = SECOND) -> int:
    return PASSKEYS.verify(challenge, answer, passkey.credential_id, passkey.public_key)


def test_a_passkey_that_was_made_verifies_its_owner(phone: Authenticator) -> None:
    passkey = made(phone)
    assert passkey.sign_count == 1
    assert passkey.aaguid == b"model-of-a-test!"
    answer = phone.get(PASSKEYS.request_options(SECOND, [passkey.credential_id]))
    assert PASSKEYS.credential_id(answer) == passkey.credential_id
    assert verify(answer, passkey) == 2


def test_the_browser_is_asked_for_a_verified_person_and_a_passkey_that_finds_itself() -> None:
    options = json.loads(PASSKEYS.creation_options(FIRST, b"person", "ana", [b"known"]))
    assert options["rp"] == {"name": "Entrakeep", "id": "backups.example"}
    assert options["user"]["name"] == "ana"
    assert websafe_decode(options["user"]["id"]) == b"person"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["excludeCredentials"] == [{"type": "public-key", "id": websafe_encode(b"known")}]
    asked = json.loads(PASSKEYS.request_options(SECOND, ()))
    assert asked["userVerification"] == "required"
    assert "allowCredentials" not in asked
    assert asked["rpId"] == "backups.example"


@pytest.mark.parametrize(
    "lie",
    [
        {"origin": "https://evil.example"},
        {"origin": "https://sub.backups.example"},
        {"origin": "http://backups.example"},
        {"origin": "https://backups.example:8443"},
        {"site": "evil.example"},
        {"verifies": False},
    ],
    ids=str,
)
def test_a_passkey_of_another_site_or_without_a_verified_person_proves_nothing(lie: dict[str, Any]) -> None:
    with pytest.raises(PasskeyRefused):
        made(Authenticator(**{"origin": ORIGIN} | lie))
    phone = Authenticator(ORIGIN)
    passkey = made(phone)
    phone.__dict__.update(lie)
    with pytest.raises(PasskeyRefused):
        verify(phone.get(PASSKEYS.request_options(SECOND, ())), passkey)


def test_an_answer_to_another_challenge_proves_nothing(phone: Authenticator) -> None:
    options = PASSKEYS.creation_options(FIRST, b"p", "ana", ())
    with pytest.raises(PasskeyRefused):
        PASSKEYS.created(SECOND, phone.create(options))
    passkey = made(phone)
    answer = phone.get(PASSKEYS.request_options(FIRST, ()))
    with pytest.raises(PasskeyRefused):
        verify(answer, passkey)


def test_another_passkey_or_a_registration_in_its_place_proves_nothing(phone: Authenticator) -> None:
    passkey, other = made(phone), made(Authenticator(ORIGIN))
    answer = phone.get(PASSKEYS.request_options(SECOND, ()))
    with pytest.raises(PasskeyRefused):
        verify(answer, other)
    with pytest.raises(PasskeyRefused):
        PASSKEYS.verify(SECOND, answer, passkey.credential_id, other.public_key)
    with pytest.raises(PasskeyRefused):
        verify(phone.create(PASSKEYS.creation_options(SECOND, b"p", "ana", ())), passkey)


def test_a_tampered_signature_proves_nothing(phone: Authenticator) -> None:
    passkey = made(phone)
    answer = json.loads(phone.get(PASSKEYS.request_options(SECOND, ())))
    signature = bytearray(websafe_decode(answer["response"]["signature"]))
    signature[-1] ^= 1
    answer["response"]["signature"] = websafe_encode(bytes(signature))
    with pytest.raises(PasskeyRefused):
        verify(json.dumps(answer), passkey)


_PASSKEY = made(Authenticator(ORIGIN))


@given(st.one_of(st.text(), st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps)))
def test_any_text_is_refused_with_a_sentence(answer: str) -> None:
    for call in (PASSKEYS.created, lambda challenge, text: verify(text, _PASSKEY, challenge)):
        with pytest.raises(PasskeyRefused, match="Try again"):
            call(SECOND, answer)
    with pytest.raises(PasskeyRefused):
        PASSKEYS.credential_id(answer)


@pytest.mark.parametrize("answer", ["[" * 60_000, "{}", '{"id":"a","rawId":"a","response":{}}', "\ud800"])
def test_malformed_answers_are_refused(answer: str) -> None:
    with pytest.raises(PasskeyRefused):
        PASSKEYS.created(FIRST, answer)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8088", "https://[2001:db8::1]", "https://192.0.2.7"])
def test_passkeys_are_off_at_an_ip_address_and_say_why(url: str) -> None:
    assert "host name" in str(Fido2Passkeys(url).unavailable)


def test_passkeys_work_at_a_host_name_with_any_port() -> None:
    for url in ("http://localhost:8088", "https://Backups.Example:443/"):
        passkeys = Fido2Passkeys(url)
        assert passkeys.unavailable is None
    phone = Authenticator("https://backups.example")
    options = passkeys.creation_options(FIRST, b"p", "ana", ())
    assert passkeys.created(FIRST, phone.create(options)).sign_count == 1
