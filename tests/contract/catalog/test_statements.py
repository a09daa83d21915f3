"""Rows chosen, changed and removed by statements that are put together once, as by those that are put together each time."""

import operator
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import CompileError

from shared.adapters.catalog import statements
from shared.adapters.catalog.schema import jobs, refusals, steps
from shared.adapters.catalog.statements import Where
from shared.adapters.catalog.tenancy import Changes, Tenancy
from shared.domain.jobs import JobKind, Origin, StepState
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import ARN, BACKUP, NOW, World

Condition = tuple[str, Callable[[Any, Any], Any], object]
VALUES = {
    "phase": [1, 2, 4],
    "name": ["users", "groups"],
    "sends": [0, 1],
    "holder": ["w/1", None],
    "state": [StepState.QUEUED, StepState.RUNNING],
}
EQUALS = st.sampled_from([operator.eq, operator.eq, operator.ne])
CONDITIONS = st.lists(
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: st.tuples(st.just(name), EQUALS, st.sampled_from(VALUES[name]))
    ),
    max_size=3,
)


class Undone(Exception):
    """Takes back what a transaction has changed."""


@pytest.fixture
def mine(world: World, acme: TenantCatalog, other: TenantCatalog) -> Tenancy:
    """One tenant's rows, beside another's that look alike."""
    for tenant in (acme, other):
        job, _ = tenant.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
        world.scheduler.offer_steps(job, BACKUP)
        with of(world, tenant).write() as rows:
            rows.update(steps, steps.c.name == "groups", holder="w/1", sends=1, state=StepState.RUNNING)
    return of(world, acme)


def of(world: World, tenant: TenantCatalog) -> Tenancy:
    return Tenancy(world.catalog._database, tenant.tenant_id)  # type: ignore[attr-defined]


def told(conditions: list[Condition]) -> list[Where]:
    return [sign(steps.c[name], value) for name, sign, value in conditions]


def fits(row: Any, conditions: list[Condition]) -> bool:
    """As SQL has it: what is not there is neither equal to anything nor different from it."""
    return all(sign(row[name], value) and (row[name] is not None or value is None) for name, sign, value in conditions)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONDITIONS)
def test_what_is_found_changed_and_removed_is_what_the_conditions_say_and_the_tenants_own(
    world: World, other: TenantCatalog, mine: Tenancy, conditions: list[Condition]
) -> None:
    with mine.read() as rows:
        expected = {row["step_id"] for row in rows.find(steps) if fits(row, conditions)}
        assert {row["step_id"] for row in rows.find(steps, *told(conditions))} == expected
    undone: list[Callable[[Changes], int]] = [
        lambda rows: rows.update(steps, *told(conditions), holder="w/2", name="changed"),
        lambda rows: rows.delete(steps, *told(conditions)),
    ]
    for change in undone:
        with pytest.raises(Undone), mine.write() as rows:
            assert change(rows) == len(expected)
            left = {row["step_id"] for row in rows.find(steps) if row["name"] != "changed"}
            assert left.isdisjoint(expected)
            if world.is_sqlite:  # PostgreSQL lets nobody look at another tenant
                theirs = Changes(rows.connection, other.tenant_id, rows.now).find(steps)
                assert sorted(row["name"] for row in theirs) == sorted(step.name for step in BACKUP)
            raise Undone


def test_a_row_has_the_values_that_it_is_given_of_the_columns_there_are_and_its_own_tenant(mine: Tenancy) -> None:
    values: dict[str, Any] = {"arn": ARN, "message": "No.", "at": NOW, "since": NOW + timedelta(microseconds=1)}
    with mine.write() as rows:
        rows.insert(refusals, **values)
        assert [dict(row) for row in rows.find(refusals)] == [{"tenant_id": mine.tenant_id, **values}]
        assert rows.update(refusals, refusals.c.since == values["since"], message="Still no.") == 1
        with pytest.raises(CompileError, match="strange"):
            rows.insert(refusals, **values, strange=1)
        with pytest.raises(TypeError):
            rows.insert(refusals, **values, tenant_id="another")
        assert rows.find(refusals, refusals.c.tenant_id == "another") == []
        assert rows.delete(refusals, refusals.c.tenant_id == "another") == 0


def test_progress_and_details_come_back_as_they_were_given(mine: Tenancy) -> None:
    with mine.write() as rows:
        for detail in ({"records": 1}, [], None):
            assert rows.update(jobs, detail=detail) == 1
            (row,) = rows.find(jobs)
            assert row["detail"] == detail


def test_one_row_is_found_none_or_an_error_if_there_are_more(mine: Tenancy) -> None:
    with mine.read() as rows:
        assert rows.one(steps, steps.c.name == "nobody") is None
        found = rows.one(steps, steps.c.name == "groups")
        assert found is not None
        assert found["phase"] == 1
        with pytest.raises(Exception, match="Multiple rows"):
            rows.one(steps, steps.c.name == "users")


@pytest.mark.parametrize(
    "where",
    [
        [steps.c.phase != 1],
        [steps.c.holder == None],  # noqa: E711 - what a caller's variable may be
        [steps.c.phase == 1, steps.c.phase == 2],
        [jobs.c.job_id == "one"],
        [steps.c.job_id == jobs.c.job_id],
        [steps.c.name.in_(["users"])],
        [steps.c.phase + 1 == 2],
        [steps.c.tenant_id == "another"],
    ],
)
def test_conditions_of_another_kind_are_put_together_each_time(where: list[Where]) -> None:
    *before, last = where
    assert statements.key_in("mine", steps, where) == (statements.key_in("mine", steps, before)[0], [last])


def test_a_column_and_its_value_are_a_key_and_the_statement_is_made_once() -> None:
    key = {"tenant_id": "mine", "job_id": "one", "phase": 1}
    assert statements.key_in("mine", steps, [steps.c.job_id == "one", steps.c.phase == 1]) == (key, [])
    assert statements.key_in("mine", steps, []) == ({"tenant_id": "mine"}, [])
    made = statements.choosing(steps, ("job_id",), False)
    assert statements.choosing(steps, ("job_id",), False) is made
    assert "FOR NO KEY UPDATE" in str(
        statements.choosing(steps, ("job_id",), True).compile(dialect=postgresql.dialect())
    )
    assert "FOR" not in str(made.compile(dialect=postgresql.dialect()))
