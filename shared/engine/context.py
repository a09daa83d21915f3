"""What every verb of the engine is given: the ports, the limits and the clock."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.domain.limits import Limits
from shared.engine.store_mark import MarkedStore
from shared.ports.catalog import Catalog
from shared.ports.clock import Clock
from shared.ports.directory import DirectoryAccess
from shared.ports.dispatch import Dispatch
from shared.ports.keys import KeyService


@dataclass(frozen=True, kw_only=True)
class Context:
    """Handed out by wiring, one a process.

    ``at`` is called by name between the steps of the write order; in the product it does nothing, and the tests that
    kill a worker between every two steps wire one that does.
    """

    catalog: Catalog
    keys: KeyService
    store: MarkedStore
    access: DirectoryAccess
    dispatch: Dispatch
    clock: Clock
    limits: Limits
    lease_seconds: float
    provider_key: str
    at: Callable[[str], None]
    flush_usage: Callable[[], None] = lambda: None
    """Adds what this process used of KMS and Graph to the totals in SQL."""
