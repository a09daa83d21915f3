"""Read the tenants' names for shell completion: create, migrate and wait for nothing.

SQLAlchemy is not used: importing it takes longer than a person who has pressed a key will wait.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from shared.domain.limits import LIMITS

_QUERY = "SELECT name FROM tenants ORDER BY name"


def names_in_file(file: Path) -> list[str]:
    """Return the tenants' names in a SQLite catalog. Raise the driver's errors unchanged, after some seconds at most."""
    # Mode rw, because a reader of a write-ahead log writes beside the file. It does not create a missing file.
    with closing(
        sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=LIMITS.completion_seconds / 2)
    ) as catalog:
        return [name for (name,) in catalog.execute(_QUERY)]


def names_on_server(url: str) -> list[str]:
    """Return the tenants' names in the catalog at a PostgreSQL URL. Raise the driver's errors unchanged."""
    import psycopg

    scheme, _, rest = url.partition("://")
    options = f"-c statement_timeout={LIMITS.completion_seconds * 500} -c entrakeep.tenant=*"
    with psycopg.connect(
        f"{scheme.partition('+')[0]}://{rest}", connect_timeout=LIMITS.completion_seconds, options=options
    ) as server:
        return [name for (name,) in server.execute(_QUERY)]
