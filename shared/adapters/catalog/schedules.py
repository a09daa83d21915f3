"""A tenant's schedule."""

import msgspec
from sqlalchemy import RowMapping

from shared.adapters.catalog.schema import schedules
from shared.adapters.catalog.tenancy import Tenancy
from shared.domain.model import Schedule


class SqlSchedules:
    """``ports.catalog.Schedules`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def get(self) -> Schedule | None:
        with self._tenancy.read() as rows:
            row = rows.one(schedules)
        return None if row is None else schedule_of(row)

    def set(self, schedule: Schedule) -> None:
        values = msgspec.structs.asdict(schedule)
        with self._tenancy.write() as rows:
            rows.tenant(lock=True)
            if not rows.update(schedules, **values):
                rows.insert(schedules, **values)


def schedule_of(row: RowMapping) -> Schedule:
    """The schedule in a row."""
    return Schedule(cron=row["cron"], timezone=row["timezone"], paused=row["paused"], next_due=row["next_due"])
