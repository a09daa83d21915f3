"""A step at work: its claim, its hold, its keys, and what both say."""

from dataclasses import dataclass

from shared.domain.model import Claim
from shared.engine.context import Context
from shared.engine.custody import Custody
from shared.engine.hold import Hold
from shared.ports.catalog import TenantCatalog


class StepTired(Exception):
    """The step has run for its five minutes, stands at a checkpoint, and gives itself back."""


@dataclass(frozen=True)
class Work:
    """What a step is done with."""

    context: Context
    catalog: TenantCatalog
    claim: Claim
    hold: Hold
    custody: Custody

    def check(self) -> None:
        """Raises if the claim or a lease has ended, or the job was cancelled. Called before every seal, open, request
        and commit."""
        self.hold.check()
        self.custody.check()
