"""Confirmation: proving again who one is, before what would be dangerous in wrong hands. Nothing that was typed is lost."""

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from console.web.auth import answers, ceremony, interrupted, who
from console.web.page import Page
from console.web.visitor import Visitor
from shared.domain.errors import Code, Refuse
from shared.domain.people import Means
from shared.engine.access import confirm as access

if TYPE_CHECKING:
    from console.web.page import Ask

_PURPOSE = "confirm passkey"


def show(ask: "Ask") -> Page:
    """Show the ways to confirm."""
    return page(ask)


def first(ask: "Ask") -> Page:
    """Return the page for a posted form whose action needs a confirmation. It carries the form's fields."""
    return page(ask, carry=interrupted.of_request(ask))


def page(
    ask: "Ask", *, carry: interrupted.Interrupted | None = None, problem: str = "", password_tried: bool = False
) -> Page:
    """Return the page with the person's own ways to confirm."""
    front, signed_in = ask.front, ask.signed_in
    means = ask.catalog.people().get(signed_in.person.person_id).ways.means()
    values = {
        "carry": carry,
        "problem": problem,
        "no_passkeys": front.passkeys.unavailable,
        "passkeys": Means.PASSKEY in means,
        "provider": front.provider.name if front.provider and Means.PROVIDER in means else None,
        "password": Means.PASSWORD in means,
        "wrong_password": password_tried,
    }
    return Page(template="auth/confirm.html", values=values, status=403)


@answers.for_script
def options(ask: "Ask") -> Response:
    """Begin the ceremony of one of the person's passkeys."""
    current = ceremony.begin(ask, _PURPOSE)
    known = ask.catalog.ways().passkeys(ask.signed_in.person.person_id)
    allowed = [passkey.credential_id for passkey in known]
    return answers.options(current, ask.front.passkeys.request_options(current.challenge, allowed))


def confirm(ask: "Ask") -> Page | Response:
    """Confirm by the proof in the form, and go on with the form that was interrupted."""
    carry, form = interrupted.carried_in(ask.form), ask.form
    try:
        visitor = ask.visitor if form.flag("elsewhere") else _proved(ask)
    except Refuse as error:
        if error.code not in (Code.NOT_SIGNED_IN, Code.TOO_MANY_TRIES):
            raise
        return page(ask, carry=carry, problem=error.message, password_tried=form.flag("password"))
    if not visitor.confirmed(ask.now):
        return page(ask, carry=carry, problem="You have not confirmed in the other tab yet.")
    return carry.resume(ask, visitor) if carry else RedirectResponse("/", 303)


def renew(ask: "Ask") -> Visitor:
    """Store that the person has confirmed, and give the browser a new cookie. Return the visitor who has."""
    cookie = access.confirmed(ask.catalog, who.cookie_of(ask), ask.now)
    return who.set_cookie(ask, cookie)


def _proved(ask: "Ask") -> Visitor:
    """Verify the proof in the form. Raise Refuse ``NOT_SIGNED_IN`` or ``TOO_MANY_TRIES``."""
    form, front, signed_in = ask.form, ask.front, ask.signed_in
    origin = who.origin_of(ask)
    if form.flag("answer"):
        current, _ = ceremony.answered(ask, _PURPOSE, form.text("seed"))
        access.check_passkey(
            ask.catalog, front.passkeys, signed_in, current.challenge, form.text("answer"), origin, ask.now
        )
    else:
        access.check_password(
            ask.catalog, front.passwords, signed_in, form.get("password", ""), form.text("code"), origin, ask.now
        )
    return renew(ask)
