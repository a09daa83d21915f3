"""Create and verify passkeys with fido2 (W3C Web Authentication, level 3).

An authenticator must verify the person (by PIN, fingerprint or face). Attestation is not asked for: any authenticator may
be used. Synchronised passkeys count no signatures.
"""

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from fido2 import cbor
from fido2.cose import CoseKey, UnsupportedKey
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from shared.ports.passkeys import NewPasskey, PasskeyRefused

_NAME = "Entrakeep"
_USUAL_PORTS = (None, 80, 443)
_WRONG = (
    "The passkey's answer does not fit: it belongs to another site or request, or the authenticator did not verify you. "
    "Try again."
)


class Fido2Passkeys:
    """Passkeys of one site: the host of the console's URL, by which browsers tell sites apart."""

    def __init__(self, url: str) -> None:
        """Take the console's URL, as people type it into a browser."""
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._origin = f"{parts.scheme}://{self._host}" + (f":{parts.port}" if parts.port not in _USUAL_PORTS else "")
        entity = PublicKeyCredentialRpEntity(name=_NAME, id=self._host)
        self._server = Fido2Server(entity, verify_origin=lambda origin: origin == self._origin)

    @property
    def unavailable(self) -> str | None:
        """Return why passkeys do not work at this address, in a sentence, or None if they do."""
        try:
            ipaddress.ip_address(self._host)
        except ValueError:
            return None
        return (
            "Passkeys are off, because browsers bind them to a host name and this console's address is an IP address: "
            "set ENTRAKEEP_WEB_URL to a host name."
        )

    def creation_options(self, challenge: bytes, person: bytes, handle: str, known: Sequence[bytes]) -> str:
        """Return the options for ``navigator.credentials.create`` as JSON."""
        options, _ = self._server.register_begin(
            PublicKeyCredentialUserEntity(name=handle, id=person, display_name=handle),
            _descriptors(known),
            resident_key_requirement=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
            challenge=challenge,
        )
        return json.dumps(dict(options.public_key))

    def created(self, challenge: bytes, answer: str) -> NewPasskey:
        """Return the new passkey in the browser's answer. Raise ``PasskeyRefused``."""
        with _refusing():
            made = self._server.register_complete(_state(challenge), _decoded(answer))
            credential = made.credential_data
            if credential is None or isinstance(credential.public_key, UnsupportedKey):
                raise ValueError("no public key, or one of an unknown algorithm")
        return NewPasskey(
            credential_id=credential.credential_id,
            public_key=cbor.encode(credential.public_key),
            sign_count=made.counter,
            aaguid=bytes(credential.aaguid),
        )

    def request_options(self, challenge: bytes, allowed: Sequence[bytes]) -> str:
        """Return the options for ``navigator.credentials.get`` as JSON."""
        options, _ = self._server.authenticate_begin(
            _descriptors(allowed), user_verification=UserVerificationRequirement.REQUIRED, challenge=challenge
        )
        return json.dumps(dict(options.public_key))

    def credential_id(self, answer: str) -> bytes:
        """Return the id of the passkey that gave the answer, which is not verified. Raise ``PasskeyRefused``."""
        with _refusing():
            return AuthenticationResponse.from_dict(_decoded(answer)).raw_id

    def verify(self, challenge: bytes, answer: str, credential_id: bytes, public_key: bytes) -> int:
        """Verify that the passkey's owner gave the answer to this challenge. Return its new sign count.

        Raise ``PasskeyRefused``.
        """
        with _refusing():
            key = CoseKey.parse(cast(Mapping[int, Any], cbor.decode(public_key)))
            passkey = AttestedCredentialData.create(Aaguid.NONE, credential_id, key)
            document = _decoded(answer)
            self._server.authenticate_complete(_state(challenge), [passkey], document)
            return AuthenticationResponse.from_dict(document).response.authenticator_data.counter


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what fido2 raises for an answer into ``PasskeyRefused``. Its parsers raise many types for malformed bytes."""
    try:
        yield
    except Exception:
        raise PasskeyRefused(_WRONG) from None


def _decoded(answer: str) -> Mapping[str, Any]:
    """Return the browser's answer as a document. Raise ValueError if it is none."""
    return msgspec.json.decode(answer.encode(), type=dict[str, Any])


def _state(challenge: bytes) -> dict[str, Any]:
    """Return what fido2 wants to know about the begin of a ceremony."""
    return {"challenge": websafe_encode(challenge), "user_verification": UserVerificationRequirement.REQUIRED}


def _descriptors(ids: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor] | None:
    """Return the passkeys as browsers name them. fido2 wants None for none."""
    return [PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=each) for each in ids] or None
