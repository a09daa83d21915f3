"""Where to go after a form: paths of our own routes alone."""

from urllib.parse import urlsplit


def safe_return(target: str, otherwise: str = "/") -> str:
    """Return the target if it is a path of one of our pages, with its query, otherwise ``otherwise``."""
    from console.web.app import matching
    from shared.domain.errors import Refuse

    if not target.startswith("/") or target.startswith(("//", "/\\")) or not target.isprintable() or "\\" in target:
        return otherwise
    parts = urlsplit(target)
    try:
        matching("GET", parts.path)
    except Refuse:
        return otherwise
    return parts.path + (f"?{parts.query}" if parts.query else "")
