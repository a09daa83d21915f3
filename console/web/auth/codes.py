"""One-time codes on paper: shown once, and one of them typed to be sure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from console.web.auth.first_way import password_without_codes
from console.web.page import Page
from shared.domain.errors import Code, Refuse
from shared.engine.access.codes import parts_of_code
from shared.engine.access.ways import replace_codes

if TYPE_CHECKING:
    from console.web.page import Ask

_AFTER = "/set-up/directory"


def show(ask: "Ask") -> Page:
    """Show what codes are for, and the button that makes them."""
    return _page(ask, set_up="set-up" in ask.query)


def make(ask: "Ask") -> Page:
    """Make new codes in place of the old ones, and show them. A person without a password sets one now."""
    person, ways = ask.signed_in.person, ask.catalog.ways()
    if ask.form.get("password") or ways.password(person.person_id) is None:
        try:
            ways.add(person.person_id, password_without_codes(ask))
        except Refuse as error:
            if error.code is not Code.WRONG_USE:
                raise
            return _page(ask, wrong_password=error.message)
    codes = replace_codes(ask.catalog, ask.front.passwords, person)
    return _page(ask, codes=codes)


def check(ask: "Ask") -> Page | Response:
    """Go on if one of the codes was typed. It is not used up."""
    number, text = parts_of_code(ask.form.text("code"))
    hashed = ask.catalog.ways().code(ask.signed_in.person.person_id, number)
    if hashed is None or not ask.front.passwords.verify(hashed, text):
        return _page(
            ask, wrong_code="This is none of your newest codes. Type it with its number, as printed.", checking=True
        )
    return RedirectResponse(_AFTER if ask.form.flag("set-up") else "/me", 303)


def _page(
    ask: "Ask",
    *,
    codes: Sequence[str] = (),
    set_up: bool = False,
    wrong_code: str = "",
    wrong_password: str = "",
    checking: bool = False,
) -> Page:
    """Return the page."""
    values = {
        "codes": codes,
        "checking": bool(codes) or checking,
        "set_up": set_up or ask.form.flag("set-up"),
        "wrong_code": wrong_code,
        "wrong_password": wrong_password,
        "has_password": ask.catalog.ways().password(ask.signed_in.person.person_id) is not None,
    }
    return Page(template="auth/codes.html", values=values, status=422 if wrong_code or wrong_password else 200)
