"""Addresses of lists."""

from collections.abc import Mapping
from urllib.parse import urlencode


def address(path: str, filters: Mapping[str, str]) -> str:
    """Return the address of a list with these filters, without empty ones."""
    given = {name: value for name, value in filters.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
