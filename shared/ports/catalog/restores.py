"""Restores: the rows of plans, of the id map, and of the results of operations, of one tenant."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from shared.domain.jobs import Claim
from shared.domain.model import Sealed
from shared.domain.restore.id_map import MapEntry


class PlanState(StrEnum):
    """The state of a plan."""

    READY = "ready"
    """It may be carried out."""
    RUNNING = "running"
    """A restore carries it out."""
    DONE = "done"
    """A restore has carried it out."""
    EXPIRED = "expired"
    """It is older than a plan may be."""
    WITHDRAWN = "withdrawn"
    """Somebody has withdrawn it."""


class PlanRow(msgspec.Struct, frozen=True, kw_only=True):
    """A plan's row. Its content is sealed in parts."""

    plan_id: str
    job_id: str
    """The job that made it."""
    snapshot_id: str
    """The snapshot to restore."""
    live_id: str
    """The snapshot of the directory that it was made from."""
    state: PlanState
    created_at: datetime
    expires_at: datetime
    sha256: str
    """Of the plan's JSON, in hexadecimal."""
    operations: int
    impossible: int
    reason: str | None = None
    """What the person gave as reason."""
    restore_job: str | None = None
    """The restore that carries, or carried, it out."""


class OperationState(StrEnum):
    """The result of one operation."""

    DONE = "done"
    """Graph accepted it, or it was so already."""
    FAILED = "failed"
    """Graph refused it, or an operation that it needs failed."""
    NOT_APPLIED = "not_applied"
    """Graph accepted it, and the final comparison still differs."""
    PARTLY = "partly"
    """Graph accepted it without properties that it refused."""


class OperationResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one operation. Object names and Graph's message stand in the sealed part."""

    number: int
    state: OperationState
    code: str = ""
    request_id: str | None = None
    at: datetime
    detail: Sealed


class Restores(Protocol):
    """The rows of one tenant's restores. Writes with a claim raise ClaimLost if it is no longer the step's."""

    def add_plan(self, claim: Claim, row: PlanRow, parts: Sequence[Sealed]) -> None:
        """Store a plan with its sealed parts."""

    def plan(self, plan_id: str) -> PlanRow:
        """Return a plan's row. Raise Refuse ``NO_SUCH_PLAN``. A plan past its time is shown as expired."""

    def plans(self) -> list[PlanRow]:
        """Return the plans, newest first."""

    def plan_parts(self, plan_id: str) -> Iterator[Sealed]:
        """Yield the sealed parts of a plan, in order."""

    def move_plan(self, plan_id: str, state: PlanState, restore_job: str | None = None) -> PlanRow:
        """Change a plan's state. Raise Refuse ``BUSY``, ``PLAN_EXPIRED`` or ``WRONG_USE`` if it may not change so."""

    def intend(self, claim: Claim, entries: Sequence[MapEntry]) -> None:
        """Store entries of the id map before their objects are created. An entry with the same old id is kept."""

    def record_created(self, claim: Claim, entries: Sequence[MapEntry]) -> None:
        """Store the new ids of created objects."""

    def forget_intended(self, claim: Claim, old_ids: Sequence[str]) -> None:
        """Delete entries whose objects were certainly not created."""

    def map_entries(self) -> list[MapEntry]:
        """Return the whole id map of the tenant."""

    def add_results(self, claim: Claim, results: Sequence[OperationResult]) -> None:
        """Store results, and replace those of the same numbers."""

    def results(self, job_id: str) -> list[OperationResult]:
        """Return the results of a restore, by number."""
