"""Read an application's credential from a file, never from the command line, where other users could see it.

As ssh does with private keys, a file of this user that others may read is refused. A file of another user is accepted,
because this user cannot change it: secrets that Docker or Kubernetes mounts belong to root.
"""

import codecs
import os
import stat
from pathlib import Path

from shared.domain.errors import Code, Refuse
from shared.domain.model import CredentialKind
from shared.domain.secret import Secret

_LONGEST = {CredentialKind.SECRET: 4096, CredentialKind.CERTIFICATE: 65536}
"""The longest files, in bytes. Entra's secrets have about 40."""
_EXPECTED = {
    CredentialKind.SECRET: "give a file with the secret alone",
    CredentialKind.CERTIFICATE: "give a PEM file with a certificate and its private key, not encrypted",
}


def read_credential(
    secret_file: Path | None, certificate: Path | None, prefix: str = ""
) -> tuple[CredentialKind, Secret]:
    """Return the credential whose file is given. Raise Refuse ``WRONG_USE``; its message never quotes the file.

    ``prefix`` begins the names of both options.
    """
    if (secret_file is None) == (certificate is None):
        raise Refuse(Code.WRONG_USE, f"Give either --{prefix}client-secret-file or --{prefix}certificate.")
    if certificate is not None:
        return CredentialKind.CERTIFICATE, _certificate(certificate)
    assert secret_file is not None
    return CredentialKind.SECRET, _secret(secret_file)


def _secret(file: Path) -> Secret:
    """Return the file's only line without its line break. Entra creates no secret with blanks in it."""
    kind = CredentialKind.SECRET
    text = _read(file, kind)
    if text.startswith(codecs.BOM_UTF8):
        raise _wrong(file, "begins with a byte order mark: save it as UTF-8 without one", kind)
    secret = text.removesuffix(b"\n").removesuffix(b"\r")
    if not secret.strip():
        raise _wrong(file, "is empty", kind)
    if len(text) > _LONGEST[kind] or b"\n" in secret or b"\r" in secret:
        raise _wrong(file, "holds more than one line with a client secret", kind)
    try:
        word = secret.decode()
    except UnicodeDecodeError:
        raise _wrong(file, "is not UTF-8", kind) from None
    if word != word.strip():
        raise _wrong(file, "has blanks before or after the secret: remove them", kind)
    return Secret(secret)


def _certificate(file: Path) -> Secret:
    """Return the file's content after basic checks. Whether certificate and key match is checked by the sign-in."""
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
    """Return the file's content, at most one byte more than allowed. Raise Refuse if it cannot be used."""
    try:
        with file.open("rb") as opened:
            _refuse_shared(file, opened.fileno())
            text = opened.read(_LONGEST[kind] + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a valid file name"
        raise _wrong(file, f"cannot be read: {reason}", kind) from None
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _wrong(file, "is UTF-16, which PowerShell's '>' writes: save it as UTF-8", kind)
    return text


def _refuse_shared(file: Path, descriptor: int) -> None:
    """Raise Refuse if users other than this file's owner may read or change it. A pipe has no other readers."""
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_mode & 0o077:
        sentence = f"Other users may read or change the file {file}: run 'chmod 600 {file}', then try again."
        raise Refuse(Code.WRONG_USE, sentence)


def _wrong(file: Path, reason: str, kind: CredentialKind) -> Refuse:
    """Return the refusal of a file, with the reason and what the option takes."""
    return Refuse(Code.WRONG_USE, f"The file {file} {reason}; {_EXPECTED[kind]}.")
