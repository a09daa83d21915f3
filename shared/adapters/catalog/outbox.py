"""Queue events for the webhook: each tenant's in order, retried until delivered, for a day."""

from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

from sqlalchemy import RowMapping, Table, and_, func, select

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.schema import tenants
from shared.adapters.catalog.tenancy import Changes, Tenancy
from shared.domain.backup_health import BackupEvent
from shared.domain.key_health import KeyEvent
from shared.domain.limits import LIMITS
from shared.ports.catalog.key_health import DueNotice

_E = TypeVar("_E", KeyEvent, BackupEvent)


class Outbox(Generic[_E]):
    """One table's key events or backup events that wait for their notice.

    The table has the columns ``number, at, tell_at, told_at, tries`` and ``outcome``.
    """

    def __init__(self, database: Database, table: Table, event_of: Callable[[RowMapping], _E]) -> None:
        self._database = database
        self._events = table
        self._event_of: Callable[[RowMapping], _E] = event_of

    def due_notices(self, most: int, seconds: float) -> list[DueNotice]:
        """Return up to ``most`` events that are due, and reserve each for ``seconds``. See ``Probes.due_notices``."""
        events = self._events
        with self._database.read(EVERY_TENANT) as connection:
            now = self._database.now(connection)
            undelivered = (
                events.c.told_at.is_(None),
                events.c.tell_at.is_not(None),
                events.c.at > now - timedelta(hours=LIMITS.notice_hours),
            )
            oldest = (
                select(events.c.tenant_id, func.min(events.c.number).label("number"))
                .where(*undelivered)
                .group_by(events.c.tenant_id)
                .subquery()
            )
            same = and_(oldest.c.tenant_id == events.c.tenant_id, oldest.c.number == events.c.number)
            query = (
                select(events, tenants.c.name)
                .join(oldest, same)
                .join(tenants, tenants.c.tenant_id == events.c.tenant_id)
                .where(events.c.tell_at <= now)
                .order_by(events.c.tell_at)
                .limit(max(0, most))
            )
            due = connection.execute(query).mappings().all()
        return [self._due_notice(row) for row in due if self._reserve(row, seconds)]

    def mark_delivered(self, notice: DueNotice, outcome: str) -> None:
        """Mark the event as reported. See ``Probes.mark_delivered``."""
        with Tenancy(self._database, notice.tenant_id).write() as rows:
            # Delivered is delivered, even twice: the number of tries is not compared.
            rows.update(self._events, self._events.c.number == notice.event.number, told_at=rows.now, outcome=outcome)

    def retry_delivery(self, notice: DueNotice, outcome: str, after: float) -> None:
        """Make the event due again ``after`` seconds. See ``Probes.retry_delivery``."""
        with Tenancy(self._database, notice.tenant_id).write() as rows:
            rows.update(
                self._events,
                self._events.c.number == notice.event.number,
                self._events.c.tries == notice.tries,
                tell_at=rows.now + timedelta(seconds=after),
                outcome=outcome,
            )

    def _reserve(self, row: RowMapping, seconds: float) -> bool:
        """Reserve an event for a delivery. Return False if another process was first."""
        with Tenancy(self._database, row["tenant_id"]).write() as rows:
            changed = rows.update(
                self._events,
                self._events.c.number == row["number"],
                self._events.c.tries == row["tries"],
                self._events.c.told_at.is_(None),
                tries=row["tries"] + 1,
                tell_at=rows.now + timedelta(seconds=seconds),
            )
        return changed == 1

    def _due_notice(self, row: RowMapping) -> DueNotice:
        """Return the delivery of a row's event."""
        event = self._event_of(row)
        return DueNotice(tenant_id=row["tenant_id"], tenant=row["name"], event=event, tries=row["tries"] + 1)


def forget_old(rows: Changes, table: Table, number: int) -> None:
    """Remove all but the newest ``Limits.events_kept`` events. ``number`` is the number of the newest event."""
    rows.delete(table, table.c.number <= number - LIMITS.events_kept)
