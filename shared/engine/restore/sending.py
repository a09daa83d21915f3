"""Sending the next requests of several objects, and deciding by their answers what happens next."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from shared.domain.errors import Skip
from shared.domain.resources import RESOURCES
from shared.domain.resources.restoring import SafeCreate
from shared.domain.restore.id_map import IdMap, ids_of
from shared.domain.restore.operations import Action, Operation
from shared.domain.restore.writes import bind, created_ids, creation_of, names_of, object_id, restoring_of
from shared.engine.restore.attempts import Attempt, Judge, Next, Verdict, failure
from shared.engine.restore.creating import Creations
from shared.engine.restore.results import Results
from shared.engine.restore.schedule import Chain
from shared.engine.steps.work import Work
from shared.ports.catalog.restores import OperationState
from shared.ports.directory import DirectoryTarget, Outcome, WriteAnswer, WriteRequest
from shared.ports.observer import Point

_UNSENT = WriteAnswer(outcome=Outcome.REFUSED)
_CREATE_IF_MISSING = {"Prefer": "create-if-missing"}


class Waiting(NamedTuple):
    """A chain that goes on after a wait."""

    chain: Chain
    seconds: float


class _Sent(NamedTuple):
    """A request with the operations that it carries."""

    chain: Chain
    attempts: list[Attempt]
    request: WriteRequest

    @property
    def ids(self) -> set[str]:
        """Return the current ids in path and body, in lower case."""
        return ids_of(self.request.path.encode() + b" " + (self.request.body or b""))


class Sending:
    """Sends requests of chains. Its methods are coroutines of the event loop that writes."""

    def __init__(self, work: Work, target: DirectoryTarget, creations: Creations, results: Results) -> None:
        """Take what is known of the directory from ``creations``."""
        self._work = work
        self._limits = work.context.limits
        self._now = work.context.clock.monotonic
        self._target = target
        self._creations = creations
        self._results = results
        self._judge = Judge(self._limits, work.context.clock.now, self._is_fresh)
        self._failed: dict[str, int] = {}
        """Numbers of failed operations by the ids of the objects that do not exist because of them."""
        self._written = {written: self._now() for _, written in creations.marked()}
        """The monotonic time of the last write to each object that carries a mark."""
        self._no_more_objects = False
        self.any_failed = False
        """True if an operation failed since this object was created."""

    def fail_dependents(self, operation: Operation) -> None:
        """Take notice that an operation failed, so that those which need its object fail too."""
        self._failed |= dict.fromkeys(created_ids(operation), operation.number)

    async def send(self, chains: Sequence[Chain]) -> list[Waiting]:
        """Carry out the next step of each chain. Return the chains that go on, with the seconds until then.

        Raise GraphTrouble if Graph cannot be reached, and what ended the claim or the lease.
        """
        waiting: list[Waiting] = []
        to_send: list[tuple[Chain, list[Attempt]]] = []
        for chain in chains:
            self._end_unsendable(chain)
            if chain.is_over:
                continue
            attempts = chain.next
            wait = max(attempts[0].not_before - self._now(), self._distance(attempts[0]))
            if wait > 0:
                waiting.append(Waiting(chain, wait))
            elif attempts[0].look:
                waiting.append(Waiting(chain, await self._look(chain, attempts[0])))
            else:
                to_send.append((chain, attempts))
        if to_send:
            waiting += await self._send(to_send)
        return waiting

    async def _send(self, turns: Sequence[tuple[Chain, list[Attempt]]]) -> list[Waiting]:
        """Send one request for each chain, and settle the operations by the answers."""
        creations = [each[0].operation for _, each in turns if _creates(each[0])]
        if creations:
            await self._creations.intend(creations)
        sent = [_Sent(chain, attempts, self._request(attempts)) for chain, attempts in turns]
        answers = await self._target.write_all([each.request for each in sent])
        self._work.context.observer.reach(Point.WRITE_ANSWERED)
        pairs = list(zip(sent, answers, strict=True))
        new_ids = await self._record(pairs)
        waiting = []
        for each, answer in pairs:
            if len(each.attempts) > 1:
                wait = self._end_links(each, answer)
            else:
                verdict = self._judge.verdict(each.attempts[0], answer, each.ids)
                wait = await self._act(each.chain, each.attempts[0], answer, verdict, new_ids)
            waiting.append(Waiting(each.chain, wait))
        return waiting

    def _request(self, attempts: Sequence[Attempt]) -> WriteRequest:
        """Return the request for one operation, or for several links to one object."""
        first = attempts[0]
        request = request_of(first.operation, self._creations.ids, first.body)
        link = restoring_of(first.operation).link
        if len(attempts) > 1 and link is not None:
            bodies = [self._creations.ids.rewritten(each.body or b"") for each in attempts]
            path = request.path.partition(f"/{link.bind}/")[0]
            return msgspec.structs.replace(request, method="PATCH", path=path, body=bind(bodies, link.bind))
        if _creates(first):
            headers = _CREATE_IF_MISSING if request.method == "PATCH" else {}
            body = self._creations.body(first.operation, first.body or b"{}")
            return msgspec.structs.replace(request, body=body, headers=headers)
        return request

    async def _record(self, pairs: Sequence[tuple[_Sent, WriteAnswer]]) -> dict[int, str]:
        """Store the ids of the objects that Graph has created, and return them by number of the operation."""
        created = {
            each.attempts[0].operation.number: (each.attempts[0].operation, answer.body)
            for each, answer in pairs
            if _creates(each.attempts[0]) and answer.outcome is Outcome.DONE
        }
        return await self._creations.record(created) if created else {}

    async def _act(
        self, chain: Chain, attempt: Attempt, answer: WriteAnswer, verdict: Verdict, new_ids: dict[int, str]
    ) -> float:
        """Act on a verdict. Return the seconds until the chain goes on."""
        operation = attempt.operation
        if verdict.next is Next.AGAIN:
            return verdict.wait
        if verdict.next is Next.LOOK:
            return self._plan_look(chain, attempt, answer)
        if verdict.next is Next.DONE:
            await self._succeed(chain, attempt, answer, new_ids.get(operation.number))
        else:
            if _creates(attempt) and answer.outcome is not Outcome.LOST:
                await self._creations.forget([operation])
            self._no_more_objects |= answer.outcome is Outcome.QUOTA
            self._fail(chain, attempt, answer, verdict)
        return 0.0

    def _end_links(self, sent: _Sent, answer: WriteAnswer) -> float:
        """End the links of a request that Graph carried out. Otherwise let each have its own request."""
        if answer.outcome is Outcome.DONE:
            for attempt in sent.attempts:
                self._results.add(attempt.operation, OperationState.DONE, answer)
            sent.chain.end(sent.attempts)
            return 0.0
        if answer.status == 429:
            return self._limits.lag_backoff.longest
        for attempt in sent.attempts:
            attempt.single = True
        return self._limits.lag_backoff.first if answer.outcome is Outcome.LOST else 0.0

    # -- looks

    def _plan_look(self, chain: Chain, attempt: Attempt, answer: WriteAnswer) -> float:
        """Let the directory be looked at. Return the seconds until then."""
        lost = answer.outcome is Outcome.LOST
        attempt.tries += 1
        if attempt.tries >= self._limits.write_tries:
            reason = (
                "Nobody knows whether this was carried out: look in the directory." if lost else "Graph refuses this."
            )
            self._fail(chain, attempt, answer, Verdict(Next.FAILED, code=answer.code or "LOST", reason=reason))
            return 0.0
        attempt.look, attempt.looks, attempt.answer = True, 0, None if lost else answer
        attempt.in_doubt |= _creates(attempt)
        wait = self._limits.look_backoff.wait(0) if lost else 0.0
        attempt.not_before = self._now() + wait
        return wait

    async def _look(self, chain: Chain, attempt: Attempt) -> float:
        """Look whether the directory is as the operation wants it. Return the seconds until the chain goes on."""
        try:
            if _creates(attempt):
                return await self._look_for_created(chain, attempt)
            return await self._look_at_object(chain, attempt)
        except Skip as skip:
            reason = f"Graph gave no answer, and does not show whether it was carried out: {skip.message}"
            self._fail(chain, attempt, _UNSENT, Verdict(Next.FAILED, code="LOST", reason=reason))
            return 0.0

    async def _look_for_created(self, chain: Chain, attempt: Attempt) -> float:
        """Look for the object of a creation without an answer. After the last look, let it be created again."""
        operation = attempt.operation
        value = await self._creations.find(operation, attempt.body or b"{}")
        if value is not None:
            new_ids = await self._creations.record({operation.number: (operation, value)})
            await self._succeed(chain, attempt, WriteAnswer(outcome=Outcome.DONE), new_ids[operation.number])
            return 0.0
        attempt.looks += 1
        if attempt.looks < self._limits.looks:
            return self._limits.look_backoff.wait(attempt.looks)
        attempt.look = False
        return 0.0

    async def _look_at_object(self, chain: Chain, attempt: Attempt) -> float:
        """Look whether an object exists that is to be undeleted or deleted, and end the operation."""
        operation = attempt.operation
        undeletes = operation.action is Action.UNDELETE
        path = restoring_of(operation).item.replace("{id}", object_id(operation.key)) if undeletes else operation.path
        path = self._creations.ids.rewritten(path.encode()).decode()
        exists = await self._target.get(path, RESOURCES[operation.resource].api) is not None
        if exists is undeletes:
            await self._succeed(chain, attempt, WriteAnswer(outcome=Outcome.DONE), None)
            return 0.0
        attempt.looks += 1
        if undeletes and (attempt.tries > 1 or attempt.in_doubt) and attempt.looks < self._limits.looks:
            return self._limits.look_backoff.wait(attempt.looks)
        answer = attempt.answer or _UNSENT
        reason = (
            "The object is neither in the recycle bin nor in the directory: make a new plan, which creates it anew."
            if undeletes and answer.outcome is Outcome.MISSING
            else failure(answer.outcome, answer).reason
        )
        self._fail(chain, attempt, answer, Verdict(Next.FAILED, code=answer.code or answer.outcome.name, reason=reason))
        return 0.0

    # -- ends

    async def _succeed(self, chain: Chain, attempt: Attempt, answer: WriteAnswer, new_id: str | None) -> None:
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
        state = OperationState.PARTLY if attempt.left_out else OperationState.DONE
        reason = f"Graph refused {', '.join(attempt.left_out)}; the rest is written." if attempt.left_out else ""
        self._results.add(operation, state, answer, reason=reason, properties=tuple(attempt.left_out), new_id=new_id)

    def _fail(self, chain: Chain, attempt: Attempt, answer: WriteAnswer, verdict: Verdict) -> None:
        """End an operation that failed."""
        chain.end([attempt])
        operation = attempt.operation
        if attempt.unmarks:
            reason = "The object is created, and its mark is still there: the comparison at the end replaces it."
            self._results.add(operation, OperationState.PARTLY, answer, reason=reason)
            return
        self.any_failed = True
        self.fail_dependents(operation)
        properties = (answer.property,) if answer.property else ()
        self._results.add(
            operation,
            OperationState.FAILED,
            answer,
            code=verdict.code,
            reason=verdict.reason,
            properties=properties,
            lasting=verdict.lasting,
        )

    def _end_unsendable(self, chain: Chain) -> None:
        """Fail the next operations of a chain as long as they need objects that do not exist."""
        while not chain.is_over:
            attempt = chain.next[0]
            operation = attempt.operation
            failed = [self._failed[each] for each in names_of(operation) if each in self._failed]
            if failed and not attempt.unmarks:
                reason = f"It needs an object that operation {min(failed)} did not bring back."
                self._fail(chain, attempt, _UNSENT, Verdict(Next.FAILED, code="DEPENDS", reason=reason))
            elif self._no_more_objects and _creates(attempt) and not attempt.in_doubt:
                full = WriteAnswer(outcome=Outcome.QUOTA)
                self._fail(chain, attempt, full, failure(Outcome.QUOTA, full))
            else:
                return

    # -- fresh objects

    def _is_fresh(self, ids: set[str]) -> bool:
        """Return True if this restore has created or undeleted one of these objects."""
        return not self._creations.fresh.isdisjoint(ids)

    def _distance(self, attempt: Attempt) -> float:
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


def request_of(operation: Operation, ids: IdMap, body: bytes | None = None) -> WriteRequest:
    """Return the request of an operation with current ids, with another body than the operation's if one is given."""
    text = operation.body if body is None else body
    return WriteRequest(
        method=operation.method,
        path=ids.rewritten(operation.path.encode()).decode(),
        body=ids.rewritten(text) if text is not None else None,
        api=RESOURCES[operation.resource].api,
        bucket=restoring_of(operation).bucket,
    )


def _creates(attempt: Attempt) -> bool:
    """Return True if the attempt creates an object."""
    return attempt.operation.action is Action.CREATE
