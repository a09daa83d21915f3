"""Events that somebody outside is to be told: of each tenant in order, again until they are taken, for a day."""

from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

from sqlalchemy import RowMapping, Table, and_, func, select

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.schema import tenants
from shared.adapters.catalog.tenancy import Changes, Tenancy
from shared.domain.backup_health import BackupEvent
from shared.domain.key_health import KeyEvent
from shared.ports.key_health import Telling

KEPT = 50
"""Events of a tenant in one table."""
_OLD_NEWS = timedelta(days=1)
_E = TypeVar("_E", KeyEvent, BackupEvent)


class Outbox(Generic[_E]):
    """The events in one table, whose columns ``number``, ``at``, ``tell_at``, ``told_at``, ``tries``, ``outcome`` are its."""

    def __init__(self, database: Database, table: Table, event_of: Callable[[RowMapping], _E]) -> None:
        self._database = database
        self._events = table
        self._event_of: Callable[[RowMapping], _E] = event_of

    def to_tell(self, most: int, seconds: float) -> list[Telling]:
        """As ``Probes.to_tell``."""
        events = self._events
        with self._database.read(EVERY_TENANT) as connection:
            now = self._database.now(connection)
            news = (events.c.told_at.is_(None), events.c.tell_at.is_not(None), events.c.at > now - _OLD_NEWS)
            oldest = (
                select(events.c.tenant_id, func.min(events.c.number).label("number"))
                .where(*news)
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
        return [self._telling(row) for row in due if self._tried(row, seconds)]

    def told(self, telling: Telling, outcome: str) -> None:
        """As ``Probes.told``."""
        with Tenancy(self._database, telling.tenant_id).write() as rows:
            # Whoever was told twice was told: the number of tries does not matter.
            rows.update(self._events, self._events.c.number == telling.event.number, told_at=rows.now, outcome=outcome)

    def not_told(self, telling: Telling, outcome: str, after: float) -> None:
        """As ``Probes.not_told``."""
        with Tenancy(self._database, telling.tenant_id).write() as rows:
            rows.update(
                self._events,
                self._events.c.number == telling.event.number,
                self._events.c.tries == telling.tries,
                tell_at=rows.now + timedelta(seconds=after),
                outcome=outcome,
            )

    def _tried(self, row: RowMapping, seconds: float) -> bool:
        """Mark an event as being told. Return False if another was first."""
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

    def _telling(self, row: RowMapping) -> Telling:
        event = self._event_of(row)
        return Telling(tenant_id=row["tenant_id"], tenant=row["name"], event=event, tries=row["tries"] + 1)


def forget_old(rows: Changes, table: Table, number: int) -> None:
    """Remove what is older than the newest events, of which ``number`` is the last."""
    rows.delete(table, table.c.number <= number - KEPT)
