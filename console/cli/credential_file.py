"""Reading what an application proves itself with from a file, never from the command line, where others could see it."""

from pathlib import Path

from shared.domain.errors import Code, Refuse
from shared.domain.model import CredentialKind
from shared.domain.secret import Secret

_LONGEST = {CredentialKind.SECRET: 4096, CredentialKind.CERTIFICATE: 65536}
"""Bytes; Entra's secrets are about 40."""
_OPTIONS = {
    CredentialKind.SECRET: "--client-secret-file takes a file with the secret alone",
    CredentialKind.CERTIFICATE: "--certificate takes a PEM file with a certificate and its private key, not encrypted",
}


def read_credential(secret_file: Path | None, certificate: Path | None) -> tuple[CredentialKind, Secret]:
    """The one that is given. Raises Refuse ``WRONG_USE``, which never repeats what a file holds."""
    if (secret_file is None) == (certificate is None):
        raise Refuse(Code.WRONG_USE, "Give either --client-secret-file or --certificate.")
    if certificate is not None:
        return CredentialKind.CERTIFICATE, _certificate(certificate)
    assert secret_file is not None
    return CredentialKind.SECRET, _secret(secret_file)


def _secret(file: Path) -> Secret:
    """The file's one line, without its last line break."""
    kind = CredentialKind.SECRET
    text = _read(file, kind)
    secret = text.removesuffix(b"\n").removesuffix(b"\r")
    if not secret.strip():
        raise _wrong(file, "is empty", kind)
    if len(text) > _LONGEST[kind] or b"\n" in secret or b"\r" in secret:
        raise _wrong(file, "holds more than one line with a client secret", kind)
    try:
        secret.decode()
    except UnicodeDecodeError:
        raise _wrong(file, "is not UTF-8", kind) from None
    return Secret(secret)


def _certificate(file: Path) -> Secret:
    """The file as it is, once it looks right: whether its parts belong together is told by the sign-in."""
    kind = CredentialKind.CERTIFICATE
    text = _read(file, kind)
    if b"-----BEGIN CERTIFICATE-----" not in text:
        raise _wrong(file, "holds no certificate in PEM", kind)
    if b"ENCRYPTED" in text:
        raise _wrong(file, "holds an encrypted private key", kind)
    if b"PRIVATE KEY-----" not in text:
        raise _wrong(file, "holds no private key", kind)
    if len(text) > _LONGEST[kind]:
        raise _wrong(file, "is too long", kind)
    return Secret(text)


def _read(file: Path, kind: CredentialKind) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_LONGEST[kind] + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not the name of a file"
        raise _wrong(file, f"cannot be read: {reason}", kind) from None


def _wrong(file: Path, reason: str, kind: CredentialKind) -> Refuse:
    return Refuse(Code.WRONG_USE, f"The file {file} {reason}; {_OPTIONS[kind]}.")
