"""The terms of a tenant's own KMS key: a text with a version, shown whole, and never changed once anybody agreed to it."""

import hashlib
from pathlib import Path

import msgspec


class Terms(msgspec.Struct, frozen=True):
    """The text as it is shown; ``sha256`` is that of its UTF-8."""

    version: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


VERSION = "1"


def present_terms() -> Terms:
    """Those that are to be agreed to now. A new wording is a new file under a new version."""
    return Terms(VERSION, (Path(__file__).parent / f"terms-{VERSION}.txt").read_text(encoding="utf-8"))
