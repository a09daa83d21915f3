"""The Catalog's side of jobs: asked for, looked at, cancelled. One transaction a method, and the errors of ``catalog``."""

from typing import Any, Protocol

import msgspec

from shared.domain.errors import Code
from shared.domain.model import Asked, Claim, Job, JobKind, JobState, Step, StepState


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """How a job and one of its steps are now, and the job's code if it has ended with one."""

    job: JobState
    code: Code | None
    step: StepState


class Jobs(Protocol):
    def ask(
        self,
        kind: JobKind,
        *,
        asked: Asked,
        full: bool = False,
        snapshot: str | None = None,
        detail: Any = None,
        retried: str | None = None,
    ) -> tuple[Job, bool]:
        """A new queued job without steps, and True; or, where a backup is asked for while one is queued or running,
        that one and False. A ``snapshot`` named (by id, or ``latest``) is pinned for the job. ``retried`` is the job that
        is asked for again. Raises Refuse ``NO_SUCH_SNAPSHOT``."""
        ...

    def begin_here(self, kind: JobKind, snapshot: str, step: str, seconds: float) -> Claim:
        """A running job with one running step named ``step``, claimed by the caller, the snapshot pinned.
        Raises Refuse ``NO_SUCH_SNAPSHOT``."""
        ...

    def get(self, job_id: str) -> Job:
        """Raises Refuse ``NO_SUCH_JOB``."""
        ...

    def recent(self, limit: int = 100) -> list[Job]:
        """Newest first."""
        ...

    def unfinished(self) -> bool:
        """Return whether a job of the tenant is queued or running."""
        ...

    def steps(self, job_id: str) -> list[Step]:
        """By phase, then name."""
        ...

    def fate(self, job_id: str, step_id: str) -> Fate | None:
        """None if there is no such step."""
        ...

    def cancel(self, job_id: str) -> Job:
        """A queued job is cancelled at once; a running one at its claim's next renewal. Idempotent for ended jobs."""
        ...

    def end_expired_here(self, seconds: float) -> int:
        """End jobs of this tenant that ran in an asking process whose claim has expired: failed, ``INTERRUPTED``, pins
        lifted. Return how many. ``seconds``: how long a claim lasts; one that ends later has expired too."""
        ...
