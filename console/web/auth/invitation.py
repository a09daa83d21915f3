"""Invitations: the link that a person gets, and the first way to sign in that they choose.

The code stands in the link's fragment, which browsers do not send. A script moves it into the form.
"""

from typing import TYPE_CHECKING

from starlette.responses import Response

from console.web.auth import answers, ceremony, sign_in, who
from console.web.auth.first_way import made_passkey, password_without_codes
from console.web.page import Page
from shared.domain.errors import Code, Refuse
from shared.engine.access import invitations

if TYPE_CHECKING:
    from console.web.page import Ask

SHOWN = "invitation shown"
_PASSKEY = "invitation passkey"
_REFUSALS = frozenset(
    {Code.INVITATION_INVALID, Code.WRONG_USE, Code.PERSON_EXISTS, Code.NOT_SIGNED_IN, Code.TOO_MANY_TRIES}
)


def show(ask: "Ask") -> Page:
    """Show the field for the code, which a script fills from the link."""
    return _page(ask)


def choose(ask: "Ask") -> Page:
    """Show the ways to sign in from which the invited person chooses."""
    try:
        return _page(ask, code=ask.form.text("code"))
    except Refuse as error:
        return refused(ask, error)


@answers.for_script
def options(ask: "Ask") -> Response:
    """Begin the ceremony of a new passkey."""
    invitation = invitations.shown(ask.catalog, ask.form.text("code"), who.origin_of(ask), ask.now)
    current = ceremony.begin(ask, _PASSKEY)
    person = invitation.person
    text = ask.front.passkeys.creation_options(current.challenge, person.person_id.encode(), person.handle, ())
    return answers.options(current, text)


def by_passkey(ask: "Ask") -> Page | Response:
    """Accept the invitation with a new passkey."""
    try:
        current, _ = ceremony.answered(ask, _PASSKEY, ask.form.text("seed"))
        passkey = made_passkey(ask, current)
        started = invitations.accept(ask.catalog, ask.form.text("code"), passkey, who.origin_of(ask), ask.now)
    except Refuse as error:
        return refused(ask, error)
    return sign_in.entered(ask, started, "/")


def by_password(ask: "Ask") -> Page | Response:
    """Accept the invitation with a password. Codes follow on the next page."""
    code = ask.form.text("code")
    try:
        way = password_without_codes(ask)
    except Refuse as error:
        return _page(ask, code=code, wrong_password=error.message)
    try:
        started = invitations.accept(ask.catalog, code, way, who.origin_of(ask), ask.now)
    except Refuse as error:
        return refused(ask, error)
    return ask.rerun(ask, "/me/codes", [], who.set_cookie(ask, started.cookie))


def _page(ask: "Ask", *, code: str = "", problem: str = "", wrong_password: str = "") -> Page:
    """Return the page: for the code, or with the ways if the code fits. Raise Refuse ``INVITATION_INVALID``."""
    front, handle, seed = ask.front, None, ""
    if code:
        handle = invitations.shown(ask.catalog, code, who.origin_of(ask), ask.now).person.handle
        seed = ceremony.begin(ask, SHOWN, invitation=invitations.hash_of_code(code)).seed if front.provider else ""
    values = {
        "handle": handle,
        "code": code,
        "seed": seed,
        "problem": problem,
        "wrong_password": wrong_password,
        "no_passkeys": front.passkeys.unavailable,
        "provider": front.provider.name if front.provider else None,
    }
    return Page(template="auth/invitation.html", values=values, status=422 if problem or wrong_password else 200)


def refused(ask: "Ask", error: Refuse) -> Page:
    """Return the page for the code with the sentence of a refusal. Raise what is no refusal of an invitation."""
    if error.code not in _REFUSALS:
        raise error
    return _page(ask, problem=error.message)
