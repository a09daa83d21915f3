"""Sealing under key material, as in KMS: AES-256-GCM, with the material and the encryption context authenticated.

A sealed blob is `version (1) | material id (16) | generation (2) | nonce (12) | ciphertext and tag`. The format is the
simulator's own, since AWS does not publish its format.
"""

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = 1
_HEAD = struct.Struct(">B16sH")
_NONCE = 12
_TAG = 16


class NotSealed(Exception):
    """The bytes are not a blob of this simulator, were changed, or were sealed under another encryption context."""


@dataclass
class Material:
    """Key material with all its generations. Related multi-Region keys share one instance."""

    id: bytes = field(default_factory=lambda: os.urandom(16))
    secrets: list[bytes] = field(default_factory=lambda: [os.urandom(32)], repr=False)

    def rotate(self) -> None:
        """Add a generation, which seals from now on. Blobs of older generations can still be unsealed."""
        self.secrets.append(os.urandom(32))


def seal(material: Material, plaintext: bytes, context: Mapping[str, str]) -> bytes:
    """Return `plaintext` sealed under the newest generation."""
    generation = len(material.secrets) - 1
    head = _HEAD.pack(_VERSION, material.id, generation)
    nonce = os.urandom(_NONCE)
    return (
        head + nonce + AESGCM(material.secrets[generation]).encrypt(nonce, plaintext, head + _encoded_context(context))
    )


def material_id(blob: bytes) -> bytes:
    """Return the id of the material that a blob names in its header. Raises NotSealed."""
    if len(blob) < _HEAD.size + _NONCE + _TAG or blob[0] != _VERSION:
        raise NotSealed
    return blob[1:17]


def unseal(material: Material, blob: bytes, context: Mapping[str, str]) -> bytes:
    """Return the plaintext of a blob. Raises NotSealed if material or context is wrong, or the blob was changed."""
    if material_id(blob) != material.id:
        raise NotSealed
    head, nonce = blob[: _HEAD.size], blob[_HEAD.size : _HEAD.size + _NONCE]
    generation = _HEAD.unpack(head)[2]
    if generation >= len(material.secrets):
        raise NotSealed
    try:
        secret = material.secrets[generation]
        return AESGCM(secret).decrypt(nonce, blob[_HEAD.size + _NONCE :], head + _encoded_context(context))
    except InvalidTag:
        raise NotSealed from None


def _encoded_context(context: Mapping[str, str]) -> bytes:
    """Encode a context unambiguously: sorted by name, with the length before each name and value."""
    parts = []
    for pair in sorted(context.items()):
        for text in pair:
            raw = text.encode()
            parts.append(struct.pack(">I", len(raw)) + raw)
    return b"".join(parts)
