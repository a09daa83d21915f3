"""Ends of operations: their results, and what they mean for operations that need their objects."""

from collections.abc import Sequence

import msgspec

from shared.domain.errors import GraphTrouble
from shared.domain.json_text import members
from shared.domain.resources.restoring import SafeCreate
from shared.domain.restore.bodies import encoded
from shared.domain.restore.operations import Action, Operation
from shared.domain.restore.writes import created_ids, creation_of, names_of, object_id
from shared.engine.restore.attempts import Attempt, Next, Verdict, failure
from shared.engine.restore.creating import Creations
from shared.engine.restore.looking import request_of
from shared.engine.restore.results import Results
from shared.engine.restore.schedule import Chain
from shared.engine.steps.work import Work
from shared.ports.catalog.restores import OperationState
from shared.ports.directory import DirectoryTarget, Outcome, WriteAnswer

UNSENT = WriteAnswer(outcome=Outcome.REFUSED)
"""The answer of an operation that was not sent."""


class Endings:
    """Ends operations. Its coroutines run in the event loop that writes."""

    def __init__(
        self,
        work: Work,
        target: DirectoryTarget,
        operations: Sequence[Operation],
        creations: Creations,
        results: Results,
    ) -> None:
        """Prepare to end the plan's operations. ``creations`` knows which objects exist."""
        self._limits = work.context.limits
        self._now = work.context.clock.monotonic
        self._target = target
        self._creations = creations
        self._results = results
        self._preparing: dict[str, list[Operation]] = {}
        """Operations that only prepare others, by key."""
        for operation in operations:
            if operation.prepares:
                self._preparing.setdefault(operation.key, []).append(operation)
        self._failed: dict[str, int] = {}
        """Numbers of failed operations by the ids of the objects that do not exist because of them."""
        self._written = {written: self._now() for _, written in creations.marked()}
        """The monotonic time of the last write to each object that carries a mark."""
        self._no_more_objects = False

    def fail_dependents(self, operation: Operation) -> None:
        """Fail the operations that need the object of a failed operation."""
        self._failed |= dict.fromkeys(created_ids(operation), operation.number)

    async def succeed(self, chain: Chain, attempt: Attempt, answer: WriteAnswer, new_id: str | None) -> None:
        """End an operation that Graph has carried out, perhaps without properties that it refused."""
        operation = attempt.operation
        chain.end([attempt])
        if operation.action is Action.UNDELETE:
            self._creations.fresh.add(self._creations.ids.current(object_id(operation.key)).lower())
        written = self._written_id(attempt, new_id)
        if written is not None:
            self._written[written] = self._now()
        if attempt.unmarks:
            await self._creations.record_unmarked(operation)
            return
        if not attempt.left_out:
            self._results.add(operation, OperationState.DONE, answer, new_id=new_id)
            return
        left_out = tuple(attempt.left_out)
        sentences = [
            f"Graph refused {', '.join(left_out)}; the rest is written.",
            *await self._put_back(operation, left_out),
        ]
        self._results.add(
            operation,
            OperationState.PARTLY,
            answer,
            reason=" ".join(sentences),
            properties=left_out,
            values=self._values(operation, left_out),
            new_id=new_id,
            lasting=True,
        )

    async def fail(self, chain: Chain, attempt: Attempt, answer: WriteAnswer, verdict: Verdict) -> None:
        """End an operation that failed."""
        chain.end([attempt])
        self._no_more_objects |= answer.outcome is Outcome.QUOTA
        operation = attempt.operation
        if attempt.unmarks:
            self._keep_mark(operation, answer)
            return
        self.fail_dependents(operation)
        properties = (answer.property,) if answer.property else ()
        reason = " ".join([verdict.reason, *await self._put_back(operation, operation.properties)])
        self._results.add(
            operation,
            OperationState.FAILED,
            answer,
            code=verdict.code,
            reason=reason,
            properties=properties,
            values=self._values(operation, properties),
            lasting=_will_last(operation, answer.outcome),
        )

    def _keep_mark(self, unmarking: Operation, answer: WriteAnswer) -> None:
        """Note in the result of a creation that the mark remains. A result that is partly done already stays as it is."""
        if self._results.state(unmarking.number) is not OperationState.DONE:
            return
        creation = msgspec.structs.replace(unmarking, action=Action.CREATE)
        reason = "The object is created, and its mark is still there: the comparison at the end replaces it."
        new_id = self._creations.created(creation)
        self._results.add(creation, OperationState.PARTLY, answer, reason=reason, new_id=new_id)

    def _values(self, operation: Operation, names: Sequence[str]) -> dict[str, msgspec.Raw]:
        """Return the values that the operation writes to these properties, or to those that they are parts of."""
        sent = members(self._creations.ids.rewritten(operation.body or b"{}")) or {}
        tops = {name.partition(".")[0] for name in names}
        return {name: msgspec.Raw(value) for name, value in sent.items() if name in tops}

    async def _put_back(self, operation: Operation, unwritten: Sequence[str]) -> list[str]:
        """Write values back that were changed only to prepare an operation, if the operation did not write them.

        Return a sentence for each object that stays changed.
        """
        sentences = []
        for earlier in self._preparing.get(operation.key, ()):
            live = members(earlier.before or b"{}") or {}
            values = {name: live[name] for name in earlier.properties if name in unwritten and name in live}
            if not values or self._results.state(earlier.number) is not OperationState.DONE:
                continue
            request = request_of(earlier, self._creations.ids, encoded(values))
            try:
                answer = await self._target.write(request)
            except GraphTrouble:
                answer = UNSENT
            if answer.outcome is not Outcome.DONE:
                sentences.append(f"Undo operation {earlier.number} by hand: {', '.join(values)} stay as it wrote them.")
        return sentences

    async def end_unsendable(self, chain: Chain) -> None:
        """Fail the next operations of a chain as long as they need objects that do not exist."""
        while not chain.is_over:
            attempt = chain.next[0]
            operation = attempt.operation
            failed = [self._failed[each] for each in names_of(operation) if each in self._failed]
            if failed and not attempt.unmarks:
                reason = f"It needs an object that operation {min(failed)} did not bring back."
                await self.fail(chain, attempt, UNSENT, Verdict(Next.FAILED, code="DEPENDS", reason=reason))
            elif self._no_more_objects and creates(attempt) and not attempt.in_doubt:
                full = WriteAnswer(outcome=Outcome.QUOTA)
                await self.fail(chain, attempt, full, failure(full))
            else:
                return

    def is_fresh(self, ids: set[str]) -> bool:
        """Return True if this restore has created or undeleted one of these objects."""
        return not self._creations.fresh.isdisjoint(ids)

    def distance(self, attempt: Attempt) -> float:
        """Return the seconds until an object with a mark may be written again."""
        written = self._written.get(self._written_id(attempt, None) or "")
        return 0.0 if written is None else written + self._limits.mark_seconds - self._now()

    def _written_id(self, attempt: Attempt, new_id: str | None) -> str | None:
        """Return the id of the object with a mark that the operation writes, or None if it writes no such object."""
        operation = attempt.operation
        if operation.action is Action.CREATE:
            return new_id.lower() if new_id and creation_of(operation) is SafeCreate.MARK else None
        if operation.action is not Action.PATCH:
            return None
        written = self._creations.ids.current(object_id(operation.key)).lower()
        return written if written in self._written else None


def _will_last(operation: Operation, outcome: Outcome) -> bool:
    """Return True if another try would end in the same way: Graph refuses this value, or keeps this link."""
    if operation.action is Action.PATCH:
        return outcome is Outcome.PROPERTY_REFUSED
    return operation.action is Action.UNLINK and outcome is Outcome.REFUSED


def creates(attempt: Attempt) -> bool:
    """Return True if the attempt creates an object."""
    return attempt.operation.action is Action.CREATE
