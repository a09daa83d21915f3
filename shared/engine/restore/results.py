"""The results of a restore's operations: collected while it writes, sealed, and stored in batches."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from shared.domain.jobs import ResourceProgress, RestoreProgress
from shared.domain.restore.operations import Operation
from shared.domain.restore.results import ResultDetail
from shared.engine.restore.stored_plans import seal_detail
from shared.engine.steps.work import Work
from shared.ports.catalog.restores import OperationResult, OperationState
from shared.ports.directory import WriteAnswer
from shared.ports.observer import Point

_FAILED = frozenset({OperationState.FAILED, OperationState.NOT_APPLIED})


class Results:
    """The results of the operations of one restore. Use it in one thread at a time."""

    def __init__(self, work: Work, progress: RestoreProgress, operations: Iterable[Operation]) -> None:
        """Load the results that are stored already. ``progress`` is the job's detail, whose counts are kept current."""
        self._work = work
        self._progress = progress
        self._resources = {each.number: each.resource for each in operations}
        self._states = dict(work.catalog.restores.states(work.claim.job_id))
        self._waiting: dict[int, tuple[OperationState, str, WriteAnswer, ResultDetail]] = {}
        self._count()  # the counts in SQL may be older than the results: after a kill, and when a restore is retried

    def state(self, number: int) -> OperationState | None:
        """Return how an operation ended, or None if it has not ended."""
        return self._states.get(number)

    @property
    def waiting(self) -> int:
        """Return the number of results that are not stored yet."""
        return len(self._waiting)

    @property
    def any_failed(self) -> bool:
        """Return True if an operation failed."""
        return any(state in _FAILED for state in self._states.values())

    def add(
        self,
        operation: Operation,
        state: OperationState,
        answer: WriteAnswer,
        *,
        code: str = "",
        reason: str = "",
        properties: tuple[str, ...] = (),
        values: dict[str, msgspec.Raw] | None = None,
        new_id: str | None = None,
        lasting: bool = False,
    ) -> None:
        """Add a result, or replace the one of the same operation. ``code`` replaces that of the answer."""
        detail = ResultDetail(
            resource=operation.resource,
            key=operation.key,
            name=operation.name,
            action=operation.action,
            reason=reason,
            message=answer.message,
            status=answer.status,
            properties=properties,
            values=values or {},
            new_id=new_id,
            lasting=lasting,
            notes=operation.notes,
        )
        self._waiting[operation.number] = (state, code or answer.code, answer, detail)
        self._states[operation.number] = state

    def store(self) -> None:
        """Seal and store the results that wait, and the restore's progress. Raise what ended the claim or the lease."""
        work, waiting = self._work, self._waiting
        self._waiting = {}
        if not waiting:
            return
        now = work.context.clock.now()
        rows = [
            OperationResult(
                number=number,
                state=state,
                code=code,
                request_id=answer.request_id,
                at=now,
                detail=seal_detail(work, detail),
            )
            for number, (state, code, answer, detail) in waiting.items()
        ]
        work.catalog.restores.add_results(work.claim, rows)
        self._count()
        work.catalog.claims.report_progress(work.claim, self._progress, progress=True)
        work.claim_keeper.report_progress(self._by_resource())
        work.context.observer.reach(Point.RESULTS_STORED)

    def _count(self) -> None:
        """Bring the counts of the job's detail up to date."""
        states = Counter(list(self._states.values()))
        self._progress.done = states[OperationState.DONE]
        self._progress.partly = states[OperationState.PARTLY]
        self._progress.failed = sum(states[state] for state in _FAILED)

    def _by_resource(self) -> list[ResourceProgress]:
        """Return how many operations of each resource have ended, and how many of them changed the directory."""
        ended = Counter[str]()
        changed = Counter[str]()
        for number, state in list(self._states.items()):
            resource = self._resources.get(number)
            if resource is not None:
                ended[resource] += 1
                changed[resource] += state not in _FAILED
        return [
            ResourceProgress(resource=resource, records=count, changed=changed[resource])
            for resource, count in sorted(ended.items())
        ]
