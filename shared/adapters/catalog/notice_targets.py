"""Store notice targets, and the installation's keys to which they are sealed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Select, func, or_, select

from shared.adapters.catalog.audit import append, append_if_sound
from shared.adapters.catalog.engine import EVERY_TENANT, Database, Turn
from shared.adapters.catalog.schema import deliveries, installation_keys, notice_targets, tenants
from shared.adapters.catalog.tenancy import Changes, new_id
from shared.domain.audit import INSTALLATION, Action
from shared.domain.errors import Code, Refuse
from shared.domain.limits import LIMITS
from shared.domain.notices import Notice, NoticeKind, Target, TargetKind
from shared.ports.catalog.notices import Delivery, InstallationKey, Recipient, SealedTarget

_SHOWN = [column for column in notice_targets.c if column.name != "data"]
"""All but the seal, which the console's database user may not read."""
_NEWEST = (installation_keys.c.created_at.desc(), installation_keys.c.data_key_id)
_TEST = "This is a test of a notice target of Entrakeep."


class SqlNoticeTargets:
    """``ports.catalog.notices.NoticeTargets`` in SQL."""

    def __init__(self, database: Database, tenant_id: str | None, actor: str) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._actor = actor

    def all(self) -> list[Target]:
        """Return the targets, by name."""
        with self._database.read(EVERY_TENANT) as connection:
            rows = connection.execute(self._query().order_by(notice_targets.c.name)).mappings()
            return [target_of(row) for row in rows]

    def find(self, name: str) -> Target:
        """Return the target with this name or id. Raises Refuse ``NO_SUCH_TARGET``."""
        named = or_(notice_targets.c.name == name, notice_targets.c.target_id == name)
        with self._database.read(EVERY_TENANT) as connection:
            row = connection.execute(self._query(named)).mappings().first()
        if row is None:
            raise _no_such_target()
        return target_of(row)

    def add(self, sealed: SealedTarget) -> None:
        """Insert a target, and append its event. Raises Refuse ``WRONG_USE``, ``NO_SUCH_TENANT``."""
        target = sealed.target
        with self._changing() as rows:
            same = select(tenants.c.tenant_id).where(tenants.c.tenant_id == self._tenant_id)
            if self._tenant_id is not None and rows.connection.execute(same).first() is None:
                raise Refuse(Code.NO_SUCH_TENANT, "This tenant was removed.")
            names = [row["name"] for row in rows.connection.execute(self._query()).mappings()]
            if target.name in names:
                raise Refuse(Code.WRONG_USE, f"There is a target {target.name} already; choose another name.")
            if len(names) >= LIMITS.notice_targets:
                raise Refuse(Code.WRONG_USE, f"There are {LIMITS.notice_targets} targets already; remove one first.")
            row = msgspec.structs.asdict(target) | {"notices": [*target.notices], "kind": target.kind.value}
            row |= {"tenant_id": self._tenant_id, "made_by": self._actor, "made_at": rows.now}
            row |= {"data_key_id": sealed.data_key_id, "data": sealed.data}
            rows.connection.execute(notice_targets.insert().values(row))
            append(rows, Action.NOTICE_TARGET_ADDED, {"target": target.target_id}, _detail(row))

    def remove(self, target_id: str) -> None:
        """Delete a target with its deliveries, and append its event. Raises Refuse ``NO_SUCH_TARGET``."""
        with self._changing() as rows:
            row = self._locked(rows, target_id)
            rows.connection.execute(deliveries.delete().where(deliveries.c.target_id == target_id))
            rows.connection.execute(notice_targets.delete().where(notice_targets.c.target_id == target_id))
            append_if_sound(rows, Action.NOTICE_TARGET_REMOVED, {"target": target_id}, _detail(row))

    def test(self, target_id: str) -> str:
        """Insert a delivery of a test, due at once. Return its id. Raises Refuse ``NO_SUCH_TARGET``."""
        with self._changing() as rows:
            target = self._locked(rows, target_id)
            delivery_id = new_id()
            name = select(tenants.c.name).where(tenants.c.tenant_id == self._tenant_id)
            notice = Notice(
                id=delivery_id,
                notice=NoticeKind.TEST.value,
                tenant=None if self._tenant_id is None else rows.connection.execute(name).scalar(),
                tenant_id=self._tenant_id,
                at=rows.now,
                message=_TEST,
                code=None,
                detail={"target": target["name"], "by": self._actor},
            )
            rows.connection.execute(
                deliveries.insert().values(
                    delivery_id=delivery_id,
                    target_id=target_id,
                    tenant_id=self._tenant_id,
                    source=delivery_id,
                    notice=notice.notice,
                    body=msgspec.to_builtins(notice),
                    made_at=rows.now,
                    next_try_at=rows.now,
                )
            )
            return delivery_id

    def deliveries(self, limit: int) -> list[Delivery]:
        """Return the newest deliveries of each target, at most ``limit`` for each."""
        newest = (deliveries.c.made_at.desc(), deliveries.c.source)
        number = func.row_number().over(partition_by=deliveries.c.target_id, order_by=newest).label("place")
        numbered = (
            select(deliveries, number)
            .join(notice_targets, notice_targets.c.target_id == deliveries.c.target_id)
            .where(self._same_scope())
            .subquery()
        )
        query = select(numbered).where(numbered.c.place <= limit)
        query = query.order_by(numbered.c.made_at.desc(), numbered.c.source)
        with self._database.read(EVERY_TENANT) as connection:
            return [_delivery_of(row) for row in connection.execute(query).mappings()]

    def delivery(self, delivery_id: str) -> Delivery:
        """Return a delivery. Raises Refuse ``NO_SUCH_TARGET`` if its target was removed."""
        query = select(deliveries).join(notice_targets, notice_targets.c.target_id == deliveries.c.target_id)
        with self._database.read(EVERY_TENANT) as connection:
            result = connection.execute(query.where(deliveries.c.delivery_id == delivery_id, self._same_scope()))
            row = result.mappings().one_or_none()
        if row is None:
            raise _no_such_target()
        return _delivery_of(row)

    def _query(self, *where: ColumnElement[bool]) -> Select[tuple[object, ...]]:
        return select(*_SHOWN).where(self._same_scope(), *where)

    def _same_scope(self) -> ColumnElement[bool]:
        """Return the condition that a target is of this tenant, or of the installation."""
        column = notice_targets.c.tenant_id
        return column.is_(None) if self._tenant_id is None else column == self._tenant_id

    def _locked(self, rows: Changes, target_id: str) -> RowMapping:
        """Lock and return a target's row. Raises Refuse ``NO_SUCH_TARGET``."""
        query = self._query(notice_targets.c.target_id == target_id).with_for_update()
        row = rows.connection.execute(query).mappings().one_or_none()
        if row is None:
            raise _no_such_target()
        return row

    @contextmanager
    def _changing(self) -> Iterator[Changes]:
        """Open a transaction that changes targets, one at a time, with the audit chain of the tenant or installation."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            self._database.one_at_a_time(connection, Turn.NOTICES)
            yield Changes(connection, self._tenant_id or INSTALLATION, now, self._actor)


class SqlInstallationKeys:
    """``ports.catalog.notices.InstallationKeys`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recipient(self) -> Recipient | None:
        """Return the public half of the newest key."""
        query = select(installation_keys.c.data_key_id, installation_keys.c.recipient).order_by(*_NEWEST).limit(1)
        with self._database.read(EVERY_TENANT) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else Recipient(**row)

    def newest(self) -> InstallationKey | None:
        """Return the newest key."""
        return self._first(select(installation_keys).order_by(*_NEWEST).limit(1))

    def get(self, data_key_id: str) -> InstallationKey | None:
        """Return a key."""
        return self._first(select(installation_keys).where(installation_keys.c.data_key_id == data_key_id))

    def add(self, key: InstallationKey) -> None:
        """Insert a key."""
        with self._database.write(EVERY_TENANT) as (connection, _):
            connection.execute(installation_keys.insert().values(msgspec.structs.asdict(key)))

    def _first(self, query: Select[tuple[object, ...]]) -> InstallationKey | None:
        with self._database.read(EVERY_TENANT) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else InstallationKey(**row)


def target_of(row: Mapping[Any, Any]) -> Target:
    """Return the target in a row."""
    return Target(
        target_id=row["target_id"],
        tenant_id=row["tenant_id"],
        name=row["name"],
        kind=TargetKind(row["kind"]),
        place=row["place"],
        notices=tuple(row["notices"]),
        made_by=row["made_by"],
        made_at=row["made_at"],
    )


def _delivery_of(row: RowMapping) -> Delivery:
    """Return the delivery in a row."""
    return Delivery(
        delivery_id=row["delivery_id"],
        target_id=row["target_id"],
        notice=row["notice"],
        tenant=row["body"].get("tenant"),
        made_at=row["made_at"],
        tries=row["tries"],
        tried_at=row["tried_at"],
        next_try_at=row["next_try_at"],
        delivered_at=row["delivered_at"],
        outcome=row["outcome"],
    )


def _detail(row: "RowMapping | dict[str, object]") -> dict[str, str | int | bool | None]:
    """Return what the audit event contains of a target: nothing of its seal."""
    return {"name": str(row["name"]), "kind": str(row["kind"]), "place": str(row["place"])}


def _no_such_target() -> Refuse:
    """Return the refusal for a target that does not exist here."""
    return Refuse(Code.NO_SUCH_TARGET, "There is no such notice target. See 'entrakeep notices list'.")
