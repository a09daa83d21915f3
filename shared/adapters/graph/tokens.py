"""A cache of this process's tokens, so that a job need not sign in for each of its steps. It is short and in memory only."""

import hashlib
import os
import threading
import time

from shared.domain.deadline import Deadline
from shared.ports.directory import Identity


class Tokens:
    """Cached tokens by application, for all threads.

    A token is cached for ``seconds`` after its request, which is far less than its lifetime.
    """

    def __init__(self, seconds: float) -> None:
        """Start with an empty cache."""
        self._seconds = seconds
        self._kept: dict[bytes, tuple[str, Deadline]] = {}
        """Each token, and when it expires."""
        self._salt = os.urandom(16)
        self._lock = threading.Lock()

    def name(self, identity: Identity) -> bytes:
        """Return the cache key of the identity's token. A different secret gives a different key."""
        parts = (identity.directory_id, identity.client_id, identity.kind, identity.secret.reveal().hex())
        return hashlib.blake2b(" ".join(parts).encode(), key=self._salt).digest()

    def get(self, name: bytes) -> str | None:
        """Return the cached token, or None."""
        with self._lock:
            token, expiry = self._kept.get(name, (None, None))
        return None if expiry is None or expiry.over else token

    def expiry(self) -> Deadline:
        """Return when a token that is requested now expires."""
        return Deadline(self._seconds, time.monotonic)

    def keep(self, name: bytes, token: str, expiry: Deadline) -> None:
        """Cache a token until ``expiry``."""
        with self._lock:
            self._kept[name] = token, expiry
        # A timer also removes a token that is not used again.
        timer = threading.Timer(self._seconds, self.forget, (name, token))
        timer.daemon = True
        timer.start()

    def forget(self, name: bytes, token: str | None) -> None:
        """Remove this token from the cache, but no newer one. None removes any token."""
        with self._lock:
            if name in self._kept and token in (None, self._kept[name][0]):
                del self._kept[name]
