"""Whose step is next: free slots, people first, tenants in turn, a limit for each tenant."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.jobs import Origin
from shared.domain.jobs.turns import ActiveStep, free_slots, next_steps

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
BEFORE, LATER = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)


def step(tenant: str, name: str, **values: object) -> ActiveStep:
    """Return a step that is due."""
    fields = {"origin": Origin.SCHEDULE, "send_at": BEFORE, **values}
    return ActiveStep(tenant_id=tenant, step_id=f"{tenant}/{name}", **fields)  # type: ignore[arg-type]


def chosen(*active: ActiveStep, slots: int = 50, tenant_steps: int = 100) -> list[str]:
    return [each.step_id for each in next_steps(active, {"w": slots}, NOW, tenant_steps)]


@pytest.mark.parametrize(
    ("slots", "running", "free"),
    [
        ({}, [], 0),
        ({"w": 4}, [], 4),
        ({"w": 4, "v": 2}, ["w", "w", "v"], 3),
        ({"w": 1}, ["w", "w", "w"], 0),
        ({"w": 2, "v": 1}, ["w", "w", "w"], 1),  # what one worker has too many, another does not lack
        ({"w": 2}, ["gone", "gone", ""], 2),
    ],
)
def test_a_slot_is_free_unless_a_step_of_its_worker_runs(slots: dict[str, int], running: list[str], free: int) -> None:
    assert free_slots(slots, [step("a", str(n), worker=worker) for n, worker in enumerate(running)]) == free


@pytest.mark.parametrize(
    ("slots", "running", "outstanding", "sent"),
    [(0, 0, 0, 0), (1, 0, 0, 2), (3, 0, 0, 6), (3, 1, 0, 4), (3, 0, 5, 1), (3, 0, 6, 0), (3, 0, 9, 0), (1, 1, 0, 0)],
)
def test_outstanding_messages_are_at_most_twice_the_free_slots(
    slots: int, running: int, outstanding: int, sent: int
) -> None:
    active = [
        *(step("a", f"running {n}", worker="w") for n in range(running)),
        *(step("a", f"sent {n}", sends=1, send_at=LATER) for n in range(outstanding)),
        *(step("a", f"due {n}") for n in range(20)),
    ]
    assert chosen(*active, slots=slots) == [f"a/due {n}" for n in range(sent)]


@pytest.mark.parametrize(
    ("values", "sent"),
    [
        ({}, True),
        ({"send_at": NOW}, True),
        ({"send_at": LATER}, False),
        ({"sends": 3}, True),  # its message was lost
        ({"sends": 3, "send_at": LATER}, False),
        ({"offered": False}, False),
        ({"worker": "w"}, False),
    ],
)
def test_a_step_is_sent_if_it_is_queued_due_and_offered(values: dict[str, object], sent: bool) -> None:
    assert chosen(step("a", "1", **values)) == (["a/1"] if sent else [])


def test_a_step_that_waits_for_its_retry_is_not_outstanding() -> None:
    waiting = [step("a", f"waits {n}", send_at=LATER) for n in range(9)]
    assert chosen(*waiting, step("a", "due"), slots=1) == ["a/due"]


def test_steps_that_a_person_requested_come_first() -> None:
    hand = step("b", "2", origin=Origin.HAND)
    assert chosen(step("a", "1"), hand, step("a", "3"), slots=1) == ["b/2", "a/1"]


@pytest.mark.parametrize(
    ("active", "order"),
    [
        (
            [*(step("a", n, served_at=BEFORE) for n in "12"), *(step("b", n, served_at=NOW) for n in "12")],
            ["a/1", "b/1", "a/2", "b/2"],
        ),
        ([step("a", "1", worker="w"), step("a", "2"), step("b", "1")], ["b/1", "a/2"]),
        ([step("a", "1", served_at=NOW), step("b", "1", served_at=BEFORE)], ["b/1", "a/1"]),
        ([step("a", "1", served_at=BEFORE), step("b", "1")], ["b/1", "a/1"]),
    ],
    ids=["in turn", "fewest at work first", "longest waiting first", "never served first"],
)
def test_tenants_take_turns(active: list[ActiveStep], order: list[str]) -> None:
    assert chosen(*active) == order


@pytest.mark.parametrize(("limit", "sent"), [(1, []), (2, []), (3, ["a/4"]), (4, ["a/4", "a/5"])])
def test_a_tenant_has_at_most_so_many_steps_running_or_outstanding(limit: int, sent: list[str]) -> None:
    active = [
        step("a", "1", worker="w"),
        step("a", "2", sends=1, send_at=LATER),
        *(step("a", str(n)) for n in (4, 5)),
    ]
    assert chosen(*active, tenant_steps=limit) == sent
