"""Key leases: the short time for which a tenant's unwrapped data keys may be used before KMS is called again."""

import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Protocol

from shared.domain.deadline import Deadline
from shared.domain.errors import Alarm, EntrakeepError, KeyRefused, KeyTrouble, Refuse
from shared.domain.limits import LIMITS
from shared.domain.model import WrappedKey
from shared.ports.keys import KeyService
from shared.vault.keyring import DataKey, unwrap

_SILENT = "AWS KMS did not answer for as long as the key lease lasts."


class LeaseRetired(Exception):
    """Another KMS key wraps the data key now: the caller must read SQL again."""


class LeaseOwner(Protocol):
    """The contract between a lease and the object that starts it.

    The lease calls these methods, and nothing else of its owner:

    - From which thread: ``move_keys`` from the lease's renewal thread; the other two also from any thread that calls
      ``start``, ``data_key`` or ``renew``.
    - Locks: the lease's state is not locked, so the owner may call any method of the lease. During ``data_key`` other
      threads that unwrap the same data key wait until the owner has returned.
    - What may block: the owner may call SQL, and may start another lease, which calls KMS. The lease's second thread ends
      the lease on time whatever the owner does.
    - After ``close``: the lease does not wait for its threads. A call to KMS that has begun may still end in
      ``move_keys`` or ``confirm_refusal``, and the owner must start no lease then. ``record_refusal`` is not called any
      more, unless the lease had ended before.
    - Errors: an ``EntrakeepError`` of ``move_keys`` is ignored until the next renewal. One of ``confirm_refusal`` ends
      the lease. One of ``record_refusal`` is raised to the caller of the lease, after all listeners were called.
    """

    def record_refusal(self, refusal: KeyRefused) -> None:
        """Record that KMS refuses the lease's KMS key. Called once, after the lease has dropped its data keys."""

    def move_keys(self, lease: "Lease") -> None:
        """Let other leases adopt the data keys that another KMS key wraps by now. Called after each renewal."""

    def confirm_refusal(self, lease: "Lease", wrapped: WrappedKey) -> bool:
        """Return True if a refusal of ``wrapped`` ends the lease. Otherwise this method has retired the lease."""


class Lease:
    """The lease of one process on one tenant's KMS key.

    It begins before the call to KMS. A thread of its own renews it at half its time by a real ``Decrypt``, so that a
    blocked event loop neither loses nor outlives it. A second thread ends it on time, whatever a call to KMS is doing.
    Trouble with KMS only lets it expire; a refusal ends it at once. When it ends, every data key is dropped.

    While a tenant's KMS key is changed, the lease on the new KMS key adopts the data keys. A lease without data keys is
    retired.

    Any thread may call any method. Only ``start``, ``data_key`` and ``renew`` call KMS, and may block as long as it does.
    Lock order: unwrapping of a data key, then the owner's locks, then the lease's state. The state's lock is never held
    during a call to KMS, to the owner or to a listener.
    """

    def __init__(
        self,
        service: KeyService,
        arn: str,
        probe: WrappedKey | None,
        owner: LeaseOwner,
        *,
        seconds: float,
        now: Callable[[], float],
    ) -> None:
        """Create the lease without asking KMS.

        - ``probe``: a wrapped data key under ``arn`` that the lease begins with, keeps, and renews itself by. If it is None,
          the first data key becomes the probe.
        - ``now``: returns the seconds of a monotonic clock.
        """
        self.arn = arn
        self._service = service
        self._probe = probe
        self._owner = owner
        self._seconds = seconds
        self._now = now
        self._keys: dict[str, list[DataKey]] = {}
        """Data keys by id. An adopted data key may have a twin that this lease has unwrapped meanwhile."""
        self._retired = False
        self._listeners: list[Callable[[], object]] = []
        self._ended: EntrakeepError | None = None
        self._deadline = Deadline(seconds, now)
        self._lock = threading.RLock()
        self._unwrapping: dict[str, threading.Lock] = {}
        """A lock for each data key that was looked up, so that KMS unwraps each once, and several at a time."""
        self._stop = threading.Event()

    def start(self) -> None:
        """Unwrap the probe in KMS, then start both threads. Call it once.

        Raise what the key service raises, trouble included.
        """
        self._deadline = Deadline(self._seconds, self._now)
        if self._probe is not None:
            self.add(self._unwrap_probe(self._probe), self._probe)
        for work, name in ((self._renew_until_end, "lease"), (self._end_on_time, "lease-end")):
            threading.Thread(target=work, name=name, daemon=True).start()

    def check(self) -> None:
        """Raise the error that ended the lease: ``KeyRefused``, ``Refuse`` or ``KeyTrouble``.

        It is cheap. For a retired lease it raises nothing.
        """
        if self._retired:
            return
        if self._ended is None and self._deadline.over:
            self._end(KeyTrouble(_SILENT))
        if self._ended is not None:
            raise self._ended

    def add(self, data_key: DataKey, wrapped: WrappedKey) -> None:
        """Add a data key that was just created or unwrapped to the lease.

        Raise the error that ended the lease, or ``LeaseRetired``, after dropping the key.
        """
        with self._lock:
            if self._ended is None and not self._retired:
                self._keys.setdefault(data_key.id, []).append(data_key)
                self._probe = self._probe or wrapped
                return
        data_key.drop(self._ended)
        raise self._ended or LeaseRetired

    def data_key(self, wrapped: WrappedKey) -> DataKey:
        """Return the data key, unwrapped once. Raise as ``check`` and ``add`` do, and what the key service raises."""
        self.check()
        with self._lock:
            unwrapping = self._unwrapping.setdefault(wrapped.data_key_id, threading.Lock())
        with unwrapping:
            with self._lock:
                cached = self._keys.get(wrapped.data_key_id)
                if cached:
                    return cached[0]
            key = self._unwrap(wrapped)
            self.add(key, wrapped)
        return key

    def cached(self, data_key_id: str) -> DataKey | None:
        """Return the data key if the lease has it, otherwise None, without asking KMS. Raise as ``check``.

        A lease that has ended has none.
        """
        with self._lock:
            cached = self._keys.get(data_key_id)
        if not cached:
            return None
        self.check()
        return cached[0]

    def renew(self) -> bool:
        """Ask KMS at once instead of at half the time. Return False if the lease has no data key to ask for.

        A refusal ends the lease and is raised. ``LeaseRetired`` is raised too. ``KeyTrouble`` is raised and ends
        nothing.
        """
        if self._probe is None:
            return False
        self._unwrap_probe(self._probe).drop()
        return True

    def data_key_ids(self) -> list[str]:
        """Return the ids of the lease's data keys and of its probe."""
        with self._lock:
            return list({*self._keys, *([self._probe.data_key_id] if self._probe else [])})

    @property
    def empty(self) -> bool:
        """Return True if the lease has no data key."""
        return not self._keys

    def adopt(self, wrapped: WrappedKey, source: "Lease") -> None:
        """Take a data key over from the lease ``source``, for all its users. Drop it if this lease has ended."""
        for key in source._remove(wrapped.data_key_id):
            with suppress(EntrakeepError, LeaseRetired):
                self.add(key, wrapped)

    def _remove(self, data_key_id: str) -> list[DataKey]:
        """Remove the data key from the lease without dropping it. Return all copies of it."""
        with self._lock:
            return self._keys.pop(data_key_id, [])

    def retire(self) -> bool:
        """Retire the lease if it has no data key, without calling a listener. Return True if it is retired."""
        with self._lock:
            if self._keys or self._ended is not None:
                return self._retired
            self._retired = True
            self._listeners.clear()
        self._stop.set()
        return True

    def on_end(self, call: Callable[[], object]) -> None:
        """Call ``call`` once when the lease ends by refusal or time, or at once if it has ended. Not after ``close``."""
        with self._lock:
            if self._ended is None:
                self._listeners.append(call)
                return
        call()

    def close(self) -> None:
        """End the lease and drop its data keys, without calling the owner or a listener. Wait for no thread."""
        with self._lock:
            self._listeners.clear()
            self._ended = self._ended or KeyTrouble("The key lease was closed.")
            self._drop(self._ended)
        self._stop.set()

    def _renew_until_end(self) -> None:
        pause, waits = self._seconds / 2, 0
        while not self._stop.wait(pause):
            try:
                self.renew()
                pause, waits = self._seconds / 2, 0
                with suppress(EntrakeepError):  # this KMS key answers, so the next renewal tries again
                    self._owner.move_keys(self)
            except LeaseRetired:
                return
            except KeyTrouble:
                pause = min(
                    LIMITS.kms_backoff.wait(waits), max(LIMITS.lease_last_wait_seconds, self._deadline.remaining / 2)
                )
                waits += 1
            except EntrakeepError:
                return  # it has ended the lease, so check() raises it

    def _end_on_time(self) -> None:
        while not self._stop.wait(self._deadline.remaining):
            if self._deadline.over:
                self._end(KeyTrouble(_SILENT))

    def _unwrap_probe(self, probe: WrappedKey) -> DataKey:
        """Return the data key that KMS opens once more, and restart the lease from before the call."""
        renewed = Deadline(self._seconds, self._now)
        try:
            key = self._unwrap(probe)
        except Alarm as alarm:
            self._end(alarm)
            raise
        self._deadline = renewed
        return key

    def _unwrap(self, wrapped: WrappedKey) -> DataKey:
        try:
            return unwrap(self._service, wrapped)
        except KeyRefused as refusal:
            self._apply_refusal(refusal, wrapped)
            raise
        except Refuse as refusal:
            self._end(refusal)
            raise

    def _apply_refusal(self, refusal: KeyRefused, wrapped: WrappedKey) -> None:
        """End the lease by a refusal that the owner confirms, or by the owner's error. Otherwise raise LeaseRetired."""
        try:
            confirmed = self._owner.confirm_refusal(self, wrapped)
        except EntrakeepError as error:
            self._end(error)
            raise
        if not confirmed:
            raise LeaseRetired from None
        self._end(refusal)

    def _end(self, error: EntrakeepError) -> None:
        with self._lock:
            if self._ended is not None or self._retired:
                return
            self._ended = error
            self._drop(error)
            listeners, self._listeners = self._listeners, []
        self._stop.set()
        with ExitStack() as callbacks:  # an exception of one does not stop the others
            if isinstance(error, KeyRefused):
                callbacks.callback(self._owner.record_refusal, error)
            for call in reversed(listeners):
                callbacks.callback(call)

    def _drop(self, why: EntrakeepError) -> None:
        for keys in self._keys.values():
            for key in keys:
                key.drop(why)
        self._keys.clear()
