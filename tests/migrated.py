"""A catalog's tables on SQLite, migrated once a process: whoever needs them gets a copy in a file of their own."""

import functools
import tempfile
from pathlib import Path

from shared.adapters.catalog import open_catalog


def migrated_file(file: Path) -> str:
    """The URL of a catalog without tenants in this file; of the one that is there already, if there is one."""
    if not file.exists():
        file.touch(0o600)
        file.write_bytes(_tables())
    return f"sqlite:///{file}"


@functools.cache
def _tables() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "catalog.sqlite3"
        open_catalog(f"sqlite:///{file}").close()
        return file.read_bytes()
