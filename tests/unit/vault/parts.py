"""A key service and a blob store in memory, for the vault's own tests."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from shared.domain.errors import Alarm, Code, EntrakeepError, KeyRefused
from shared.domain.model import Purpose, WrappedKey
from shared.domain.secret import Secret
from shared.ports.keys import Caller, FreshKey, KeyDescription, KeyService, Wrapping
from shared.vault.keyring import DataKey, create_data_key
from shared.vault.leases import Lease, LeaseOwner

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"
TENANT, OTHER, JOB = "tenant-a", "tenant-b", "job-1"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Owner(LeaseOwner):
    """Records the calls of its lease. Each refusal counts."""

    def __init__(self) -> None:
        self.refusals: list[KeyRefused] = []
        self.threads: set[str] = set()
        """Names of the threads that call ``move_keys``."""

    def record_refusal(self, refusal: KeyRefused) -> None:
        self.refusals.append(refusal)

    def move_keys(self, lease: Lease) -> None:
        self.threads.add(threading.current_thread().name)

    def confirm_refusal(self, lease: Lease, wrapped: WrappedKey) -> bool:
        return True


def lease_of(
    keys: KeyService, probe: WrappedKey | None, seconds: float = 60.0, owner: LeaseOwner | None = None
) -> Lease:
    """Return a lease that has not started."""
    return Lease(keys, ARN, probe, owner or Owner(), seconds=seconds, now=time.monotonic)


class MemoryKeys:
    """Wraps data keys by remembering them, and raises ``trouble`` while that is set.

    ``tests/contract/test_key_services.py`` checks the contract of key services.
    """

    def __init__(self) -> None:
        self.trouble: EntrakeepError | None = None
        self.refusing: dict[str, EntrakeepError] = {}
        """The error for every call that names a key."""
        self.described: dict[str, KeyDescription] = {}
        self.call_count = 0
        self._wrapped: dict[bytes, tuple[bytes, str, dict[str, str]]] = {}
        self.blocked = threading.Event()
        """Set once a call hangs."""
        self._hanging: tuple[bytes | None, threading.Event] | None = None

    def copy(self) -> "MemoryKeys":
        """Return a service that opens what this one has wrapped."""
        other = MemoryKeys()
        other._wrapped = dict(self._wrapped)
        return other

    def hang(self, wrapped: bytes | None = None) -> threading.Event:
        """Block every ``decrypt`` (of this wrapped key) until the event is set."""
        self._hanging = wrapped, threading.Event()
        return self._hanging[1]

    def generate(self, arn: str, context: dict[str, str]) -> FreshKey:
        self._answer(arn)
        key, wrapped = os.urandom(32), os.urandom(60)
        self._wrapped[wrapped] = (key, arn, dict(context))
        return FreshKey(Secret(key), wrapped, arn)

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        if self._hanging is not None and self._hanging[0] in (None, wrapped):
            self.blocked.set()
            self._hanging[1].wait(30)
        self._answer(arn)
        return Secret(self._opened(arn, wrapped, context, data_key_id))

    def reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], to_arn: str, data_key_id: str) -> Wrapping:
        self._answer(arn)
        self._answer(to_arn)
        anew = os.urandom(60)
        self._wrapped[anew] = (self._opened(arn, wrapped, context, data_key_id), to_arn, dict(context))
        return Wrapping(anew, to_arn)

    def describe(self, arn: str) -> KeyDescription:
        self._answer(arn)
        usual = KeyDescription(
            arn=arn,
            state="Enabled",
            manager="CUSTOMER",
            spec="SYMMETRIC_DEFAULT",
            usage="ENCRYPT_DECRYPT",
            origin="AWS_KMS",
        )
        return self.described.get(arn, usual)

    def probe(self, arn: str, context: dict[str, str]) -> None:
        self._answer(arn)

    def probe_reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> None:
        self._answer(arn)

    def caller(self) -> Caller:
        if self.trouble is not None:
            raise self.trouble
        return Caller("111122223333", "arn:aws:iam::111122223333:role/worker")

    def _opened(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> bytes:
        key, *bound = self._wrapped.get(wrapped, (b"", "", {}))
        if bound != [arn, context]:
            raise Alarm(Code.BLOB_DAMAGED, "The wrapped key belongs elsewhere.", data_key_id)
        return key

    def _answer(self, arn: str) -> None:
        self.call_count += 1
        trouble = self.trouble or self.refusing.get(arn)
        if trouble is not None:
            raise trouble


class MemoryStore:
    """Blobs in a dictionary. ``tests/contract/test_blob_store.py`` checks the contract of stores."""

    place = "memory:"
    near = False

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def put(self, name: str, data: bytes) -> None:
        self.blobs[name] = data

    def put_new(self, name: str, data: bytes) -> bool:
        with self._lock:
            if name in self.blobs:
                return False
            self.blobs[name] = data
            return True

    def prove(self, name: str, data: bytes) -> None:
        self.put_new(name, data)

    def get(self, name: str) -> bytes | None:
        return self.blobs.get(name)

    def delete(self, name: str) -> None:
        self.blobs.pop(name, None)

    def erase(self, name: str) -> None:
        self.delete(name)

    def locked_until(self, name: str) -> None: ...

    def names(self, prefix: str, *, deleted: bool = False) -> Iterator[str]:
        return iter(sorted(name for name in self.blobs if name.startswith(prefix)))

    def folders(self, prefix: str) -> list[str]:
        below = {name.removeprefix(prefix).partition("/") for name in self.names(prefix)}
        return sorted({folder for folder, slash, _ in below if slash})


def new_data_key(keys: MemoryKeys, store: MemoryStore, purpose: Purpose = Purpose.BACKUP) -> tuple[DataKey, WrappedKey]:
    return create_data_key(keys, store, TENANT, ARN, purpose, 1, NOW, JOB)
