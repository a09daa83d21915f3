"""The tenants' names at a glance, for what is being typed: nothing is made, migrated or waited for. Without SQLAlchemy, which
takes longer to import than a person who has pressed a key will wait."""

import sqlite3
from contextlib import closing
from pathlib import Path

_QUERY = "SELECT name FROM tenants ORDER BY name"
_SECONDS = 2
"""To connect; and half of it for the query."""


def names_in_file(file: Path) -> list[str]:
    """Return the names in a catalog on SQLite. Raise what the driver raises, after some seconds at most."""
    # Not read-only: a reader of a write-ahead log writes beside the file. A file that does not exist is not made.
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=_SECONDS / 2)) as catalog:
        return [name for (name,) in catalog.execute(_QUERY)]


def names_on_server(url: str) -> list[str]:
    """Return the names in the catalog at a URL of PostgreSQL. Raise as ``names_in_file``."""
    import psycopg

    scheme, _, rest = url.partition("://")
    options = f"-c statement_timeout={_SECONDS * 500} -c entrakeep.tenant=*"
    with psycopg.connect(f"{scheme.partition('+')[0]}://{rest}", connect_timeout=_SECONDS, options=options) as server:
        return [name for (name,) in server.execute(_QUERY)]
