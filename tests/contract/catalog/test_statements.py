"""Statements that are built once find, change and remove the same rows as statements that are built each time."""

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


class RolledBack(Exception):
    """Rolls a transaction back."""


@pytest.fixture
def tenancy(world: World, acme: TenantCatalog, other: TenantCatalog) -> Tenancy:
    """Return one tenant's rows, beside equal rows of another tenant."""
    for tenant in (acme, other):
        job, _ = tenant.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
        world.scheduler.offer_steps(job, BACKUP)
        with tenancy_of(world, tenant).write() as rows:
            rows.update(steps, steps.c.name == "groups", holder="w/1", sends=1, state=StepState.RUNNING)
    return tenancy_of(world, acme)


def tenancy_of(world: World, tenant: TenantCatalog) -> Tenancy:
    return Tenancy(world.catalog._database, tenant.tenant_id)  # type: ignore[attr-defined]


def where_clauses(conditions: list[Condition]) -> list[Where]:
    return [sign(steps.c[name], value) for name, sign, value in conditions]


def matches(row: Any, conditions: list[Condition]) -> bool:
    """Compare as SQL does: NULL is neither equal to a value nor different from it."""
    return all(sign(row[name], value) and (row[name] is not None or value is None) for name, sign, value in conditions)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONDITIONS)
@pytest.mark.postgresql
def test_find_update_and_delete_apply_the_conditions_within_one_tenant(
    world: World, other: TenantCatalog, tenancy: Tenancy, conditions: list[Condition]
) -> None:
    with tenancy.read() as rows:
        expected = {row["step_id"] for row in rows.find(steps) if matches(row, conditions)}
        assert {row["step_id"] for row in rows.find(steps, *where_clauses(conditions))} == expected
    changes: list[Callable[[Changes], int]] = [
        lambda rows: rows.update(steps, *where_clauses(conditions), holder="w/2", name="changed"),
        lambda rows: rows.delete(steps, *where_clauses(conditions)),
    ]
    for change in changes:
        with pytest.raises(RolledBack), tenancy.write() as rows:
            assert change(rows) == len(expected)
            remaining = {row["step_id"] for row in rows.find(steps) if row["name"] != "changed"}
            assert remaining.isdisjoint(expected)
            if world.is_sqlite:  # PostgreSQL hides the rows of another tenant
                other_rows = Changes(rows.connection, other.tenant_id, rows.now).find(steps)
                assert sorted(row["name"] for row in other_rows) == sorted(step.name for step in BACKUP)
            raise RolledBack


@pytest.mark.postgresql
def test_insert_accepts_only_existing_columns_and_sets_the_tenant(tenancy: Tenancy) -> None:
    values: dict[str, Any] = {"arn": ARN, "message": "No.", "at": NOW, "since": NOW + timedelta(microseconds=1)}
    with tenancy.write() as rows:
        rows.insert(refusals, **values)
        assert [dict(row) for row in rows.find(refusals)] == [{"tenant_id": tenancy.tenant_id, **values}]
        assert rows.update(refusals, refusals.c.since == values["since"], message="Still no.") == 1
        with pytest.raises(CompileError, match="strange"):
            rows.insert(refusals, **values, strange=1)
        with pytest.raises(TypeError):
            rows.insert(refusals, **values, tenant_id="another")
        assert rows.find(refusals, refusals.c.tenant_id == "another") == []
        assert rows.delete(refusals, refusals.c.tenant_id == "another") == 0


@pytest.mark.postgresql
def test_details_are_returned_as_they_were_stored(tenancy: Tenancy) -> None:
    with tenancy.write() as rows:
        for detail in ({"records": 1}, [], None):
            assert rows.update(jobs, detail=detail) == 1
            (row,) = rows.find(jobs)
            assert row["detail"] == detail


@pytest.mark.postgresql
def test_one_returns_a_row_or_none_and_raises_for_several_rows(tenancy: Tenancy) -> None:
    with tenancy.read() as rows:
        assert rows.one(steps, steps.c.name == "nobody") is None
        row = rows.one(steps, steps.c.name == "groups")
        assert row is not None
        assert row["phase"] == 1
        with pytest.raises(Exception, match="Multiple rows"):
            rows.one(steps, steps.c.name == "users")


@pytest.mark.parametrize(
    "where",
    [
        [steps.c.phase != 1],
        [steps.c.holder == None],  # noqa: E711 - a caller's variable may be None
        [steps.c.phase == 1, steps.c.phase == 2],
        [jobs.c.job_id == "one"],
        [steps.c.job_id == jobs.c.job_id],
        [steps.c.name.in_(["users"])],
        [steps.c.phase + 1 == 2],
        [steps.c.tenant_id == "another"],
    ],
)
def test_conditions_of_other_kinds_are_not_part_of_the_key(where: list[Where]) -> None:
    *before, last = where
    assert statements.key_in("own", steps, where) == (statements.key_in("own", steps, before)[0], [last])


def test_column_equality_is_part_of_the_key_and_the_statement_is_built_once() -> None:
    key = {"tenant_id": "own", "job_id": "one", "phase": 1}
    assert statements.key_in("own", steps, [steps.c.job_id == "one", steps.c.phase == 1]) == (key, [])
    assert statements.key_in("own", steps, []) == ({"tenant_id": "own"}, [])
    statement = statements.choosing(steps, ("job_id",), False)
    assert statements.choosing(steps, ("job_id",), False) is statement
    assert "FOR NO KEY UPDATE" in str(
        statements.choosing(steps, ("job_id",), True).compile(dialect=postgresql.dialect())
    )
    assert "FOR" not in str(statement.compile(dialect=postgresql.dialect()))
