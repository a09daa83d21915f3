"""The key that signs ID tokens (RS256), and its public half as a JSON web key (RFC 7515, RFC 7517)."""

import base64
import json
import uuid
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class SigningKey:
    """An RSA key. It is made at its first use, because most simulators sign nobody in."""

    def __init__(self, private: rsa.RSAPrivateKey | None = None, id: str = "") -> None:
        self._given = private
        self.id = id or str(uuid.uuid4())

    @cached_property
    def _private(self) -> rsa.RSAPrivateKey:
        return self._given or rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, claims: dict[str, Any]) -> str:
        """Return a signed JSON web token."""
        text = signed_text({"typ": "JWT", "alg": "RS256", "kid": self.id}, claims)
        return f"{text}.{encoded(self._private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    @property
    def public_pem(self) -> bytes:
        """Return the public key in PEM form."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._private.public_key().public_bytes(serialization.Encoding.PEM, form)

    def web_key(self) -> dict[str, str]:
        """Return the public key as a JSON web key. Microsoft's have no `alg`."""
        numbers = self._private.public_key().public_numbers()
        return {"kty": "RSA", "use": "sig", "kid": self.id, "n": _number(numbers.n), "e": _number(numbers.e)}


def signed_text(header: dict[str, str], claims: dict[str, Any]) -> str:
    """Return the part of a token that its signature covers."""
    return ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))


def encoded(raw: bytes) -> str:
    """Return bytes in base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))
