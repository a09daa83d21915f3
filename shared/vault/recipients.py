"""Seal small texts to a public key, so that a process without any key can seal and never open (age-encryption.org/v1).

This module is the one part of the vault that the console's front loads: it needs no data key, and returns none.
"""

import pyrage

from shared.domain.errors import Alarm, Code
from shared.domain.secret import Secret


def new_identity() -> tuple[str, Secret]:
    """Return a new pair of X25519 keys: the public recipient, and the private identity."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity.to_public()), Secret(str(identity).encode())


def recipient_in(identity: Secret) -> str:
    """Return the public recipient of a private identity. Raise Alarm ``BLOB_DAMAGED`` if it is not one."""
    try:
        return str(pyrage.x25519.Identity.from_str(identity.reveal().decode()).to_public())
    except (pyrage.IdentityError, UnicodeDecodeError):
        raise _damaged("The installation's private key is damaged.") from None


def seal_to(recipient: str, plaintext: bytes) -> bytes:
    """Return ``plaintext`` sealed to the recipient. Raise Alarm ``BLOB_DAMAGED`` if the text is not a recipient."""
    try:
        return bytes(pyrage.encrypt(plaintext, [pyrage.x25519.Recipient.from_str(recipient)]))
    except pyrage.RecipientError:
        raise _damaged("The installation's public key was changed in the database.") from None


def open_with(identity: Secret, sealed: bytes) -> bytes:
    """Return what was sealed to the identity's recipient. Raise Alarm ``BLOB_DAMAGED`` if it does not open."""
    try:
        return bytes(pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(identity.reveal().decode())]))
    except (pyrage.DecryptError, pyrage.IdentityError, UnicodeDecodeError):
        raise _damaged("A notice target does not open; remove it and add it again.") from None


def _damaged(sentence: str) -> Alarm:
    return Alarm(Code.BLOB_DAMAGED, sentence, "notice target")
