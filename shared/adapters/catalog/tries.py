"""Count failed tries to sign in."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from shared.adapters.catalog.audit import append_if_sound
from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.schema import tries
from shared.adapters.catalog.tenancy import Changes, add_if_absent
from shared.domain.audit import INSTALLATION, Action
from shared.domain.people import FREE_TRIES, TRIES_FORGOTTEN, tries_wait

_NONE = timedelta(0)


class SqlTries:
    """``ports.catalog.tries.Tries`` in SQL."""

    def __init__(self, database: Database, actor: str) -> None:
        self._database = database
        self._actor = actor

    def begin(self, names: Collection[str]) -> timedelta:
        """Count a try under each name. Return zero, or how long to wait; then nothing was counted."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            _forget(connection, now)
            failed = _lock(connection, names, now)
            wait = max(last_at + tries_wait(count) - now for count, last_at in failed.values())
            if wait > _NONE:
                return wait
            for name, (count, _) in failed.items():
                connection.execute(tries.update().where(tries.c.who == name).values(failed=count + 1, last_at=now))
                if count == FREE_TRIES:
                    chain = Changes(connection, INSTALLATION, now, self._actor)
                    append_if_sound(chain, Action.SIGN_IN_SLOWED, {}, {"who": name, "failed": count})
            return _NONE

    def succeed(self, name: str, *others: str) -> None:
        """Forget the tries of ``name``, and half of those of ``others``."""
        with self._database.write(EVERY_TENANT) as (connection, _):
            for each in sorted((name, *others)):
                if each == name:
                    connection.execute(tries.delete().where(tries.c.who == each))
                else:
                    _forgive(connection, each)


def _forgive(connection: Connection, name: str) -> None:
    """Take the try that succeeded from those of the name, and half of the others."""
    counted = (tries.c.who == name, tries.c.failed > 0)
    connection.execute(tries.update().where(*counted).values(failed=(tries.c.failed - 1) // 2))


def _forget(connection: Connection, now: datetime) -> None:
    """Delete tries that are too old to count. Rows that another transaction has locked are in use, and stay."""
    old = select(tries.c.who).where(tries.c.last_at < now - TRIES_FORGOTTEN).with_for_update(skip_locked=True)
    connection.execute(tries.delete().where(tries.c.who.in_(old)))


def _lock(connection: Connection, names: Collection[str], now: datetime) -> dict[str, tuple[int, datetime]]:
    """Lock the rows of these names, in their order. Return how many tries failed and when the last one was."""
    for name in sorted(names):
        add_if_absent(connection, tries, who=name, failed=0, last_at=now)
    query = select(tries).where(tries.c.who.in_(names)).order_by(tries.c.who).with_for_update()
    return {row["who"]: (row["failed"], row["last_at"]) for row in connection.execute(query).mappings()}
