"""Reading the expiry of a certificate."""

from datetime import datetime

from cryptography import x509


def not_after(pem: bytes) -> datetime | None:
    """Return when the file's first certificate, which signs in, expires, or None if it cannot be read."""
    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError:
        return None
