"""Store the ways in which people sign in, and invitations. SQL has public keys and hashes alone."""

import base64
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, Select, and_, select

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.people_rows import (
    ONE_TIME,
    PASSWORD,
    SET_UP,
    PeopleChange,
    changing,
    existing_people,
    person_of,
    unused_codes,
)
from shared.adapters.catalog.schema import identities, invitations, passkeys, people, secrets_hashed, sign_ins
from shared.adapters.catalog.tenancy import new_id
from shared.domain.access import Grant, Role
from shared.domain.audit import Action
from shared.domain.errors import Code, Refuse
from shared.domain.people import Identity, Invitation, Means, Passkey, Person
from shared.ports.catalog.ways import FoundPasskey, NewPassword, Way


class SqlSignInWays:
    """``ports.catalog.ways.SignInWays`` in SQL."""

    def __init__(self, database: Database, actor: str) -> None:
        self._database = database
        self._actor = actor

    def make_set_up_code(self, hash: str, expires_at: datetime) -> bool:
        """Store the hash of the set-up code. Return False if there is a person."""
        with changing(self._database, self._actor) as change:
            if existing_people(change.connection):
                return False
            change.connection.execute(secrets_hashed.delete().where(secrets_hashed.c.kind == SET_UP))
            _insert_secret(change, None, SET_UP, hash, expires_at=expires_at)
            return True

    def set_up_code_fits(self, hash: str, now: datetime) -> bool:
        """Return True if this set-up code may be used and there is no person."""
        with self._database.read(EVERY_TENANT) as connection:
            fits = connection.execute(select(secrets_hashed.c.secret_id).where(_set_up_code(hash, now))).first()
            return fits is not None and not existing_people(connection)

    def set_up(self, hash: str, person_id: str, handle: str, way: Way, now: datetime) -> Person:
        """Insert the first person, with each role of the installation, and delete the code."""
        with changing(self._database, self._actor) as change:
            used = change.connection.execute(secrets_hashed.delete().where(_set_up_code(hash, now))).rowcount
            if not used or existing_people(change.connection):
                raise Refuse(
                    Code.INVITATION_INVALID,
                    "This code does not fit: it was used, has expired, or the set-up is done. Make another with 'entrakeep "
                    "people code'.",
                )
            person = Person(person_id=person_id, handle=handle, break_glass=False, created_at=change.now)
            change.insert_person(person, [Grant(role=role, tenant_id=None) for role in Role], "set-up")
            _insert_way(change, change.person(person_id), way)
            return person

    def invite(self, person_id: str, hash: str, now: datetime, expires_at: datetime) -> Invitation:
        """Insert an invitation in place of the person's earlier one."""
        with changing(self._database, self._actor) as change:
            person = change.person(person_id)
            change.connection.execute(invitations.delete().where(invitations.c.person_id == person_id))
            invitation = Invitation(
                invitation_id=new_id(), person=person_of(person), by=self._actor, made_at=now, expires_at=expires_at
            )
            change.connection.execute(
                invitations.insert().values(
                    hash=hash,
                    invitation_id=invitation.invitation_id,
                    person_id=person_id,
                    made_by=self._actor,
                    made_at=now,
                    expires_at=expires_at,
                )
            )
            change.report(Action.PERSON_INVITED, person, {"until": expires_at.isoformat()})
        return invitation

    def invitation(self, hash: str, now: datetime) -> Invitation | None:
        """Return the open invitation with this code, or None."""
        query = select(invitations, people).join(people, people.c.person_id == invitations.c.person_id)
        with self._database.read(EVERY_TENANT) as connection:
            row = connection.execute(query.where(_open(hash, now))).mappings().one_or_none()
        if row is None:
            return None
        return Invitation(
            invitation_id=row["invitation_id"],
            person=person_of(row),
            by=row["made_by"],
            made_at=row["made_at"],
            expires_at=row["expires_at"],
        )

    def accept(self, hash: str, way: Way, now: datetime) -> Person:
        """Insert the way to sign in, and delete the invitation."""
        with changing(self._database, self._actor) as change:
            query = select(invitations.c.person_id).where(_open(hash, now))
            person_id = change.connection.execute(query).scalar_one_or_none()
            if person_id is None:
                raise Refuse(
                    Code.INVITATION_INVALID,
                    "This invitation does not exist, was used, or has expired: ask for another one.",
                )
            change.connection.execute(invitations.delete().where(invitations.c.hash == hash))
            person = change.person(person_id)
            _insert_way(change, person, way)
            return person_of(person)

    def add(self, person_id: str, way: Way) -> None:
        """Insert a way to sign in."""
        with changing(self._database, self._actor) as change:
            _insert_way(change, change.person(person_id), way)

    def remove_passkey(self, person_id: str, credential_id: bytes) -> bool:
        """Delete a passkey. Return False if the person has no such passkey."""
        with changing(self._database, self._actor) as change:
            person = change.person(person_id)
            own = and_(passkeys.c.person_id == person_id, passkeys.c.credential_id == _text(credential_id))
            row = change.connection.execute(select(passkeys.c.name).where(own)).one_or_none()
            if row is None:
                return False
            change.connection.execute(passkeys.delete().where(own))
            _refuse_last_way(change, person_id)
            _report_removed(change, person, Means.PASSKEY, row.name)
            return True

    def remove(self, person_id: str, means: Means) -> bool:
        """Delete everything of these means. Return False if there was nothing."""
        with changing(self._database, self._actor) as change:
            person = change.person(person_id)
            if not _delete_means(change, person_id, means):
                return False
            _refuse_last_way(change, person_id)
            _report_removed(change, person, means)
            return True

    def reset(self, person_id: str) -> None:
        """Delete every way to sign in, and all sign-ins."""
        with changing(self._database, self._actor) as change:
            person = change.person(person_id)
            for means in Means:
                _delete_means(change, person_id, means)
            change.connection.execute(sign_ins.delete().where(sign_ins.c.person_id == person_id))
            change.report(Action.PERSON_RESET, person, must_happen=True)

    def passkeys(self, person_id: str) -> list[Passkey]:
        """Return the person's passkeys, oldest first."""
        query = select(passkeys).where(passkeys.c.person_id == person_id)
        with self._database.read(EVERY_TENANT) as connection:
            rows = connection.execute(query.order_by(passkeys.c.added_at, passkeys.c.credential_id)).mappings()
            return [_passkey_of(row) for row in rows]

    def passkey(self, credential_id: bytes) -> FoundPasskey | None:
        """Return the passkey and its person, or None."""
        query = select(passkeys, people).join(people, people.c.person_id == passkeys.c.person_id)
        with self._database.read(EVERY_TENANT) as connection:
            named = query.where(passkeys.c.credential_id == _text(credential_id))
            row = connection.execute(named).mappings().one_or_none()
        return None if row is None else FoundPasskey(person=person_of(row), passkey=_passkey_of(row))

    def note_use(self, credential_id: bytes, sign_count: int, now: datetime) -> None:
        """Store the passkey's counter and the time of its use."""
        with self._database.write(EVERY_TENANT) as (connection, _):
            one = passkeys.c.credential_id == _text(credential_id)
            connection.execute(passkeys.update().where(one).values(sign_count=sign_count, used_at=now))

    def identified(self, identity: Identity) -> Person | None:
        """Return the person with this identity, or None."""
        query = select(people).join(identities, identities.c.person_id == people.c.person_id)
        with self._database.read(EVERY_TENANT) as connection:
            row = connection.execute(query.where(_same(identity))).mappings().one_or_none()
        return None if row is None else person_of(row)

    def password(self, person_id: str) -> str | None:
        """Return the hash of the person's password, or None."""
        own = and_(secrets_hashed.c.person_id == person_id, secrets_hashed.c.kind == PASSWORD)
        with self._database.read(EVERY_TENANT) as connection:
            return connection.execute(select(secrets_hashed.c.hash).where(own)).scalar_one_or_none()

    def code(self, person_id: str, number: int) -> str | None:
        """Return the hash of an unused one-time code, or None."""
        numbered = and_(unused_codes(person_id), secrets_hashed.c.number == number)
        with self._database.read(EVERY_TENANT) as connection:
            return connection.execute(select(secrets_hashed.c.hash).where(numbered)).scalar_one_or_none()

    def use_code(self, person_id: str, hash: str, now: datetime) -> bool:
        """Mark the one-time code as used. Return False if it was used already."""
        with self._database.write(EVERY_TENANT) as (connection, _):
            same = and_(unused_codes(person_id), secrets_hashed.c.hash == hash)
            return bool(connection.execute(secrets_hashed.update().where(same).values(used_at=now)).rowcount)

    def replace_codes(self, person_id: str, codes: Sequence[str]) -> None:
        """Insert new one-time codes in place of all others."""
        with changing(self._database, self._actor) as change:
            person = change.person(person_id)
            _insert_codes(change, person_id, codes)
            change.report(Action.CODES_MADE, person, {"codes": len(codes)})


def _insert_way(change: PeopleChange, person: RowMapping, way: Way) -> None:
    """Insert a way to sign in, and append its event. Raises Refuse ``PERSON_EXISTS``."""
    person_id: str = person["person_id"]
    if isinstance(way, Passkey):
        known = select(passkeys.c.person_id).where(passkeys.c.credential_id == _text(way.credential_id))
        _refuse_known(change, known, "This passkey is registered already.")
        change.connection.execute(passkeys.insert().values(person_id=person_id, **_columns(way)))
        detail = {"means": Means.PASSKEY.value, "name": way.name}
    elif isinstance(way, Identity):
        _refuse_known(
            change, select(identities.c.person_id).where(_same(way)), "This account belongs to a person already."
        )
        columns = {"authority": way.authority, "subject": way.subject, "bound_at": change.now}
        change.connection.execute(identities.insert().values(person_id=person_id, **columns))
        detail = {"means": Means.PROVIDER.value, "authority": way.authority, "subject": way.subject}
    else:
        _insert_password(change, person_id, way)
        detail = {"means": Means.PASSWORD.value}
    change.report(Action.WAY_ADDED, person, {**detail})


def _insert_password(change: PeopleChange, person_id: str, way: NewPassword) -> None:
    """Insert a password in place of an earlier one, and its codes in place of all others."""
    _delete_secrets(change, person_id, PASSWORD)
    _insert_secret(change, person_id, PASSWORD, way.hash)
    _insert_codes(change, person_id, way.codes)


def _insert_codes(change: PeopleChange, person_id: str, codes: Sequence[str]) -> None:
    """Insert one-time codes in place of all others. The first has number 1."""
    _delete_secrets(change, person_id, ONE_TIME)
    for number, each in enumerate(codes, start=1):
        _insert_secret(change, person_id, ONE_TIME, each, number=number)


def _insert_secret(
    change: PeopleChange,
    person_id: str | None,
    kind: str,
    hash: str,
    *,
    number: int = 0,
    expires_at: datetime | None = None,
) -> None:
    """Insert a hashed secret."""
    columns = {"kind": kind, "number": number, "hash": hash, "made_at": change.now, "expires_at": expires_at}
    change.connection.execute(secrets_hashed.insert().values(secret_id=new_id(), person_id=person_id, **columns))


def _delete_secrets(change: PeopleChange, person_id: str, *kinds: str) -> int:
    """Delete the person's secrets of these kinds. Return how many."""
    own = and_(secrets_hashed.c.person_id == person_id, secrets_hashed.c.kind.in_(kinds))
    return change.connection.execute(secrets_hashed.delete().where(own)).rowcount


def _delete_means(change: PeopleChange, person_id: str, means: Means) -> int:
    """Delete everything of these means. Return how many rows were deleted."""
    if means is Means.PASSWORD:
        return _delete_secrets(change, person_id, PASSWORD, ONE_TIME)
    table = passkeys if means is Means.PASSKEY else identities
    return change.connection.execute(table.delete().where(table.c.person_id == person_id)).rowcount


def _refuse_last_way(change: PeopleChange, person_id: str) -> None:
    """Raise Refuse ``LAST_WAY_IN`` if the person has no way to sign in any more."""
    if not change.has_way(person_id):
        raise Refuse(Code.LAST_WAY_IN, "This is the last way to sign in: add another one first.")


def _refuse_known(change: PeopleChange, query: Select[tuple[str]], sentence: str) -> None:
    """Raise Refuse ``PERSON_EXISTS`` if the query returns a row."""
    if change.connection.execute(query).first():
        raise Refuse(Code.PERSON_EXISTS, sentence)


def _report_removed(change: PeopleChange, person: RowMapping, means: Means, name: str | None = None) -> None:
    """Append the event that a way to sign in was removed."""
    detail = {"means": means.value} | ({} if name is None else {"name": name})
    change.report(Action.WAY_REMOVED, person, {**detail}, must_happen=True)


def _set_up_code(hash: str, now: datetime) -> ColumnElement[bool]:
    """Return the condition for the set-up code, not expired."""
    return and_(secrets_hashed.c.kind == SET_UP, secrets_hashed.c.hash == hash, secrets_hashed.c.expires_at > now)


def _open(hash: str, now: datetime) -> ColumnElement[bool]:
    """Return the condition for the invitation, not expired."""
    return and_(invitations.c.hash == hash, invitations.c.expires_at > now)


def _same(identity: Identity) -> ColumnElement[bool]:
    """Return the condition for the identity."""
    return and_(identities.c.authority == identity.authority, identities.c.subject == identity.subject)


def _text(credential_id: bytes) -> str:
    """Return the id as it is stored: base64url without padding."""
    return base64.urlsafe_b64encode(credential_id).decode().rstrip("=")


def _columns(passkey: Passkey) -> dict[str, object]:
    """Return the columns of a passkey."""
    return {
        "credential_id": _text(passkey.credential_id),
        "public_key": passkey.public_key,
        "sign_count": passkey.sign_count,
        "aaguid": passkey.aaguid.hex(),
        "name": passkey.name,
        "added_at": passkey.added_at,
        "used_at": passkey.used_at,
    }


def _passkey_of(row: RowMapping) -> Passkey:
    """Return the passkey in a row."""
    text: str = row["credential_id"]
    return Passkey(
        credential_id=base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)),
        public_key=bytes(row["public_key"]),
        sign_count=row["sign_count"],
        name=row["name"],
        added_at=row["added_at"],
        used_at=row["used_at"],
        aaguid=bytes.fromhex(row["aaguid"]),
    )
