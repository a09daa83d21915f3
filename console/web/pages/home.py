"""The first page: the way to sign-in, set-up, the fleet or the one tenant."""

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from console.web.page import Page
from shared.domain.access import Action

if TYPE_CHECKING:
    from console.web.page import Ask
    from shared.domain.model import Tenant

_MOST = 50


def home(ask: "Ask") -> Response:
    """Lead to the page where the visitor's work begins."""
    if ask.visitor.signed_in is None:
        return RedirectResponse("/sign-in", 303)
    if ask.visitor.may(Action.FLEET_SEE):
        return RedirectResponse("/fleet", 303)
    own = _visible(ask, "")
    return RedirectResponse(f"/t/{own[0].name}" if len(own) == 1 else "/tenants", 303)


def tenants(ask: "Ask") -> Page:
    """Show the tenants that the visitor may see, by name: what the switch of tenants opens."""
    search = ask.query.text("search")
    listed = _visible(ask, search)
    values = {"search": search, "listed": listed[:_MOST], "more": len(listed) > _MOST}
    return Page(template="tenants.html", values=values, fragment="main")


def _visible(ask: "Ask", search: str) -> "list[Tenant]":
    """Return tenants that the visitor may see and whose names contain the text, one more than a page shows at most."""
    ids = None
    if not ask.visitor.may(Action.TENANT_SEE):
        ids = [grant.tenant_id for grant in ask.visitor.grants if grant.tenant_id is not None]
    return ask.catalog.queries().find_tenants(search, ids, _MOST + 1)
