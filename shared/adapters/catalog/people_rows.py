"""Read and change rows of people: what the handles for people, their ways to sign in, sign-ins and tokens share."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, or_, select

from shared.adapters.catalog.audit import append, append_if_sound
from shared.adapters.catalog.engine import EVERY_TENANT, Database, Turn
from shared.adapters.catalog.schema import grants, identities, passkeys, people, secrets_hashed, tenants
from shared.adapters.catalog.tenancy import Changes, new_id
from shared.domain.access import Grant, Role
from shared.domain.audit import INSTALLATION, Action, Plain
from shared.domain.errors import Code, Refuse
from shared.domain.people import Person

PASSWORD, ONE_TIME, SET_UP = "password", "code", "set-up"
"""The kinds of hashed secrets."""


@dataclass(frozen=True)
class PeopleChange:
    """A transaction that changes people, their ways to sign in or their grants. Only one runs at a time."""

    connection: Connection
    now: datetime
    actor: str

    def person(self, person_id: str) -> RowMapping:
        """Return a person's row. Raises Refuse ``NO_SUCH_PERSON``."""
        row = self.connection.execute(select(people).where(people.c.person_id == person_id)).mappings().one_or_none()
        if row is None:
            raise removed()
        return row

    def check_tenant(self, tenant_id: str | None) -> None:
        """Raise Refuse ``NO_SUCH_TENANT`` unless the tenant exists or is None. It cannot be removed until the end."""
        query = select(tenants.c.tenant_id).where(tenants.c.tenant_id == tenant_id)
        query = query.with_for_update(read=True)
        if tenant_id is not None and self.connection.execute(query).first() is None:
            raise Refuse(Code.NO_SUCH_TENANT, "This tenant was removed.")

    def check_new_handle(self, handle: str) -> None:
        """Raise Refuse ``PERSON_EXISTS`` if a person has the handle."""
        if self.connection.execute(select(people.c.handle).where(people.c.handle == handle)).first():
            raise Refuse(Code.PERSON_EXISTS, f"There is a person {handle} already; choose another handle.")

    def insert_person(self, person: Person, grants: Sequence[Grant], reason: str) -> None:
        """Insert a person with grants, and append the events.

        Lock order: the heads of tenants by id, the installation's last.
        """
        columns = {"person_id": person.person_id, "handle": person.handle, "break_glass": person.break_glass}
        self.connection.execute(people.insert().values(**columns, created_at=person.created_at))
        in_tenants = sorted((each for each in grants if each.tenant_id), key=lambda each: str(each.tenant_id))
        for grant in in_tenants:
            self.insert_grant(columns, grant, reason)
        self.report(Action.PERSON_ADDED, columns, {"break_glass": person.break_glass})
        for grant in grants:
            if grant.tenant_id is None:
                self.insert_grant(columns, grant, reason)

    def insert_grant(self, person: RowMapping | dict[str, object], grant: Grant, reason: str) -> None:
        """Insert a grant, and append its event to the tenant's chain, or else to the installation's."""
        self.connection.execute(
            grants.insert().values(
                grant_id=new_id(),
                person_id=person["person_id"],
                tenant_id=grant.tenant_id,
                role=grant.role.value,
                until=grant.until,
                given_by=self.actor,
                reason=reason,
                given_at=self.now,
            )
        )
        until = None if grant.until is None else grant.until.isoformat()
        detail: dict[str, Plain] = {"role": grant.role.value, "until": until, "reason": reason}
        self.report(Action.GRANT_GIVEN, person, detail, tenant_id=grant.tenant_id)

    def report(
        self,
        action: Action,
        person: RowMapping | dict[str, object],
        detail: dict[str, Plain] | None = None,
        *,
        tenant_id: str | None = None,
        must_happen: bool = False,
    ) -> None:
        """Append an event about a person. ``must_happen`` lets the change happen even if the chain is broken."""
        chain = Changes(self.connection, tenant_id or INSTALLATION, self.now, self.actor)
        add = append_if_sound if must_happen else append
        add(chain, action, {"person": str(person["person_id"])}, {"handle": str(person["handle"]), **(detail or {})})

    def refuse_last_operator(self, person_id: str) -> None:
        """Raise Refuse ``LAST_WAY_IN`` if this person is the only operator for good who can sign in."""
        lasting = and_(grants.c.role == Role.OPERATOR.value, grants.c.tenant_id.is_(None), grants.c.until.is_(None))
        operators = set(self.connection.execute(select(grants.c.person_id).where(lasting)).scalars())
        if person_id not in operators:
            return
        if not any(self.has_way(other) for other in operators - {person_id}):
            raise Refuse(
                Code.LAST_WAY_IN,
                "This is the last operator who can sign in: grant the role operator to somebody else first.",
            )

    def has_way(self, person_id: str) -> bool:
        """Return True if the person has a way to sign in."""
        by_key = select(passkeys.c.person_id).where(passkeys.c.person_id == person_id)
        by_identity = select(identities.c.person_id).where(identities.c.person_id == person_id)
        if self.connection.execute(by_key.union(by_identity)).first():
            return True
        of_kind = select(secrets_hashed.c.kind).distinct()
        usable = of_kind.where(secrets_hashed.c.person_id == person_id, secrets_hashed.c.used_at.is_(None))
        return {PASSWORD, ONE_TIME} <= set(self.connection.execute(usable).scalars())


@contextmanager
def changing(database: Database, actor: str) -> Iterator[PeopleChange]:
    """Open a transaction that changes people, one at a time. Raises Refuse ``CATALOG_UNREACHABLE``."""
    with database.write(EVERY_TENANT) as (connection, now):
        database.one_at_a_time(connection, Turn.PEOPLE)
        yield PeopleChange(connection, now, actor)


def person_of(row: RowMapping) -> Person:
    """Return the person in a row."""
    return Person(
        person_id=row["person_id"],
        handle=row["handle"],
        break_glass=row["break_glass"],
        created_at=row["created_at"],
    )


def grant_of(row: Mapping[Any, Any]) -> Grant:
    """Return the grant in a row."""
    return Grant(role=Role(row["role"]), tenant_id=row["tenant_id"], until=row["until"])


def lasting_at(now: object) -> ColumnElement[bool]:
    """Return the condition that a grant has not ended. Roles of a newer version are left out, because nothing allows them."""
    return and_(or_(grants.c.until.is_(None), grants.c.until > now), grants.c.role.in_([role.value for role in Role]))


def unused_codes(person_id: object) -> ColumnElement[bool]:
    """Return the condition for the person's one-time codes that were not used."""
    same_person = secrets_hashed.c.person_id == person_id
    return and_(same_person, secrets_hashed.c.kind == ONE_TIME, secrets_hashed.c.used_at.is_(None))


def no_such_person(handle: str) -> Refuse:
    """Return the refusal for a handle that is not a person's."""
    return Refuse(Code.NO_SUCH_PERSON, f"There is no person '{handle}'. See 'entrakeep people list'.")


def removed() -> Refuse:
    """Return the refusal for a person who was removed meanwhile."""
    return Refuse(Code.NO_SUCH_PERSON, "This person was removed.")


def same_tenant(column: ColumnElement[str], tenant_id: str | None) -> ColumnElement[bool]:
    """Return the condition that a row is of the tenant, or for None of the installation."""
    return column.is_(None) if tenant_id is None else column == tenant_id


def existing_people(connection: Connection) -> bool:
    """Return True if there is a person."""
    return bool(connection.execute(select(func.count()).select_from(people)).scalar())
