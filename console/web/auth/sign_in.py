"""Signing in and out: by passkey, by the provider's button, or by password and code."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.responses import RedirectResponse, Response

from console.web.auth import answers, ceremony, interrupted, who
from console.web.page import Page
from console.web.returning import safe_return
from shared.domain.errors import Code, Refuse
from shared.engine.access import sign_in

if TYPE_CHECKING:
    from console.web.page import Ask

_PURPOSE = "sign-in passkey"
_STATUSES = {Code.NOT_SIGNED_IN: 403, Code.TOO_MANY_TRIES: 429}
"""A refused proof is shown on the page of the sign-in with this status."""


def show(ask: "Ask") -> Page | Response:
    """Show the ways to sign in. Whoever is signed in goes on."""
    if ask.visitor.signed_in is not None:
        return RedirectResponse(safe_return(ask, ask.query.text("return")), 303)
    return page(ask, back=ask.query.text("return"), out="out" in ask.query)


def by_password(ask: "Ask") -> Page | Response:
    """Sign in by handle, password and one-time code."""
    form = ask.form
    try:
        started = sign_in.by_password(
            ask.catalog,
            ask.front.passwords,
            form.text("handle"),
            form.get("password", ""),
            form.text("code"),
            who.origin_of(ask),
            ask.now,
        )
    except Refuse as error:
        return refused(ask, error, handle=form.text("handle"))
    return entered(ask, started, form.text("return"))


def elsewhere(ask: "Ask") -> Page | Response:
    """Go on with the form that was interrupted, once the person has signed in in another tab."""
    waiting = interrupted.carried_in(ask.form)
    if ask.visitor.signed_in is None:
        return page(ask, problem="You have not signed in in the other tab yet.", status=403)
    return waiting.resume(ask, ask.visitor) if waiting else RedirectResponse("/", 303)


@answers.for_script
def options(ask: "Ask") -> Response:
    """Begin the ceremony of a passkey that nobody has named yet."""
    current = ceremony.begin(ask, _PURPOSE)
    return answers.options(current, ask.front.passkeys.request_options(current.challenge, ()))


def by_passkey(ask: "Ask") -> Page | Response:
    """Sign in the owner of the passkey that answered."""
    form = ask.form
    try:
        current, _ = ceremony.answered(ask, _PURPOSE, form.text("seed"))
        started = sign_in.by_passkey(
            ask.catalog, ask.front.passkeys, current.challenge, form.text("answer"), who.origin_of(ask), ask.now
        )
    except Refuse as error:
        return refused(ask, error)
    return entered(ask, started, form.text("return"))


def leave(ask: "Ask") -> Response:
    """End this sign-in, and make the browser forget all that it has of the console."""
    signed_in = ask.visitor.signed_in
    if signed_in is not None:
        ask.catalog.sign_ins().end(signed_in.person.person_id, signed_in.sign_in.sign_in_id)
    who.remove_cookie(ask)
    return RedirectResponse("/sign-in?out", 303, {"clear-site-data": '"cache", "storage"'})


def page(ask: "Ask", *, back: str = "", problem: str = "", status: int = 200, **values: object) -> Page:
    """Return the page of the sign-in."""
    front = ask.front
    shown = {
        "back": safe_return(ask, back),
        "host": urlsplit(front.settings.web_url).netloc,
        "problem": problem,
        "carry": interrupted.carried_in(ask.form),
        "no_passkeys": front.passkeys.unavailable,
        "provider": front.provider.name if front.provider else None,
        "empty_house": not ask.catalog.people().exist(),
        "handle": None,
        "out": False,
    }
    return Page(template="auth/sign_in.html", values=shown | values, status=status)


def refused(ask: "Ask", error: Refuse, **values: object) -> Page:
    """Return the page of the sign-in with the sentence of a refusal. Raise what is no refusal of a sign-in."""
    if error.code not in _STATUSES:
        raise error
    back = ask.form.text("return")
    return page(ask, back=back, problem=error.message, status=_STATUSES[error.code], **values)


def before_form(ask: "Ask") -> Page:
    """Return the page of the sign-in for a form that came after the sign-in had ended. It carries the form's fields."""
    return page(ask, status=401, carry=interrupted.of_request(ask))


def entered(ask: "Ask", started: sign_in.Started, back: str) -> Page | Response:
    """Give the browser its new cookie, and go on: to the page, or to the form that was interrupted.

    A sign-in that the browser had before ends, because nobody could use or end it from there any more.
    """
    before = ask.visitor.signed_in
    if before is not None:
        ask.catalog.sign_ins().end(before.person.person_id, before.sign_in.sign_in_id)
    visitor = who.set_cookie(ask, started.cookie)
    ceremony.forget(ask)
    waiting = interrupted.carried_in(ask.form)
    if waiting is not None:
        return waiting.resume(ask, visitor)
    return RedirectResponse(safe_return(ask, back), 303)
