"""Build statements about one tenant's rows once per process: SQLAlchemy builds one slower than a database runs it."""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Delete,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.sql.operators import eq

Where = ColumnElement[bool]
Key = dict[str, Any]
"""Values by the names of columns."""

_KEY_PREFIX = "_by_"
"""Prefix of WHERE parameters, so that they cannot clash with column values."""


def key_in(tenant_id: str, table: Table, where: Sequence[Where]) -> tuple[Key, list[Where]]:
    """Split conditions into columns with a given value, the tenant's id first, and all other conditions."""
    key: Key = {"tenant_id": tenant_id}
    others: list[Where] = []
    for each in where:
        if _is_equality(table, each) and each.left.name not in key:
            key[each.left.name] = each.right.value
        else:
            others.append(each)
    return key, others


def _is_equality(table: Table, each: Any) -> bool:
    """Return True if the condition compares a column of this table with a value."""
    return (
        isinstance(each, BinaryExpression)
        and each.operator is eq
        and isinstance(each.right, BindParameter)
        and isinstance(each.left, Column)
        and each.left.table is table
    )


def parameters(key: Key) -> dict[str, Any]:
    """Return the WHERE parameters of the statements below; the values of columns are passed separately."""
    return {f"{_KEY_PREFIX}{name}": value for name, value in key.items()}


@functools.cache
def choosing(table: Table, names: tuple[str, ...], lock: bool) -> Select[Any]:
    """Return the query for the rows in which these columns have given values."""
    query = select(table).where(*_key_conditions(table, names))
    return locked(query) if lock else query


@functools.cache
def inserting(table: Table, given: tuple[str, ...]) -> Insert:
    """Return the statement that inserts a row with these columns. SQLAlchemy raises its own error for an unknown column."""
    return insert(table).values({name: bindparam(name) for name in given})


@functools.cache
def updating(table: Table, names: tuple[str, ...], given: tuple[str, ...]) -> Update:
    """Return the statement that sets the columns ``given`` in the rows that values of the columns ``names`` select."""
    return update(table).where(*_key_conditions(table, names)).values({name: bindparam(name) for name in given})


@functools.cache
def deleting(table: Table, names: tuple[str, ...]) -> Delete:
    """Return the statement that deletes the rows in which these columns have given values."""
    return delete(table).where(*_key_conditions(table, names))


def locked(query: Select[Any]) -> Select[Any]:
    """Return the query with a lock on each of its rows until the transaction ends.

    FOR NO KEY UPDATE lets others insert rows that refer to a locked row. Otherwise a transaction that holds a job and
    names its tenant could deadlock with one that holds the tenant and waits for the job. Lock order: a tenant, its
    jobs, their steps; several rows of one table in the order of their keys.
    """
    return query.with_for_update(key_share=True)


def _key_conditions(table: Table, names: Iterable[str]) -> list[Where]:
    """Return the conditions that these columns equal their WHERE parameters."""
    return [table.c[name] == bindparam(f"{_KEY_PREFIX}{name}") for name in names]
