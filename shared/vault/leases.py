"""Key leases: the short time for which a tenant's unwrapped data keys may be used before KMS is asked again."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

from shared.domain.backoff import Backoff
from shared.domain.deadline import Deadline
from shared.domain.errors import Alarm, EntrakeepError, KeyRefused, KeyTrouble, Refuse
from shared.domain.model import WrappedKey
from shared.ports.keys import KeyService
from shared.vault.keyring import DataKey, unwrap

KMS_BACKOFF = Backoff(first=0.2, longest=5.0, jitter=1.0)
"""Seconds between tries while KMS is in trouble."""
_LAST_WAIT = 0.05
"""Longest wait in seconds at the end of a lease. Before, a wait is at most half of the lease's remaining time."""
_SILENT = "AWS KMS did not answer for as long as the key lease lasts."


class LeaseRetired(Exception):
    """Another KMS key wraps the data key now: the caller must read SQL again."""


class Lease:
    """The lease of one process on one tenant's KMS key.

    It begins before the call to KMS. A thread of its own renews it at half its time by a real ``Decrypt``, so that a
    blocked event loop neither loses nor outlives it. A second thread ends it on time, whatever a call to KMS is doing.
    Trouble with KMS only lets it expire; a refusal ends it at once. When it ends, every data key is dropped.

    While a tenant's KMS key is changed, data keys are handed over to the lease on the KMS key that wraps them now. A
    lease without data keys is retired.
    """

    def __init__(
        self,
        service: KeyService,
        tenant_id: str,
        arn: str,
        probe: WrappedKey | None,
        seconds: float,
        refused: Callable[[KeyRefused], None],
        follow: Callable[["Lease"], None] | None = None,
        counts: Callable[["Lease", WrappedKey], bool] | None = None,
    ) -> None:
        """Create the lease without asking KMS.

        - ``probe``: a wrapped data key under ``arn`` that the lease begins with, keeps, and renews itself by. If it is None,
          the first data key becomes the probe.
        - ``refused``: called once if KMS refuses the key.
        - ``follow``: called after each renewal; it may hand data keys over.
        - ``counts``: called when KMS refuses a wrapped key. If it returns False, the lease has been retired.
        """
        self.arn = arn
        self._service = service
        self._tenant = tenant_id
        self._probe = probe
        self._seconds = seconds
        self._refused = refused
        self._follow = follow
        self._counts = counts
        self._keys: dict[str, list[DataKey]] = {}  # a key handed over may have a twin, unwrapped here meanwhile
        self._retired = False
        self._calls: list[Callable[[], object]] = []
        self._ended: EntrakeepError | None = None
        self._deadline = Deadline(seconds, time.monotonic)
        self._lock = threading.RLock()
        self._unwrapping = threading.Lock()
        self._stop = threading.Event()

    def start(self) -> None:
        """Ask KMS for the probe's data key, then keep the lease. Raise what the key service raises, trouble included."""
        self._deadline = Deadline(self._seconds, time.monotonic)
        if self._probe is not None:
            self.add(self._ask(self._probe), self._probe)
        for work, name in ((self._keep, "lease"), (self._watch, "lease-end")):
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
        with self._unwrapping:
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
        self._ask(self._probe).drop()
        return True

    def named(self) -> list[str]:
        """Return the ids of the data keys of the lease, and of the one by which it is renewed."""
        with self._lock:
            return list({*self._keys, *([self._probe.data_key_id] if self._probe else [])})

    @property
    def empty(self) -> bool:
        """Return True if the lease has no data key."""
        return not self._keys

    def hand_over(self, wrapped: WrappedKey, to: "Lease") -> None:
        """Move the data key to another lease, for all its users. It is dropped if that lease has ended."""
        with self._lock:
            keys = self._keys.pop(wrapped.data_key_id, [])
        for key in keys:
            with suppress(EntrakeepError, LeaseRetired):
                to.add(key, wrapped)

    def retire(self) -> bool:
        """Retire the lease without calling anybody, if it has no data key. Return True if it is retired."""
        with self._lock:
            if self._keys or self._ended is not None:
                return self._retired
            self._retired = True
            self._calls.clear()
        self._stop.set()
        return True

    def on_end(self, call: Callable[[], object]) -> None:
        """Call ``call`` once when the lease ends by refusal or time, or at once if it has ended. Not after ``close``."""
        with self._lock:
            if self._ended is None:
                self._calls.append(call)
                return
        call()

    def close(self) -> None:
        """End the lease without calling anybody."""
        with self._lock:
            self._calls.clear()
            self._ended = self._ended or KeyTrouble("The key lease was closed.")
            self._drop(self._ended)
        self._stop.set()

    def _keep(self) -> None:
        pause, waits = self._seconds / 2, 0
        while not self._stop.wait(pause):
            try:
                self.renew()
                pause, waits = self._seconds / 2, 0
                self._hand_over_moved()
            except LeaseRetired:
                return
            except KeyTrouble:
                pause = min(KMS_BACKOFF.wait(waits), max(_LAST_WAIT, self._deadline.remaining / 2))
                waits += 1
            except EntrakeepError:
                return  # it has ended the lease, so check() raises it

    def _hand_over_moved(self) -> None:
        """Hand over data keys that have moved. An error is ignored until the next renewal, because this key answers."""
        if self._follow is not None:
            with suppress(EntrakeepError):
                self._follow(self)

    def _watch(self) -> None:
        while not self._stop.wait(self._deadline.remaining):
            if self._deadline.over:
                self._end(KeyTrouble(_SILENT))

    def _ask(self, probe: WrappedKey) -> DataKey:
        """Return the data key that KMS opens once more, and restart the lease from before the call."""
        renewed = Deadline(self._seconds, time.monotonic)
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
            self._judge(refusal, wrapped)
            raise
        except Refuse as refusal:
            self._end(refusal)
            raise

    def _judge(self, refusal: KeyRefused, wrapped: WrappedKey) -> None:
        """End the lease by a refusal that counts, or by an error of the check. Raise LeaseRetired if it does not count."""
        if self._counts is not None:
            try:
                counts = self._counts(self, wrapped)
            except EntrakeepError as error:
                self._end(error)
                raise
            if not counts:
                raise LeaseRetired from None
        self._end(refusal)

    def _end(self, error: EntrakeepError) -> None:
        with self._lock:
            if self._ended is not None or self._retired:
                return
            self._ended = error
            self._drop(error)
            calls, self._calls = self._calls, []
        self._stop.set()
        with ExitStack() as callbacks:  # an exception of one does not stop the others
            if isinstance(error, KeyRefused):
                callbacks.callback(self._refused, error)
            for call in reversed(calls):
                callbacks.callback(call)

    def _drop(self, why: EntrakeepError) -> None:
        for keys in self._keys.values():
            for key in keys:
                key.drop(why)
        self._keys.clear()
