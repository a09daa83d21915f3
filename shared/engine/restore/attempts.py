"""What each answer of Graph means for the operation that was sent: it is done, it failed, or it is sent again later."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.limits import Limits
from shared.domain.resources.restoring import SafeCreate
from shared.domain.restore.id_map import ids_of
from shared.domain.restore.operations import Action, Operation
from shared.domain.restore.writes import creation_of, is_repeatable, without_refused
from shared.ports.directory import Outcome, WriteAnswer


@dataclass
class Attempt:
    """An operation that is being carried out."""

    operation: Operation
    body: bytes | None
    """The body to send, with ids of the snapshot, without properties that Graph has refused."""
    left_out: list[str] = field(default_factory=list)
    """Properties that Graph has refused."""
    tries: int = 0
    """Tries that Graph postponed or did not answer."""
    lags: int = 0
    """Waits because Graph did not know a fresh object."""
    since: datetime | None = None
    """When Graph first did not know a fresh object."""
    answer: WriteAnswer | None = None
    """The answer after which the directory is looked at, None after a lost one."""
    in_doubt: bool = False
    """True if the object may have been created by a request without an answer."""
    look: bool = False
    """True if the directory is looked at before anything more is sent."""
    looks: int = 0
    """Looks that found nothing."""
    not_before: float = 0.0
    """The monotonic time before which nothing happens to the operation."""
    single: bool = False
    """True if a request for several links was refused, so that each link needs its own."""
    compared: bool = False
    """True if it is known that the link did not come back with an undeleted object."""
    unmarks: bool = False
    """True if this replaces the mark of the object that the operation created."""


class Next(StrEnum):
    """The next action on an operation."""

    DONE = "done"
    FAILED = "failed"
    AGAIN = "again"
    """Send it again after a wait."""
    LOOK = "look"
    """Look whether the directory is as the operation wants it."""


@dataclass(frozen=True)
class Verdict:
    """The consequence of an answer for its operation."""

    next: Next
    wait: float = 0.0
    """The seconds until then."""
    code: str = ""
    """The code of a failure, if Graph gave none."""
    reason: str = ""
    """Why it failed, as a sentence."""


LOST = "LOST"
"""The code of an operation of which nobody knows whether Graph carried it out."""
_WHY = {
    Outcome.TAKEN: "Another object has this value{of}.",
    Outcome.PROPERTY_REFUSED: "Graph refuses the value{of}, and without it the rest is not written.",
    Outcome.FORBIDDEN: "The restoring application lacks a permission or a directory role for this: "
    "see 'entrakeep tenant check NAME --restore'.",
    Outcome.UNLICENSED: "The directory lacks the licence for this, or has no free seat.",
    Outcome.QUOTA: "The directory may have no more objects: delete some for good, also from the recycle bin.",
    Outcome.REFUSED: "Graph refuses this.",
    Outcome.MISSING: "The object, or one that it names, does not exist.",
    Outcome.NOT_YET: "Graph postponed this at each try, and no tries remain.",
    Outcome.LOST: "Graph gave no answer, and nothing shows whether it was carried out.",
    Outcome.ALREADY: "Another object takes this place.",
}
_ENDED_BY_ABSENCE = frozenset({Action.UNLINK, Action.DELETE})


class Judge:
    """Decides what happens to an operation, by Graph's answers and by which objects are fresh."""

    def __init__(self, limits: Limits, now: Callable[[], datetime], is_fresh: Callable[[set[str]], bool]) -> None:
        """Prepare to judge. ``is_fresh`` returns True if this restore created an object with one of these ids."""
        self._limits = limits
        self._now = now
        self._is_fresh = is_fresh

    def verdict(self, attempt: Attempt, answer: WriteAnswer, sent: set[str]) -> Verdict:
        """Return what happens next. ``sent`` are the current ids in path and body, in lower case."""
        operation, outcome = attempt.operation, answer.outcome
        if outcome is Outcome.DONE:
            return Verdict(Next.DONE)
        if outcome is Outcome.ALREADY and operation.action in (Action.LINK, Action.CALL):
            return Verdict(Next.DONE)
        if outcome is Outcome.MISSING and operation.action in _ENDED_BY_ABSENCE:
            return Verdict(Next.DONE)
        if self._needs_look(attempt, outcome):
            return Verdict(Next.LOOK)
        if outcome is Outcome.PROPERTY_REFUSED and self._leave_out(attempt, answer.property):
            return Verdict(Next.AGAIN)
        if outcome in (Outcome.MISSING, Outcome.NOT_YET) and answer.status != 429 and self._lags(answer, sent):
            return self._lag(attempt, outcome)
        if outcome in (Outcome.NOT_YET, Outcome.LOST):
            return self._try_again(attempt, answer)
        return failure(answer)

    def _needs_look(self, attempt: Attempt, outcome: Outcome) -> bool:
        """Return True if only a look at the directory shows what happened."""
        action = attempt.operation.action
        if action is Action.CREATE:
            if is_repeatable(attempt.operation):
                return False
            may_be_ours = attempt.in_doubt or creation_of(attempt.operation) is SafeCreate.CLIENT_KEY
            return outcome is Outcome.LOST or (may_be_ours and outcome in (Outcome.ALREADY, Outcome.TAKEN))
        if action is Action.UNDELETE:
            return outcome in (Outcome.MISSING, Outcome.ALREADY, Outcome.TAKEN)
        return action is Action.DELETE and outcome is Outcome.FORBIDDEN

    def _leave_out(self, attempt: Attempt, property: str) -> bool:
        """Leave a refused property out of the body. Return False if the rest must not be sent alone."""
        if len(attempt.left_out) >= self._limits.refused_properties or attempt.body is None:
            return False
        rest = without_refused(attempt.operation, attempt.body, property)
        if rest is None:
            return False
        attempt.body = rest
        attempt.left_out.append(property)
        return True

    def _lags(self, answer: WriteAnswer, sent: set[str]) -> bool:
        """Return True if the reason may be a fresh object: the one in Graph's message, or any in the request."""
        return self._is_fresh(ids_of(answer.message.encode()) & sent or sent)

    def _lag(self, attempt: Attempt, outcome: Outcome) -> Verdict:
        """Return the wait for a fresh object, or a failure after the longest lag."""
        attempt.since = attempt.since or self._now()
        if self._now() - attempt.since >= timedelta(seconds=self._limits.lag_seconds):
            return failure(WriteAnswer(outcome=outcome))
        attempt.lags += 1
        return Verdict(Next.AGAIN, wait=self._limits.lag_backoff.wait(attempt.lags - 1))

    def _try_again(self, attempt: Attempt, answer: WriteAnswer) -> Verdict:
        """Return the wait before another try, or a failure after the last one. A repeated request changes nothing more."""
        attempt.tries += answer.status != 429  # a throttled request was not carried out
        if attempt.tries >= self._limits.write_tries:
            return failure(answer)
        return Verdict(Next.AGAIN, wait=self._limits.lag_backoff.wait(attempt.tries))


def failure(answer: WriteAnswer) -> Verdict:
    """Return the failure that an answer means."""
    reason = _WHY[answer.outcome].format(of=f" of {answer.property}" if answer.property else "")
    return Verdict(Next.FAILED, code="" if answer.code else answer.outcome.name, reason=reason)
