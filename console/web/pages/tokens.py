"""One's own tokens for the API: made within one's own rights, shown once, and ended."""

from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from console.web import commands
from console.web.dispatch import NO_SUCH_TENANT
from console.web.page import Page
from console.web.returning import safe_return
from shared.domain.access import Action
from shared.domain.errors import Code, Refuse
from shared.domain.people import LONGEST_TOKEN
from shared.engine.access import tokens as access
from shared.engine.access.people import asker_of

if TYPE_CHECKING:
    from console.web.page import Ask

_USUAL_DAYS = 90
_SHOWN = frozenset({Code.WRONG_USE, Code.NOT_ALLOWED})
"""Refusals that are shown on this page."""


def show(ask: "Ask") -> Page:
    """Show the tokens, and the actions that a new one may carry in the chosen place."""
    return _page(ask, _tenant(ask, ask.query.text("tenant")))


def make(ask: "Ask") -> Page:
    """Make a token, and show it once."""
    form, own = ask.form, ask.signed_in
    tenant = _tenant(ask, form.text("tenant"))
    networks = form.text("networks").replace(",", " ").split()
    try:
        made = access.make(
            ask.catalog,
            asker_of(own),
            form.text("name"),
            tenant,
            form.all("action"),
            ask.now + timedelta(days=_days(form.text("days"))),
            ask.now,
            networks=networks,
            person_id=own.person.person_id,
        )
    except Refuse as error:
        if error.code not in _SHOWN:
            raise
        return _page(ask, tenant, error)
    return Page(template="tokens/made.html", values={"made": made, "url": ask.front.settings.web_url})


def end(ask: "Ask") -> Response:
    """End a token: one's own, or one that the visitor may end by role. Go back to the page that lists it."""
    own = ask.signed_in
    access.end(ask.catalog, asker_of(own), ask.form.text("id"), ask.now, signed_in=own)
    return RedirectResponse(safe_return(ask, ask.form.text("return"), "/me/tokens"), 303)


def _page(ask: "Ask", tenant: str | None, problem: Refuse | None = None) -> Page:
    """Return the page."""
    own, form = ask.signed_in, ask.form
    tenant_id = None if tenant is None else ask.catalog.find(tenant).tenant_id
    offered = access.offered(asker_of(own), tenant_id, ask.now)
    values = {
        "problem": problem,
        "tokens": ask.catalog.tokens().all(ask.now, person_id=own.person.person_id),
        "place": tenant,
        "offered": offered,
        "chosen": form.all("action"),
        "form": form,
        "days": form.text("days") or str(_USUAL_DAYS),
        "longest": LONGEST_TOKEN.days,
        "line": commands.list_tokens(tenant),
    }
    return Page(template="tokens/list.html", values=values, status=422 if problem else 200)


def _tenant(ask: "Ask", name: str) -> str | None:
    """Return the tenant's name, or None for the installation. Raise Refuse alike for unknown and foreign tenants."""
    if not name:
        return None
    try:
        tenant_id = ask.catalog.find(name).tenant_id
    except Refuse as error:
        raise Refuse(error.code, NO_SUCH_TENANT) from None
    if not ask.visitor.may(Action.TENANT_SEE, tenant_id):
        raise Refuse(Code.NO_SUCH_TENANT, NO_SUCH_TENANT)
    return name


def _days(text: str) -> int:
    """Return after how many days the token ends. Raise Refuse ``WRONG_USE`` if it is no number of days."""
    if not text.isdecimal() or not 0 < int(text[:4]) <= LONGEST_TOKEN.days or len(text) > 3:
        raise Refuse(Code.WRONG_USE, f"A token lasts 1 to {LONGEST_TOKEN.days} days.")
    return int(text)
