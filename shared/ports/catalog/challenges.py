"""Challenges: each is sent to one browser and answered by it once, at an authenticator or at a sign-in provider.

SQL has the SHA-256 alone of what the browser has, from which the values of the challenge are derived.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol


class Challenges(Protocol):
    """The challenges of all browsers."""

    def keep(self, hash: str, purpose: str, detail: Mapping[str, str], lasts: timedelta) -> None:
        """Store a challenge for one purpose, with what its answer needs. Remove those that have expired."""

    def take(self, hash: str, purpose: str) -> dict[str, str] | None:
        """Remove the challenge and return its detail; None if it was taken, has expired or has another purpose.

        Of concurrent calls one gets the detail.
        """
