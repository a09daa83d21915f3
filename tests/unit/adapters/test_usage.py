"""What is counted beside calls to KMS and Graph, and that nothing of it is lost while the catalog is away."""

import asyncio

import pytest

from shared.adapters.budget import RedisBudgets
from shared.adapters.usage import CountedBudgets, CountedKeys, Counts
from shared.domain.errors import Code, KeyRefused, KeyTrouble, Refuse
from shared.ports.catalog.overview import Overview


class Totals:
    """Takes what is added, unless it is away."""

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
    """Refuses, or is in trouble, as the ARN says."""

    def decrypt(self, arn: str, *_: object) -> None:
        if arn == "refused":
            raise KeyRefused(arn, "Refused.")
        if arn == "away":
            raise KeyTrouble("Away.")


def test_each_call_about_a_tenants_data_keys_is_counted_with_what_came_of_it() -> None:
    counts, totals = Counts(), Totals()
    keys = CountedKeys(Keys(), counts)  # type: ignore[arg-type]
    keys.decrypt("well", b"", {"tenant": "a"}, "d")
    for arn, kind in (("refused", KeyRefused), ("away", KeyTrouble)):
        with pytest.raises(kind):
            keys.decrypt(arn, b"", {"tenant": "b"}, "d")
    counts.flush(totals)  # type: ignore[arg-type]
    assert totals.tenants == {"a": {"kms_calls": 1}, "b": {"kms_calls": 2, "kms_refusals": 1, "kms_troubles": 1}}


def test_requests_units_and_throttles_are_counted_by_directory() -> None:
    counts, totals = Counts(), Totals()
    budget = CountedBudgets(RedisBudgets(None, 8), counts).scope("directory", "client")

    async def ask() -> None:
        for units in (1, 3):
            async with budget.request(units):
                pass
        await budget.throttled(0.0)
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(ask())
    counts.flush(totals)  # type: ignore[arg-type]
    assert totals.directories == {"directory": {"graph_requests": 2, "graph_units": 4, "graph_throttles": 1}}


def test_what_the_catalog_does_not_take_is_added_later() -> None:
    counts, totals = Counts(), Totals()
    overview: Overview = totals  # type: ignore[assignment]
    counts.tenant("a", "kms_calls")
    totals.away = True
    counts.flush(overview)
    counts.tenant("a", "kms_calls", 2)
    totals.away = False
    counts.flush(overview)
    assert totals.tenants == {"a": {"kms_calls": 3}}
    totals.tenants.clear()
    counts.flush(overview)
    assert totals.tenants == {}
