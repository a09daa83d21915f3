"""People and their roles: a grid of the installation or of one tenant, and a page for each person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from console.web import commands
from console.web.page import Page
from shared.domain.access import TENANT_ROLES, Role
from shared.domain.errors import Code, Refuse
from shared.domain.people import PersonDetail, check_handle
from shared.domain.sign_in_risk import only_through_directory
from shared.engine.access import people as access
from shared.engine.access.invitations import Invited
from shared.engine.access.people import Asker, WantedGrant, asker_of

if TYPE_CHECKING:
    from console.web.page import Ask

_LENT = {"1h": timedelta(hours=1), "8h": timedelta(hours=8), "3d": timedelta(days=3), "30d": timedelta(days=30)}
"""For how long a role can be lent."""
_WORDS = {
    Role.OPERATOR: "Runs the installation, adds people, sees numbers and never content.",
    Role.ADMIN: "Schedules, connection, people and rules of the tenant.",
    Role.KEYS: "Brings, changes and checks the tenant's KMS key.",
    Role.RESTORER: "Searches, downloads and restores.",
    Role.VIEWER: "Looks up how something was.",
    Role.AUDITOR: "Reads, verifies and exports the audit trail.",
}
"""What each role does, in a few words."""
_SHOWN = frozenset(
    {Code.WRONG_USE, Code.PERSON_EXISTS, Code.LAST_WAY_IN, Code.NOT_ALLOWED, Code.NO_SUCH_PERSON, Code.NO_SUCH_TENANT}
)
"""Refusals that are shown on these pages."""


@dataclass(frozen=True)
class Cell:
    """One role of one person in the grid."""

    role: Role
    given: bool
    until: datetime | None = None
    """When the role ends by itself, or None if it does not."""
    everywhere: bool = False
    """True if a grant of the installation covers the tenant."""


@dataclass(frozen=True)
class Row:
    """One person in the grid."""

    detail: PersonDetail
    cells: Sequence[Cell]
    tenants: Sequence[str]
    """Names of the tenants in which the person has a role."""


def show(ask: "Ask") -> Page:
    """Show the grid."""
    return _grid(ask)


def add(ask: "Ask") -> Page | Response:
    """Give roles to a person. Somebody new gets an invitation, whose link is shown once."""
    form, asker = ask.form, _asker(ask)
    try:
        check_handle(form.text("handle"))
    except Refuse as error:
        return _grid(ask, wrong_handle=error.message)
    try:
        wanted = [WantedGrant(role=_role(each), tenant=_tenant(ask), until=_until(ask)) for each in form.all("role")]
        if not wanted:
            raise Refuse(Code.WRONG_USE, "Choose at least one role.")
        handle, reason = form.text("handle"), form.text("reason")
        if _exists(ask, handle):
            for each in wanted:
                access.give(ask.catalog, asker, handle, each, ask.now, reason=reason)
            return RedirectResponse(_address(ask, handle.lower()), 303)
        emergency = ask.tenant is None and form.flag("break-glass")
        access.add(ask.catalog, asker, handle, wanted, ask.now, reason=reason, break_glass=emergency)
        return _link(ask, access.invite(ask.catalog, asker, handle, ask.now))
    except Refuse as error:
        return _grid(ask, _shown(error))


def person(ask: "Ask") -> Page:
    """Show one person."""
    return _person(ask)


def change_role(ask: "Ask") -> Page | Response:
    """Give a role to the person, or take it."""
    form, asker, handle = ask.form, _asker(ask), _detail(ask).person.handle
    try:
        role = _role(form.text("role"))
        if form.flag("take"):
            access.take(ask.catalog, asker, handle, role, _tenant(ask), ask.now)
        else:
            wanted = WantedGrant(role=role, tenant=_tenant(ask), until=_until(ask))
            access.give(ask.catalog, asker, handle, wanted, ask.now, reason=form.text("reason"))
    except Refuse as error:
        return _person(ask, _shown(error))
    if ask.tenant and not _exists_in_tenant(ask, handle):
        return RedirectResponse(_base(ask), 303)
    return RedirectResponse(_address(ask, handle), 303)


def invite(ask: "Ask") -> Page:
    """Show the link of a new invitation for a person who has no way to sign in yet."""
    try:
        return _link(ask, access.invite(ask.catalog, _asker(ask), _detail(ask).person.handle, ask.now))
    except Refuse as error:
        return _person(ask, _shown(error))


def end_sign_ins(ask: "Ask") -> Response:
    """End all sign-ins of the person."""
    handle = _detail(ask).person.handle
    access.end_sign_ins(ask.catalog, _asker(ask), handle, ask.now)
    return RedirectResponse(_address(ask, handle), 303)


def remove(ask: "Ask") -> Page | Response:
    """Remove the person. The audit trail stays."""
    try:
        access.remove(ask.catalog, _asker(ask), _detail(ask).person.handle, ask.now)
    except Refuse as error:
        return _person(ask, _shown(error))
    return RedirectResponse("/people", 303)


def _lines(handle: str, tenant: str | None) -> list[str]:
    """Return the command lines of what a person's page does. ROLE stands for the role that is chosen there."""
    lines = [commands.grant_role(handle, "ROLE", tenant), commands.take_role(handle, "ROLE", tenant)]
    lines += [commands.show_sign_ins(handle), commands.end_sign_ins(handle), commands.invite_person(handle)]
    return lines if tenant is not None else [*lines, commands.remove_person(handle)]


def _grid(ask: "Ask", problem: Refuse | None = None, wrong_handle: str = "") -> Page:
    """Return the page of the grid."""
    details, roles = _details(ask), _roles(ask)
    tenant_id = ask.tenant.tenant_id if ask.tenant else None
    values = {
        "problem": problem,
        "wrong_handle": wrong_handle,
        "roles": roles,
        "grantable": _grantable(ask),
        "rows": [_row(each, roles, tenant_id) for each in details],
        "form": ask.form,
        "chosen": ask.form.all("role"),
        "role_words": _WORDS,
        "base": _base(ask),
        "risky": ask.tenant is not None
        and only_through_directory(details, ask.tenant.tenant_id, ask.tenant.directory_id),
        "lent": _lent_options(),
        "tokens": ask.catalog.tokens().all(ask.now, tenant_id=tenant_id),
        "provider": ask.front.provider.name if ask.front.provider else "another account",
        "line": "\n".join(
            [commands.list_people(_tenant(ask)), commands.add_person("HANDLE", ["viewer"], _tenant(ask))]
        ),
    }
    return Page(template="people/grid.html", values=values, status=422 if problem or wrong_handle else 200)


def _person(ask: "Ask", problem: Refuse | None = None) -> Page:
    """Return the page of one person."""
    detail = _detail(ask)
    own = ask.tenant.tenant_id if ask.tenant else None
    given = [each for each in detail.grants if ask.tenant is None or each.grant.tenant_id in (None, own)]
    values = {
        "problem": problem,
        "detail": detail,
        "given": given,
        "takeable": [each for each in given if each.grant.tenant_id == own and each.grant.role in _grantable(ask)],
        "grantable": _grantable(ask),
        "roles_offered": [(role.value, f"{role.value}: {_WORDS[role]}") for role in _grantable(ask)],
        "sign_ins": [] if ask.tenant else ask.catalog.sign_ins().of_person(detail.person.person_id, ask.now),
        "base": _base(ask),
        "address": _address(ask, detail.person.handle),
        "form": ask.form,
        "lent": _lent_options(),
        "provider": ask.front.provider.name if ask.front.provider else "another account",
        "lines": _lines(detail.person.handle, _tenant(ask)),
        "reset_line": commands.reset_person(detail.person.handle),
    }
    return Page(template="people/person.html", values=values, status=422 if problem else 200)


def _link(ask: "Ask", invited: Invited) -> Page:
    """Return the page with the link of an invitation. The code stands in the fragment, which browsers do not send."""
    link = f"{ask.front.settings.web_url}/invitation#{invited.code}"
    values = {"invitation": invited.invitation, "link": link, "base": _base(ask)}
    return Page(template="people/invited.html", values=values)


def _row(detail: PersonDetail, roles: Sequence[Role], tenant_id: str | None) -> Row:
    """Return a person's row: a cell for each role, and the tenants of all grants."""
    cells = []
    for role in roles:
        grants = [each.grant for each in detail.grants if each.grant.role is role]
        covering = [grant for grant in grants if grant.tenant_id in (None, tenant_id)]
        ends = [grant.until for grant in covering]
        until = None if None in ends else max((end for end in ends if end), default=None)
        everywhere = tenant_id is not None and any(grant.tenant_id is None for grant in covering)
        cells.append(Cell(role, bool(covering), until, everywhere))
    return Row(detail, cells, sorted({each.tenant for each in detail.grants if each.tenant is not None}))


def _details(ask: "Ask") -> list[PersonDetail]:
    """Return the people of the page: all, or those with a grant that covers the tenant. By handle."""
    details = ask.catalog.people().all(ask.now, ask.tenant.tenant_id if ask.tenant else None)
    return sorted(details, key=lambda each: each.person.handle)


def _detail(ask: "Ask") -> PersonDetail:
    """Return the person whom the path names. In a tenant, those without a role there are unknown. Raise Refuse."""
    handle = ask.path["handle"]
    match = next((each for each in _details(ask) if each.person.handle == handle), None)
    if match is None:
        raise Refuse(Code.NO_SUCH_PERSON, "There is no person with this handle here.")
    return match


def _exists(ask: "Ask", handle: str) -> bool:
    """Return True if there is a person with this handle, in whichever tenant."""
    try:
        ask.catalog.people().find(handle.lower())
    except Refuse as error:
        if error.code is not Code.NO_SUCH_PERSON:
            raise
        return False
    return True


def _exists_in_tenant(ask: "Ask", handle: str) -> bool:
    return any(each.person.handle == handle for each in _details(ask))


def _roles(ask: "Ask") -> Sequence[Role]:
    """Return the columns of the grid."""
    return TENANT_ROLES if ask.tenant else tuple(Role)


def _grantable(ask: "Ask") -> list[Role]:
    """Return the roles that the visitor may give here."""
    tenant_id, asker = ask.tenant.tenant_id if ask.tenant else None, _asker(ask)
    return [role for role in _roles(ask) if asker.may_grant(role, tenant_id, ask.now)]


def _role(text: str) -> Role:
    """Return the role. Raise Refuse ``WRONG_USE`` if there is none of this name."""
    if text not in set(Role):
        raise Refuse(Code.WRONG_USE, "Choose a role from the list.")
    return Role(text)


def _until(ask: "Ask") -> datetime | None:
    """Return when the role ends by itself, or None if it is given without an end."""
    lasts = _LENT.get(ask.form.text("lent"))
    return None if lasts is None else ask.now + lasts


def _lent_options() -> list[tuple[str, str]]:
    """Return for how long a role can be given, for a list."""
    names = {"1h": "1 hour", "8h": "8 hours", "3d": "3 days", "30d": "30 days"}
    return [("", "No end"), *((each, f"For {names[each]}") for each in _LENT)]


def _shown(error: Refuse) -> Refuse:
    """Return the refusal. Raise it instead if these pages do not show it."""
    if error.code not in _SHOWN:
        raise error
    return error


def _asker(ask: "Ask") -> Asker:
    """Return the visitor as the one who asks. Raise Refuse ``NOT_SIGNED_IN``."""
    return asker_of(ask.signed_in)


def _tenant(ask: "Ask") -> str | None:
    return ask.tenant.name if ask.tenant else None


def _base(ask: "Ask") -> str:
    """Return the address of the grid."""
    return f"/t/{ask.tenant.name}/people" if ask.tenant else "/people"


def _address(ask: "Ask", handle: str) -> str:
    """Return the address of a person's page."""
    return f"{_base(ask)}/{quote(handle, safe='')}"
