"""The scheduler's handle: due schedules, steps to send, and the life signs of beat, broker and workers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from shared.domain.jobs import Job, StepPlan, StepRef
from shared.domain.model import Schedule


class DueSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's schedule that is due."""

    tenant_id: str
    schedule: Schedule


class RowsFailed(Exception):
    """Some rows could not be handled, and all others were. Each error is logged; ``last`` is the last one."""

    def __init__(self, last: Exception) -> None:
        super().__init__(str(last))
        self.last = last


class SchedulerCatalog(Protocol):
    """The tables that beat reads and writes, of all tenants."""

    def due(self, now: datetime) -> list[DueSchedule]:
        """Return the schedules that are due and may become a job.

        Such a schedule is not paused, and its tenant has no queued or running backup.
        """

    def make_due(self, due: DueSchedule, next_due: datetime, refused_since: datetime) -> bool:
        """Create one scheduled backup for the due time and set the next due time. Return True if this call created it.

        Concurrent callers create at most one job for a due time. Return False and create no job in three cases:

        - Another beat was first.
        - KMS has refused the tenant's current key after ``refused_since``, and the refusal is remembered.
        - A closer look at the key after ``refused_since`` reported that it makes no new data keys.

        In the last two cases the due time stays, and a later call creates the job.
        """

    def make_sweeps(self, every: timedelta) -> int:
        """Create a sweep for each tenant that was added, and last swept, longer than ``every`` ago. Return their number.

        Concurrent callers create at most one for each tenant. An error for one tenant does not stop the others:
        RowsFailed is raised at the end.
        """

    def unplanned(self) -> list[Job]:
        """Return the queued jobs without steps, manual ones before scheduled ones, each oldest first."""

    def offer_steps(self, job: Job, steps: Sequence[StepPlan]) -> bool:
        """Add the job's steps and open its first phase. Return True if this call added them.

        For a backup, the newest snapshot becomes its parent and is pinned. Return False if the job has steps already,
        or waits for another job of its tenant because only one of them may run.
        """

    def expire(self, claims_lost: int) -> int:
        """Expire claims and end the jobs that lost too many. Return the number of changed rows.

        - Steps whose claim has expired are queued again. Claims lost without progress since the last one are counted.
        - At ``claims_lost`` lost claims the job fails with ``WORKER_LOST``.
        - Foreground jobs fail with ``INTERRUPTED``.
        - Jobs to cancel are cancelled if no step of theirs is claimed.

        An error for one row does not stop the others: RowsFailed is raised at the end.
        """

    def to_send(self, *, resend: float, resend_most: float, worker_seen: float, tenant_steps: int) -> list[StepRef]:
        """Return claimable steps whose message is due, marked as sent in the same transaction.

        A step is outstanding if its message was sent and is not due again, and nobody has claimed it. At most twice the
        free slots of the workers seen within ``worker_seen`` seconds are outstanding. Manual jobs come first, then
        tenants in turn. At most ``tenant_steps`` steps of a tenant are running or outstanding. A message is due again
        after ``resend`` seconds, doubling up to ``resend_most``.
        """

    def not_sent(self, steps: Sequence[StepRef], after: float) -> None:
        """Make these messages, which the broker did not take, due again after ``after`` seconds, as if never sent."""

    def note_late(self, seconds: float) -> int:
        """Store an event for each tenant whose scheduled backup is late. Return the number of events.

        A backup is late if its schedule has been due for ``seconds``, or if it has not ended that long after its time.
        Each tenant gets one such event until a backup succeeds.
        """

    def note_expiring(self) -> int:
        """Store an event for each tenant whose client secret or certificate expires. Return the number of events.

        There is one event 30 days, 7 days and one day before, and one when it has expired.
        """

    def record_tick(self) -> None:
        """Store that beat has ticked now."""

    def repair_after_clock_change(self, claim_seconds: float) -> bool:
        """Return True if the database's clock was set back since the last tick, after repairing times.

        Claims that end later than ``claim_seconds`` from now then expire. What waits for a time of the earlier clock
        becomes due.
        """

    def last_tick(self) -> float | None:
        """Return the seconds since beat's last tick, by the database's clock, or None if it never ticked by this clock."""

    def report_broker(self, trouble: str | None) -> None:
        """Store why the broker takes no messages, in one sentence, or None while it takes them.

        Needs a beat that has ticked.
        """

    def broker_trouble(self) -> str | None:
        """Return beat's last report about the broker, or None if it takes messages or nothing was reported."""

    def worker_silence(self, worker: str | None = None) -> float | None:
        """Return the seconds since this worker was seen, or any worker if none is named, by the database's clock.

        Return None if none is known.
        """

    def record_heartbeat(self, worker: str, slots: int, *, begins: bool = False) -> None:
        """Store that a worker is alive with ``slots`` slots. Zero slots remove it.

        With ``begins``, make messages that were sent and led to no claim due again: a killed worker of this name may
        have taken them.
        """

    def record_identity(self, worker: str, account: str, principal: str) -> bool:
        """Store which AWS account and principal a worker has. Return False if the worker has no heartbeat yet."""

    def release(self, worker: str) -> int:
        """Release every step claimed by a child of this worker. Return the number of steps.

        Holders of such claims begin with ``<worker>/``. This counts as no lost claim.
        """
