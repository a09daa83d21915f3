"""An authenticator with the browser before it: makes passkeys and signs challenges as W3C Web Authentication says."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

FLAG = AuthenticatorData.FLAG


@dataclass
class Authenticator:
    """One authenticator at one page. Fields are changed by tests to lie."""

    origin: str
    verifies: bool = True
    """Whether it asks for a PIN or a fingerprint."""
    site: str | None = None
    """The site that it signs for; None takes the page's, as browsers do."""
    passkeys: dict[bytes, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    count: int = 0

    def create(self, options: str) -> str:
        """Do ``navigator.credentials.create`` and return its answer as JSON."""
        asked = json.loads(options)
        credential_id, key = os.urandom(32), ec.generate_private_key(ec.SECP256R1())
        self.passkeys[credential_id] = key
        public = AttestedCredentialData.create(
            Aaguid(b"model-of-a-test!"), credential_id, ES256.from_cryptography_key(key.public_key())
        )
        made = AttestationObject.create("none", self._data(asked["rp"]["id"], public), {})
        response = {"clientDataJSON": self._client("webauthn.create", asked), "attestationObject": made}
        return self._answer(credential_id, response)

    def get(self, options: str, credential_id: bytes | None = None) -> str:
        """Do ``navigator.credentials.get`` with one of the passkeys and return its answer as JSON."""
        asked = json.loads(options)
        credential_id = credential_id or next(iter(self.passkeys))
        data, client = self._data(asked["rpId"], None), self._client("webauthn.get", asked)
        signature = self.passkeys[credential_id].sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            credential_id, {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        )

    def _data(self, site: str, public: AttestedCredentialData | None) -> AuthenticatorData:
        self.count += 1
        flags = FLAG.UP | (FLAG.UV if self.verifies else 0) | (FLAG.AT if public else 0)
        digest = hashlib.sha256((self.site or site).encode()).digest()
        return AuthenticatorData.create(digest, flags, self.count, public or b"")

    def _client(self, kind: str, asked: dict[str, Any]) -> CollectedClientData:
        return CollectedClientData.create(kind, websafe_decode(asked["challenge"]), self.origin)

    def _answer(self, credential_id: bytes, response: dict[str, bytes]) -> str:
        name = websafe_encode(credential_id)
        encoded = {key: websafe_encode(value) for key, value in response.items()}
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "response": encoded, "clientExtensionResults": {}}
        )
