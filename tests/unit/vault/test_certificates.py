"""A certificate says when it expires."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.vault.certificates import not_after

END = datetime(2027, 1, 31, 8, 0, 5, tzinfo=UTC)


def certificate(end: datetime) -> bytes:
    """Return a private key and its certificate as one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "entrakeep")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(end - timedelta(days=365))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def test_the_first_certificate_of_a_file_determines_when_it_expires() -> None:
    assert not_after(certificate(END) + certificate(END + timedelta(days=9))) == END


def test_an_unreadable_certificate_has_no_known_expiry() -> None:
    assert not_after(b"-----BEGIN CERTIFICATE-----\nCANARY\n-----END CERTIFICATE-----\n") is None
    assert not_after(b"") is None
