"""Kinds of data that are part of another resource, and those that no application can protect."""

import msgspec


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """What Graph shows a second time, from the other side or inside other objects."""

    name: str
    family: str
    path: str
    read_as: str
    """The resource that holds it."""
    reason: str
    """Why it is read there, as a sentence."""


class Unprotected(msgspec.Struct, frozen=True, kw_only=True):
    """What Entrakeep does not back up."""

    name: str
    family: str
    path: str
    reason: str
    """Why not, as a sentence."""


ELSEWHERE: tuple[Elsewhere, ...] = ()
"""Every kind of data that is read as part of another resource."""

UNPROTECTED: tuple[Unprotected, ...] = ()
"""Every kind of data that is not backed up."""
