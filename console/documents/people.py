"""Documents of people: who may sign in, how, and with which roles. They contain no secret but the code of a new link."""

import msgspec

from console.documents.times import Moment, moment
from shared.domain.access import Role
from shared.domain.people import GivenGrant, Means, Person, PersonDetail, SignIn
from shared.engine.access.invitations import Invited


class GrantDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A role of a person."""

    role: Role
    """The role."""
    tenant: str | None
    """The tenant in which it counts; null for the installation, which covers each tenant."""
    until: Moment | None
    """When it ends by itself; null if it does not."""
    by: str
    """Who gave it."""
    reason: str
    """Why, as the giver typed it; may be empty."""
    given_at: Moment
    """When it was given."""


class PersonDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in to the console."""

    handle: str
    """The person's name in Entrakeep."""
    person_id: str
    """The person's id."""
    grants: list[GrantDocument]
    """The roles that have not ended, oldest first."""
    signs_in_by: list[Means]
    """The means that work: a password does while a one-time code is left."""
    passkeys: int
    """How many passkeys the person has."""
    codes: int
    """How many one-time codes are left."""
    break_glass: bool
    """True if the person is for the day on which nobody else can sign in."""
    invited_until: Moment | None
    """When the open invitation expires; null if there is none."""
    created_at: Moment
    """When the person was added."""
    signed_in_at: Moment | None
    """When the person last signed in."""
    seen_at: Moment | None
    """When the person last sent a request, to the minute."""


class InvitationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A new invitation. Its link is shown once."""

    handle: str
    """The person's name in Entrakeep."""
    link: str
    """The link to hand to the person. Whoever opens it first becomes the person."""
    expires_at: Moment
    """When it expires."""


class SetUpCodeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A code for the set-up of an installation without people. It is shown once."""

    code: str
    """The code to type."""
    link: str
    """The page to type it into."""
    expires_at: Moment
    """When it expires."""


class SignInDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One browser's signed-in time."""

    sign_in_id: str
    """Its id."""
    means: Means
    """How the person signed in."""
    begun_at: Moment
    """When it began."""
    seen_at: Moment
    """When the browser last sent a request, to the minute."""
    expires_at: Moment
    """When it ends at the latest."""
    address: str
    """The network address that it began from."""
    browser: str
    """The browser and its system."""


class RemovedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """The person who was removed."""

    handle: str
    """The person's name in Entrakeep."""
    person_id: str
    """The person's id, which the audit trail names."""


class EndedSignIns(msgspec.Struct, frozen=True, kw_only=True):
    """How many sign-ins were ended."""

    handle: str
    """The person's name in Entrakeep."""
    ended: int
    """How many sign-ins."""


def grant_document(given: GivenGrant) -> GrantDocument:
    """Return the document of a grant."""
    return GrantDocument(
        role=given.grant.role,
        tenant=given.tenant,
        until=moment(given.grant.until),
        by=given.by,
        reason=given.reason,
        given_at=moment(given.given_at),
    )


def person_document(detail: PersonDetail) -> PersonDocument:
    """Return the document of a person."""
    means = detail.ways.means()
    return PersonDocument(
        handle=detail.person.handle,
        person_id=detail.person.person_id,
        grants=[grant_document(given) for given in detail.grants],
        signs_in_by=[each for each in Means if each in means],
        passkeys=detail.ways.passkeys,
        codes=detail.ways.codes,
        break_glass=detail.person.break_glass,
        invited_until=moment(detail.invited_until),
        created_at=moment(detail.person.created_at),
        signed_in_at=moment(detail.signed_in_at),
        seen_at=moment(detail.seen_at),
    )


def invitation_document(invited: Invited, web_url: str) -> InvitationDocument:
    """Return the document of a new invitation. The code stands in the fragment, which browsers do not send."""
    return InvitationDocument(
        handle=invited.invitation.person.handle,
        link=f"{web_url.rstrip('/')}/invitation#{invited.code}",
        expires_at=moment(invited.invitation.expires_at),
    )


def sign_in_document(sign_in: SignIn) -> SignInDocument:
    """Return the document of a sign-in."""
    return SignInDocument(
        sign_in_id=sign_in.sign_in_id,
        means=sign_in.means,
        begun_at=moment(sign_in.begun_at),
        seen_at=moment(sign_in.seen_at),
        expires_at=moment(sign_in.expires_at),
        address=sign_in.address,
        browser=sign_in.browser,
    )


def removed_person(person: Person) -> RemovedPerson:
    """Return the document of a person who was removed."""
    return RemovedPerson(handle=person.handle, person_id=person.person_id)
