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
        self._salt = os.urandom(16)
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None

    def name(self, identity: Identity) -> bytes:
        """What the identity's token is kept by: another secret is another name."""
        parts = (identity.directory_id, identity.client_id, identity.kind, identity.secret.reveal().hex())
        return hashlib.blake2b(" ".join(parts).encode(), key=self._salt).digest()

    def get(self, name: bytes) -> str | None:
        """The token, if one is kept."""
        with self._lock:
            self._let_go()
            return self._kept[name][0] if name in self._kept else None

    def keep(self, name: bytes, token: str, asked: float) -> None:
        """Keeps a token that was asked for at ``asked``, by the monotonic clock."""
        with self._lock:
            self._kept[name] = token, asked
            self._let_go_in_time()

    def forget(self, name: bytes, token: str | None) -> None:
        """Drops this token, and none that came in its place meanwhile; None: whichever is kept."""
        with self._lock:
            if name in self._kept and token in (None, self._kept[name][0]):
                del self._kept[name]

    def _let_go(self) -> None:
        now = time.monotonic()
        self._kept = {name: kept for name, kept in self._kept.items() if now < kept[1] + self._seconds}

    def _let_go_in_time(self) -> None:
        """Even of a token that nobody asks for any more."""
        if self._kept and self._timer is None:
            self._timer = threading.Timer(self._seconds, self._passed)
            self._timer.daemon = True
            self._timer.start()

    def _passed(self) -> None:
        with self._lock:
            self._timer = None
            self._let_go()
            self._let_go_in_time()
