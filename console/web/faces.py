"""The two faces of the console, each served by a process of its own."""

from enum import StrEnum


class Face(StrEnum):
    """What a route needs, and so which process answers it."""

    CATALOG = "catalog"
    """SQL alone. Answered by the front process, which has no key and no AWS credential."""
    CONTENT = "content"
    """The content of a directory, and so keys and the store."""
