"""The context of every use case: the ports, the limits and the clock."""

from dataclasses import dataclass, replace

from shared.domain.deadline import Deadline
from shared.domain.limits import Limits
from shared.engine.store.marked_store import MarkedStore
from shared.ports.catalog.database import Catalog
from shared.ports.clock import Clock
from shared.ports.directory import DirectoryAccess, TargetAccess
from shared.ports.dispatch import Dispatch
from shared.ports.keys import KeyService
from shared.ports.observer import Observer


@dataclass(frozen=True, kw_only=True)
class Context:
    """The ports, the limits and the clock. Wiring makes one for each process."""

    catalog: Catalog
    """The SQL catalog."""
    keys: KeyService
    """AWS KMS."""
    store: MarkedStore
    """The blob store."""
    access: DirectoryAccess
    """Access to directories through Microsoft Graph, to read them."""
    targets: TargetAccess
    """Access to directories through Microsoft Graph, to write to them."""
    dispatch: Dispatch
    """The way to send jobs to workers."""
    clock: Clock
    """The time of day, and a clock that never goes back."""
    limits: Limits
    """Sizes and durations."""
    lease_seconds: float
    """How long a key lease lasts without a renewal."""
    provider_key: str
    """ARN of the operator's KMS key."""
    observer: Observer
    """The listeners to points of the write order, counters and timings."""

    def deadline(self, seconds: float) -> Deadline:
        """Return a time limit of ``seconds`` that begins now."""
        return Deadline(seconds, self.clock.monotonic)

    def as_actor(self, actor: str) -> "Context":
        """Return the same context with ``actor`` as the one whom audit events name."""
        return replace(self, catalog=self.catalog.as_actor(actor))
