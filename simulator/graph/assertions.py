"""Client assertions: a JWT signed with a certificate in place of a secret (RFC 7523; Microsoft: "Certificate credentials").

Their times are compared with the real clock, because the client does not know the simulated one.
"""

import base64
import binascii
import json
import time

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class AssertionRefused(Exception):
    """The assertion does not prove the client's identity. `code` is the authority's error number."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def certificate(pem: str) -> x509.Certificate:
    """Return the first certificate of a PEM text. Raises ValueError with a sentence if it has no RSA key."""
    try:
        parsed = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise ValueError("certificate is no certificate in PEM form") from None
    if not isinstance(parsed.public_key(), rsa.RSAPublicKey):
        raise ValueError("certificate needs an RSA key")
    return parsed


def check(assertion: str, known: x509.Certificate, client_id: str, endpoint: str) -> None:
    """Check an assertion: its signature by this certificate, client, endpoint and validity. Raises AssertionRefused."""
    try:
        parts = assertion.split(".")
        header, claims = (json.loads(_decoded(part)) for part in parts[:2])
        signature = _decoded(parts[2])
        not_before, expires = int(claims.get("nbf", 0)), int(claims["exp"])
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        raise AssertionRefused(50027, "JWT token is invalid or malformed.") from None
    known_prints = {_encoded(known.fingerprint(hashes.SHA256())), _encoded(known.fingerprint(hashes.SHA1()))}
    # RFC 7515 omits the padding, but Microsoft's own clients send it.
    sent_prints = {str(header.get(name)).rstrip("=") for name in ("x5t#S256", "x5t")}
    if not known_prints & sent_prints or not _signed(known, header.get("alg"), signature, ".".join(parts[:2]).encode()):
        raise AssertionRefused(
            700027,
            "The certificate with identifier used to sign the client assertion is not registered on application.",
        )
    if not not_before - 300 <= time.time() <= expires:
        raise AssertionRefused(700024, "Client assertion is not within its valid time range.")
    if claims.get("aud") != endpoint or {claims.get("iss"), claims.get("sub")} != {client_id}:
        raise AssertionRefused(700023, "Client assertion audience claim does not match Realm issuer.")


def _signed(known: x509.Certificate, algorithm: object, signature: bytes, text: bytes) -> bool:
    key = known.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or algorithm not in ("PS256", "RS256"):
        return False
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
    try:
        key.verify(signature, text, pss if algorithm == "PS256" else padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
