"""Collect this process's counters of usage until they are added to the totals in SQL, which the metrics show."""

import threading
from collections import Counter

from shared.domain.errors import EntrakeepError
from shared.ports.catalog.overview import Overview
from shared.ports.observer import Observer, Usage


class UsageTotals(Observer):
    """Counters by tenant, or by directory where only that is known."""

    def __init__(self, overview: Overview) -> None:
        self._overview = overview
        self._lock = threading.Lock()
        self._tenants: dict[str, Counter[str]] = {}
        self._directories: dict[str, Counter[str]] = {}

    def count(self, counter: Usage, owner_id: str, amount: int = 1) -> None:
        """Add to the counter of a tenant or of a directory's tenant."""
        with self._lock:
            owners = self._directories if counter.by_directory else self._tenants
            owners.setdefault(owner_id, Counter())[counter.value] += amount

    def flush(self) -> None:
        """Add all counts to the totals. Keep those that the catalog does not take for the next flush."""
        with self._lock:
            tenants, self._tenants = self._tenants, {}
            directories, self._directories = self._directories, {}
        if not tenants and not directories:
            return
        try:
            self._overview.add_usage(tenants, directories)
        except EntrakeepError:
            with self._lock:
                for kept, counted in ((self._tenants, tenants), (self._directories, directories)):
                    for owner_id, counts in counted.items():
                        kept.setdefault(owner_id, Counter()).update(counts)
