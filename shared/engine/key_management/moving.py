"""Data keys wrapped anew, one by one, by the tenant's present KMS key: no data key leaves KMS by it.

Order of writes: KMS wraps, the wrapping is opened to prove it, the key object is stored and read back, then the row. A crash
leaves a key object that the next try finds, or that nobody names.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from shared.domain.errors import Alarm, Code, KeyRefused
from shared.domain.model import Tenant, WrappedKey
from shared.engine.patience import patiently, seconds_since
from shared.engine.trust import Trust
from shared.engine.work import StepTired, Work
from shared.ports.catalog import Keys
from shared.vault.keyring import encode_key_object, read_key_object, unwrap
from shared.vault.names import key_object_blob

_T = TypeVar("_T")
_TELL_EVERY = 1.0
"""Seconds between two writes of how far it has come."""


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A data key, or a key object, that could not be moved: ``reason`` is a code."""

    blob: str
    reason: Code


class Told(msgspec.Struct, kw_only=True):
    """How far a change of key has come: the detail of its job."""

    arn: str
    before: str | None = None
    """The ARN of the key before the switch."""
    moved: int = 0
    to_move: int = 0
    snapshots: list[str] = []
    """Those that need a data key which could not be moved."""
    left: list[Left] = []
    forgotten: int = 0
    """Older generations whose rows this job has deleted, or is about to."""
    database: str | None = None
    """What the database's own files may still hold of them, in a sentence."""
    proved: dict[str, str] = {}
    """Parts of the key objects that were proved, by the first digits of the data key's id, with the hash of their names."""


def known_still(keys: Keys, data_key_id: str) -> WrappedKey | None:
    """The data key in its newest generation; None if it was swept meanwhile, with its job."""
    try:
        return keys.get(data_key_id)
    except Alarm:
        return None


class Moving:
    """The moves of one tenant's data keys within one step."""

    def __init__(self, work: Work, tenant: Tenant, told: Told) -> None:
        self.work, self.tenant, self.told = work, tenant, told
        self.refused: dict[str, KeyRefused] = {}
        """Keys that give nothing away."""
        self.forgotten: set[bytes] = set()
        """Wrappings whose rows were deleted since this step began."""
        self.trust = Trust(work.context, work.catalog, frozenset({told.before} if told.before else ()))
        self._tired_at = time.monotonic() + work.context.limits.step_seconds
        self._tell_at = 0.0
        self._allowed: set[str] = set()

    def move_all(self) -> None:
        """Moves what SQL names under another key. What cannot be moved is noted, in ``told`` and ``refused``.

        Raises KeyRefused if the tenant's present key is refused, StepTired, and what the store and SQL raise.
        """
        keys = self.work.catalog.keys
        waiting = self.work.catalog.customer_keys.to_move()
        self.told.to_move = len(waiting)
        for n, data_key_id in enumerate(waiting, 1):
            self.work.hold.check()
            key = known_still(keys, data_key_id)
            if key is None or key.arn == self.tenant.key_arn or key.arn in self.refused:
                continue
            try:
                self._move(key)
            except Alarm as alarm:
                self.told.left.append(Left(blob=alarm.blob, reason=alarm.code))
            except KeyRefused as refusal:
                self.note(refusal)
            else:
                self.told.to_move = len(waiting) - n
                self.rest()
        self.told.to_move = len(self.work.catalog.customer_keys.to_move())

    def wrapped_anew(self, key: WrappedKey) -> WrappedKey:
        """The data key's next generation, its key object stored. One that a crash has left is taken if it is fit.

        Raises KeyRefused naming the key that is refused, and Alarm if the data key is not what it should be.
        """
        store, number = self.work.context.store, key.generation + 1
        while True:
            blob = key_object_blob(self.tenant.tenant_id, key.data_key_id, number)
            stored = read_key_object(store, self.tenant.tenant_id, blob)
            newer = stored or self._anew(key, number)
            if newer.arn == self.tenant.key_arn and newer.key_epoch == self.tenant.key_epoch:
                self._patiently(lambda newer=newer: unwrap(self.work.context.keys, newer).drop())  # type: ignore[misc]
                if stored is not None or store.put_new(blob, encode_key_object(self.tenant.tenant_id, newer)):
                    return self._read_back(blob, newer)
            else:
                number += 1  # left by a change to another key that was never finished

    def note(self, refusal: KeyRefused) -> None:
        """A refusal is remembered. Raises it if it is the tenant's present key: then nothing can go on."""
        self.work.catalog.keys.refuse(refusal.arn, refusal.message, ago=seconds_since(refusal.begun))
        if refusal.arn == self.tenant.key_arn:
            raise refusal
        self.refused[refusal.arn] = refusal

    def rest(self) -> None:
        """After each thing that was done: tells how far it has come. Raises what ended the claim, and StepTired.

        A step is tired behind what it has done, and never before: so each time it comes on, however slow KMS and store are.
        """
        self.work.hold.check()
        tired = time.monotonic() >= self._tired_at
        if tired or time.monotonic() >= self._tell_at:
            self.work.catalog.claims.tell(self.work.claim, msgspec.to_builtins(self.told), progress=True)
            self._tell_at = time.monotonic() + _TELL_EVERY
        if tired:
            raise StepTired

    def _move(self, key: WrappedKey) -> None:
        newer = self.wrapped_anew(key)
        self._answered(key.arn)
        self.work.context.at("key-rewrapped")
        if not self.work.catalog.customer_keys.moved(self.work.claim, newer):
            # Swept meanwhile with its job.
            self.work.context.store.erase(key_object_blob(self.tenant.tenant_id, newer.data_key_id, newer.generation))
            return
        self.told.moved += 1
        self.work.context.at("key-moved")

    def _answered(self, arn: str) -> None:
        """Both keys may be used: refusals of them, remembered from before, are forgotten."""
        for each in {arn, self.tenant.key_arn} - self._allowed:
            self.work.catalog.keys.allow(each)
            self._allowed.add(each)

    def _anew(self, key: WrappedKey, number: int) -> WrappedKey:
        keys, to_arn = self.work.context.keys, self.tenant.key_arn
        wrapping = self._patiently(lambda: keys.reencrypt(key.arn, key.wrapped, key.context, to_arn, key.data_key_id))
        return msgspec.structs.replace(
            key, arn=wrapping.arn, wrapped=wrapping.wrapped, generation=number, key_epoch=self.tenant.key_epoch
        )

    def _read_back(self, blob: str, newer: WrappedKey) -> WrappedKey:
        if read_key_object(self.work.context.store, self.tenant.tenant_id, blob) != newer:
            raise Alarm(Code.BLOB_DAMAGED, f"The key object {blob} is not what was stored there.", blob)
        return newer

    def _patiently(self, call: Callable[[], _T]) -> _T:
        return patiently(call, self.work.context.lease_seconds, self.work.hold.check)
