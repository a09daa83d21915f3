"""Store a tenant's schedule."""

import msgspec
from sqlalchemy import RowMapping

from shared.adapters.catalog.audit import append
from shared.adapters.catalog.schema import schedules
from shared.adapters.catalog.tenancy import Tenancy
from shared.domain.audit import Action
from shared.domain.model import Schedule


class SqlSchedules:
    """``ports.catalog.schedules.Schedules`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def get(self) -> Schedule | None:
        """Return the schedule, or None."""
        with self._tenancy.read() as rows:
            row = rows.one(schedules)
        return None if row is None else schedule_of(row)

    def set(self, schedule: Schedule) -> None:
        """Store the schedule and append an audit event about the change."""
        values = msgspec.structs.asdict(schedule)
        with self._tenancy.write() as rows:
            rows.tenant(lock=True)
            row = rows.one(schedules)
            if row is None:
                rows.insert(schedules, **values)
            else:
                rows.update(schedules, **values)
            action = _change(None if row is None else schedule_of(row), schedule)
            append(rows, action, {}, {"cron": schedule.cron, "timezone": schedule.timezone})


def _change(before: Schedule | None, after: Schedule) -> Action:
    """Return the audit action for a change of schedule."""
    if before is None or (before.cron, before.timezone, not before.paused) != (
        after.cron,
        after.timezone,
        after.paused,
    ):
        return Action.SCHEDULE_SET
    return Action.SCHEDULE_PAUSED if after.paused else Action.SCHEDULE_RESUMED


def schedule_of(row: RowMapping) -> Schedule:
    """Return the schedule in a row."""
    return Schedule(cron=row["cron"], timezone=row["timezone"], paused=row["paused"], next_due=row["next_due"])
