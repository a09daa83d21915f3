"""Count the queries that pages make."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

_QUERY = re.compile(r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE)\b(?! set_config| strftime| clock_)", re.IGNORECASE)
"""Questions about rows: neither the time nor the tenant of a transaction."""


@contextmanager
def counted() -> Iterator[list[str]]:
    """Yield the list of the queries that this process makes."""
    queries: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if _QUERY.match(statement):
            queries.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield queries
    finally:
        event.remove(Engine, "before_cursor_execute", note)
