"""Sending the next requests of several objects, and deciding by their answers what happens next."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from shared.domain.errors import Skip
from shared.domain.restore.id_map import ids_of
from shared.domain.restore.operations import Action
from shared.domain.restore.writes import bind, restoring_of
from shared.engine.restore.attempts import LOST, Attempt, Judge, Next, Verdict, failure
from shared.engine.restore.creating import Creations
from shared.engine.restore.endings import UNSENT, Endings, creates
from shared.engine.restore.looking import Looking, request_of
from shared.engine.restore.schedule import Chain
from shared.engine.steps.work import Work
from shared.ports.directory import DirectoryTarget, Outcome, WriteAnswer, WriteRequest
from shared.ports.observer import Point

_CREATE_IF_MISSING = {"Prefer": "create-if-missing"}


class Waiting(NamedTuple):
    """A chain that continues after a wait."""

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
    """Sends the requests of chains, which are the operations on one object.

    Its methods run in the event loop that writes.
    """

    def __init__(self, work: Work, target: DirectoryTarget, creations: Creations, endings: Endings) -> None:
        """Prepare to send. ``creations`` knows which objects exist."""
        self._work = work
        self._limits = work.context.limits
        self._now = work.context.clock.monotonic
        self._target = target
        self._creations = creations
        self._endings = endings
        self._looking = Looking(target, creations.ids)
        self._judge = Judge(self._limits, work.context.clock.now, endings.is_fresh)

    async def send(self, chains: Sequence[Chain]) -> list[Waiting]:
        """Carry out the next step of each chain. Return the chains that are not over, each with the seconds to wait.

        Raise GraphTrouble if Graph cannot be reached, and what ended the claim or the lease.
        """
        waiting: list[Waiting] = []
        to_send: list[tuple[Chain, list[Attempt]]] = []
        for chain in chains:
            await self._endings.end_unsendable(chain)
            compares = await self._end_returned(chain)
            if chain.is_over:
                continue
            if compares:
                waiting.append(Waiting(chain, 0.0))
                continue
            attempts = chain.next
            wait = max(attempts[0].not_before - self._now(), self._endings.distance(attempts[0]))
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
        """Send one request for each chain, and end or postpone its operations by the answers."""
        turns = await self._intended(turns)
        sent = [_Sent(chain, attempts, self._request(attempts)) for chain, attempts in turns]
        answers = await self._target.write_all([each.request for each in sent])
        self._work.context.observer.reach(Point.WRITE_ANSWERED)
        pairs = list(zip(sent, answers, strict=True))
        new_ids = await self._record(pairs)
        waiting = []
        for each, answer in pairs:
            if len(each.attempts) > 1:
                wait = await self._end_links(each, answer)
            else:
                verdict = self._judge.verdict(each.attempts[0], answer, each.ids)
                wait = await self._act(each.chain, each.attempts[0], answer, verdict, new_ids)
            waiting.append(Waiting(each.chain, wait))
        return waiting

    async def _intended(self, turns: Sequence[tuple[Chain, list[Attempt]]]) -> list[tuple[Chain, list[Attempt]]]:
        """Store which objects are about to be created.

        Return the turns, without creations that could not be found later.
        """
        marks: dict[int, str] = {}
        kept = []
        for chain, attempts in turns:
            operation = attempts[0].operation
            if creates(attempts[0]):
                try:
                    marks[operation.number] = await self._creations.new_mark(operation)
                except Skip as skip:
                    reason = f"Graph does not show where the object belongs, so it is not created: {skip.message}"
                    await self._endings.fail(
                        chain, attempts[0], UNSENT, Verdict(Next.FAILED, code="FORBIDDEN", reason=reason)
                    )
                    continue
            kept.append((chain, attempts))
        creations = [each[0].operation for _, each in kept if creates(each[0])]
        if creations:
            await self._creations.intend(creations, marks)
        return kept

    def _request(self, attempts: Sequence[Attempt]) -> WriteRequest:
        """Return the request for one operation, or for several links to one object."""
        first = attempts[0]
        request = request_of(first.operation, self._creations.ids, first.body)
        link = restoring_of(first.operation).link
        if len(attempts) > 1 and link is not None:
            bodies = [self._creations.ids.rewritten(each.body or b"") for each in attempts]
            path = request.path.partition(f"/{link.bind}/")[0]
            return msgspec.structs.replace(request, method="PATCH", path=path, body=bind(bodies, link.bind))
        if creates(first):
            headers = _CREATE_IF_MISSING if request.method == "PATCH" else {}
            body = self._creations.body(first.operation, first.body or b"{}")
            return msgspec.structs.replace(request, body=body, headers=headers)
        return request

    async def _record(self, pairs: Sequence[tuple[_Sent, WriteAnswer]]) -> dict[int, str]:
        """Store the ids of the objects that Graph has created, and return them by number of the operation."""
        created = {
            each.attempts[0].operation.number: (each.attempts[0].operation, answer.body)
            for each, answer in pairs
            if creates(each.attempts[0]) and answer.outcome is Outcome.DONE
        }
        return await self._creations.record(created) if created else {}

    async def _act(
        self, chain: Chain, attempt: Attempt, answer: WriteAnswer, verdict: Verdict, new_ids: dict[int, str]
    ) -> float:
        """Act on a verdict. Return the seconds until the chain continues."""
        operation = attempt.operation
        if verdict.next is Next.AGAIN:
            return verdict.wait
        if verdict.next is Next.LOOK:
            return await self._plan_look(chain, attempt, answer)
        if verdict.next is Next.DONE:
            await self._endings.succeed(chain, attempt, answer, new_ids.get(operation.number))
        else:
            if creates(attempt) and not attempt.in_doubt:
                await self._creations.forget([operation])
            await self._endings.fail(chain, attempt, answer, verdict)
        return 0.0

    async def _end_links(self, sent: _Sent, answer: WriteAnswer) -> float:
        """End the links of a request that Graph carried out. Otherwise send each link in a request of its own."""
        if answer.outcome is Outcome.DONE:
            for attempt in sent.attempts:
                await self._endings.succeed(sent.chain, attempt, answer, None)
            return 0.0
        if answer.status == 429:
            return self._limits.lag_backoff.longest
        for attempt in sent.attempts:
            attempt.single = True
        return self._limits.lag_backoff.first if answer.outcome is Outcome.LOST else 0.0

    # -- looks

    async def _plan_look(self, chain: Chain, attempt: Attempt, answer: WriteAnswer) -> float:
        """Schedule a look at the directory. Return the seconds until then."""
        lost = answer.outcome is Outcome.LOST
        attempt.tries += 1
        if attempt.tries >= self._limits.write_tries:
            reason = (
                "Nobody knows whether this was carried out: look in the directory." if lost else "Graph refuses this."
            )
            await self._endings.fail(
                chain, attempt, answer, Verdict(Next.FAILED, code=answer.code or LOST, reason=reason)
            )
            return 0.0
        attempt.look, attempt.looks, attempt.answer = True, 0, None if lost else answer
        attempt.in_doubt |= creates(attempt)
        wait = self._limits.look_backoff.wait(0) if lost else 0.0
        attempt.not_before = self._now() + wait
        return wait

    async def _look(self, chain: Chain, attempt: Attempt) -> float:
        """Check whether the directory is as the operation wants it. Return the seconds until the chain continues."""
        try:
            if creates(attempt):
                return await self._look_for_created(chain, attempt)
            return await self._look_at_object(chain, attempt)
        except Skip as skip:
            reason = f"Graph gave no answer, and does not show whether it was carried out: {skip.message}"
            await self._endings.fail(chain, attempt, UNSENT, Verdict(Next.FAILED, code=LOST, reason=reason))
            return 0.0

    async def _look_for_created(self, chain: Chain, attempt: Attempt) -> float:
        """Look for the object of a creation without an answer.

        After the last look, allow the object to be created again.
        """
        operation = attempt.operation
        value = await self._creations.find(operation, attempt.body or b"{}")
        if value is not None:
            new_ids = await self._creations.record({operation.number: (operation, value)})
            await self._endings.succeed(chain, attempt, WriteAnswer(outcome=Outcome.DONE), new_ids[operation.number])
            return 0.0
        attempt.looks += 1
        if attempt.looks < self._limits.looks:
            return self._limits.look_backoff.wait(attempt.looks)
        attempt.look = False
        return 0.0

    async def _look_at_object(self, chain: Chain, attempt: Attempt) -> float:
        """Check whether an object to undelete or delete exists, and end the operation."""
        operation = attempt.operation
        undeletes = operation.action is Action.UNDELETE
        if await self._looking.exists(operation) is undeletes:
            await self._endings.succeed(chain, attempt, WriteAnswer(outcome=Outcome.DONE), None)
            return 0.0
        attempt.looks += 1
        if undeletes and (attempt.tries > 1 or attempt.in_doubt) and attempt.looks < self._limits.looks:
            return self._limits.look_backoff.wait(attempt.looks)
        answer = attempt.answer or UNSENT
        reason = (
            "The object is neither in the recycle bin nor in the directory: make a new plan, which creates it anew."
            if undeletes and answer.outcome is Outcome.MISSING
            else failure(answer).reason
        )
        await self._endings.fail(
            chain, attempt, answer, Verdict(Next.FAILED, code=answer.code or answer.outcome.name, reason=reason)
        )
        return 0.0

    async def _end_returned(self, chain: Chain) -> bool:
        """End the next links of a chain that exist because they came back with an undeleted object.

        Return True if further ones are to be compared once the results so far are stored.
        """
        compared = 0
        while not chain.is_over:
            attempts = [each for each in chain.next if each.operation.may_return and not each.compared]
            if not attempts:
                return False
            if compared >= self._limits.results_waiting:
                return True
            returned = [each for each in attempts if await self._looking.has_returned(each.operation)]
            for attempt in attempts:
                attempt.compared = True
            for attempt in returned:
                await self._endings.succeed(chain, attempt, WriteAnswer(outcome=Outcome.DONE), None)
            compared += len(attempts)
        return False
