"""Sealer: seals to the installation's public key. It cannot open anything, so a process without keys may have it."""

from typing import Protocol


class Sealer(Protocol):
    """The public half of the installation's keys."""

    def __call__(self, recipient: str, plaintext: bytes) -> bytes:
        """Return ``plaintext`` sealed to the recipient. Raise Alarm ``BLOB_DAMAGED`` if SQL has no usable recipient."""
