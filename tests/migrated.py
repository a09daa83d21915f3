"""Migrate a catalog's tables on SQLite once per process. Each caller gets a copy in its own file."""

import functools
import tempfile
from pathlib import Path

from shared.adapters.catalog import open_catalog


def migrated_file(file: Path) -> str:
    """Return the URL of a catalog without tenants in this file, or of the catalog that the file already contains."""
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
