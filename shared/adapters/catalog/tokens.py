"""Store tokens of the API, by their SHA-256."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, bindparam, select

from shared.adapters.catalog.audit import append, append_if_sound
from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.people_rows import changing, grant_of, lasting_at, same_tenant
from shared.adapters.catalog.schema import UtcTime, grants, tenants, tokens
from shared.adapters.catalog.tenancy import Changes
from shared.domain.access import Action as Right
from shared.domain.audit import INSTALLATION, Action
from shared.domain.errors import Code, Refuse
from shared.domain.people import Token, TokenUse, no_such_token

_KNOWN = frozenset(right.value for right in Right)
_NOW = bindparam("now", type_=UtcTime)
_MAKERS_GRANT = and_(grants.c.person_id == tokens.c.person_id, lasting_at(_NOW))
_WITH_TENANT = tokens.outerjoin(tenants, tenants.c.tenant_id == tokens.c.tenant_id)
_TOKENS = select(tokens, tenants.c.name.label("tenant")).select_from(_WITH_TENANT)
_IDENTIFY = (
    select(
        tokens,
        tenants.c.name.label("tenant"),
        grants.c.role,
        grants.c.tenant_id.label("granted"),
        grants.c.until,
    )
    .select_from(_WITH_TENANT.outerjoin(grants, _MAKERS_GRANT))
    .where(tokens.c.hash == bindparam("hash"), tokens.c.expires_at > _NOW)
)


class SqlTokens:
    """``ports.catalog.tokens.Tokens`` in SQL."""

    def __init__(self, database: Database, actor: str) -> None:
        self._database = database
        self._actor = actor

    def add(self, hash: str, token: Token) -> None:
        """Insert a token, and append its event."""
        with changing(self._database, self._actor) as change:
            change.check_tenant(token.tenant_id)
            same_name = and_(tokens.c.name == token.name, same_tenant(tokens.c.tenant_id, token.tenant_id))
            valid = and_(same_name, tokens.c.expires_at > token.made_at)
            if change.connection.execute(select(tokens.c.name).where(valid)).first():
                raise Refuse(
                    Code.WRONG_USE,
                    f"There is a token {token.name} already; choose another name, or end that one first.",
                )
            columns = {name: getattr(token, name) for name in Token.__struct_fields__ if name not in ("by", "tenant")}
            columns |= {"actions": [*token.actions], "networks": [*token.networks], "made_by": token.by}
            change.connection.execute(tokens.insert().values(hash=hash, **columns))
            detail = {"name": token.name, "actions": " ".join(token.actions), "until": token.expires_at.isoformat()}
            append(
                _chain(change.connection, token, change.now, self._actor), Action.TOKEN_MADE, _subject(token), detail
            )

    def identify(self, hash: str, now: datetime) -> TokenUse | None:
        """Return the token with its maker's grants, or None. One query."""
        with self._database.read(EVERY_TENANT) as connection:
            rows = connection.execute(_IDENTIFY, {"hash": hash, "now": now}).mappings().all()
        if not rows:
            return None
        token = _token_of(rows[0])
        if token.person_id is None:
            return TokenUse(token=token, grants=None)
        granted = [{**row, "tenant_id": row["granted"]} for row in rows if row["role"] is not None]
        return TokenUse(token=token, grants=tuple(grant_of(row) for row in granted))

    def note_used(self, token_id: str, now: datetime) -> None:
        """Store that the token was used."""
        with self._database.write(EVERY_TENANT) as (connection, _):
            connection.execute(tokens.update().where(tokens.c.token_id == token_id).values(used_at=now))

    def all(self, now: datetime, *, tenant_id: str | None = None, person_id: str | None = None) -> list[Token]:
        """Return the tokens that have not ended, newest first."""
        query = _TOKENS.where(tokens.c.expires_at > now)
        if tenant_id is not None:
            query = query.where(tokens.c.tenant_id == tenant_id)
        if person_id is not None:
            query = query.where(tokens.c.person_id == person_id)
        with self._database.read(EVERY_TENANT) as connection:
            rows = connection.execute(query.order_by(tokens.c.made_at.desc(), tokens.c.token_id)).mappings()
            return [_token_of(row) for row in rows]

    def get(self, token_id: str) -> Token:
        """Return a token. Raises Refuse ``NO_SUCH_TOKEN``."""
        with self._database.read(EVERY_TENANT) as connection:
            return _get(connection, token_id)

    def end(self, token_id: str) -> None:
        """Delete a token, and append its event. Raises Refuse ``NO_SUCH_TOKEN``."""
        with changing(self._database, self._actor) as change:
            token = _get(change.connection, token_id)
            change.connection.execute(tokens.delete().where(tokens.c.token_id == token_id))
            chain = _chain(change.connection, token, change.now, self._actor)
            append_if_sound(chain, Action.TOKEN_ENDED, _subject(token), {"name": token.name})


def _get(connection: Connection, token_id: str) -> Token:
    """Return a token. Raises Refuse ``NO_SUCH_TOKEN``."""
    row = connection.execute(_TOKENS.where(tokens.c.token_id == token_id)).mappings().one_or_none()
    if row is None:
        raise no_such_token()
    return _token_of(row)


def _chain(connection: Connection, token: Token, now: datetime, actor: str) -> Changes:
    """Return the audit chain of the token's tenant, or the installation's."""
    return Changes(connection, token.tenant_id or INSTALLATION, now, actor)


def _subject(token: Token) -> dict[str, str | None]:
    """Return the ids that an event about the token names."""
    return {"token": token.token_id, "person": token.person_id}


def _token_of(row: RowMapping) -> Token:
    """Return the token in a row. Actions of a newer version are left out, because this one cannot allow them."""
    return Token(
        token_id=row["token_id"],
        name=row["name"],
        tenant_id=row["tenant_id"],
        tenant=row["tenant"],
        actions=tuple(Right(each) for each in row["actions"] if each in _KNOWN),
        networks=tuple(row["networks"]),
        person_id=row["person_id"],
        by=row["made_by"],
        made_at=row["made_at"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
    )
