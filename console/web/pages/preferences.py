"""How one browser shows the console: theme, height of rows, shortcuts. Kept in cookies of that browser alone."""

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from console.web.returning import safe_return

if TYPE_CHECKING:
    from console.web.page import Ask

_CHOICES = {"theme": ("system", "light", "dark"), "rows": ("dense", "comfortable"), "keys": ("on", "off")}
_YEAR = 365 * 24 * 3600


def save(ask: "Ask") -> Response:
    """Keep the choices that were sent, and go back to the page."""
    answer = RedirectResponse(safe_return(ask, ask.form.text("return")), 303)
    for name, choices in _CHOICES.items():
        if ask.form.text(name) in choices:
            secure = ask.request.url.scheme == "https"
            answer.set_cookie(name, ask.form.text(name), _YEAR, httponly=True, secure=secure, samesite="lax")
    return answer
