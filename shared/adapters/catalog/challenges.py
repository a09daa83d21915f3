"""Store challenges of browsers until they are answered or expire."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, insert

from shared.adapters.catalog.engine import EVERY_TENANT, Database
from shared.adapters.catalog.schema import challenges


class SqlChallenges:
    """``ports.catalog.challenges.Challenges`` in SQL. The database's clock decides what has expired."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, hash: str, purpose: str, detail: Mapping[str, str], lasts: timedelta) -> None:
        """Store a challenge for one purpose, with what its answer needs. Remove those that have expired."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            connection.execute(delete(challenges).where(challenges.c.expires_at <= now))
            row = {"hash": hash, "purpose": purpose, "detail": dict(detail), "expires_at": now + lasts}
            connection.execute(insert(challenges).values(row))

    def take(self, hash: str, purpose: str) -> dict[str, str] | None:
        """Remove the challenge and return its detail; None if it was taken, has expired or has another purpose."""
        with self._database.write(EVERY_TENANT) as (connection, now):
            taken = delete(challenges).where(
                challenges.c.hash == hash, challenges.c.purpose == purpose, challenges.c.expires_at > now
            )
            return connection.execute(taken.returning(challenges.c.detail)).scalar_one_or_none()
