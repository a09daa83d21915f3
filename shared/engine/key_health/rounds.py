"""Rounds of probes, each in a thread of its own, so that one KMS that is slow to answer keeps nobody else waiting."""

import logging
import threading
from collections.abc import Callable
from functools import partial

from shared.domain.errors import EntrakeepError
from shared.engine.key_health.probing import Probing, probe_key
from shared.engine.key_health.telling import tell

log = logging.getLogger(__name__)


class Prober:
    """Takes turns that are due, as many as it has threads for, and events to tell likewise.

    What it has no thread for is left in SQL, where another process may take it.
    """

    def __init__(self, probing: Probing) -> None:
        self._probing = probing
        self._probes = probing.catalog.probes()
        self._at_work = {"probe": 0, "tell": 0}
        self._rest = threading.Condition()

    def once(self) -> int:
        """Starts what is due; returns at once, with how much that was. Raises what the catalog raises."""
        probing, limits = self._probing, self._probing.limits
        turns = self._probes.take(probing.every, self._free("probe", limits.probes), limits.probe_seconds)
        for turn in turns:
            self._start("probe", turn.tenant_id, partial(probe_key, probing, turn))
        probing.flush_usage()
        return len(turns) + self._tell()

    def rest(self, seconds: float) -> bool:
        """Whether all that was started has ended, within so many seconds."""
        with self._rest:
            return self._rest.wait_for(lambda: not any(self._at_work.values()), seconds)

    def _tell(self) -> int:
        notices, probes, limits = self._probing.notices, self._probes, self._probing.limits
        if notices is None:
            return 0
        tellings = probes.to_tell(self._free("tell", limits.tells), limits.probe_seconds)
        for telling in tellings:
            self._start("tell", telling.tenant_id, partial(tell, notices, probes, telling, limits))
        return len(tellings)

    def _free(self, kind: str, most: int) -> int:
        with self._rest:
            return most - self._at_work[kind]

    def _start(self, kind: str, tenant_id: str, work: Callable[[], object]) -> None:
        with self._rest:
            self._at_work[kind] += 1
        threading.Thread(target=self._do, args=(kind, tenant_id, work), name=kind, daemon=True).start()

    def _do(self, kind: str, tenant_id: str, work: Callable[[], object]) -> None:
        try:
            work()
        except EntrakeepError as error:
            log.warning("a %s came to nothing: %s", kind, error, extra={"tenant": tenant_id})
        except Exception as error:
            log.error("a %s met what it should not: %s", kind, type(error).__name__, extra={"tenant": tenant_id})
        finally:
            with self._rest:
                self._at_work[kind] -= 1
                self._rest.notify_all()
