"""Where to go after a form: paths of our own pages alone."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from console.web.page import Ask


def safe_return(ask: "Ask", target: str, otherwise: str = "/") -> str:
    """Return the target if it is a path of one of our pages, with its query, otherwise ``otherwise``."""
    if not target.startswith("/") or target.startswith("//") or "\\" in target or not target.isprintable():
        return otherwise
    parts = urlsplit(target)
    if parts.netloc or not ask.knows(parts.path):
        return otherwise
    return parts.path + (f"?{parts.query}" if parts.query else "")
