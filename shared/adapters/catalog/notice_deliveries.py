"""Address queued notices to targets, and take the deliveries that are due: in order for each target, retried for a day."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, select

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.notice_targets import target_of
from shared.adapters.catalog.schema import deliveries, notice_targets, notices, tenants
from shared.adapters.catalog.tenancy import add_absent, new_id
from shared.domain.audit import INSTALLATION
from shared.domain.limits import LIMITS
from shared.domain.notices import Notice, NoticeKind
from shared.ports.catalog.notices import DueDelivery, SealedTarget

_GIVEN_UP = "given up after a day"


class SqlNoticeDeliveries:
    """``ports.catalog.notices.NoticeDeliveries`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def address(self, most: int) -> int:
        """Turn queued notices into deliveries. Return how many notices there were.

        Concurrent calls are safe: a target gets one delivery of each notice.
        """
        with self._database.read(EVERY_TENANT) as connection:
            if connection.execute(select(notices.c.notice_id).limit(1)).first() is None:
                return 0
        with self._database.write(EVERY_TENANT) as (connection, _):
            order = (notices.c.made_at, notices.c.notice_id)
            queued = connection.execute(select(notices).order_by(*order).limit(most)).mappings().all()
            locked = select(notice_targets).with_for_update(read=True, key_share=True)
            targets = connection.execute(locked).mappings().all()
            names = _names(connection, {row["tenant_id"] for row in queued})
            add_absent(connection, deliveries, [*_deliveries(queued, targets, names)])
            ids = [row["notice_id"] for row in queued]
            connection.execute(notices.delete().where(notices.c.notice_id.in_(ids)))
            _forget_old(connection)
            return len(queued)

    def take(self, most: int, seconds: float, *, retries: bool, without: Sequence[str] = ()) -> list[DueDelivery]:
        """Take due deliveries, each for ``seconds``."""
        if most <= 0:
            return []
        with self._database.read(EVERY_TENANT) as connection:
            now = self._database.now(connection)
            due = connection.execute(_due(now, retries=retries, without=without).limit(most)).mappings().all()
        return [_due_delivery(row) for row in due if self._reserve(row, seconds)]

    def mark_delivered(self, due: DueDelivery, outcome: str) -> None:
        """Store that the target took the notice, even twice: the number of tries is not compared."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            self._update(connection, due, delivered_at=now, tried_at=now, next_try_at=None, outcome=outcome)
            waiting = and_(deliveries.c.target_id == due.target.target.target_id, deliveries.c.next_try_at > now)
            connection.execute(deliveries.update().where(waiting).values(next_try_at=now))

    def mark_failed(self, due: DueDelivery, outcome: str, after: float | None) -> None:
        """Store that the target did not take the notice, unless a later try has begun."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            next_try_at = None if after is None else now + timedelta(seconds=after)
            same = deliveries.c.tries == due.tries
            self._update(connection, due, same, tried_at=now, next_try_at=next_try_at, outcome=outcome)

    def _update(self, connection: Connection, due: DueDelivery, *where: ColumnElement[bool], **values: Any) -> int:
        change = deliveries.update().where(
            deliveries.c.delivery_id == due.delivery_id, deliveries.c.delivered_at.is_(None), *where
        )
        return connection.execute(change.values(values)).rowcount

    def _reserve(self, row: RowMapping, seconds: float) -> bool:
        """Reserve a delivery for one try. Return False if another process was first, or if it is too old."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            same = (deliveries.c.delivery_id == row["delivery_id"], deliveries.c.tries == row["tries"])
            change = deliveries.update().where(*same, deliveries.c.next_try_at.is_not(None))
            if row["made_at"] < now - timedelta(hours=LIMITS.notice_hours):
                outcome = row["outcome"] or "never tried"
                connection.execute(change.values(next_try_at=None, outcome=f"{_GIVEN_UP}: {outcome}"))
                return False
            change = change.values(tries=row["tries"] + 1, next_try_at=now + timedelta(seconds=seconds))
            return connection.execute(change).rowcount == 1


def _due(now: datetime, *, retries: bool, without: Sequence[str]) -> Any:
    """Return the query for the first waiting delivery of each target that is due, with the target."""
    test_first = case((deliveries.c.notice == NoticeKind.TEST.value, 0), else_=1)
    order = (test_first, deliveries.c.made_at, deliveries.c.source)
    place = func.row_number().over(partition_by=deliveries.c.target_id, order_by=order).label("place")
    waiting = select(deliveries, place).where(deliveries.c.next_try_at.is_not(None)).subquery()
    columns = [column.label(f"target_{column.name}") for column in notice_targets.c]
    tried = waiting.c.tries > 0 if retries else waiting.c.tries == 0
    return (
        select(waiting, *columns)
        .join(notice_targets, notice_targets.c.target_id == waiting.c.target_id)
        .where(waiting.c.place == 1, waiting.c.next_try_at <= now, tried, waiting.c.target_id.not_in(without))
        .order_by(waiting.c.next_try_at)
    )


def _due_delivery(row: RowMapping) -> DueDelivery:
    """Return the delivery in a row of ``_due``."""
    target = {column.name: row[f"target_{column.name}"] for column in notice_targets.c}
    return DueDelivery(
        delivery_id=row["delivery_id"],
        target=SealedTarget(target=target_of(target), data_key_id=target["data_key_id"], data=target["data"]),
        notice=msgspec.convert(row["body"], Notice),
        tries=row["tries"] + 1,
    )


def _names(connection: Connection, tenant_ids: set[str]) -> dict[str, str]:
    """Return the names of tenants by their ids."""
    query = select(tenants.c.tenant_id, tenants.c.name).where(tenants.c.tenant_id.in_(tenant_ids))
    return {row.tenant_id: row.name for row in connection.execute(query)}


def _deliveries(
    queued: Iterable[RowMapping], targets: Sequence[RowMapping], names: dict[str, str]
) -> Iterable[dict[str, Any]]:
    """Yield a row for each notice and each target that wants it. A notice of a removed tenant has none."""
    for row in queued:
        tenant_id = None if row["tenant_id"] == INSTALLATION else row["tenant_id"]
        if tenant_id is not None and tenant_id not in names:
            continue
        for target in targets:
            in_scope = target["tenant_id"] in (None, tenant_id)
            if in_scope and row["notice"] in target["notices"] and target["made_at"] <= row["made_at"]:
                yield {
                    "delivery_id": new_id(),
                    "target_id": target["target_id"],
                    "tenant_id": tenant_id,
                    "source": row["notice_id"],
                    "notice": row["notice"],
                    "body": msgspec.to_builtins(_notice_of(row, tenant_id, names)),
                    "made_at": row["made_at"],
                    "tries": 0,
                    "next_try_at": row["made_at"],
                }


def _notice_of(row: RowMapping, tenant_id: str | None, names: dict[str, str]) -> Notice:
    """Return the notice in a queued row."""
    body = row["body"]
    return Notice(
        id=row["notice_id"],
        notice=row["notice"],
        tenant=None if tenant_id is None else names[tenant_id],
        tenant_id=tenant_id,
        at=row["made_at"],
        message=body["message"],
        code=body.get("code"),
        detail=body.get("detail", {}),
    )


def _forget_old(connection: Connection) -> None:
    """Delete all but the newest ``Limits.events_kept`` deliveries of each target that have ended."""
    newest = (deliveries.c.made_at.desc(), deliveries.c.source)
    place = func.row_number().over(partition_by=deliveries.c.target_id, order_by=newest).label("place")
    numbered = select(deliveries.c.delivery_id, place).where(deliveries.c.next_try_at.is_(None)).subquery()
    old = select(numbered.c.delivery_id).where(numbered.c.place > LIMITS.events_kept)
    connection.execute(deliveries.delete().where(deliveries.c.delivery_id.in_(old)))
