"""Sealing under key material, as KMS does it: AES-256-GCM, bound to the material and to the encryption context.

A sealed blob is `version (1) | material id (16) | generation (2) | nonce (12) | ciphertext and tag`. The format is the
simulator's own: what AWS puts into a blob is not published.
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
    """The bytes are no blob of ours, were changed, or were sealed under another encryption context."""


@dataclass
class Material:
    """Key material with every generation it ever had; related multi-Region keys share one."""

    id: bytes = field(default_factory=lambda: os.urandom(16))
    secrets: list[bytes] = field(default_factory=lambda: [os.urandom(32)], repr=False)

    def rotate(self) -> None:
        """Seal under new material from now on; what older generations sealed still opens."""
        self.secrets.append(os.urandom(32))


def seal(material: Material, plaintext: bytes, context: Mapping[str, str]) -> bytes:
    """Return the blob of `plaintext` under the newest generation."""
    generation = len(material.secrets) - 1
    head = _HEAD.pack(_VERSION, material.id, generation)
    nonce = os.urandom(_NONCE)
    return head + nonce + AESGCM(material.secrets[generation]).encrypt(nonce, plaintext, head + _bound(context))


def material_id(blob: bytes) -> bytes:
    """Return which material a blob says it was sealed under. Raises NotSealed."""
    if len(blob) < _HEAD.size + _NONCE + _TAG or blob[0] != _VERSION:
        raise NotSealed
    return blob[1:17]


def unseal(material: Material, blob: bytes, context: Mapping[str, str]) -> bytes:
    """Return the plaintext of a blob. Raises NotSealed."""
    if material_id(blob) != material.id:
        raise NotSealed
    head, nonce = blob[: _HEAD.size], blob[_HEAD.size : _HEAD.size + _NONCE]
    generation = _HEAD.unpack(head)[2]
    if generation >= len(material.secrets):
        raise NotSealed
    try:
        secret = material.secrets[generation]
        return AESGCM(secret).decrypt(nonce, blob[_HEAD.size + _NONCE :], head + _bound(context))
    except InvalidTag:
        raise NotSealed from None


def _bound(context: Mapping[str, str]) -> bytes:
    """Return the context as bytes: order does not matter, every border does."""
    parts = []
    for pair in sorted(context.items()):
        for text in pair:
            raw = text.encode()
            parts.append(struct.pack(">I", len(raw)) + raw)
    return b"".join(parts)
