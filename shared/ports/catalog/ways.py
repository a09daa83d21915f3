"""The ways in which people sign in: passkeys, identities, passwords, one-time codes, and invitations to add the first.

SQL has public keys and hashes alone. Each change appends its event to the installation's audit chain.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.people import Identity, Invitation, Means, Passkey, Person


class NewPassword(msgspec.Struct, frozen=True, kw_only=True):
    """The hash of a password, and those of the one-time codes that go with it, in the order of their numbers."""

    hash: str
    codes: tuple[str, ...]


Way = Passkey | Identity | NewPassword
"""A way to sign in that is added."""


class FoundPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey and its person."""

    person: Person
    passkey: Passkey


class SignInWays(Protocol):
    """The ways in which people sign in. Each method raises Refuse ``NO_SUCH_PERSON`` if the person was removed."""

    def make_set_up_code(self, hash: str, expires_at: datetime) -> bool:
        """Store the hash of the set-up code in place of any other. Return False if there is a person already."""

    def set_up_code_fits(self, hash: str, now: datetime) -> bool:
        """Return True if this set-up code may be used and there is no person yet."""

    def set_up(self, hash: str, person_id: str, handle: str, way: Way, now: datetime) -> Person:
        """Use the set-up code: add the first person, with each role of the installation and of tenants.

        Raise Refuse ``INVITATION_INVALID`` if the code does not fit or there is a person already.
        """

    def invite(self, person_id: str, hash: str, now: datetime, expires_at: datetime) -> Invitation:
        """Store the hash of an invitation's code, in place of an earlier invitation of the person."""

    def invitation(self, hash: str, now: datetime) -> Invitation | None:
        """Return the invitation with this code, or None if it does not exist, was used or has expired."""

    def accept(self, hash: str, way: Way, now: datetime) -> Person:
        """Use the invitation: add the way to sign in. Return the person.

        Raise Refuse ``INVITATION_INVALID``, and ``PERSON_EXISTS`` if the passkey or identity has a person.
        """

    def add(self, person_id: str, way: Way) -> None:
        """Add a way to sign in. A password replaces an earlier one and its codes. Raise Refuse ``PERSON_EXISTS``."""

    def remove_passkey(self, person_id: str, credential_id: bytes) -> bool:
        """Remove a passkey. Return False if the person has no such passkey. Raise Refuse ``LAST_WAY_IN``."""

    def remove(self, person_id: str, means: Means) -> bool:
        """Remove everything of these means. Return False if there was nothing. Raise Refuse ``LAST_WAY_IN``."""

    def reset(self, person_id: str) -> None:
        """Remove every way to sign in, and end all sign-ins, of a person who lost them. An invitation follows."""

    def passkeys(self, person_id: str) -> list[Passkey]:
        """Return the person's passkeys, oldest first."""

    def passkey(self, credential_id: bytes) -> FoundPasskey | None:
        """Return the passkey with this id and its person, or None."""

    def note_use(self, credential_id: bytes, sign_count: int, now: datetime) -> None:
        """Store the passkey's counter and the time of its use."""

    def identified(self, identity: Identity) -> Person | None:
        """Return the person whom a provider means by this identity, or None."""

    def password(self, person_id: str) -> str | None:
        """Return the hash of the person's password, or None."""

    def code(self, person_id: str, number: int) -> str | None:
        """Return the hash of the one-time code with this number, or None if there is none or it was used."""

    def use_code(self, person_id: str, hash: str, now: datetime) -> bool:
        """Mark the one-time code as used. Return False if it was used already, perhaps by a concurrent sign-in."""

    def replace_codes(self, person_id: str, codes: Sequence[str]) -> None:
        """Store the hashes of new one-time codes in place of all others."""
