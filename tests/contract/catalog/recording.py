"""Record the statements of one version of the code, and replay them on the tables of a later version.

``python -m tests.contract.catalog.recording FOLDER`` records the code at hand into ``<revision>-<backend>.jsonl``. A line is
a statement with its parameters and the number of rows that it changed, or the end of a transaction. A revision is recorded
once, before the next revision, and never again: the files represent code that is in use.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg.dbapi20 import Binary
from psycopg.types.json import Json
from sqlalchemy import Connection, Engine, create_engine, event

FOLDER = Path(__file__).parents[2] / "vectors" / "catalog"
FILES = sorted(FOLDER.glob("*.jsonl"))


@contextmanager
def recorded(into: list[dict[str, Any]]) -> Iterator[None]:
    """Append every statement that the code of ``shared`` executes during the block."""

    def record_statement(
        _c: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
    ) -> None:
        if context is None or not executemany:
            rows = -1 if statement.lstrip().upper().startswith(("SELECT", "PRAGMA")) else cursor.rowcount
            into.append({"say": statement, "with": _plain(parameters), "rows": rows})
        else:
            into.append({"say": statement, "with": [_plain(each) for each in parameters], "many": True, "rows": -1})

    def record_end(_: Connection) -> None:
        into.append({"end": True})

    event.listen(Engine, "after_cursor_execute", record_statement)
    event.listen(Engine, "commit", record_end)
    event.listen(Engine, "rollback", record_end)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", record_statement)
        event.remove(Engine, "commit", record_end)
        event.remove(Engine, "rollback", record_end)


def replay(file: Path, url: str) -> int:
    """Execute the recorded statements on another database and return their number.

    Raise what the database raises, and AssertionError if a statement changes another number of rows.
    """
    count = 0
    engine = create_engine(url)
    connection = engine.raw_connection()
    if url.startswith("sqlite"):
        connection.driver_connection.isolation_level = None  # type: ignore[union-attr]
    try:
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            if "end" in entry:
                connection.commit()
                continue
            cursor = connection.cursor()
            if entry.get("many"):
                cursor.executemany(entry["say"], [_full(each) for each in entry["with"]])
            else:
                cursor.execute(entry["say"], _full(entry["with"]))
            assert entry["rows"] in (-1, cursor.rowcount), entry["say"]
            cursor.close()
            count += 1
    finally:
        connection.rollback()
        connection.close()
        engine.dispose()
    return count


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, Binary):
        value = value.obj
    if isinstance(value, bytes | memoryview):
        return {"$bytes": bytes(value).hex()}
    if isinstance(value, Json):
        return {"$json": value.obj}
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _full(value: Any) -> Any:
    if isinstance(value, dict):
        if "$time" in value:
            return datetime.fromisoformat(value["$time"])
        if "$bytes" in value:
            return bytes.fromhex(value["$bytes"])
        if "$json" in value:
            return Json(value["$json"])
        return {name: _full(each) for name, each in value.items()}
    return [_full(each) for each in value] if isinstance(value, list) else value


def _record(folder: Path, backend: str, url: str, owner_url: str | None) -> None:
    from shared.adapters.catalog.schema import REVISION
    from tests.contract.catalog.story import run_story
    from tests.contract.catalog.world import World

    world = World(url, owner_url)
    lines: list[dict[str, Any]] = []
    with recorded(lines):
        run_story(world)
    world.close()
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (folder / f"{REVISION}-{backend}.jsonl").write_text(text)


def main(folder: Path) -> None:
    """Record the story on every database."""
    from tests.postgres import OWNER, USER, migrate, postgres_server

    with tempfile.TemporaryDirectory() as folder_name:
        _record(folder, "sqlite", f"sqlite:///{folder_name}/c.sqlite3", None)
    with postgres_server() as server:
        name = server.new_database()
        migrate(server.url(name, OWNER), USER)
        _record(folder, "postgresql", server.url(name), server.url(name, OWNER))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
