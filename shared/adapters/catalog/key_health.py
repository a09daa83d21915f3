"""Store the health of tenants' KMS keys, the turns of probes, and the events to report."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, and_, func, or_, select

from shared.adapters.catalog.backup_events import event_of as backup_event_of
from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.key_answers import forget_refusal, insert_event, plain, unprobed, warnings_of
from shared.adapters.catalog.outbox import Outbox
from shared.adapters.catalog.schema import backup_events, key_events, key_health, tenants
from shared.adapters.catalog.tenancy import Rows, Tenancy
from shared.domain.backup_health import BackupEvent
from shared.domain.errors import Code
from shared.domain.key_health import KeyCondition, KeyEvent, KeyHealth, KeyWarning, makes_nothing_new
from shared.domain.limits import LIMITS
from shared.ports.catalog.key_health import DueNotice, ProbeOutcome, ProbeTurn

log = logging.getLogger(__name__)


class SqlHealth:
    """``ports.catalog.key_health.Health`` in SQL."""

    def __init__(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    def get(self) -> KeyHealth:
        """Return the key's health; that of an unprobed key is OK since the tenant was created."""
        with self._tenancy.read() as rows:
            return health_of(rows.tenant(), rows.one(key_health))

    def history(self, limit: int = LIMITS.events_kept) -> list[KeyEvent]:
        """Return the latest events, the newest first."""
        with self._tenancy.read() as rows:
            events = rows.all(rows.query(key_events).order_by(key_events.c.number.desc()).limit(limit))
        return [_event_of(row) for row in events]

    def look_again(self) -> None:
        """Make a probe with a closer look due now, and void the result of one that is under way."""
        with self._tenancy.write() as rows:
            # A probe under way may have asked KMS before: a new turn makes its result void.
            rows.update(key_health, looked_at=None, next_probe=rows.now, turn=key_health.c.turn + 1)

    def note(self, turn: ProbeTurn, outcome: ProbeOutcome, *, next_in: float, notify: bool) -> KeyEvent | None:
        """Store a probe's result. Return the event that it causes, or None if nothing changed or the turn is over."""
        with self._tenancy.write() as rows:
            row = rows.one(key_health, key_health.c.turn == turn.number, lock=True)
            if row is None:
                return None
            warnings = warnings_of(row) if outcome.warnings is None else outcome.warnings
            turned = outcome.condition != row["condition"]
            changed = turned or _kinds(warnings) != _kinds(warnings_of(row))
            rows.update(
                key_health,
                arn=outcome.arn,
                condition=outcome.condition.value,
                since=rows.now if turned else row["since"],
                code=outcome.code,
                message=outcome.message,
                found=outcome.result.value,
                checked_at=rows.now,
                looked_at=row["looked_at"] if outcome.warnings is None else rows.now,
                warnings=plain(warnings),
                next_probe=rows.now + timedelta(seconds=next_in),
            )
            if outcome.condition is outcome.result is KeyCondition.OK and forget_refusal(rows, outcome.arn):
                fields = {"tenant": self._tenancy.tenant_id}
                log.info("KMS answers for the key %s again", outcome.arn, extra=fields)
            return insert_event(rows, outcome, warnings, notify=notify) if changed else None


class SqlProbes:
    """``ports.catalog.key_health.Probes`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._about_keys = Outbox(database, key_events, _event_of)
        self._about_backups = Outbox(database, backup_events, backup_event_of)

    def take(self, every: float, most: int, seconds: float) -> list[ProbeTurn]:
        """Return up to ``most`` turns of keys whose probe is due. Each turn is taken for ``seconds``."""
        if most <= 0:
            return []
        with self._database.read(EVERY_TENANT) as connection:
            now = self._database.now(connection)
            first = and_(key_health.c.next_probe.is_(None), tenants.c.created_at <= now - timedelta(seconds=every))
            query = (
                select(tenants.c.tenant_id)
                .outerjoin(key_health, key_health.c.tenant_id == tenants.c.tenant_id)
                .where(or_(first, key_health.c.next_probe <= now))
                .order_by(func.coalesce(key_health.c.next_probe, tenants.c.created_at), tenants.c.tenant_id)
                .limit(most)
            )
            due = connection.execute(query).scalars().all()
        turns = (self._take_turn(tenant_id, seconds) for tenant_id in due)
        return [turn for turn in turns if turn is not None]

    def due_notices(self, most: int, seconds: float) -> list[DueNotice]:
        """Return up to ``most`` events to report, each reserved for ``seconds``."""
        about_keys = self._about_keys.due_notices(most, seconds)
        return about_keys + self._about_backups.due_notices(most - len(about_keys), seconds)

    def mark_delivered(self, notice: DueNotice, outcome: str) -> None:
        """Mark the event as reported."""
        self._outbox(notice).mark_delivered(notice, outcome)

    def retry_delivery(self, notice: DueNotice, outcome: str, after: float) -> None:
        """Report the event again ``after`` seconds."""
        self._outbox(notice).retry_delivery(notice, outcome, after)

    def _outbox(self, notice: DueNotice) -> Outbox[KeyEvent] | Outbox[BackupEvent]:
        """Return the outbox that the event is from."""
        return self._about_backups if isinstance(notice.event, BackupEvent) else self._about_keys

    def _take_turn(self, tenant_id: str, seconds: float) -> ProbeTurn | None:
        """Take the tenant's turn. Return None if the tenant was removed or another process was first."""
        with Tenancy(self._database, tenant_id).write() as rows:
            tenant = rows.one(tenants, lock=True)
            if tenant is None:
                return None
            row = rows.one(key_health, lock=True)
            until = rows.now + timedelta(seconds=seconds)
            if row is None:
                rows.insert(key_health, turn=1, next_probe=until, **unprobed(tenant))
                return ProbeTurn(tenant_id=tenant_id, number=1)
            if row["next_probe"] > rows.now:
                return None
            rows.update(key_health, turn=row["turn"] + 1, next_probe=until)
            return ProbeTurn(tenant_id=tenant_id, number=row["turn"] + 1)


def makes_nothing_new_since(rows: Rows, arn: str, since: datetime) -> bool:
    """Return True if the last closer look at this key was after ``since``, and the key made no new data keys."""
    row = rows.one(key_health, key_health.c.arn == arn, key_health.c.looked_at > since)
    return row is not None and makes_nothing_new(warnings_of(row))


def health_of(tenant: RowMapping, row: Mapping[Any, Any] | None) -> KeyHealth:
    """Return the health of the tenant's key; that of an unprobed key, without a row, is OK since the tenant was created."""
    if row is None:
        return KeyHealth(arn=tenant["key_arn"], condition=KeyCondition.OK, since=tenant["created_at"])
    return KeyHealth(
        arn=row["arn"],
        condition=KeyCondition(row["condition"]),
        since=row["since"],
        code=_code(row),
        message=row["message"],
        last_result=None if row["found"] is None else KeyCondition(row["found"]),
        checked_at=row["checked_at"],
        looked_at=row["looked_at"],
        warnings=warnings_of(row),
    )


def _event_of(row: RowMapping) -> KeyEvent:
    """Return the event in a row."""
    return KeyEvent(
        number=row["number"],
        at=row["at"],
        arn=row["arn"],
        condition=KeyCondition(row["condition"]),
        code=_code(row),
        message=row["message"],
        warnings=warnings_of(row),
    )


def _code(row: Mapping[Any, Any]) -> Code | None:
    """Return the row's code, or None."""
    return None if row["code"] is None else Code(row["code"])


def _kinds(warnings: list[KeyWarning]) -> set[str]:
    """Return the kinds of the warnings. Their sentences may differ from one look to the next."""
    return {warning.warning for warning in warnings}
