"""Add people, give and take roles, invite, reset and remove, as far as the one who asks may.

A command on the host may do all of it, because whoever runs it owns the database. A person may give what ``may_grant``
allows. An invitation lets its maker in, so it needs the right to give every role of the invited person.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from shared.domain.access import Action, Grant, Role, may, may_grant
from shared.domain.errors import Code, Refuse
from shared.domain.people import Person, PersonDetail, SignedIn, check_handle, check_reason
from shared.engine.access.invitations import Invited
from shared.engine.access.invitations import invite as make_invitation
from shared.engine.access.sign_in import actor_of
from shared.ports.catalog.database import Catalog


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """The one who asks for a change: an actor, with the grants that limit what they may do."""

    actor: str
    grants: tuple[Grant, ...] | None = None
    """None for a command on the host, which may do everything."""

    def may(self, action: Action, tenant_id: str | None, now: datetime) -> bool:
        """Return True if the asker may do this in the tenant, or for None in the installation."""
        return self.grants is None or may(action, self.grants, tenant_id, now)

    def may_grant(self, role: Role, tenant_id: str | None, now: datetime) -> bool:
        """Return True if the asker may give or take this role in the tenant, or for None in the installation."""
        return self.grants is None or may_grant(role, self.grants, tenant_id, now)


class WantedGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A grant as somebody asks for it."""

    role: Role
    tenant: str | None = None
    """The tenant's name, or None for the installation."""
    until: datetime | None = None


def asker_of(signed_in: SignedIn) -> Asker:
    """Return the person who is signed in as the one who asks."""
    return Asker(actor=actor_of(signed_in.person), grants=signed_in.grants)


def add(
    catalog: Catalog,
    asker: Asker,
    handle: str,
    grants: Sequence[WantedGrant],
    now: datetime,
    *,
    reason: str = "",
    break_glass: bool = False,
) -> Person:
    """Add a person with roles, who gets a way to sign in by an invitation.

    Raise Refuse ``NOT_ALLOWED``, ``PERSON_EXISTS``, ``NO_SUCH_TENANT``, ``WRONG_USE``.
    """
    lower, checked = check_handle(handle), check_reason(reason)
    allowed = [_allowed(catalog, asker, wanted, now) for wanted in grants]
    if (break_glass or not allowed) and not asker.may(Action.INSTALLATION_PEOPLE, None, now):
        raise Refuse(
            Code.NOT_ALLOWED,
            "Only an operator may add a person without a role in one of your tenants, or for break-glass.",
        )
    people = catalog.as_actor(asker.actor).people()
    return people.add(str(uuid.uuid4()), lower, break_glass=break_glass, grants=allowed, reason=checked)


def give(
    catalog: Catalog, asker: Asker, handle: str, wanted: WantedGrant, now: datetime, *, reason: str = ""
) -> PersonDetail:
    """Give a role, in place of the same one with another end. Return the person.

    Raise Refuse ``NOT_ALLOWED``, ``NO_SUCH_PERSON``, ``NO_SUCH_TENANT``, ``WRONG_USE``, ``LAST_WAY_IN``.
    """
    checked, grant = check_reason(reason), _allowed(catalog, asker, wanted, now)
    people = catalog.as_actor(asker.actor).people()
    person = people.find(handle.lower())
    people.give(person.person_id, grant, checked)
    return people.get(person.person_id)


def take(catalog: Catalog, asker: Asker, handle: str, role: Role, tenant: str | None, now: datetime) -> PersonDetail:
    """Take a role back, which counts with the next request. Return the person.

    Raise Refuse ``NOT_ALLOWED``, ``NO_SUCH_PERSON``, ``NO_SUCH_TENANT``, ``WRONG_USE`` if the person does not have it, and
    ``LAST_WAY_IN``.
    """
    grant = _allowed(catalog, asker, WantedGrant(role=role, tenant=tenant), now)
    people = catalog.as_actor(asker.actor).people()
    person = people.find(handle.lower())
    if not people.take(person.person_id, role, grant.tenant_id):
        raise Refuse(Code.WRONG_USE, f"{person.handle} does not have the role {role} {_place(tenant)}.")
    return people.get(person.person_id)


def invite(catalog: Catalog, asker: Asker, handle: str, now: datetime) -> Invited:
    """Make an invitation, in place of an earlier one.

    Raise Refuse ``NO_SUCH_PERSON``, and ``NOT_ALLOWED`` unless the asker may give every role of the person, who must have
    no way to sign in yet. Otherwise an invitation would be a way to become somebody else.
    """
    detail = _detail(catalog, handle)
    if asker.grants is not None:
        if detail.ways.means():
            raise Refuse(
                Code.NOT_ALLOWED,
                f"{detail.person.handle} can sign in already. Whoever has lost every way to sign in is reset on the host: "
                f"'entrakeep people reset {detail.person.handle}'.",
            )
        _check_all(asker, detail, now)
    return make_invitation(catalog, asker.actor, detail.person, now)


def reset(catalog: Catalog, actor: str, handle: str, now: datetime) -> Invited:
    """Remove every way to sign in of a person who has lost them, end all sign-ins, and make an invitation.

    Only a command on the host does this. Raise Refuse ``NO_SUCH_PERSON``.
    """
    person = catalog.people().find(handle.lower())
    catalog.as_actor(actor).ways().reset(person.person_id)
    return make_invitation(catalog, actor, person, now)


def remove(catalog: Catalog, asker: Asker, handle: str, now: datetime) -> Person:
    """Remove a person with roles, sign-ins and tokens. Return the person. Raise Refuse ``NOT_ALLOWED``, ``LAST_WAY_IN``."""
    if not asker.may(Action.INSTALLATION_PEOPLE, None, now):
        raise Refuse(Code.NOT_ALLOWED, "Only an operator may remove people. Take the roles in your tenants instead.")
    people = catalog.as_actor(asker.actor).people()
    person = people.find(handle.lower())
    people.remove(person.person_id)
    return person


def end_sign_ins(catalog: Catalog, asker: Asker, handle: str, now: datetime, *, sign_in_id: str | None = None) -> int:
    """End one sign-in or all of another person. Return how many ended.

    Raise Refuse ``NO_SUCH_PERSON``, and ``NOT_ALLOWED`` unless the asker is an operator, or an admin of a tenant in which
    the person has a role.
    """
    detail = _detail(catalog, handle)
    tenants = {given.grant.tenant_id for given in detail.grants}
    is_admin = any(asker.may(Action.PEOPLE_GRANT, tenant_id, now) for tenant_id in tenants if tenant_id is not None)
    if not is_admin and not asker.may(Action.INSTALLATION_SIGN_INS, None, now):
        raise Refuse(
            Code.NOT_ALLOWED, "Only an operator, or an admin of one of the person's tenants, may end sign-ins."
        )
    sign_ins = catalog.as_actor(asker.actor).sign_ins()
    person_id = detail.person.person_id
    return sign_ins.end_all(person_id) if sign_in_id is None else int(sign_ins.end(person_id, sign_in_id))


def _detail(catalog: Catalog, handle: str) -> PersonDetail:
    """Return the person with this handle in detail. Raise Refuse ``NO_SUCH_PERSON``."""
    people = catalog.people()
    return people.get(people.find(handle.lower()).person_id)


def _allowed(catalog: Catalog, asker: Asker, wanted: WantedGrant, now: datetime) -> Grant:
    """Return the grant that is asked for. Raise Refuse ``NOT_ALLOWED``, ``NO_SUCH_TENANT``, ``WRONG_USE``."""
    if wanted.role is Role.OPERATOR and wanted.tenant is not None:
        raise Refuse(Code.WRONG_USE, "The role operator is of the installation: leave the tenant out.")
    if wanted.until is not None and wanted.until <= now:
        raise Refuse(Code.WRONG_USE, "The end of the role is in the past.")
    tenant_id = None if wanted.tenant is None else catalog.find(wanted.tenant).tenant_id
    if not asker.may_grant(wanted.role, tenant_id, now):
        raise Refuse(
            Code.NOT_ALLOWED,
            f"You may not give or take the role {wanted.role} {_place(wanted.tenant)}: ask {_granters(wanted)}.",
        )
    return Grant(role=wanted.role, tenant_id=tenant_id, until=wanted.until)


def _check_all(asker: Asker, detail: PersonDetail, now: datetime) -> None:
    """Raise Refuse ``NOT_ALLOWED`` unless the asker may give every role of the person."""
    grants: Collection[Grant] = [given.grant for given in detail.grants]
    if not grants and not asker.may(Action.INSTALLATION_PEOPLE, None, now):
        raise Refuse(Code.NOT_ALLOWED, "Only an operator may invite a person without a role.")
    for grant in grants:
        if not asker.may_grant(grant.role, grant.tenant_id, now):
            raise Refuse(
                Code.NOT_ALLOWED,
                f"{detail.person.handle} has the role {grant.role}, which you may not give: ask an operator.",
            )


def _place(tenant: str | None) -> str:
    """Return the words for where a role counts."""
    return "in the installation" if tenant is None else f"in {tenant}"


def _granters(wanted: WantedGrant) -> str:
    """Return the words for who may give the role."""
    if wanted.role is Role.OPERATOR:
        return "an operator"
    return "an admin of the installation" if wanted.tenant is None else f"an admin of {wanted.tenant}"
