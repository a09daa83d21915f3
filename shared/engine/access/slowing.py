"""Slow failed tries to prove who one is: by handle and by network address."""

from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from shared.domain.errors import Code, Refuse
from shared.ports.catalog.database import Catalog


def begin_try(catalog: Catalog, *names: str) -> None:
    """Count a try. Raise Refuse ``TOO_MANY_TRIES`` with the time to wait."""
    wait = catalog.tries().begin(names)
    if wait:
        raise Refuse(Code.TOO_MANY_TRIES, f"Too many tries have failed. Wait {_words(wait)}, then try again.")


def of_address(address: str) -> str:
    """Return the name under which tries from an address count. An IPv6 /64 is one household or server."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "address:unknown"
    if isinstance(parsed, IPv6Address):
        return f"address:{parsed.ipv4_mapped or ip_network((parsed, 64), strict=False)}"
    return f"address:{parsed}"


def _words(wait: timedelta) -> str:
    """Return a time in words, rounded up: seconds below two minutes, else minutes."""
    seconds = max(1, -int(-wait.total_seconds() // 1))
    if seconds < 120:
        return f"{seconds} second{'s' * (seconds > 1)}"
    return f"{-(-seconds // 60)} minutes"
