"""People who may sign in, and their grants. Each change appends its event to an audit chain.

A grant in a tenant is an event of the tenant's chain, everything else of the installation's. Changes run one at a time, so
that two of them cannot both remove what the other relies on.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shared.domain.access import Grant, Role
from shared.domain.people import Person, PersonDetail


class People(Protocol):
    """People and their grants."""

    def exist(self) -> bool:
        """Return True if there is a person."""

    def used_break_glass(self, since: datetime) -> list[tuple[str, datetime]]:
        """Return handle and time of the last sign-in of each break-glass person who has signed in since then."""

    def add(
        self, person_id: str, handle: str, *, break_glass: bool = False, grants: Sequence[Grant] = (), reason: str = ""
    ) -> Person:
        """Add a person with these grants and no way to sign in. Raise Refuse ``PERSON_EXISTS``, ``NO_SUCH_TENANT``."""

    def find(self, handle: str) -> Person:
        """Return the person with this handle. Raise Refuse ``NO_SUCH_PERSON``."""

    def get(self, person_id: str) -> PersonDetail:
        """Return a person in detail. Raise Refuse ``NO_SUCH_PERSON``."""

    def all(self, now: datetime, tenant_id: str | None = None) -> list[PersonDetail]:
        """Return people in detail, newest first: all, or those with a grant that covers the tenant."""

    def grants(self, person_id: str, now: datetime) -> tuple[Grant, ...]:
        """Return the person's grants that have not ended."""

    def give(self, person_id: str, grant: Grant, reason: str) -> None:
        """Give a grant. It replaces one of the same role and tenant.

        Raise Refuse ``NO_SUCH_PERSON`` or ``NO_SUCH_TENANT``, and ``LAST_WAY_IN`` if the last operator without an end
        would get one.
        """

    def take(self, person_id: str, role: Role, tenant_id: str | None) -> bool:
        """Take a grant back. Return False if the person did not have it. Raise Refuse ``LAST_WAY_IN``."""

    def remove(self, person_id: str) -> None:
        """Remove a person with grants, ways to sign in, sign-ins and tokens. The audit trail stays.

        Raise Refuse ``NO_SUCH_PERSON``, and ``LAST_WAY_IN`` for the last operator.
        """
