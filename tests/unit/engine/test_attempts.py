"""What each answer of Graph means for the operation that was sent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.backoff import Backoff
from shared.domain.limits import Limits
from shared.domain.restore.operations import Action, Operation
from shared.engine.restore.attempts import Attempt, Judge, Next
from shared.ports.directory import Outcome, WriteAnswer

FRESH, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
LIMITS = Limits(lag_backoff=Backoff(first=1.0, longest=30.0), lag_seconds=600.0, write_tries=3, refused_properties=2)
LATER = frozenset({Outcome.NOT_YET, Outcome.LOST})


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def judge(clock: Clock) -> Judge:
    return Judge(LIMITS, clock.now, lambda ids: FRESH in ids)


def attempt(action: Action, resource: str = "groups", body: bytes | None = b"{}", **more: Any) -> Attempt:
    fields = {"number": 1, "stage": 1, "reason": "x", "method": "POST", "path": "/x", **more}
    return Attempt(Operation(resource=resource, key=f"{resource}/{OTHER}", action=action, body=body, **fields), body)


def answer(outcome: Outcome, **more: Any) -> WriteAnswer:
    return WriteAnswer(outcome=outcome, **{"status": 400, "code": "c", **more})


@pytest.mark.parametrize(
    ("action", "outcome", "expected"),
    [
        (Action.PATCH, Outcome.DONE, Next.DONE),
        (Action.LINK, Outcome.ALREADY, Next.DONE),
        (Action.CALL, Outcome.ALREADY, Next.DONE),
        (Action.UNLINK, Outcome.MISSING, Next.DONE),
        (Action.DELETE, Outcome.MISSING, Next.DONE),
        (Action.DELETE, Outcome.FORBIDDEN, Next.LOOK),
        (Action.UNDELETE, Outcome.MISSING, Next.LOOK),
        (Action.UNDELETE, Outcome.TAKEN, Next.LOOK),
        (Action.CREATE, Outcome.LOST, Next.LOOK),
        (Action.CREATE, Outcome.ALREADY, Next.FAILED),
        (Action.CREATE, Outcome.TAKEN, Next.FAILED),
        (Action.PATCH, Outcome.LOST, Next.AGAIN),
        (Action.LINK, Outcome.LOST, Next.AGAIN),
        (Action.PATCH, Outcome.NOT_YET, Next.AGAIN),
        (Action.LINK, Outcome.MISSING, Next.FAILED),
        *((Action.PATCH, outcome, Next.FAILED) for outcome in Outcome if outcome not in {Outcome.DONE, *LATER}),
    ],
)
def test_an_answer_has_one_consequence(judge: Judge, action: Action, outcome: Outcome, expected: Next) -> None:
    assert judge.verdict(attempt(action), answer(outcome), {OTHER}).next is expected


def test_a_conflict_is_looked_at_if_an_earlier_request_may_have_caused_it(judge: Judge) -> None:
    doubted = attempt(Action.CREATE)
    doubted.in_doubt = True
    assert judge.verdict(doubted, answer(Outcome.TAKEN), set()).next is Next.LOOK
    chosen = attempt(Action.CREATE, "roleDefinitions")
    assert judge.verdict(chosen, answer(Outcome.ALREADY), set()).next is Next.LOOK


def test_only_a_fresh_object_is_waited_for(judge: Judge) -> None:
    both = {FRESH, OTHER}
    assert judge.verdict(attempt(Action.LINK), answer(Outcome.MISSING), both).next is Next.AGAIN
    named = answer(Outcome.MISSING, message=f"Resource '{OTHER.upper()}' does not exist.")
    assert judge.verdict(attempt(Action.LINK), named, both).next is Next.FAILED
    foreign = answer(Outcome.MISSING, message="Request 99999999-9999-4999-8999-999999999999 failed.")
    assert judge.verdict(attempt(Action.LINK), foreign, both).next is Next.AGAIN


def test_waits_for_a_fresh_object_grow_and_end(judge: Judge, clock: Clock) -> None:
    link = attempt(Action.LINK)
    waits = []
    for _ in range(7):
        waits.append(judge.verdict(link, answer(Outcome.MISSING), {FRESH}).wait)
        clock.time += timedelta(seconds=waits[-1])
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    clock.time += timedelta(seconds=600)
    assert judge.verdict(link, answer(Outcome.MISSING), {FRESH}).next is Next.FAILED


def test_other_tries_are_counted_but_not_those_that_graph_throttled(judge: Judge) -> None:
    patch = attempt(Action.PATCH)
    for _ in range(9):
        assert judge.verdict(patch, answer(Outcome.NOT_YET, status=429), {FRESH}).next is Next.AGAIN
    assert patch.since is None, "a throttled request says nothing about lag"
    assert [judge.verdict(patch, answer(Outcome.LOST), set()).next for _ in range(3)] == [
        Next.AGAIN,
        Next.AGAIN,
        Next.FAILED,
    ]


def test_refused_properties_are_left_out_up_to_a_bound(judge: Judge) -> None:
    patch = attempt(Action.PATCH, "users", b'{"jobTitle":"","city":"","state":"","country":"x"}')
    refused = [answer(Outcome.PROPERTY_REFUSED, property=name) for name in ("jobTitle", "city", "state")]
    assert [judge.verdict(patch, each, set()).next for each in refused] == [Next.AGAIN, Next.AGAIN, Next.FAILED]
    assert patch.left_out == ["jobTitle", "city"]
    assert patch.body == b'{"state":"","country":"x"}'


def test_a_failure_has_graphs_code_or_the_outcome(judge: Judge) -> None:
    verdict = judge.verdict(attempt(Action.PATCH), answer(Outcome.TAKEN, property="mail"), set())
    assert verdict.code == ""
    assert "of mail" in verdict.reason
    verdict = judge.verdict(attempt(Action.PATCH), answer(Outcome.REFUSED, code=""), set())
    assert verdict.code == "REFUSED"
