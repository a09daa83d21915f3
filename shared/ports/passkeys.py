"""Passkeys: proofs of a person by a key in an authenticator (W3C Web Authentication, level 3).

A ceremony begins with options for the browser and ends with the browser's answer, both JSON. The caller makes the
challenge and accepts it once.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class NewPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """The public half of a passkey that an authenticator has just made, which is all that the server stores."""

    credential_id: bytes
    public_key: bytes
    """The COSE key (RFC 9052)."""
    sign_count: int
    """How often the authenticator has signed with it; 0 where it does not count."""
    aaguid: bytes
    """The model of the authenticator; zeros if unknown."""


class PasskeyRefused(Exception):
    """The answer proves nothing. The text is our own sentence for the person, never the browser's."""


class Passkeys(Protocol):
    """The server's side of passkeys. No method blocks; each may be called from any thread."""

    @property
    def unavailable(self) -> str | None:
        """Return why passkeys do not work at this address, in a sentence, or None if they do."""

    def creation_options(self, challenge: bytes, person: bytes, handle: str, known: Sequence[bytes]) -> str:
        """Return the options for ``navigator.credentials.create`` as JSON.

        - ``person``: an id of the person without meaning, at most 64 bytes.
        - ``known``: ids of the person's passkeys, so that one authenticator is not added twice.
        """

    def created(self, challenge: bytes, answer: str) -> NewPasskey:
        """Return the new passkey in the browser's answer. Raise ``PasskeyRefused``."""

    def request_options(self, challenge: bytes, allowed: Sequence[bytes]) -> str:
        """Return the options for ``navigator.credentials.get`` as JSON.

        ``allowed`` are ids of passkeys that may answer; none means that any passkey of this site may.
        """

    def credential_id(self, answer: str) -> bytes:
        """Return the id of the passkey that gave the answer, which is not verified. Raise ``PasskeyRefused``."""

    def verify(self, challenge: bytes, answer: str, credential_id: bytes, public_key: bytes) -> int:
        """Verify that the passkey's owner gave the answer to this challenge. Return its new sign count.

        Raise ``PasskeyRefused``.
        """
