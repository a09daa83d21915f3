"""Key leases: the short time for which a tenant's unwrapped data keys may be used before KMS is asked again."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

from shared.domain.errors import Alarm, EntrakeepError, KeyRefused, KeyTrouble, Refuse
from shared.domain.model import WrappedKey
from shared.ports.keys import KeyService
from shared.vault.keyring import DataKey, unwrap

FIRST_WAIT, LONGEST_WAIT, LAST_WAIT = 0.2, 5.0, 0.05
"""Seconds between tries while KMS is in trouble: doubled each time, with full jitter, but half of what is left of the lease
at most (and ``LAST_WAIT`` at its very end), so that it is not slept away."""
_SILENT = "AWS KMS did not answer for as long as the key lease lasts."


class LeaseRetired(Exception):
    """Another KMS key wraps by now what was to be opened: whoever meets this reads SQL again."""


class Lease:
    """The lease of one process on one tenant's KMS key.

    It is counted from before the call to KMS, and renewed at half its time by one real ``Decrypt`` in a thread of its own,
    so a blocked event loop neither loses it nor outlives it. A second thread ends it on time, whatever a call to KMS is
    doing. Trouble with KMS ends it only by letting it run out; a refusal ends it at once. When it ends, every data key is
    dropped.

    While a tenant's KMS key is changed, data keys are handed over to the lease on the key that wraps them by then; a
    lease that holds nothing any more is retired.
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
        """``probe`` is a wrapped data key under ``arn`` that the lease begins with, holds and is renewed by; without one the
        first data key becomes it. ``refused`` is called once if KMS refuses the key. ``follow`` is called after each renewal,
        and may hand data keys over; ``counts`` when KMS refuses a wrapped key: if it says no, the lease has been retired."""
        self.arn = arn
        self._service = service
        self._tenant = tenant_id
        self._probe = probe
        self._seconds = seconds
        self._refused = refused
        self._follow = follow
        self._counts = counts
        self._keys: dict[str, list[DataKey]] = {}  # one that was handed over may have a twin, unwrapped here meanwhile
        self._retired = False
        self._calls: list[Callable[[], object]] = []
        self._ended: EntrakeepError | None = None
        self._until = time.monotonic() + seconds
        self._lock = threading.RLock()
        self._unwrapping = threading.Lock()
        self._stop = threading.Event()

    def start(self) -> None:
        """Asks KMS for the data key that it begins with, then keeps the lease. Raises what the key service raises, trouble
        included."""
        self._until = time.monotonic() + self._seconds
        if self._probe is not None:
            self.add(self._ask(self._probe), self._probe)
        for work, name in ((self._keep, "lease"), (self._watch, "lease-end")):
            threading.Thread(target=work, name=name, daemon=True).start()

    def check(self) -> None:
        """Raises what ended the lease: ``KeyRefused``, ``Refuse`` or ``KeyTrouble``. Cheap. Of one that is retired
        nothing is to be told."""
        if self._retired:
            return
        if self._ended is None and time.monotonic() >= self._until:
            self._end(KeyTrouble(_SILENT))
        if self._ended is not None:
            raise self._ended

    def add(self, data_key: DataKey, wrapped: WrappedKey) -> None:
        """A data key just born or unwrapped belongs to the lease. Raises what ended the lease, ``LeaseRetired`` too;
        the key is dropped then."""
        with self._lock:
            if self._ended is None and not self._retired:
                self._keys.setdefault(data_key.id, []).append(data_key)
                self._probe = self._probe or wrapped
                return
        data_key.drop(self._ended)
        raise self._ended or LeaseRetired

    def data_key(self, wrapped: WrappedKey) -> DataKey:
        """The data key, unwrapped once. Raises as ``check`` and ``add`` do, and what the key service raises."""
        self.check()
        with self._unwrapping:
            with self._lock:
                held = self._keys.get(wrapped.data_key_id)
                if held:
                    return held[0]
            key = self._unwrap(wrapped)
            self.add(key, wrapped)
        return key

    def held(self, data_key_id: str) -> DataKey | None:
        """The data key if the lease holds it, without asking anybody: one that has ended holds none. Raises as ``check``."""
        with self._lock:
            held = self._keys.get(data_key_id)
        if not held:
            return None
        self.check()
        return held[0]

    def renew(self) -> bool:
        """Asks KMS at once, and not only when half the time is over. False if the lease has nothing yet to ask for.

        A refusal ends the lease and is raised, as ``LeaseRetired`` is; ``KeyTrouble`` is raised too, and ends nothing.
        """
        if self._probe is None:
            return False
        self._ask(self._probe).drop()
        return True

    def named(self) -> list[str]:
        """The ids of the data keys that the lease holds, and of the one that it is renewed by."""
        with self._lock:
            return list({*self._keys, *([self._probe.data_key_id] if self._probe else [])})

    @property
    def empty(self) -> bool:
        """Whether the lease holds no data key."""
        return not self._keys

    def hand_over(self, wrapped: WrappedKey, to: "Lease") -> None:
        """The data key belongs to another lease from here on, whoever holds it. It is dropped if that one has ended."""
        with self._lock:
            keys = self._keys.pop(wrapped.data_key_id, [])
        for key in keys:
            with suppress(EntrakeepError, LeaseRetired):
                to.add(key, wrapped)

    def retire(self) -> bool:
        """Ends the lease, if it holds no data key any more; nobody is told. Whether it has ended so."""
        with self._lock:
            if self._keys or self._ended is not None:
                return self._retired
            self._retired = True
            self._calls.clear()
        self._stop.set()
        return True

    def on_end(self, call: Callable[[], object]) -> None:
        """``call`` is made once when the lease ends by refusal or time; at once if it has. Not after ``close``."""
        with self._lock:
            if self._ended is None:
                self._calls.append(call)
                return
        call()

    def close(self) -> None:
        """Ends the lease quietly."""
        with self._lock:
            self._calls.clear()
            self._ended = self._ended or KeyTrouble("The key lease was closed.")
            self._drop(self._ended)
        self._stop.set()

    def _keep(self) -> None:
        wait = FIRST_WAIT
        pause = self._seconds / 2
        while not self._stop.wait(pause):
            try:
                self.renew()
                pause, wait = self._seconds / 2, FIRST_WAIT
                self._followed()
            except LeaseRetired:
                return
            except KeyTrouble:
                left = self._until - time.monotonic()
                pause = min(random.uniform(0.0, wait), max(LAST_WAIT, left / 2))
                wait = min(LONGEST_WAIT, wait * 2)
            except EntrakeepError:
                return  # the lease has ended with it, and check() tells

    def _followed(self) -> None:
        """Hands over what has moved. What keeps it from doing so is tried again at the next renewal: this key answers."""
        if self._follow is not None:
            with suppress(EntrakeepError):
                self._follow(self)

    def _watch(self) -> None:
        while not self._stop.wait(max(0.0, self._until - time.monotonic())):
            if time.monotonic() >= self._until:
                self._end(KeyTrouble(_SILENT))

    def _ask(self, probe: WrappedKey) -> DataKey:
        """The data key that KMS opens once more: from before it was asked the lease is counted anew."""
        asked = time.monotonic()
        try:
            key = self._unwrap(probe)
        except Alarm as alarm:
            self._end(alarm)
            raise
        self._until = asked + self._seconds
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
        """Ends the lease by a refusal that counts, or by what keeps from telling. Raises LeaseRetired if it does not
        count."""
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
        with ExitStack() as all_of_them:  # one that raises does not keep the others from being made
            if isinstance(error, KeyRefused):
                all_of_them.callback(self._refused, error)
            for call in reversed(calls):
                all_of_them.callback(call)

    def _drop(self, why: EntrakeepError) -> None:
        for keys in self._keys.values():
            for key in keys:
                key.drop(why)
        self._keys.clear()
