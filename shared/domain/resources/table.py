"""Shapes of the table: resources, the streams that feed them, and what follows from both."""

import hashlib
from enum import StrEnum

import msgspec

from shared.domain.errors import Answer


class Reading(StrEnum):
    """How a stream is read."""

    DELTA = "delta"
    LISTING = "listing"
    SINGLETON = "singleton"
    CHILDREN = "children"
    """What belongs to each object of another stream, asked for object by object."""


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """A relation that a delta stream carries as ``<name>@delta``; its links are a resource of their own."""

    resource: str
    name: str
    to_one: bool = False


class Children(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream reads of each object of another resource, its ``owner``: what stands at ``<owner>/{id}/<segment>``.

    With ``links`` they are references to other objects, else objects of their own.
    """

    owner: str
    segment: str
    links: bool


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of Graph collection, singleton or relationship, as ``entrakeep resources`` shows it."""

    resource: str
    family: str
    path: str
    stream: str
    permission_read: str
    permission_write: str
    licence: str
    restore: str
    api: str = "v1.0"
    everywhere: bool = False
    """Every directory has it. An answer that says otherwise is trouble of Graph's, and no fact about the directory."""

    def may_be(self, answer: Answer) -> bool:
        """Return whether this answer can be true: nobody lacks what is everywhere, or a licence for what needs none."""
        if answer is Answer.UNLICENSED:
            return self.licence != "none"
        return answer is not Answer.UNAVAILABLE or not self.everywhere


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One way of reading Graph that feeds one or more resources and succeeds or fails whole.

    ``path`` is Graph's, without version: ``/users/delta``, ``/identity/conditionalAccess/policies``. ``collection`` is
    the path of the objects (``/users``), used to fetch one by id. ``select`` are the properties asked for, without the
    relations. ``witness`` are properties that are never null on any object: a delta entry that lacks one is not whole.
    With ``children``, ``path`` and ``collection`` are those of the owners.
    """

    name: str
    reading: Reading
    path: str
    collection: str
    resource: str
    select: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    witness: tuple[str, ...] = ()
    units: int = 1
    """Resource units that Graph charges for a page, or for an item of a batch, as it is asked for here."""
    children: Children | None = None
    api: str = "v1.0"
    """The version of Graph that is asked: that of its resources, filled in from their rows."""

    @property
    def resources(self) -> tuple[str, ...]:
        """Names of the resources it feeds, objects first."""
        return (self.resource, *(relation.resource for relation in self.relations))

    @property
    def selected(self) -> tuple[str, ...]:
        """``$select`` as sent: the properties, then the relations."""
        return (*self.select, *(relation.name for relation in self.relations))

    @property
    def selection(self) -> str:
        """A short name of path and ``$select`` together: a cursor made for another one is not used."""
        below = (self.children.segment,) if self.children else ()
        version = () if self.api == "v1.0" else (self.api,)
        text = "\n".join((*version, self.path, *below, *self.selected))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
