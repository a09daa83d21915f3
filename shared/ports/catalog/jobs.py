"""The jobs of one tenant: requesting, showing and cancelling them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from shared.domain.audit import Plain
from shared.domain.errors import Code
from shared.domain.jobs import Claim, Details, Job, JobKind, JobState, Origin, Step, StepState


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """The current states of a job and one of its steps."""

    job: JobState
    code: Code | None
    """The job's code if it has ended with one, otherwise None."""
    step: StepState


class Jobs(Protocol):
    """The jobs of one tenant."""

    def request(
        self,
        kind: JobKind,
        *,
        origin: Origin,
        full: bool = False,
        snapshot: str | None = None,
        detail: Details | None = None,
        retried: str | None = None,
    ) -> tuple[Job, bool]:
        """Create a queued job without steps. Return it and True.

        If a backup is requested while one is queued or running, return that one and False. A named ``snapshot`` (an id,
        or ``latest``) is pinned for the job. ``retried`` is the id of the job that this one retries. Raise Refuse
        ``NO_SUCH_SNAPSHOT``.
        """

    def begin_foreground(
        self,
        kind: JobKind,
        snapshot: str,
        step: str,
        seconds: float,
        others: Sequence[str] = (),
        detail: Mapping[str, Plain] | None = None,
    ) -> Claim:
        """Create a running foreground job with one running step named ``step``. Return the caller's claim on it.

        The snapshot and the ``others`` are pinned. ``detail`` is the detail of the audit event. Raise Refuse
        ``NO_SUCH_SNAPSHOT``.
        """

    def get(self, job_id: str) -> Job:
        """Return the job with this id. Raise Refuse ``NO_SUCH_JOB``."""

    def recent(self, limit: int = 100) -> list[Job]:
        """Return the newest jobs, newest first."""

    def unfinished(self) -> bool:
        """Return True if a job of the tenant is queued or running."""

    def steps(self, job_id: str) -> list[Step]:
        """Return the job's steps by phase, then name."""

    def fate(self, job_id: str, step_id: str) -> Fate | None:
        """Return the states of the job and the step, or None if the step does not exist."""

    def cancel(self, job_id: str) -> Job:
        """Cancel a queued job at once, a running one at its claim's next renewal. Return the job.

        Idempotent for ended jobs.
        """

    def end_expired_foreground(self, seconds: float) -> int:
        """End this tenant's foreground jobs whose claim has expired. Return the number of jobs.

        They fail with ``INTERRUPTED``, and their pins are removed. ``seconds`` is how long a claim lasts: a claim that
        ends later than that from now has expired too.
        """
