"""Restores: the rows of plans, of the id map, and of the results of operations, of one tenant."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
    """A restore has carried it out, or has ended early; the report of its job says how far it came."""
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
    undone_job: str | None = None
    """The restore that the plan undoes."""


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


class SealedPassword(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed password of a user that a restore has created."""

    number: int
    """The number of the operation that created the user."""
    sealed: Sealed


class Restores(Protocol):
    """The rows of one tenant's restores. Writes with a claim raise ClaimLost if it is no longer the step's."""

    def add_plan(self, claim: Claim, row: PlanRow, parts: Iterable[Sealed]) -> None:
        """Store a plan with its sealed parts, in one transaction. Replace a plan that the same job has stored before."""

    def plan(self, plan_id: str) -> PlanRow:
        """Return a plan's row. Raise Refuse ``NO_SUCH_PLAN``.

        A ready plan past its time is shown as expired, and a running one as done if its restore has ended.
        """

    def plans(self) -> list[PlanRow]:
        """Return the plans, newest first, shown as ``plan`` does."""

    def plan_parts(self, plan_id: str) -> Iterator[Sealed]:
        """Yield the sealed parts of a plan, in order."""

    def check_ready(self, plan_id: str) -> None:
        """Raise the Refuse that ``move_plan`` would raise if a new restore began to carry the plan out."""

    def move_plan(self, plan_id: str, state: PlanState, restore_job: str | None = None) -> PlanRow:
        """Change a plan's state, with its audit event. Return its row.

        A ready plan may become running or withdrawn, and a running one done. With ``restore_job``, that job takes over
        a running plan whose previous job has ended. A repeated change is accepted. Raise Refuse ``NO_SUCH_PLAN``;
        ``PLAN_EXPIRED`` if it is too old to begin; ``BUSY`` if another restore carries it out; ``WRONG_USE`` otherwise.
        """

    def intend(self, claim: Claim, entries: Sequence[MapEntry]) -> None:
        """Store entries of the id map before their objects are created. An entry with the same old id is kept."""

    def record_created(self, claim: Claim, entries: Sequence[MapEntry]) -> None:
        """Store the new ids of created objects."""

    def forget_intended(self, claim: Claim, old_ids: Sequence[str]) -> None:
        """Delete entries whose objects were certainly not created."""

    def map_entries(self) -> list[MapEntry]:
        """Return the whole id map of the tenant, by old id. Ids are in lower case."""

    def add_results(self, claim: Claim, results: Sequence[OperationResult]) -> None:
        """Store results, and replace those of the same numbers."""

    def adopt(self, claim: Claim, job_id: str) -> None:
        """Copy the results of an earlier restore of the same plan to this one, and take over its passwords. Idempotent."""

    def states(self, job_id: str) -> Mapping[int, OperationState]:
        """Return the state of each result of a restore by the operation's number, without the sealed parts."""

    def results(self, job_id: str, states: Collection[OperationState] = tuple(OperationState)) -> list[OperationResult]:
        """Return the results of a restore in these states, by number."""

    def keep_passwords(self, claim: Claim, passwords: Sequence[SealedPassword]) -> None:
        """Store sealed passwords of created users, and replace those of the same numbers."""

    def passwords(self, job_id: str) -> list[SealedPassword]:
        """Return the passwords of a restore that were not handed out yet, by number."""

    def forget_passwords(self, job_id: str) -> int:
        """Delete the passwords of a restore because they were handed out, with the audit event. Return how many."""
