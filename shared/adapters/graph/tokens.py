"""A cache of this process's tokens, so that a job need not sign in for each of its steps. It is short and in memory only."""

import hashlib
import os
import threading
import time

from shared.ports.directory import Identity


class Tokens:
    """Cached tokens by application, for all threads.

    A token is cached for ``seconds`` after its request, which is far less than its lifetime.
    """

    def __init__(self, seconds: float) -> None:
        """Start with an empty cache."""
        self._seconds = seconds
        self._kept: dict[bytes, tuple[str, float]] = {}
        """Each token with the monotonic time until which it is cached."""
        self._salt = os.urandom(16)
        self._lock = threading.Lock()

    def name(self, identity: Identity) -> bytes:
        """Return the cache key of the identity's token. A different secret gives a different key."""
        parts = (identity.directory_id, identity.client_id, identity.kind, identity.secret.reveal().hex())
        return hashlib.blake2b(" ".join(parts).encode(), key=self._salt).digest()

    def get(self, name: bytes) -> str | None:
        """Return the cached token, or None."""
        with self._lock:
            token, until = self._kept.get(name, (None, 0.0))
        return token if time.monotonic() < until else None

    def keep(self, name: bytes, token: str, requested_at: float) -> None:
        """Cache a token that was requested at ``requested_at`` by the monotonic clock."""
        with self._lock:
            self._kept[name] = token, requested_at + self._seconds
        expiry = threading.Timer(
            self._seconds, self.forget, (name, token)
        )  # also removes a token that is not used again
        expiry.daemon = True
        expiry.start()

    def forget(self, name: bytes, token: str | None) -> None:
        """Remove this token from the cache, but no newer one. None removes any token."""
        with self._lock:
            if name in self._kept and token in (None, self._kept[name][0]):
                del self._kept[name]
