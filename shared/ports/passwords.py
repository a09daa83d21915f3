"""Hash passwords and one-time codes, slowly on purpose."""

from typing import Protocol


class Passwords(Protocol):
    """A password hash with its own salt and its parameters in the text."""

    def hash(self, text: str) -> str:
        """Return the hash to store."""

    def verify(self, hash: str, text: str) -> bool:
        """Return True if ``text`` is what was hashed. A text that is no hash takes as long, and is False."""
