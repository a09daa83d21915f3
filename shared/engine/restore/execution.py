"""The loop that carries out a plan: requests side by side, waits, time slices, and an orderly end."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from shared.domain.errors import Cancelled, EntrakeepError, GraphTrouble
from shared.domain.restore.operations import Action, Operation, Plan
from shared.domain.restore.writes import is_repeatable
from shared.engine.restore.attempts import Attempt
from shared.engine.restore.creating import Creations
from shared.engine.restore.endings import Endings
from shared.engine.restore.results import Results
from shared.engine.restore.schedule import Chain, Schedule, stages
from shared.engine.restore.sending import Sending, Waiting
from shared.engine.steps.checkpoints import last_state, store_state
from shared.engine.steps.work import TimeSliceOver, Work
from shared.ports.catalog.restores import OperationState
from shared.ports.directory import Outcome, WriteAnswer

_BATCH = 20
"""Objects whose next requests go into one batch. (Graph: "Combine multiple HTTP requests using JSON batching".)"""


class _Postponed(msgspec.Struct, frozen=True, kw_only=True):
    """The stored state of an operation that has not ended."""

    number: int
    tries: int
    lags: int
    since: datetime | None
    left_out: list[str]
    body: bytes | None
    """The body without the properties that Graph has refused."""
    single: bool


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a step when no request is under way. It is stored when the step's claim is released."""

    fence: int
    """The fencing number of the claim."""
    doubt_until: datetime | None
    """When objects that an earlier claim may have created are looked for first, None without such objects."""
    postponed: list[_Postponed]


class Execution:
    """The execution of a plan under one claim. Use it once."""

    def __init__(
        self, work: Work, plan: Plan, results: Results, creations: Creations, endings: Endings, sending: Sending
    ) -> None:
        """Continue from the state that an earlier claim has stored."""
        self._work = work
        self._limits = work.context.limits
        self._plan = plan
        self._results = results
        self._creations = creations
        self._endings = endings
        self._sending = sending
        self._slice = work.time_slice()
        self._stored_at = work.context.clock.monotonic()
        self._troubles = 0
        self._has_tried = False
        """True once something was tried under this claim, so that each claim makes progress."""
        self._attempts: list[Attempt] = []
        """The operations of the present stage."""
        state = last_state(work, _State) if work.claim.fence > 1 else None
        self._settled = work.claim.fence == 1 or (state is not None and state.fence == work.claim.fence - 1)
        """True if the claim before had no request under way when it ended."""
        self._postponed = {each.number: each for each in state.postponed} if state is not None else {}
        self._doubt_until = self._end_of_doubt(state)

    async def run(self) -> None:
        """Carry out what has no result yet, then replace the marks of created objects.

        Raise TimeSliceOver, GraphTrouble, and what ended the claim or the lease. Results are stored in each case, as far
        as that is still possible.
        """
        try:
            await self._run()
        except (TimeSliceOver, GraphTrouble):
            await asyncio.to_thread(self._results.store)
            await asyncio.to_thread(store_state, self._work, self._state())
            raise
        except BaseException:
            with suppress(EntrakeepError):  # the claim is lost, or the key is refused
                self._results.store()
            raise
        await asyncio.to_thread(self._results.store)

    async def _run(self) -> None:
        open_operations: list[Operation] = []
        for operation in self._plan.operations:
            state = self._results.state(operation.number)
            new_id = self._creations.created(operation)
            if state is None and new_id is not None:
                self._results.add(operation, OperationState.DONE, WriteAnswer(outcome=Outcome.DONE), new_id=new_id)
            elif state is OperationState.FAILED:
                self._endings.fail_dependents(operation)
            elif state is None:
                open_operations.append(operation)
        for operations in stages(open_operations):
            await self._stage([self._attempt(each) for each in operations])
            if self._is_stopped:
                break
        marked = [operation for operation, _ in self._creations.marked()]
        await self._stage([Attempt(each, each.body, unmarks=True) for each in marked], stoppable=False)

    def _attempt(self, operation: Operation) -> Attempt:
        """Return the attempt at an operation. It continues where an earlier claim stopped."""
        attempt = Attempt(operation, operation.body)
        earlier = self._postponed.get(operation.number)
        if earlier is not None:
            attempt.tries, attempt.lags, attempt.since = earlier.tries, earlier.lags, earlier.since
            attempt.left_out, attempt.body, attempt.single = earlier.left_out, earlier.body, earlier.single
        if operation.action is Action.UNDELETE:
            attempt.in_doubt = not self._settled
        elif self._creations.may_exist(operation):
            attempt.in_doubt = True  # if Graph refuses a second one, look for it
        if self._creations.is_intended(operation) and not is_repeatable(operation):
            attempt.in_doubt = attempt.look = True
            until = self._doubt_until or self._work.context.clock.now()
            doubt = max(0.0, (until - self._work.context.clock.now()).total_seconds())
            first_look = self._limits.look_backoff.wait(0)
            attempt.not_before = self._work.context.clock.monotonic() + doubt + first_look
        return attempt

    async def _stage(self, attempts: list[Attempt], *, stoppable: bool = True) -> None:
        """Carry out operations that do not depend on each other. Raise as ``run`` does."""
        self._attempts = attempts
        schedule = Schedule(attempts, self._work.context.clock.monotonic)
        running: set[asyncio.Task[list[Waiting]]] = set()
        try:
            while not (schedule.is_over and not running):
                stopping = (self._slice.over and self._has_tried) or (stoppable and self._is_stopped)
                if stopping and not running:
                    break
                if not stopping:
                    running |= self._launched(schedule, self._limits.writes_at_once - len(running))
                running = await self._await_some(schedule, running)
                self._has_tried = True
        except BaseException:
            await self._let_end(running)
            raise
        if not schedule.is_over and not (stoppable and self._is_stopped):
            raise TimeSliceOver

    def _launched(self, schedule: Schedule, most: int) -> set[asyncio.Task[list[Waiting]]]:
        """Take at most ``most`` batches of chains. Start a task for each batch, and one for each object to look for."""
        tasks: set[asyncio.Task[list[Waiting]]] = set()
        for _ in range(most):
            chains = schedule.take(_BATCH)
            looks = [each for each in chains if each.next[0].look]
            sends = [each for each in chains if not each.next[0].look]
            groups = [*([each] for each in looks), *([sends] if sends else [])]
            tasks |= {asyncio.create_task(self._turn(group)) for group in groups}
        return tasks

    async def _await_some(
        self, schedule: Schedule, running: set[asyncio.Task[list[Waiting]]]
    ) -> set[asyncio.Task[list[Waiting]]]:
        """Wait until a task ends or a chain is ready again. Return the tasks that still run. Raise what a task raised."""
        ready = schedule.seconds_until_ready()
        timeout = self._slice.remaining if ready is None else min(ready, self._slice.remaining)
        if not running:
            await asyncio.sleep(timeout)
            return running
        ended, others = await asyncio.wait(running, timeout=max(timeout, 0.01), return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            for chain, seconds in task.result():
                schedule.put_back(chain, seconds)
        now = self._work.context.clock.monotonic()
        if (
            self._results.waiting >= self._limits.results_waiting
            or now - self._stored_at >= self._limits.results_seconds
        ):
            self._stored_at = now
            await asyncio.to_thread(self._results.store)
        return others

    async def _turn(self, chains: Sequence[Chain]) -> list[Waiting]:
        """Carry out the next step of some chains. Return when each chain continues.

        Raise GraphTrouble only after some failed connections in a row.
        """
        try:
            waiting = await self._sending.send(chains)
        except GraphTrouble as trouble:
            self._troubles += 1
            if self._troubles >= self._limits.write_troubles:
                raise
            wait = trouble.after or self._limits.lag_backoff.wait(self._troubles)
            return [Waiting(each, wait) for each in chains]
        self._troubles = 0
        return waiting

    async def _let_end(self, running: set[asyncio.Task[list[Waiting]]]) -> None:
        """Let requests end whose answers are still wanted. Cancel them if the claim or the lease has ended."""
        try:
            self._work.check()
        except Cancelled:
            pass  # a person sees the results of what was sent
        except EntrakeepError:
            for task in running:
                task.cancel()
        if running:
            await asyncio.wait(running)
        for task in running:
            with suppress(asyncio.CancelledError):
                task.exception()  # asyncio logs every error that is not read

    @property
    def _is_stopped(self) -> bool:
        """Return True if the restore stops at the first failure, and there was one."""
        return self._plan.rules.stop_on_error and self._results.any_failed

    def _end_of_doubt(self, state: _State | None) -> datetime | None:
        """Return the time after which requests of earlier claims have no effect, None if no request was under way."""
        foreign = any(self._creations.is_foreign(each) for each in self._plan.operations)
        if self._settled and not foreign:
            return state.doubt_until if state is not None else None
        limits = self._limits
        seconds = limits.write_claim_seconds + limits.write_seconds + limits.doubt_seconds
        return self._work.context.clock.now() + timedelta(seconds=seconds)

    def _state(self) -> _State:
        """Return the state to store: no request is under way."""
        postponed = [
            _Postponed(
                number=each.operation.number,
                tries=each.tries,
                lags=each.lags,
                since=each.since,
                left_out=each.left_out,
                body=each.body,
                single=each.single,
            )
            for each in self._attempts
            if self._results.state(each.operation.number) is None and (each.tries or each.lags or each.left_out)
        ]
        return _State(fence=self._work.claim.fence, doubt_until=self._doubt_until, postponed=postponed)
