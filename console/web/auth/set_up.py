"""The first set-up: the code from the terminal makes the first person, who gets every role."""

import uuid
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from console.web import commands
from console.web.auth import answers, ceremony, who
from console.web.auth.first_way import made_passkey, password_without_codes
from console.web.page import Page
from shared.domain.errors import Code, Refuse
from shared.domain.people import check_handle
from shared.engine.access import set_up

if TYPE_CHECKING:
    from console.web.page import Ask

_PASSKEY = "set-up passkey"
_REFUSALS = frozenset({Code.INVITATION_INVALID, Code.NOT_SIGNED_IN, Code.TOO_MANY_TRIES})


def show(ask: "Ask") -> Page | Response:
    """Show the field for the code. Where the set-up is done, go to the sign-in."""
    if ask.catalog.people().exist():
        return RedirectResponse("/sign-in", 303)
    return _page(ask)


def check(ask: "Ask") -> Page:
    """Check the code, and ask for handle and first way to sign in."""
    try:
        set_up.check_code(ask.catalog, ask.form.text("code"), who.origin_of(ask), ask.now)
    except Refuse as error:
        return _refused(ask, error)
    return _page(ask, code=ask.form.text("code"))


@answers.for_script
def options(ask: "Ask") -> Response:
    """Begin the ceremony of the first passkey."""
    handle = check_handle(ask.form.text("handle"))
    set_up.check_code(ask.catalog, ask.form.text("code"), who.origin_of(ask), ask.now)
    person_id = str(uuid.uuid4())
    current = ceremony.begin(ask, _PASSKEY, person_id=person_id)
    return answers.options(
        current, ask.front.passkeys.creation_options(current.challenge, person_id.encode(), handle, ())
    )


def by_passkey(ask: "Ask") -> Page | Response:
    """Make the first person, with the passkey that the browser has made."""
    try:
        current, detail = ceremony.answered(ask, _PASSKEY, ask.form.text("seed"))
        started = set_up.set_up(
            ask.catalog,
            ask.form.text("code"),
            ask.form.text("handle"),
            made_passkey(ask, current),
            who.origin_of(ask),
            ask.now,
            detail["person_id"],
        )
    except Refuse as error:
        return _refused(ask, error)
    who.set_cookie(ask, started.cookie)
    return RedirectResponse("/me/codes?set-up", 303)


def by_password(ask: "Ask") -> Page | Response:
    """Make the first person, with a password. Codes follow at once, because the password needs them."""
    try:
        way = password_without_codes(ask)
    except Refuse as error:
        return _page(ask, code=ask.form.text("code"), wrong_password=error.message)
    try:
        started = set_up.set_up(
            ask.catalog, ask.form.text("code"), ask.form.text("handle"), way, who.origin_of(ask), ask.now
        )
    except Refuse as error:
        return _refused(ask, error)
    return ask.rerun(ask, "/me/codes", [("set-up", "yes")], who.set_cookie(ask, started.cookie))


def _refused(ask: "Ask", error: Refuse) -> Page:
    """Return the page with the sentence of a refusal. Raise what is no refusal of a set-up."""
    if error.code is Code.WRONG_USE:
        return _page(ask, code=ask.form.text("code"), wrong_handle=error.message)
    if error.code not in _REFUSALS:
        raise error
    keep = error.code is Code.NOT_SIGNED_IN  # a passkey that failed can be tried again with the same code
    return _page(ask, code=ask.form.text("code") if keep else "", problem=error.message)


def _page(ask: "Ask", *, code: str = "", problem: str = "", wrong_handle: str = "", wrong_password: str = "") -> Page:
    """Return the page: with a code the second step, otherwise the first."""
    values = {
        "code": code,
        "handle": ask.form.text("handle"),
        "problem": problem,
        "wrong_handle": wrong_handle,
        "wrong_password": wrong_password,
        "no_passkeys": ask.front.passkeys.unavailable,
        "line": commands.set_up_code(),
    }
    wrong = problem or wrong_handle or wrong_password
    return Page(template="auth/set_up.html", values=values, status=422 if wrong else 200)
