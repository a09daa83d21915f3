"""Statements about one tenant's rows, made once a process: SQLAlchemy takes longer for that than a database for a row."""

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

_OF_KEY = "_by_"
"""Begins the name of a parameter that a row is chosen by, and of no column; one that a row is given has its column's name."""


def key_in(tenant_id: str, table: Table, where: Sequence[Where]) -> tuple[Key, list[Where]]:
    """The columns of this table that are to have a value, the tenant's id first, and the conditions that say more."""
    key: Key = {"tenant_id": tenant_id}
    others: list[Where] = []
    for each in where:
        if _equals(table, each) and each.left.name not in key:
            key[each.left.name] = each.right.value
        else:
            others.append(each)
    return key, others


def _equals(table: Table, each: Any) -> bool:
    return (
        isinstance(each, BinaryExpression)
        and each.operator is eq
        and isinstance(each.right, BindParameter)
        and isinstance(each.left, Column)
        and each.left.table is table
    )


def parameters(key: Key) -> dict[str, Any]:
    """What the statements below are run with, beside the values that rows are given."""
    return {f"{_OF_KEY}{name}": value for name, value in key.items()}


@functools.cache
def choosing(table: Table, names: tuple[str, ...], lock: bool) -> Select[Any]:
    """The rows in which these columns have given values."""
    query = select(table).where(*_of_key(table, names))
    return locked(query) if lock else query


@functools.cache
def inserting(table: Table, given: tuple[str, ...]) -> Insert:
    """A new row with values of these columns. Raises what SQLAlchemy raises if there is no such column."""
    return insert(table).values({name: bindparam(name) for name in given})


@functools.cache
def updating(table: Table, names: tuple[str, ...], given: tuple[str, ...]) -> Update:
    """The columns ``given`` of the rows in which the columns ``names`` have given values."""
    return update(table).where(*_of_key(table, names)).values({name: bindparam(name) for name in given})


@functools.cache
def deleting(table: Table, names: tuple[str, ...]) -> Delete:
    """The rows in which these columns have given values."""
    return delete(table).where(*_of_key(table, names))


def locked(query: Select[Any]) -> Select[Any]:
    """The query, with a lock on each of its rows until the transaction ends.

    Rows that refer to a locked one may be inserted meanwhile (FOR NO KEY UPDATE), else whoever holds a job and names its
    tenant would meet whoever holds the tenant and wants the job. Who locks several rows does so in the order of their keys,
    and a tenant before its jobs, those before their steps.
    """
    return query.with_for_update(key_share=True)


def _of_key(table: Table, names: Iterable[str]) -> list[Where]:
    return [table.c[name] == bindparam(f"{_OF_KEY}{name}") for name in names]
