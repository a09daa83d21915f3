"""The cookie of a sign-in: how it is set and removed, and where its browser is."""

import re
from typing import TYPE_CHECKING

from console.web.visitor import COOKIE, Visitor, visitor_of
from shared.engine.access.sign_in import Origin

if TYPE_CHECKING:
    from console.web.page import Ask

_LONGEST = 60
_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    *(("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad")),
    *(("Macintosh", "macOS"), ("Linux", "Linux")),
)
ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"
"""The attributes of each cookie that proves something."""


def cookie_of(ask: "Ask") -> str:
    """Return the cookie that the browser sent, or an empty text."""
    return ask.request.cookies.get(COOKIE, "")


def set_cookie(ask: "Ask", cookie: str) -> Visitor:
    """Give the browser the cookie of a sign-in, in place of any other. Return the visitor that it makes of the sender."""
    ask.headers.append(("set-cookie", f"{COOKIE}={cookie}; {ATTRIBUTES}"))
    return visitor_of(ask.front.catalog, {COOKIE: cookie}, ask.now, by_itself=False)


def remove_cookie(ask: "Ask") -> None:
    """Make the browser forget the cookie of its sign-in."""
    ask.headers.append(("set-cookie", f"{COOKIE}=; {ATTRIBUTES}; Max-Age=0"))


def origin_of(ask: "Ask") -> Origin:
    """Return where the browser is, and what it calls itself."""
    address = ask.request.client.host if ask.request.client else "unknown"
    return Origin(address=address, browser=browser_name(ask.request.headers.get("user-agent", "")))


def browser_name(agent: str) -> str:
    """Return browser and system in few words, such as ``Firefox on Linux``. Unknown ones keep the head of their own text."""
    browser = next((name for part, name in _BROWSERS if f"{part}/" in agent), None)
    system = next((name for part, name in _SYSTEMS if part in agent), None)
    if browser and system:
        return f"{browser} on {system}"
    return re.sub(r"[^ -~]", "", agent)[:_LONGEST] or "unknown"
