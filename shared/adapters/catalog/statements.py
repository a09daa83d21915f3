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


def key_in(table: Table, where: Sequence[Where]) -> Key | None:
    """What the conditions say if each wants a column of its own, of this table, to have a value; else None. Who names the
    tenant is not taken at his word: the statements below have one of their own."""
    key: Key = {}
    for each in where:
        if not (isinstance(each, BinaryExpression) and each.operator is eq and isinstance(each.right, BindParameter)):
            return None
        if not (isinstance(each.left, Column) and each.left.table is table and each.left.name != "tenant_id"):
            return None
        key[each.left.name] = each.right.value
    return key if len(key) == len(where) else None


def parameters(tenant_id: str, key: Key) -> dict[str, Any]:
    """What the statements below are run with, beside the values that rows are given."""
    return {f"{_OF_KEY}{name}": value for name, value in (key | {"tenant_id": tenant_id}).items()}


@functools.cache
def choosing(table: Table, names: tuple[str, ...], lock: bool) -> Select[Any]:
    """The tenant's rows in which these columns have given values."""
    query = select(table).where(*_of_key(table, names))
    return locked(query) if lock else query


@functools.cache
def inserting(table: Table, given: tuple[str, ...]) -> Insert:
    """A new row with values of these columns. Raises what SQLAlchemy raises if there is no such column."""
    return insert(table).values({name: bindparam(name) for name in given})


@functools.cache
def updating(table: Table, names: tuple[str, ...], given: tuple[str, ...]) -> Update:
    """The columns ``given`` of the tenant's rows in which the columns ``names`` have given values."""
    return update(table).where(*_of_key(table, names)).values({name: bindparam(name) for name in given})


@functools.cache
def deleting(table: Table, names: tuple[str, ...]) -> Delete:
    """The tenant's rows in which these columns have given values."""
    return delete(table).where(*_of_key(table, names))


def locked(query: Select[Any]) -> Select[Any]:
    """The query, with a lock on each of its rows until the transaction ends.

    Rows that refer to a locked one may be inserted meanwhile (FOR NO KEY UPDATE), else whoever holds a job and names its
    tenant would meet whoever holds the tenant and wants the job. Who locks several rows does so in the order of their keys,
    and a tenant before its jobs, those before their steps.
    """
    return query.with_for_update(key_share=True)


def _of_key(table: Table, names: Iterable[str]) -> list[Where]:
    return [table.c[name] == bindparam(f"{_OF_KEY}{name}") for name in ("tenant_id", *names)]
