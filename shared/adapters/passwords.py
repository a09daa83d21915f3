"""Hash passwords and one-time codes with argon2-cffi (Argon2id; RFC 9106, second recommended option)."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from shared.domain.limits import LIMITS


class Argon2Passwords:
    """Argon2id. Few hashes are computed at the same time, because each takes 64 MiB."""

    def __init__(self) -> None:
        """Use the library's recommended costs."""
        self._hasher = PasswordHasher()
        self._slots = threading.BoundedSemaphore(LIMITS.hashes_at_once)

    def hash(self, text: str) -> str:
        """Return the hash to store."""
        with self._slots:
            return self._hasher.hash(_bytes(text))

    def verify(self, hash: str, text: str) -> bool:
        """Return True if ``text`` is what was hashed. Where there is no hash, compute one to take as long."""
        try:
            with self._slots:
                return self._hasher.verify(hash, _bytes(text))
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError):
            self.hash(text)
            return False


def _bytes(text: str) -> bytes:
    """Return what to hash: also for a form's bytes that are not UTF-8, which are decoded to lone surrogates."""
    return text.encode(errors="surrogatepass")
