"""Listeners handle the calls to KMS and Graph, points and steps, and lose no count."""

import asyncio
import logging

import pytest

from shared.adapters.budget import RedisBudgets
from shared.adapters.observers.counted import CountedBudgets, CountedKeys
from shared.adapters.observers.listeners import Listeners
from shared.adapters.observers.log import StepLog
from shared.adapters.observers.usage import UsageTotals
from shared.domain.errors import Code, KeyRefused, KeyTrouble, Refuse
from shared.domain.jobs import Claim, JobKind
from shared.domain.limits import Limits
from shared.ports.observer import Observer, Point, Usage

CLAIM = Claim(
    tenant_id="t",
    job_id="j",
    step_id="s",
    kind=JobKind.BACKUP,
    name="users",
    phase=1,
    fence=1,
    seconds=30.0,
)


class Totals:
    """Accepts counts unless it is unavailable."""

    def __init__(self) -> None:
        self.away = False
        self.tenants: dict[str, dict[str, int]] = {}
        self.directories: dict[str, dict[str, int]] = {}

    def add_usage(self, tenants: dict[str, dict[str, int]], directories: dict[str, dict[str, int]]) -> None:
        if self.away:
            raise Refuse(Code.CATALOG_UNREACHABLE, "Away.")
        self.tenants.update(tenants)
        self.directories.update(directories)


class Keys:
    """A key service that refuses or is in trouble, as the ARN demands."""

    def decrypt(self, arn: str, *_: object) -> None:
        if arn == "refused":
            raise KeyRefused(arn, "Refused.")
        if arn == "away":
            raise KeyTrouble("Away.")


class Notes(Observer):
    """Records each event."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def reach(self, point: Point) -> None:
        self.events.append(point)

    def count(self, counter: Usage, owner_id: str, amount: int = 1) -> None:
        self.events.append((counter, owner_id, amount))

    def begin_step(self, claim: Claim) -> None:
        self.events.append(claim)

    def end_step(self, claim: Claim, seconds: float, code: Code | None, *, early: bool) -> None:
        self.events.append((claim, seconds, code, early))

    def flush(self) -> None:
        self.events.append("flush")


def all_events(observer: Observer) -> None:
    observer.begin_step(CLAIM)
    observer.reach(Point.PAGE)
    observer.count(Usage.KMS_CALLS, "t", 2)
    observer.end_step(CLAIM, 2.0, Code.CANCELLED, early=True)
    observer.flush()


def test_each_call_about_a_tenants_data_keys_is_counted_with_its_result() -> None:
    totals = Totals()
    observer = UsageTotals(totals)  # type: ignore[arg-type]
    keys = CountedKeys(Keys(), observer)  # type: ignore[arg-type]
    keys.decrypt("well", b"", {"tenant": "a"}, "d")
    keys.decrypt("well", b"", {"purpose": "installation"}, "d")  # of no tenant, so not counted
    for arn, kind in (("refused", KeyRefused), ("away", KeyTrouble)):
        with pytest.raises(kind):
            keys.decrypt(arn, b"", {"tenant": "b"}, "d")
    observer.flush()
    assert totals.tenants == {"a": {"kms_calls": 1}, "b": {"kms_calls": 2, "kms_refusals": 1, "kms_troubles": 1}}


def test_requests_units_and_throttles_are_counted_per_directory() -> None:
    totals = Totals()
    observer = UsageTotals(totals)  # type: ignore[arg-type]
    budget = CountedBudgets(RedisBudgets(None, Limits(requests_in_flight=8)), observer).scope("directory", "client")

    async def ask() -> None:
        for units in (1, 3):
            async with budget.request(units):
                pass
        await budget.throttled(0.0)
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(ask())
    observer.flush()
    assert totals.directories == {"directory": {"graph_requests": 2, "graph_units": 4, "graph_throttles": 1}}


def test_counts_that_the_catalog_refuses_are_added_later() -> None:
    totals = Totals()
    observer = UsageTotals(totals)  # type: ignore[arg-type]
    observer.count(Usage.KMS_CALLS, "a")
    totals.away = True
    observer.flush()
    observer.count(Usage.KMS_CALLS, "a", 2)
    totals.away = False
    observer.flush()
    assert totals.tenants == {"a": {"kms_calls": 3}}
    totals.tenants.clear()
    observer.flush()
    assert totals.tenants == {}


def test_every_listener_receives_every_event_in_order() -> None:
    one, two, alone = Notes(), Notes(), Notes()
    all_events(Listeners(one, two))
    all_events(alone)
    assert one.events == two.events == alone.events
    assert len(one.events) == len([name for name in vars(Observer) if not name.startswith("_")])


def test_the_log_has_the_ids_the_seconds_and_the_code_of_a_step(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    all_events(StepLog())
    StepLog().end_step(CLAIM, 1.23456, None, early=False)
    lines = [(record.message, record.__dict__.get("seconds"), record.__dict__.get("code")) for record in caplog.records]
    assert lines == [("step begins", None, None), ("step ends early", 2.0, "CANCELLED"), ("step ends", 1.235, None)]
    assert {tuple(record.__dict__[name] for name in ("tenant", "job", "step")) for record in caplog.records} == {
        ("t", "j", "users")
    }
