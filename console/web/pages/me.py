"""One's own account: the ways to sign in, the browsers that are signed in, tokens, and how this browser shows the console."""

import base64
import binascii
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from console.web.auth import answers, ceremony
from console.web.auth.first_way import made_passkey
from console.web.page import Page
from shared.domain.errors import Code, Refuse
from shared.domain.people import Means, check_name

if TYPE_CHECKING:
    from console.web.page import Ask

_PURPOSE = "further passkey"
_SHOWN = frozenset({Code.LAST_WAY_IN, Code.WRONG_USE, Code.PERSON_EXISTS, Code.NOT_SIGNED_IN})
"""Refusals that are shown on this page."""


def show(ask: "Ask") -> Page:
    """Show the account."""
    return _page(ask)


@answers.for_script
def passkey_options(ask: "Ask") -> Response:
    """Begin the ceremony of a further passkey."""
    check_name(ask.form.text("name"))
    person = ask.signed_in.person
    current = ceremony.begin(ask, _PURPOSE)
    known = [passkey.credential_id for passkey in ask.catalog.ways().passkeys(person.person_id)]
    text = ask.front.passkeys.creation_options(current.challenge, person.person_id.encode(), person.handle, known)
    return answers.options(current, text)


def add_passkey(ask: "Ask") -> Page | Response:
    """Add the passkey that the browser has made."""
    try:
        name = check_name(ask.form.text("name"))
        current, _ = ceremony.answered(ask, _PURPOSE, ask.form.text("seed"))
        ask.catalog.ways().add(ask.signed_in.person.person_id, made_passkey(ask, current, name))
    except Refuse as error:
        return _refused(ask, error)
    return _done()


def remove_passkey(ask: "Ask") -> Page | Response:
    """Remove a passkey, unless it is the last way in."""
    try:
        credential_id = base64.urlsafe_b64decode(ask.form.text("id").encode())
    except (binascii.Error, ValueError):
        credential_id = b""
    try:
        ask.catalog.ways().remove_passkey(ask.signed_in.person.person_id, credential_id)
    except Refuse as error:
        return _refused(ask, error)
    return _done()


def remove_way(ask: "Ask") -> Page | Response:
    """Remove the password with its codes, or the accounts of the provider, unless that is the last way in."""
    chosen = ask.form.text("means")
    if chosen not in (Means.PASSWORD, Means.PROVIDER):
        raise Refuse(Code.WRONG_USE, "Choose the password or the provider.")
    try:
        ask.catalog.ways().remove(ask.signed_in.person.person_id, Means(chosen))
    except Refuse as error:
        return _refused(ask, error)
    return _done()


def end_sign_in(ask: "Ask") -> Response:
    """End one of one's own sign-ins, or all but this one."""
    own = ask.signed_in
    sign_ins, person_id = ask.catalog.sign_ins(), own.person.person_id
    if ask.form.flag("others"):
        sign_ins.end_all(person_id, but=own.sign_in.sign_in_id)
    else:
        sign_ins.end(person_id, ask.form.text("id"))
    return _done()


def _page(ask: "Ask", problem: Refuse | None = None) -> Page:
    """Return the page, in four queries."""
    own, front = ask.signed_in, ask.front
    person_id = own.person.person_id
    detail = ask.catalog.people().get(person_id)
    passkeys = ask.catalog.ways().passkeys(person_id)
    values = {
        "problem": problem,
        "detail": detail,
        "means": detail.ways.means(),
        "passkeys": [(base64.urlsafe_b64encode(each.credential_id).decode(), each) for each in passkeys],
        "no_passkeys": front.passkeys.unavailable,
        "provider": front.provider.name if front.provider else None,
        "sign_ins": ask.catalog.sign_ins().of_person(person_id, ask.now),
        "current": own.sign_in.sign_in_id,
        "name": ask.form.text("name"),
    }
    return Page(template="me.html", values=values, status=422 if problem else 200)


def _refused(ask: "Ask", error: Refuse) -> Page:
    """Return the page with the refusal. Raise what is to be shown elsewhere."""
    if error.code not in _SHOWN:
        raise error
    return _page(ask, error)


def _done() -> Response:
    return RedirectResponse("/me", 303)
