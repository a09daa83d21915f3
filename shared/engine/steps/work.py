"""A running step: its claim, the renewal of the claim, and its data keys."""

from dataclasses import dataclass
from functools import cached_property

from shared.domain.deadline import Deadline
from shared.domain.jobs import Claim, Job
from shared.engine.context import Context
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.steps.claim_keeper import ClaimKeeper
from shared.ports.catalog.tenant import TenantCatalog
from shared.vault.reader import BlobReader


class TimeSliceOver(Exception):
    """The step's time slice is over. It has stored a checkpoint, and its claim is to be released."""


class WaitFor(Exception):
    """The step waits for another job. Its claim is to be released for ``seconds``. This counts as no failure."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True)
class Work:
    """What a step works with."""

    context: Context
    """The ports, limits and clock."""
    catalog: TenantCatalog
    """The tenant's part of the catalog."""
    claim: Claim
    """The claim on the step."""
    claim_keeper: ClaimKeeper
    """The thread that renews the claim."""
    keys: ProcessKeys
    """The data keys that this process may use for the tenant."""

    @cached_property
    def job(self) -> Job:
        """Return the job's row as it was at the first use: for columns that do not change while the step runs."""
        return self.catalog.jobs.get(self.claim.job_id)

    @property
    def blobs(self) -> BlobReader:
        """Return a reader of the tenant's blobs that checks claim and leases."""
        return BlobReader(self.context.store, self.keys.find, self.claim.tenant_id, self.check)

    def check(self) -> None:
        """Raise if the claim or a lease has ended, or the job was cancelled.

        Called before every seal, open, request and commit.
        """
        self.claim_keeper.check()
        self.keys.check()

    def time_slice(self) -> Deadline:
        """Return a time slice that begins now. When it is over, the step stores a checkpoint and raises TimeSliceOver."""
        return self.context.deadline(self.context.limits.step_seconds)
