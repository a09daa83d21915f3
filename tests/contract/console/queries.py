"""Count the queries of a page."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """Yield the SELECT statements of the whole process during the block."""
    statements: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if statement.lstrip().startswith("SELECT") and "FROM" in statement:
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", record)
