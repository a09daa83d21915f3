"""Tokens of this process, so that a job does not sign in again with each of its steps. In memory only, and not for long."""

import hashlib
import os
import threading
import time

from shared.ports.directory import Identity


class Tokens:
    """Tokens by the application that they were given to, for all threads. One is kept for ``seconds`` from when it was asked
    for, which is far less than it is good for."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[bytes, tuple[str, float]] = {}
        """Each with the time until which it is kept."""
        self._salt = os.urandom(16)
        self._lock = threading.Lock()

    def name(self, identity: Identity) -> bytes:
        """What the identity's token is kept by: another secret is another name."""
        parts = (identity.directory_id, identity.client_id, identity.kind, identity.secret.reveal().hex())
        return hashlib.blake2b(" ".join(parts).encode(), key=self._salt).digest()

    def get(self, name: bytes) -> str | None:
        """The token, if one is kept."""
        with self._lock:
            token, until = self._kept.get(name, (None, 0.0))
        return token if time.monotonic() < until else None

    def keep(self, name: bytes, token: str, asked: float) -> None:
        """Keeps a token that was asked for at ``asked``, by the monotonic clock."""
        with self._lock:
            self._kept[name] = token, asked + self._seconds
        passed = threading.Timer(self._seconds, self.forget, (name, token))  # even if nobody asks for it any more
        passed.daemon = True
        passed.start()

    def forget(self, name: bytes, token: str | None) -> None:
        """Drops this token, and none that came in its place meanwhile; None: whichever is kept."""
        with self._lock:
            if name in self._kept and token in (None, self._kept[name][0]):
                del self._kept[name]
