"""The scheduler's side of the Catalog: the only handle that sees all tenants."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from shared.domain.model import Job, Schedule, StepPlan, StepRef


class DueSchedule(msgspec.Struct, frozen=True, kw_only=True):
    tenant_id: str
    schedule: Schedule


class SchedulerCatalog(Protocol):
    """The only handle that sees all tenants."""

    def due(self, now: datetime) -> list[DueSchedule]:
        """Schedules that are due and may become a job: not paused, no backup of that tenant queued or running."""
        ...

    def make_due(self, due: DueSchedule, next_due: datetime, refused_since: datetime) -> bool:
        """Makes one scheduled backup for the due time and sets the next; at most one job a due time, whoever calls. No
        job, and False, if a refusal of the tenant's present key is remembered after ``refused_since``, or a closer look
        since then found that it makes no new data keys: the due time stays, and becomes one job later; also False if
        another beat was first."""
        ...

    def make_prunes(self, every: timedelta) -> int:
        """Makes a prune for each tenant added, and last pruned, so long ago. At most one, whoever calls. How many.

        One tenant that gets none keeps no other from its own: the last error is raised at the end."""
        ...

    def unplanned(self) -> list[Job]:
        """Queued jobs without steps, oldest first, asked for by hand before scheduled ones."""
        ...

    def give_steps(self, job: Job, steps: Sequence[StepPlan]) -> bool:
        """Gives a job its steps and opens its first phase. For a backup the newest snapshot becomes its parent and is
        pinned. False if it has them already, or waits for another one of its tenant, where only one may be at work."""
        ...

    def expire(self, claims_lost: int) -> int:
        """Steps whose claim has expired are queued again; claims lost without progress since the last one are counted,
        and at ``claims_lost`` the job fails with ``WORKER_LOST``; jobs of asking processes fail with ``INTERRUPTED``;
        jobs to cancel whose steps nobody holds are cancelled. How many rows changed.

        One that cannot be looked after keeps no other back: the last error is raised at the end."""
        ...

    def to_send(self, *, resend: float, resend_most: float, worker_seen: float, tenant_steps: int) -> list[StepRef]:
        """Claimable steps whose message is due, marked as sent now in the same transaction. At most twice the free slots
        of the workers seen lately are outstanding (sent, not claimed, not yet due again). Fair: asked for by hand
        first, then tenants in turn; at most ``tenant_steps`` of a tenant running or outstanding. A message is due again
        after ``resend`` seconds, doubling to ``resend_most``."""
        ...

    def not_sent(self, steps: Sequence[StepRef], after: float) -> None:
        """The broker did not take these messages: they are due again after so many seconds, as if never sent."""
        ...

    def note_late(self, seconds: float) -> int:
        """Note as an event each tenant whose schedule is due for so many seconds, or whose scheduled backup has not ended
        that long after its time; once, until a backup ends well. Return how many."""
        ...

    def note_expiring(self) -> int:
        """Note as an event each tenant whose client secret or certificate expires: 30 days, 7 days and a day before, and when
        it has expired, each once. Return how many."""
        ...

    def ticked(self) -> None:
        """Beat is alive."""
        ...

    def bring_back(self, claim_seconds: float) -> bool:
        """Return whether the database's clock was set back since the last tick.

        Then claims that end later than they could have been given (``claim_seconds``) have expired, and what waits for
        a time of the clock before waits no longer.
        """
        ...

    def last_tick(self) -> float | None:
        """Return the seconds since beat's last tick, by the database's clock; None if it never ticked by this clock."""
        ...

    def report_broker(self, trouble: str | None) -> None:
        """Store why the broker takes no messages, in one sentence; None while it takes them. Needs a beat that has ticked."""
        ...

    def broker_trouble(self) -> str | None:
        """Return what beat reported last about the broker; None if it takes messages or nothing was reported."""
        ...

    def worker_silence(self, worker: str | None = None) -> float | None:
        """Return the seconds since this worker, or any, was seen, by the database's clock; None if none is known."""
        ...

    def worker_seen(self, worker: str, slots: int, *, begins: bool = False) -> None:
        """A worker is alive and has so many slots; ``slots`` 0 takes it out. When it ``begins``, messages that were sent and
        led to no claim are due again: one of its name may have taken them and been killed."""
        ...

    def release(self, worker: str) -> int:
        """Gives back, uncounted, every step held by a child of this worker (holders begin with ``<worker>/``)."""
        ...
