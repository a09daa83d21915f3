"""Rewrap data keys one by one under the tenant's present KMS key. KMS does it inside, so no plaintext leaves KMS.

Order of writes: KMS rewraps, the wrapping is opened to prove it, the key object is stored and read back, then the row. A
crash leaves a key object that the next try uses, or that no row names.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from shared.domain.deadline import seconds_since
from shared.domain.errors import Alarm, Code, KeyRefused
from shared.domain.jobs import KeyChangeProgress, UnmovedKey
from shared.domain.model import Tenant, WrappedKey
from shared.engine.keys.retrying import retry_kms
from shared.engine.keys.trust import Trust
from shared.engine.steps.work import TimeSliceOver, Work
from shared.ports.catalog.keys import Keys
from shared.ports.observer import Point
from shared.vault.keyring import encode_key_object, read_key_object, unwrap
from shared.vault.names import key_object_blob

_T = TypeVar("_T")


def find_current(keys: Keys, data_key_id: str) -> WrappedKey | None:
    """Return the newest generation of the data key, or None if the sweep has removed it with its job."""
    try:
        return keys.get(data_key_id)
    except Alarm:
        return None


class Moving:
    """The moves of one tenant's data keys within one step."""

    def __init__(self, work: Work, tenant: Tenant, progress: KeyChangeProgress) -> None:
        """Prepare to move the data keys to ``tenant.key_arn``. ``progress`` is kept up to date."""
        self.work, self.tenant, self.progress = work, tenant, progress
        self.refused: dict[str, KeyRefused] = {}
        """Refusals of previous KMS keys, by ARN."""
        self.forgotten: set[bytes] = set()
        """Wrappings whose rows were deleted since this step began."""
        self.trust = Trust(work.context, work.catalog, frozenset({progress.before} if progress.before else ()))
        self._time_slice = work.time_slice()
        self._report_pause = work.context.deadline(0.0)
        self._allowed: set[str] = set()

    def move_all(self) -> None:
        """Move the data keys that SQL has under another KMS key. List those that cannot be moved.

        They are listed in ``progress.left`` and ``refused``. Raises KeyRefused if the tenant's current key is refused,
        TimeSliceOver, and what the store and SQL raise.
        """
        keys = self.work.catalog.keys
        remaining = self.work.catalog.customer_keys.keys_to_move()
        self.progress.to_move = len(remaining)
        for n, data_key_id in enumerate(remaining, 1):
            self.work.claim_keeper.check()
            key = find_current(keys, data_key_id)
            if key is None or key.arn == self.tenant.key_arn or key.arn in self.refused:
                continue
            try:
                self._move(key)
            except Alarm as alarm:
                self.progress.left.append(UnmovedKey(blob=alarm.blob, reason=alarm.code))
            except KeyRefused as refusal:
                self.add_refusal(refusal)
            else:
                self.progress.to_move = len(remaining) - n
                self.report_progress()
        self.progress.to_move = len(self.work.catalog.customer_keys.keys_to_move())

    def rewrap(self, key: WrappedKey) -> WrappedKey:
        """Rewrap the data key, store its key object, and return the new generation.

        A key object that a crash has left is used if it is under the tenant's current key. Raises KeyRefused naming the key
        that is refused, and Alarm if the wrapping does not open to the data key.
        """
        store, number = self.work.context.store, key.generation + 1
        while True:
            blob = key_object_blob(self.tenant.tenant_id, key.data_key_id, number)
            existing = read_key_object(store, self.tenant.tenant_id, blob)
            rewrapped = existing or self._rewrap_in_kms(key, number)
            if rewrapped.arn == self.tenant.key_arn and rewrapped.key_epoch == self.tenant.key_epoch:
                self._retrying(lambda rewrapped=rewrapped: unwrap(self.work.context.keys, rewrapped).drop())  # type: ignore[misc]
                if existing is not None or store.put_new(blob, encode_key_object(self.tenant.tenant_id, rewrapped)):
                    return self._read_back(blob, rewrapped)
            else:
                number += 1  # that number is taken by an unfinished change to another key

    def add_refusal(self, refusal: KeyRefused) -> None:
        """Record the refusal. Raise it if it is of the tenant's current key, because then no data key can be moved."""
        self.work.catalog.keys.refuse(
            refusal.arn, refusal.message, ago=seconds_since(refusal.started_at, self.work.context.clock.monotonic)
        )
        if refusal.arn == self.tenant.key_arn:
            raise refusal
        self.refused[refusal.arn] = refusal

    def report_progress(self) -> None:
        """Write the progress if that is due. Raise what ended the claim, and TimeSliceOver if the time slice is over.

        Called only after an item is finished, so that every claim makes progress however slow KMS and the store are.
        """
        self.work.claim_keeper.check()
        time_over = self._time_slice.over
        if time_over or self._report_pause.over:
            self.work.catalog.claims.report_progress(self.work.claim, self.progress, progress=True)
            self._report_pause = self.work.context.deadline(self.work.context.limits.key_progress_seconds)
        if time_over:
            raise TimeSliceOver

    def _move(self, key: WrappedKey) -> None:
        """Rewrap the data key and store its row. Erase the new key object if the data key was swept meanwhile."""
        rewrapped = self.rewrap(key)
        self._forget_refusals(key.arn)
        self.work.context.observer.reach(Point.KEY_REWRAPPED)
        if not self.work.catalog.customer_keys.store_generation(self.work.claim, rewrapped):
            # The sweep has removed the data key with its job.
            self.work.context.store.erase(
                key_object_blob(self.tenant.tenant_id, rewrapped.data_key_id, rewrapped.generation)
            )
            return
        self.progress.moved += 1
        self.work.context.observer.reach(Point.KEY_MOVED)

    def _forget_refusals(self, arn: str) -> None:
        """Remove stored refusals of this key and of the tenant's present one: both have just worked."""
        for each in {arn, self.tenant.key_arn} - self._allowed:
            self.work.catalog.keys.allow(each)
            self._allowed.add(each)

    def _rewrap_in_kms(self, key: WrappedKey, number: int) -> WrappedKey:
        """Return the data key as generation ``number``, wrapped by the tenant's current key."""
        keys, to_arn = self.work.context.keys, self.tenant.key_arn
        wrapping = self._retrying(lambda: keys.reencrypt(key.arn, key.wrapped, key.context, to_arn, key.data_key_id))
        return msgspec.structs.replace(
            key, arn=wrapping.arn, wrapped=wrapping.wrapped, generation=number, key_epoch=self.tenant.key_epoch
        )

    def _read_back(self, blob: str, rewrapped: WrappedKey) -> WrappedKey:
        """Return the data key if its key object reads back as it was stored. Raise Alarm if it does not."""
        if read_key_object(self.work.context.store, self.tenant.tenant_id, blob) != rewrapped:
            raise Alarm(Code.BLOB_DAMAGED, f"The key object {blob} is not what was stored there.", blob)
        return rewrapped

    def _retrying(self, call: Callable[[], _T]) -> _T:
        """Return the result of ``call``, retried while KMS is in trouble, for as long as a lease lasts."""
        context = self.work.context
        return retry_kms(call, context.deadline(context.lease_seconds), self.work.claim_keeper.check)
