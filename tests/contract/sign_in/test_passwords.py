"""Hashes of passwords and one-time codes."""

import threading
import time
from statistics import median

import pytest
from argon2 import PasswordHasher

from shared.adapters.passwords import Argon2Passwords
from shared.domain.limits import LIMITS

PASSWORDS = Argon2Passwords()


def test_only_the_same_text_verifies() -> None:
    hashed = PASSWORDS.hash("correct horse")
    assert hashed.startswith("$argon2id$")
    assert "correct" not in hashed
    assert PASSWORDS.hash("correct horse") != hashed
    assert PASSWORDS.verify(hashed, "correct horse")
    for text in ("Correct horse", "correct horse\0"):
        assert not PASSWORDS.verify(hashed, text)


def test_text_that_is_not_unicode_is_hashed_too() -> None:
    hashed = PASSWORDS.hash("\ud800")
    assert PASSWORDS.verify(hashed, "\ud800")
    assert not PASSWORDS.verify(hashed, "?")


@pytest.mark.parametrize("hashed", ["", "!", "$argon2id$v=19$m=1", "$2b$12$abcdefghijklmnopqrstuv"])
def test_a_text_that_is_no_hash_is_false_after_as_long(hashed: str) -> None:
    passwords = Argon2Passwords()
    passwords._hasher = PasswordHasher(time_cost=2, memory_cost=8192, parallelism=1)
    real = passwords.hash("secret")

    def seconds(against: str) -> float:
        begin = time.perf_counter()
        assert not passwords.verify(against, "guess")
        return time.perf_counter() - begin

    assert median(seconds(hashed) for _ in range(5)) > 0.3 * median(seconds(real) for _ in range(5))


def test_few_hashes_are_computed_at_the_same_time() -> None:
    running, most, lock = 0, 0, threading.Lock()

    class Hasher:
        def hash(self, _: bytes) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.02)
            with lock:
                running -= 1
            return "hash"

    passwords = Argon2Passwords()
    passwords._hasher = Hasher()  # type: ignore[assignment]
    threads = [threading.Thread(target=passwords.hash, args=("a",)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == LIMITS.hashes_at_once
