"""Process rows of all tenants, each in a transaction of its own."""

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import RowMapping

from shared.adapters.catalog.engine import Database
from shared.adapters.catalog.tenancy import Changes, Tenancy
from shared.domain.audit import SCHEDULE

log = logging.getLogger(__name__)


def process_each(
    database: Database,
    targets: Sequence[RowMapping],
    problem: str,
    process: Callable[[Changes, RowMapping], int],
    failed: list[Exception],
) -> int:
    """Process each row in a transaction of its own. Return how many rows changed.

    One row's failure does not stop the others: ``problem`` is logged, and the error is appended to ``failed``.
    """
    changed = 0
    for row in targets:
        try:
            with Tenancy(database, row["tenant_id"], SCHEDULE).write() as rows:
                changed += process(rows, row)
        except Exception as error:
            ids = {"tenant": row["tenant_id"]} | ({"job": row["job_id"]} if "job_id" in row else {})
            log.error("%s: %s", problem, type(error).__name__, extra=ids)
            failed.append(error)
    return changed
