"""ID tokens that a client must refuse. Tests choose what is wrong with the next ones of a directory."""

import hashlib
import hmac
import uuid
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from simulator.graph.sign_in.signing import SigningKey, encoded, signed_text

Claims = dict[str, Any]
_HOUR = 3600
_OTHER = "99999999-9999-4999-8999-999999999999"


def _expired(claims: Claims) -> Claims:
    return claims | {name: claims[name] - 3 * _HOUR for name in ("iat", "nbf", "exp")}


def _not_yet_valid(claims: Claims) -> Claims:
    return claims | {name: claims[name] + 3 * _HOUR for name in ("iat", "nbf", "exp")}


def _other_tenant(claims: Claims) -> Claims:
    return claims | {"tid": _OTHER, "iss": claims["iss"].replace(claims["tid"], _OTHER)}


_WRONG_CLAIMS: dict[str, Callable[[Claims], Claims]] = {
    "issuer": lambda claims: claims | {"iss": f"https://issuer.invalid/{claims['tid']}/v2.0"},
    "audience": lambda claims: claims | {"aud": str(uuid.uuid4())},
    "nonce": lambda claims: claims | {"nonce": "another"},
    "no-nonce": lambda claims: {name: value for name, value in claims.items() if name != "nonce"},
    "expired": _expired,
    "not-yet-valid": _not_yet_valid,
    "other-tenant": _other_tenant,
    "no-oid": lambda claims: {name: value for name, value in claims.items() if name != "oid"},
    "old-sign-in": lambda claims: claims | {"auth_time": claims["iat"] - _HOUR},
}
_WRONG_SIGNATURES = ("key", "unknown-key", "none", "hs256")
KINDS = (*_WRONG_CLAIMS, *_WRONG_SIGNATURES)


class BadTokens:
    """What is wrong with the next ID tokens of a directory, in order."""

    def __init__(self) -> None:
        self._next: list[str] = []

    def add(self, fields: dict[str, object]) -> None:
        """Make one more token bad. Raises ValueError with a sentence."""
        kind, times = fields.get("bad"), fields.get("times", 1)
        if set(fields) - {"bad", "times"} or kind not in KINDS:
            raise ValueError(f"bad is one of {', '.join(KINDS)}")
        if isinstance(times, bool) or not isinstance(times, int) or times < 1:
            raise ValueError("times is a whole number above zero")
        self._next += [str(kind)] * times

    def document(self) -> list[str]:
        """Return what is still to come."""
        return self._next

    def token(self, key: SigningKey, claims: Claims) -> str:
        """Return a token with these claims, signed by the key, or a bad one in its place."""
        kind = self._next.pop(0) if self._next else ""
        if kind in _WRONG_SIGNATURES:
            return _wrongly_signed(kind, key, claims)
        return key.token(_WRONG_CLAIMS[kind](claims) if kind else claims)


def _wrongly_signed(kind: str, key: SigningKey, claims: Claims) -> str:
    """Return a token whose signature is missing, or by a key that a client must not accept."""
    if kind == "none":
        return f"{signed_text({'typ': 'JWT', 'alg': 'none'}, claims)}."
    if kind == "hs256":
        text = signed_text({"typ": "JWT", "alg": "HS256", "kid": key.id}, claims)
        return f"{text}.{encoded(hmac.digest(key.public_pem, text.encode(), hashlib.sha256))}"
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return SigningKey(stranger, id=key.id if kind == "key" else str(uuid.uuid4())).token(claims)
