"""Rounds of probes, each in a thread of its own, so that one slow KMS key does not delay other tenants."""

import logging
import threading
from collections.abc import Callable
from functools import partial

from shared.domain.errors import EntrakeepError
from shared.engine.key_health.notifying import deliver
from shared.engine.key_health.probing import Probing, probe_key

log = logging.getLogger(__name__)


class Prober:
    """Take as many due probes and due notifications as there are free threads.

    The others stay in SQL, where another process may take them.
    """

    def __init__(self, probing: Probing) -> None:
        """Prepare to probe with ``probing``."""
        self._probing = probing
        self._probes = probing.catalog.probes()
        self._running = {"probe": 0, "notice": 0}
        self._changed = threading.Condition()

    def once(self) -> int:
        """Start the due probes and notifications, and return their number at once. Raises what the catalog raises."""
        probing, limits = self._probing, self._probing.limits
        turns = self._probes.take(probing.every, self._free("probe", limits.probes), limits.probe_seconds)
        for turn in turns:
            self._start("probe", turn.tenant_id, partial(probe_key, probing, turn))
        probing.observer.flush()
        return len(turns) + self._notify()

    def rest(self, seconds: float) -> bool:
        """Wait until all started probes and notifications have ended. Return False if that takes longer than ``seconds``."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(self._running.values()), seconds)

    def _notify(self) -> int:
        """Start the due notifications, and return their number."""
        notices, probes, limits = self._probing.notices, self._probes, self._probing.limits
        if notices is None:
            return 0
        due_events = probes.due_notices(self._free("notice", limits.notice_attempts), limits.probe_seconds)
        for due_notice in due_events:
            self._start("notice", due_notice.tenant_id, partial(deliver, notices, probes, due_notice, limits))
        return len(due_events)

    def _free(self, kind: str, limit: int) -> int:
        """Return how many threads of this kind may still be started."""
        with self._changed:
            return limit - self._running[kind]

    def _start(self, kind: str, tenant_id: str, work: Callable[[], object]) -> None:
        """Run ``work`` in a thread of its own."""
        with self._changed:
            self._running[kind] += 1
        threading.Thread(target=self._run, args=(kind, tenant_id, work), name=kind, daemon=True).start()

    def _run(self, kind: str, tenant_id: str, work: Callable[[], object]) -> None:
        """Run ``work`` and log an error. Count the thread as free afterwards."""
        try:
            work()
        except EntrakeepError as error:
            log.warning("%s failed: %s", kind, error, extra={"tenant": tenant_id})
        except Exception as error:
            log.error("%s failed with unexpected %s", kind, type(error).__name__, extra={"tenant": tenant_id})
        finally:
            with self._changed:
                self._running[kind] -= 1
                self._changed.notify_all()
