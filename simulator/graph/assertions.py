"""Client assertions: a JWT signed with a certificate in place of a secret (RFC 7523; Microsoft: "Certificate credentials").

Their times are compared with the real clock: they are the client's, who knows nothing of the simulated one.
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
    """The assertion does not prove who the client is; `code` is the authority's number for why."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def certificate(pem: str) -> x509.Certificate:
    """The first certificate of a PEM text; it must hold an RSA key. ValueError with one sentence if it does not."""
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise ValueError("certificate is no certificate in PEM form") from None
    if not isinstance(found.public_key(), rsa.RSAPublicKey):
        raise ValueError("certificate needs an RSA key")
    return found


def check(assertion: str, known: x509.Certificate, client_id: str, endpoint: str) -> None:
    """Refuses an assertion that this certificate did not sign, for this client and endpoint, for this time."""
    try:
        parts = assertion.split(".")
        header, claims = (json.loads(_decoded(part)) for part in parts[:2])
        signature = _decoded(parts[2])
        begins, ends = int(claims.get("nbf", 0)), int(claims["exp"])
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        raise AssertionRefused(50027, "JWT token is invalid or malformed.") from None
    prints = {_encoded(known.fingerprint(hashes.SHA256())), _encoded(known.fingerprint(hashes.SHA1()))}
    # RFC 7515 leaves the padding out; clients of Microsoft's own send it.
    told = {str(header.get(name)).rstrip("=") for name in ("x5t#S256", "x5t")}
    if not prints & told or not _signed(known, header.get("alg"), signature, ".".join(parts[:2]).encode()):
        raise AssertionRefused(
            700027,
            "The certificate with identifier used to sign the client assertion is not registered on application.",
        )
    if not begins - 300 <= time.time() <= ends:
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
