"""The terms of a tenant's own KMS key: a text with a version, shown whole, and never changed once anybody accepted it."""

import hashlib
from pathlib import Path

import msgspec


class Terms(msgspec.Struct, frozen=True):
    """The terms in one version."""

    version: str
    """The version's number."""
    text: str
    """The text as it is shown."""

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the text in UTF-8, as hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()


VERSION = "2"
"""The version to accept now. The texts of earlier versions stay, because tenants accepted them."""


def present_terms() -> Terms:
    """Return the terms to accept now. A new wording is a new file with a new version."""
    return Terms(VERSION, (Path(__file__).parent / f"terms-{VERSION}.txt").read_text(encoding="utf-8"))
