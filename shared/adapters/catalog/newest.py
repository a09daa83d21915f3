"""Create the tables of the newest revision in an empty SQLite file by plain SQL.

Alembic would take longer to import than most commands take in all. ``newest.sql`` is what its migrations create; a test
compares the two.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlalchemy import Connection

FILE = Path(__file__).parent / "migrations" / "newest.sql"


def create_tables(connection: Connection) -> None:
    """Create all tables, indexes and triggers in the connection's transaction. The database must have no tables."""
    for statement in _statements(FILE.read_text(encoding="utf-8").splitlines()):
        connection.exec_driver_sql(statement)


def _statements(lines: Iterable[str]) -> Iterator[str]:
    """Yield each SQL statement. A trigger contains semicolons, so a line's end alone does not end a statement."""
    statement = ""
    for line in lines:
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
