"""Store people and their grants."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, func, or_, select

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.people_rows import (
    PASSWORD,
    PeopleChange,
    changing,
    existing_people,
    grant_of,
    lasting_at,
    no_such_person,
    person_of,
    removed,
    same_tenant,
    unused_codes,
)
from shared.adapters.catalog.schema import grants, identities, invitations, passkeys, people, secrets_hashed, tenants
from shared.domain.access import Grant, Role
from shared.domain.audit import Action
from shared.domain.people import GivenGrant, Identity, Person, PersonDetail, Ways


class SqlPeople:
    """``ports.catalog.people.People`` in SQL."""

    def __init__(self, database: Database, actor: str) -> None:
        self._database = database
        self._actor = actor

    def exist(self) -> bool:
        """Return True if there is a person."""
        with self._database.read(EVERY_TENANT) as connection:
            return existing_people(connection)

    def used_break_glass(self, since: datetime) -> list[tuple[str, datetime]]:
        """Return handle and time of the last sign-in of each break-glass person who has signed in since then."""
        query = select(people.c.handle, people.c.signed_in_at).where(
            people.c.break_glass, people.c.signed_in_at > since
        )
        with self._database.read(EVERY_TENANT) as connection:
            return [(row.handle, row.signed_in_at) for row in connection.execute(query.order_by(people.c.handle))]

    def add(
        self, person_id: str, handle: str, *, break_glass: bool = False, grants: Sequence[Grant] = (), reason: str = ""
    ) -> Person:
        """Insert a person with grants."""
        with changing(self._database, self._actor) as change:
            change.check_new_handle(handle)
            person = Person(person_id=person_id, handle=handle, break_glass=break_glass, created_at=change.now)
            for grant in grants:
                change.check_tenant(grant.tenant_id)
            change.insert_person(person, grants, reason)
        return person

    def find(self, handle: str) -> Person:
        """Return the person with this handle. Raises Refuse ``NO_SUCH_PERSON``."""
        with self._database.read(EVERY_TENANT) as connection:
            row = connection.execute(select(people).where(people.c.handle == handle)).mappings().one_or_none()
        if row is None:
            raise no_such_person(handle)
        return person_of(row)

    def get(self, person_id: str) -> PersonDetail:
        """Return a person in detail. Raises Refuse ``NO_SUCH_PERSON``."""
        with self._database.read(EVERY_TENANT) as connection:
            details = _details(connection, self._database.now(connection), person_id=person_id)
        if not details:
            raise removed()
        return details[0]

    def all(self, now: datetime, tenant_id: str | None = None) -> list[PersonDetail]:
        """Return people in detail, newest first."""
        with self._database.read(EVERY_TENANT) as connection:
            return _details(connection, now, tenant_id=tenant_id)

    def grants(self, person_id: str, now: datetime) -> tuple[Grant, ...]:
        """Return the person's grants that have not ended."""
        with self._database.read(EVERY_TENANT) as connection:
            query = select(grants).where(grants.c.person_id == person_id, lasting_at(now))
            return tuple(grant_of(row) for row in connection.execute(query).mappings())

    def give(self, person_id: str, grant: Grant, reason: str) -> None:
        """Insert a grant in place of one of the same role and tenant, and of those that have ended."""
        with changing(self._database, self._actor) as change:
            person = change.person(person_id)
            change.check_tenant(grant.tenant_id)
            if grant.role is Role.OPERATOR and grant.until is not None:
                change.refuse_last_operator(person_id)
            ended = and_(grants.c.person_id == person_id, grants.c.until <= change.now)
            change.connection.execute(grants.delete().where(ended))
            _delete(change, person_id, grant.role, grant.tenant_id)
            change.insert_grant(person, grant, reason)

    def take(self, person_id: str, role: Role, tenant_id: str | None) -> bool:
        """Delete a grant. Return False if there was none."""
        with changing(self._database, self._actor) as change:
            person = change.person(person_id)
            if role is Role.OPERATOR:
                change.refuse_last_operator(person_id)
            if not _delete(change, person_id, role, tenant_id):
                return False
            detail = {"role": role.value}
            change.report(Action.GRANT_TAKEN, person, {**detail}, tenant_id=tenant_id, must_happen=True)
            return True

    def remove(self, person_id: str) -> None:
        """Delete a person and, by cascade, all rows of the person."""
        with changing(self._database, self._actor) as change:
            person = change.person(person_id)
            change.refuse_last_operator(person_id)
            change.connection.execute(people.delete().where(people.c.person_id == person_id))
            change.report(Action.PERSON_REMOVED, person, {"break_glass": person["break_glass"]}, must_happen=True)


def _delete(change: PeopleChange, person_id: str, role: Role, tenant_id: str | None) -> bool:
    """Delete the person's grants of this role in the tenant or the installation. Return True if there was one."""
    same = and_(
        grants.c.person_id == person_id, grants.c.role == role.value, same_tenant(grants.c.tenant_id, tenant_id)
    )
    return bool(change.connection.execute(grants.delete().where(same)).rowcount)


def _details(
    connection: Connection, now: datetime, *, person_id: str | None = None, tenant_id: str | None = None
) -> list[PersonDetail]:
    """Return people in detail, newest first: one, those with a grant that covers the tenant, or all. One query."""
    query = _query(now)
    if person_id is not None:
        query = query.where(people.c.person_id == person_id)
    if tenant_id is not None:
        covers = or_(grants.c.tenant_id == tenant_id, grants.c.tenant_id.is_(None))
        query = query.where(people.c.person_id.in_(select(grants.c.person_id).where(covers, lasting_at(now))))
    by_person: dict[str, list[RowMapping]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        by_person[row["person_id"]].append(row)
    return [_detail_of(rows) for rows in by_person.values()]


def _query(now: datetime) -> Select[Any]:
    """Return the query for people: a row for each pair of a grant and an identity, each oldest first.

    It counts the other ways to sign in, and says when the invitation expires.
    """
    own_keys = select(func.count()).where(passkeys.c.person_id == people.c.person_id).scalar_subquery()
    is_password = and_(secrets_hashed.c.person_id == people.c.person_id, secrets_hashed.c.kind == PASSWORD)
    own_passwords = select(func.count()).where(is_password).scalar_subquery()
    own_codes = select(func.count()).where(unused_codes(people.c.person_id)).scalar_subquery()
    is_open = and_(invitations.c.person_id == people.c.person_id, invitations.c.expires_at > now)
    expires = select(func.max(invitations.c.expires_at)).where(is_open).scalar_subquery()
    joined = (
        people.outerjoin(grants, and_(grants.c.person_id == people.c.person_id, lasting_at(now)))
        .outerjoin(tenants, tenants.c.tenant_id == grants.c.tenant_id)
        .outerjoin(identities, identities.c.person_id == people.c.person_id)
    )
    return (
        select(
            people,
            own_keys.label("passkeys"),
            own_passwords.label("passwords"),
            own_codes.label("codes"),
            expires.label("invited_until"),
            *(grants.c[name] for name in ("grant_id", "tenant_id", "role", "until", "given_by", "reason", "given_at")),
            tenants.c.name.label("tenant"),
            identities.c.authority,
            identities.c.subject,
        )
        .select_from(joined)
        .order_by(people.c.created_at.desc(), people.c.handle)
        .order_by(grants.c.given_at, grants.c.grant_id, identities.c.bound_at)
    )


def _detail_of(rows: Sequence[RowMapping]) -> PersonDetail:
    """Return the person in these rows."""
    first = rows[0]
    given = {row["grant_id"]: _given(row) for row in rows if row["grant_id"] is not None}
    named = {(row["authority"], row["subject"]): None for row in rows if row["authority"] is not None}
    return PersonDetail(
        person=person_of(first),
        grants=tuple(given.values()),
        ways=Ways(
            passkeys=first["passkeys"],
            identities=tuple(Identity(authority=authority, subject=subject) for authority, subject in named),
            password=bool(first["passwords"]),
            codes=first["codes"],
        ),
        signed_in_at=first["signed_in_at"],
        seen_at=first["seen_at"],
        invited_until=first["invited_until"],
    )


def _given(row: RowMapping) -> GivenGrant:
    """Return the grant in a row, with the name of its tenant."""
    return GivenGrant(
        grant=grant_of(row),
        tenant=row["tenant"],
        by=row["given_by"],
        reason=row["reason"],
        given_at=row["given_at"],
    )
