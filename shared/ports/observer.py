"""Observer: what the engine reports while it works: points of the write order, counters and timings."""

from enum import StrEnum

from shared.domain.errors import Code
from shared.domain.jobs import Claim


class Point(StrEnum):
    """A place between two steps of the write order.

    A process that ends at any of them loses nothing: another one finishes the work. Tests kill a process at each.
    """

    CLAIMED = "claimed"
    """A worker has claimed a step."""
    KEY_OBJECT_STORED = "key-object-stored"
    """The key object of a job's data key is stored, its row is not."""
    KEY_ROW_STORED = "key-row-stored"
    """The row of a job's data key is stored."""
    KEY_READY = "key-ready"
    """A step that reads Graph has its data key."""
    PAGE = "page"
    """A page of Graph is in the sort buffer."""
    RUN_STORED = "run-stored"
    """All chunks of a run are stored, no checkpoint names them."""
    CHECKPOINTED = "checkpointed"
    """A checkpoint is stored."""
    READ = "read"
    """A stream is read, its step is not finished."""
    RUN_MERGED = "run-merged"
    """Runs are merged into one, no checkpoint names it."""
    COMPACTED = "compacted"
    """All merges are done, the step is not finished."""
    PHASE_OPENED = "phase-opened"
    """The job's next phase is open, its steps are not sent."""
    MANIFEST_NOTED = "manifest-noted"
    """SQL knows the manifest's id, the manifest is not stored."""
    MANIFEST_STORED = "manifest-stored"
    """The manifest is stored, the snapshot's row is not."""
    COMMITTED = "committed"
    """The snapshot's row is stored."""
    LEFTOVERS_KNOWN = "leftovers-known"
    """The sweep has removed the rows of a job's unused runs, their blobs are stored."""
    LEFTOVERS_DELETED = "leftovers-deleted"
    """The sweep has deleted the blobs of a job, the job is not marked as swept."""
    KEY_SWITCHED = "key-switched"
    """New data keys are wrapped by the tenant's new KMS key, existing ones by the previous key."""
    KEY_REWRAPPED = "key-rewrapped"
    """The key object of a data key's next generation is stored, its row is not."""
    KEY_MOVED = "key-moved"
    """The row of a data key's next generation is stored."""
    GENERATION_ERASED = "generation-erased"
    """A key object under the previous KMS key is erased."""
    GENERATION_FORGOTTEN = "generation-forgotten"
    """A data key's superseded generation is erased, and its row removed."""
    PART_PROVED = "part-proved"
    """A part of the data keys was opened under the new KMS key."""
    KEY_SETTLED = "key-settled"
    """All data keys are proved, the step is not finished."""
    SHRED_NOTED = "shred-noted"
    """The store has the note that a tenant is being shredded, all its keys exist."""
    KEYS_ERASED = "keys-erased"
    """The key objects of a shredded tenant are erased, its rows exist."""
    TENANT_FORGOTTEN = "tenant-forgotten"
    """The rows of a shredded tenant are removed, there is no certificate."""
    CERTIFICATE_STORED = "certificate-stored"
    """The certificate of a shred is stored, the audit trail does not record it."""
    SHRED_AUDITED = "shred-audited"
    """The audit trail records the shred, the store does not have its head."""

    CREATION_INTENDED = "creation-intended"
    """The id map has the intended entries of objects, no request to create them is sent."""
    CREATION_RECORDED = "creation-recorded"
    """The id map has the new ids of objects, the results are not stored."""
    WRITE_ANSWERED = "write-answered"
    """Graph has answered requests. The id map does not have the objects created by them, and no result is stored."""
    RESULTS_STORED = "results-stored"
    """The results of some operations are stored."""
    MARK_REMOVED = "mark-removed"
    """A created object has the snapshot's value in place of its mark, and the id map knows it."""
    ALL_WRITTEN = "all-written"
    """Every operation of a restore has its result, the step is not finished."""


class Usage(StrEnum):
    """A counter of what a tenant uses. The names are those in SQL and, after ``entrakeep_``, in the metrics."""

    KMS_CALLS = "kms_calls"
    """Calls to AWS KMS about data keys, by tenant."""
    KMS_REFUSALS = "kms_refusals"
    """Calls among them that AWS KMS refused, by tenant."""
    KMS_TROUBLES = "kms_troubles"
    """Calls among them that AWS KMS did not answer, throttled or failed, by tenant."""
    GRAPH_REQUESTS = "graph_requests"
    """Requests to Microsoft Graph, by directory."""
    GRAPH_UNITS = "graph_units"
    """Resource units that these requests cost, by directory."""
    GRAPH_THROTTLES = "graph_throttles"
    """Requests that Microsoft Graph throttled, by directory."""

    @property
    def by_directory(self) -> bool:
        """Return True if a directory's id owns the counts, because only that is known where they arise."""
        return self in (Usage.GRAPH_REQUESTS, Usage.GRAPH_UNITS, Usage.GRAPH_THROTTLES)


class Observer:
    """A listener that ignores everything: listeners override the methods that they need.

    Methods may be called from any thread. Only the listeners of tests raise: the exception then ends the work at that
    point.
    """

    def reach(self, point: Point) -> None:
        """Report that the work has reached ``point``. The next step begins when this returns."""

    def count(self, counter: Usage, owner_id: str, amount: int = 1) -> None:
        """Add to a counter of the tenant or directory with this id (see ``Usage.by_directory``)."""

    def begin_step(self, claim: Claim) -> None:
        """Report that a worker begins with the step that it has claimed."""

    def end_step(self, claim: Claim, seconds: float, code: Code | None, *, early: bool) -> None:
        """Report that a step ended after ``seconds``.

        ``early`` is True if the step was not finished. Then ``code`` is the code of the error, or None because the time
        slice is over.
        """

    def flush(self) -> None:
        """Write what was collected. Called after each step, and in each round of probes."""
