"""The claims on steps, and the writes that need a claim."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from shared.domain.errors import Answer, Code, Retry
from shared.domain.jobs import Claim, Details, JobState, ResourceProgress
from shared.domain.model import RunRef, Sealed, Snapshot


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a step: one sealed row for each run, with the run's blob names unsealed, in order of writing."""

    phase: int
    stream: str
    sealed: Sealed
    run: RunRef | None


class Renewal(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a renewal of claims."""

    cancel: bool
    """True if somebody cancelled the job."""
    lost: frozenset[str] = frozenset()
    """The ids of steps whose claim was not renewed, because it is no longer valid."""


class StreamEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a step that reads a stream."""

    claim: Claim
    answer: Answer
    request_id: str | None = None
    checkpoint: Checkpoint | None = None
    """The last checkpoint, or None if the reading has ended without a further one."""
    progress: Sequence[ResourceProgress] | None = None
    """The step's progress, or None if it stays as it is."""
    discard: bool = False
    """True if the step's checkpoints are removed, because the stream is not shown."""


class StreamsEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to the end of several steps."""

    opened: bool
    """True if this opened the next phase."""
    lost: frozenset[str]
    """The ids of steps that were not ended, because their claim is no longer valid."""


class TroubleDuration(msgspec.Struct, frozen=True):
    """How long a step has been in trouble."""

    seconds: float = 0.0
    """Seconds since the trouble began."""
    alone: float = 0.0
    """Seconds of it in which Graph has answered other streams."""


class Claims(Protocol):
    """Claims on steps, and the writes that need a claim.

    Every write is fenced. It raises ``ClaimLost`` if the step has a newer fencing number, if the claim has expired, or
    if the job has ended.
    """

    def claim(self, job_id: str, step_id: str, holder: str, seconds: float) -> Claim | None:
        """Claim a queued step in the job's open phase. Return None if there is none to claim (a duplicate message).

        The step becomes running under the next fencing number by compare-and-swap. The first claim of a job makes the
        job running.
        """

    def claim_bundle(self, job_id: str, step_id: str, holder: str, seconds: float) -> list[Claim]:
        """Claim a step as ``claim`` does, and all other steps of its bundle that are due. Return no claim if it cannot be.

        A step is due if a message for it was sent or may be sent.
        """

    def renew_all(self, claims: Sequence[Claim], progress: Mapping[str, Sequence[ResourceProgress]]) -> Renewal:
        """Extend claims on steps of one job as ``renew`` does, and store the progress of some of them, by step id.

        Claims that are no longer valid are named in the answer instead of raising ClaimLost.
        """

    def end_streams(self, ends: Sequence[StreamEnd]) -> StreamsEnded:
        """End steps of one job that read streams, each as ``checkpoint`` and ``finish`` do, in one transaction.

        Claims that are no longer valid are named in the answer instead of raising ClaimLost.
        """

    def renew(self, claim: Claim, progress: Sequence[ResourceProgress] | None = None) -> Renewal:
        """Extend the claim to ``claim.seconds`` from now. With ``progress``, store the step's progress."""

    def checkpoint(self, claim: Claim, checkpoint: Checkpoint, progress: Sequence[ResourceProgress]) -> None:
        """Append a checkpoint and set the step's progress.

        This counts as progress: it resets the count of lost claims.
        """

    def checkpoints(self, claim: Claim, *, step_only: bool = True) -> list[Checkpoint]:
        """Return the checkpoints of this step, or of the whole job, by phase and then in order of writing within a step."""

    def drop_checkpoints(self, claim: Claim) -> None:
        """Remove this step's checkpoints and progress."""

    def start_over(self, claim: Claim) -> int:
        """Remove this step's checkpoints and progress, and count a fresh start. Return the number of earlier fresh starts."""

    def release_step(
        self, claim: Claim, *, after: float, trouble: Retry | None, alone: bool = False
    ) -> TroubleDuration:
        """Release the step to the queue, to be sent after at least ``after`` seconds. This counts as no lost claim.

        With ``trouble``, store when it began until the next checkpoint or finish. Waits grow with its duration. Time
        without a try does not count. A step with two fresh starts keeps its trouble past checkpoints, because starting
        over repeatedly is not progress.

        ``alone`` says that Graph answers other streams meanwhile. Return how long both have lasted (zeros without
        ``trouble``).
        """

    def release_claim(self, holder: str) -> int:
        """Release every step of this tenant that ``holder`` has claimed. Return the number of steps.

        This counts as no lost claim.
        """

    def report_progress(self, claim: Claim, detail: Details, *, progress: bool = False) -> None:
        """Store ``detail`` as the job's result so far, for its readers.

        With ``progress``, it counts as a checkpoint does: it resets the count of lost claims.
        """

    def finish(
        self,
        claim: Claim,
        *,
        answer: Answer | None = None,
        request_id: str | None = None,
        progress: Sequence[ResourceProgress] | None = None,
        state: JobState = JobState.SUCCEEDED,
        code: Code | None = None,
        message: str | None = None,
        detail: Details | None = None,
    ) -> bool:
        """Mark the step as done and lower the phase's count of open steps. Return True if this opened the next phase.

        At zero open steps, the next phase that has steps opens, and ``detail`` is the job's result so far. After the
        last phase, the job ends with ``state``, ``code``, ``message`` and ``detail``, and its pins are removed. If
        ``detail`` is None, the job keeps the detail of its request or of the last ``report_progress``.
        """

    def fail(
        self,
        claim: Claim,
        code: Code,
        message: str,
        *,
        state: JobState = JobState.FAILED,
        detail: Details | None = None,
    ) -> None:
        """End the job as failed, or as cancelled with ``state``.

        All its steps become done, its pins and its checkpoints are removed. ``detail`` is as for ``finish``.
        """

    def note_attempt(self, claim: Claim, snapshot_id: str) -> None:
        """Store the id of a manifest before the manifest itself is stored, so that the sweep knows it."""

    def commit(
        self, claim: Claim, snapshot: Snapshot, runs: Sequence[RunRef], state: JobState, message: str | None
    ) -> None:
        """Commit the snapshot and end its job, in one transaction.

        Store the snapshot's row with its runs (oldest first within a stream), mark the step as done, end the job with
        ``state``, and remove its checkpoints and pins. Raise Refuse ``NO_SUCH_SNAPSHOT`` if the parent no longer
        exists, ``BUSY`` if another snapshot has become the newest meanwhile.
        """
