"""Store sign-ins, by the SHA-256 of their cookies."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, bindparam, select

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.people_rows import PeopleChange, grant_of, lasting_at, person_of, removed
from shared.adapters.catalog.schema import UtcTime, grants, people, sign_ins
from shared.domain.audit import Action
from shared.domain.people import IDLE, Means, SignedIn, SignIn

_CURRENT = (
    select(sign_ins, people, grants.c.role, grants.c.tenant_id, grants.c.until)
    .select_from(
        sign_ins.join(people, people.c.person_id == sign_ins.c.person_id).outerjoin(
            grants, and_(grants.c.person_id == people.c.person_id, lasting_at(bindparam("now", type_=UtcTime)))
        )
    )
    .where(
        sign_ins.c.expires_at > bindparam("now", type_=UtcTime),
        sign_ins.c.seen_at > bindparam("idle_since", type_=UtcTime),
    )
)
_IDENTIFY = _CURRENT.where(sign_ins.c.hash == bindparam("hash"))
_BY_ID = _CURRENT.where(sign_ins.c.sign_in_id.in_(bindparam("ids", expanding=True)))


class SqlSignIns:
    """``ports.catalog.sign_ins.SignIns`` in SQL."""

    def __init__(self, database: Database, actor: str) -> None:
        self._database = database
        self._actor = actor

    def begin(self, person_id: str, hash: str, sign_in: SignIn) -> None:
        """Insert a sign-in, delete those of the person that have ended, and append the events."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            same = people.c.person_id == person_id
            person = connection.execute(select(people).where(same).with_for_update(key_share=True)).mappings().first()
            if person is None:
                raise removed()
            begun_at = sign_in.begun_at
            connection.execute(people.update().where(same).values(signed_in_at=begun_at, seen_at=begun_at))
            over = and_(sign_ins.c.person_id == person_id, sign_ins.c.expires_at <= begun_at)
            connection.execute(sign_ins.delete().where(over))
            columns = {name: getattr(sign_in, name) for name in SignIn.__struct_fields__} | {
                "means": sign_in.means.value
            }
            connection.execute(sign_ins.insert().values(hash=hash, person_id=person_id, **columns))
            change = PeopleChange(connection, now, self._actor)
            detail = {"means": sign_in.means.value, "sign_in": sign_in.sign_in_id}
            change.report(Action.SIGN_IN_BEGUN, person, {**detail})
            if person["break_glass"]:
                change.report(Action.BREAK_GLASS_USED, person, {**detail})

    def identify(self, hash: str, now: datetime) -> SignedIn | None:
        """Return the sign-in with its person and grants, or None. One query."""
        return next(iter(self._signed_in(_IDENTIFY, now, hash=hash).values()), None)

    def current(self, sign_in_ids: Collection[str], now: datetime) -> dict[str, SignedIn]:
        """Return those of these sign-ins that have not ended, by id. One query."""
        return self._signed_in(_BY_ID, now, ids=list(sign_in_ids))

    def _signed_in(self, query: Select[Any], now: datetime, **values: Any) -> dict[str, SignedIn]:
        """Return the sign-ins of a query with their people and grants, by id."""
        with self._database.read(EVERY_TENANT) as connection:
            rows = connection.execute(query, {**values, "now": now, "idle_since": now - IDLE}).mappings().all()
        by_id: dict[str, list[RowMapping]] = {}
        for row in rows:
            by_id.setdefault(row["sign_in_id"], []).append(row)
        return {sign_in_id: _signed_in_of(own) for sign_in_id, own in by_id.items()}

    def note_seen(self, hash: str, now: datetime) -> None:
        """Store that the sign-in, and its person, sent a request."""
        with self._database.write(EVERY_TENANT) as (connection, _):
            # The person's row first, as a removal locks it first.
            own = select(sign_ins.c.person_id).where(sign_ins.c.hash == hash).scalar_subquery()
            connection.execute(people.update().where(people.c.person_id == own).values(seen_at=now))
            connection.execute(sign_ins.update().where(sign_ins.c.hash == hash).values(seen_at=now))

    def renew(self, hash: str, new_hash: str, now: datetime) -> bool:
        """Store the confirmation and the new cookie's hash. Return False if the sign-in has ended."""
        with self._database.write(EVERY_TENANT) as (connection, _):
            current = and_(sign_ins.c.hash == hash, *_going_on(now))
            values = {"hash": new_hash, "confirmed_at": now, "seen_at": now}
            return bool(connection.execute(sign_ins.update().where(current).values(**values)).rowcount)

    def of_person(self, person_id: str, now: datetime) -> list[SignIn]:
        """Return the person's sign-ins that have not ended, newest first."""
        query = select(sign_ins).where(sign_ins.c.person_id == person_id, *_going_on(now))
        with self._database.read(EVERY_TENANT) as connection:
            rows = connection.execute(query.order_by(sign_ins.c.begun_at.desc(), sign_ins.c.sign_in_id)).mappings()
            return [_sign_in_of(row) for row in rows]

    def end(self, person_id: str, sign_in_id: str) -> bool:
        """Delete one sign-in of the person. Return False if there is none."""
        return bool(self._delete(person_id, sign_ins.c.sign_in_id == sign_in_id))

    def end_all(self, person_id: str, *, but: str | None = None) -> int:
        """Delete the person's sign-ins except one. Return how many."""
        return self._delete(person_id, sign_ins.c.sign_in_id != (but or ""))

    def _delete(self, person_id: str, which: ColumnElement[bool]) -> int:
        """Delete sign-ins of the person, and append an event if there were some. Return how many."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            count = connection.execute(sign_ins.delete().where(sign_ins.c.person_id == person_id, which)).rowcount
            if count:
                change = PeopleChange(connection, now, self._actor)
                detail = {"sign_ins": count}
                change.report(Action.SIGN_IN_ENDED, change.person(person_id), {**detail}, must_happen=True)
            return count


def _going_on(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a sign-in has not ended."""
    return sign_ins.c.expires_at > now, sign_ins.c.seen_at > now - IDLE


def _signed_in_of(rows: Sequence[RowMapping]) -> SignedIn:
    """Return the sign-in in these rows, one for each grant of its person, or one without a grant."""
    current = tuple(grant_of(row) for row in rows if row["role"] is not None)
    return SignedIn(sign_in=_sign_in_of(rows[0]), person=person_of(rows[0]), grants=current)


def _sign_in_of(row: RowMapping) -> SignIn:
    """Return the sign-in in a row."""
    columns = {name: row[sign_ins.c[name]] for name in SignIn.__struct_fields__}
    return SignIn(**columns | {"means": Means(columns["means"])})
