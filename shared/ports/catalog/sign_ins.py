"""Sign-ins: one row for each browser that is signed in. SQL has the SHA-256 of the cookie alone."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from shared.domain.people import SignedIn, SignIn


class SignIns(Protocol):
    """The sign-ins of all people. A sign-in has ended after its time, or after too long without a request."""

    def begin(self, person_id: str, hash: str, sign_in: SignIn) -> None:
        """Store a sign-in, and when the person signed in. Append its event, and that of break-glass.

        Raise Refuse ``NO_SUCH_PERSON``.
        """

    def identify(self, hash: str, now: datetime) -> SignedIn | None:
        """Return the sign-in of this cookie with its person and grants, or None if it has ended. This is one query."""

    def current(self, sign_in_ids: Collection[str], now: datetime) -> dict[str, SignedIn]:
        """Return those of these sign-ins that have not ended, by id. This is one query, however many there are."""

    def note_seen(self, hash: str, now: datetime) -> None:
        """Store that the sign-in was used."""

    def renew(self, hash: str, new_hash: str, now: datetime) -> bool:
        """Store that the person has confirmed, and replace the cookie's hash. Return False if the sign-in has ended."""

    def of_person(self, person_id: str, now: datetime) -> list[SignIn]:
        """Return the person's sign-ins that have not ended, newest first."""

    def end(self, person_id: str, sign_in_id: str) -> bool:
        """End one sign-in of the person. Return False if there is none."""

    def end_all(self, person_id: str, *, but: str | None = None) -> int:
        """End the person's sign-ins, except the one with the id ``but``. Return how many."""
