"""The schema that the migrations create in a SQLite file, as SQL. Run as a program, it writes ``newest.sql``."""

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from sqlalchemy import create_engine

from shared.adapters.catalog import newest, upgrade


def migrated_dump() -> str:
    """Return the dump of a SQLite file that all migrations have passed."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "catalog.sqlite3"
        engine = create_engine(f"sqlite:///{file}")
        with engine.begin() as connection:
            command.upgrade(upgrade._config(connection), "head")
        engine.dispose()
        with closing(sqlite3.connect(file)) as connection:
            return dump(connection)


def dump(connection: sqlite3.Connection) -> str:
    """Return a database's schema and rows as SQL, without the statements that begin and end the transaction."""
    lines = [line.rstrip() for each in list(connection.iterdump())[1:-1] for line in each.splitlines()]
    return "".join(f"{line}\n" for line in lines if line)


if __name__ == "__main__":
    newest.FILE.write_text(migrated_dump())
