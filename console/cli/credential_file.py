"""Reading what an application proves itself with from a file, never from the command line, where others could see it.

As ssh does with a private key, a file of this user's that others may read is refused. A file of another user's is taken as it
is, because this user cannot change it: secrets that Docker or Kubernetes mounts belong to root.
"""

import codecs
import os
import stat
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
    """The file's one line, without its last line break. Entra makes no secret with blanks in it."""
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
        raise _wrong(file, "has blanks before or behind the secret: take them out", kind)
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
            _refuse_shared(file, opened.fileno())
            text = opened.read(_LONGEST[kind] + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not the name of a file"
        raise _wrong(file, f"cannot be read: {reason}", kind) from None
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _wrong(file, "is UTF-16, as PowerShell writes it by '>': save it as UTF-8", kind)
    return text


def _refuse_shared(file: Path, descriptor: int) -> None:
    """Raise Refuse if users other than this file's owner may read it. A pipe is nobody else's to read."""
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_mode & 0o077:
        sentence = f"Other users may read or change the file {file}: say 'chmod 600 {file}', then try again."
        raise Refuse(Code.WRONG_USE, sentence)


def _wrong(file: Path, reason: str, kind: CredentialKind) -> Refuse:
    return Refuse(Code.WRONG_USE, f"The file {file} {reason}; {_OPTIONS[kind]}.")
