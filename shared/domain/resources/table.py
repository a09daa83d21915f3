"""Types of the table: resources, the streams that feed them, and what follows from both."""

import hashlib
from enum import StrEnum

import msgspec

from shared.domain.errors import Answer
from shared.domain.resources.restoring import RestoreKind, Restoring


class Reading(StrEnum):
    """The way in which a stream is read."""

    DELTA = "delta"
    """Changes since the last cursor."""
    LISTING = "listing"
    """All objects, page by page."""
    SINGLETON = "singleton"
    """One object."""
    CHILDREN = "children"
    """The children of each object of another stream, one request for each object."""


class Switch(StrEnum):
    """Whether a resource is part of a backup unless the owner of the directory chooses otherwise."""

    STANDARD = "standard"
    """It is, unless it or its family is switched off."""
    BETA = "beta"
    """It is only with ``beta``, because Graph may change it without notice."""
    OPTIONAL = "optional"
    """It is only if it is switched on by name."""


class Rhythm(StrEnum):
    """How often a stream without delta is read."""

    ALWAYS = "always"
    """By each backup."""
    SELDOM = "seldom"
    """By a full backup, and by the first one after ``--full-every``: Graph cannot tell cheaply what has changed."""


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """A relation that a delta stream returns as ``<name>@delta``. Its links are a resource of their own."""

    resource: str
    name: str
    to_one: bool = False
    """True if an object has at most one such link."""


class Children(msgspec.Struct, frozen=True, kw_only=True):
    """The children of each object of another resource, read from ``<owner>/{id}/<segment>``."""

    owner: str
    """The resource whose objects have the children."""
    segment: str
    owner_key: str = "id"
    """The property that identifies an owner."""
    links: bool
    """True if the children are references to other objects, False if they are objects of their own."""
    filter: str = ""
    """The ``$filter`` of the owners that can have children; empty if all can."""
    expanded: bool = False
    """True if Graph shows up to 20 children of each owner by ``$expand`` on the owners' listing.

    Then only owners with 20 children are asked for all of them.
    """
    to_one: bool = False
    """True if an owner has at most one child. A 404 then means that it has none."""
    detail: tuple[str, ...] = ()
    """Properties that only a request for one owner shows: the child is the owner with these. ``segment`` is then a name."""
    through: str = ""
    """The collection of each owner whose objects have the children, such as ``instances``; empty if the owners have them."""
    binary: bool = False
    """True if the child is a file, such as a photo, instead of JSON."""
    name: str = ""
    """The children's name in keys, if it is another than ``segment``."""

    @property
    def named(self) -> str:
        """Return the children's name in keys."""
        return self.name or self.segment


class ReferenceKind(StrEnum):
    """The kind of name in a property. It decides whether a restore rewrites the name."""

    OBJECT = "object"
    """Objects, by id."""
    APP_ID = "app_id"
    """Applications or service principals, by ``appId``."""
    TEXT = "text"
    """Objects whose ids stand inside a text, such as a path or a membership rule."""
    ROLE = "role"
    """Directory roles, by the id of the template. It is the same in every directory."""
    PERMISSION = "permission"
    """App roles and scopes. Their ids are chosen by the caller and stay when the application is recreated."""
    OUTSIDE = "outside"
    """What exists outside of directories, such as licences, service plans and models of security keys."""
    DIRECTORY = "directory"
    """Other directories."""
    NAME = "name"
    """Objects with a fixed name instead of a GUID, such as ``c1``."""


REMAPPED = frozenset({ReferenceKind.OBJECT, ReferenceKind.APP_ID, ReferenceKind.TEXT})
"""Kinds of references that change when the named object is recreated."""


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A property that names objects."""

    path: str
    """The property: names from the outside to the inside, separated by dots. Lists on the way are entered.

    Its value is an id, or a list of ids.
    """
    resources: tuple[str, ...] = ()
    """The resources whose objects it may name; empty if none is protected."""
    kind: ReferenceKind = ReferenceKind.OBJECT
    foreign: bool = False
    """True if it may name an object that the directory does not have, such as an application of another organization."""
    words: tuple[str, ...] = ()
    """GUIDs with a meaning of their own, which name no object."""

    @property
    def by_app_id(self) -> bool:
        """Return True if the property names an object by ``appId`` instead of ``id``."""
        return self.kind is ReferenceKind.APP_ID


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of Graph collection, singleton or relationship, as ``entrakeep resources`` shows it."""

    resource: str
    family: str
    path: str
    stream: str = ""
    """The stream that feeds it; the builders of ``rows`` fill it in."""
    permission_read: str
    permission_write: str
    licence: str
    api: str = "v1.0"
    for_people: bool = False
    """True if Graph documents it for signed-in people only. Then a refusal is no lack of a permission."""
    everywhere: bool = False
    """True if every directory has it. An answer that says otherwise is trouble of Graph's, not a fact about the directory."""
    volatile: tuple[str, ...] = ()
    """Properties that change by themselves, or with every other change. A comparison ignores them by default."""
    properties: tuple[str, ...] = ()
    """The properties that Graph documents, where none are selected and so all are read."""
    references: tuple[Reference, ...] = ()
    """The properties that name other objects. Values that are no GUID, such as ``All``, name none, except of kind NAME."""
    restoring: Restoring | None = None
    """How its records are written back; None if Entrakeep does not restore it yet."""
    switch: Switch = Switch.STANDARD
    """Whether a backup has it by default."""
    warning: str = ""
    """What a person must know before switching it on, as sentences."""

    @property
    def restore(self) -> str:
        """Return how a restore writes the resource's records, as a phrase."""
        return self.restoring.summary if self.restoring is not None else "never"

    @property
    def permissions_to_restore(self) -> tuple[str, ...]:
        """Return every permission that writing the records may need, the usual one first; none if no application may."""
        part = self.restoring
        if part is None or part.kind in (RestoreKind.ADMINISTRATOR, RestoreKind.NEVER):
            return ()
        undelete = [part.bin.permission] if part.bin is not None and part.bin.by_application else []
        calls = [call.permission for call in part.calls]
        return tuple(filter(None, dict.fromkeys((self.permission_write, *undelete, *calls, *part.permissions))))

    def meant_by(self, answer: Answer) -> Answer:
        """Return what an answer of Graph means for this resource.

        A refusal of what Graph shows to people is no lack of a permission. An answer that cannot be true is a failure.
        """
        if self.for_people and answer is Answer.FORBIDDEN:
            return Answer.NOT_FOR_APPLICATIONS
        return answer if self.may_be(answer) else Answer.FAILED

    def may_be(self, answer: Answer) -> bool:
        """Return True if this answer of Graph can be true.

        Every directory has a resource with ``everywhere``. No directory lacks a licence for a resource that needs none.
        """
        if answer is Answer.UNLICENSED:
            return self.licence != "none"
        return answer is not Answer.UNAVAILABLE or not self.everywhere


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One way of reading Graph that feeds one or more resources and succeeds or fails whole."""

    name: str
    reading: Reading
    path: str
    """Graph's path without version: ``/users/delta``. With ``children``, it is that of the owners."""
    collection: str
    """The path of the objects (``/users``), to fetch one by id. With ``children``, it is that of the owners."""
    resource: str
    """The resource of its objects, or of its children."""
    select: tuple[str, ...] = ()
    """The requested properties, without the relations."""
    relations: tuple[Relation, ...] = ()
    witness: tuple[str, ...] = ()
    """Properties that are never null on any object: a delta entry that lacks one is not whole."""
    units: int = 1
    """Resource units that Graph charges for a page, or for an item of a batch, with this selection."""
    children: Children | None = None
    paged: bool = True
    """False if Graph documents no ``$top`` for the path. Then the listing of owners has no ``$select`` either."""
    filter: str = ""
    """The ``$filter`` that the listing is sent with, where Graph demands one."""
    expand: str = ""
    """The ``$expand`` of a listing, or of children, whose objects hold others, such as ``rules``."""
    top: int = 0
    """The ``$top`` of a listing; 0 for Graph's own size of pages."""
    key: str = "id"
    """The property that identifies an object, where Graph has no ``id``."""
    needs: str = ""
    """The property without which an object, or a child, is not stored: empty, or the one that the stream exists for."""
    silent: bool = False
    """True if Graph shows ``needs`` as null to an application without the permission, instead of refusing it.

    Then the token says whether the application has it, so that nothing unread counts as empty.
    """
    rhythm: Rhythm = Rhythm.ALWAYS
    """How often it is read. Delta streams are read by each backup."""
    bucket: str = "directory"
    """The limit of Graph that its requests count against: ``directory``, ``conditional-access`` or ``reports``."""
    large: bool = False
    """True if it can have so many objects that a reading from the beginning deserves a step of its own."""
    absent: bool = False
    """True if a 404 means that the directory has no such object, such as a branding that was never made."""
    api: str = "v1.0"
    """Graph's API version, filled in from the rows of its resources."""

    @property
    def resources(self) -> tuple[str, ...]:
        """Return the names of the resources that the stream feeds, objects first."""
        return (self.resource, *(relation.resource for relation in self.relations))

    @property
    def selected(self) -> tuple[str, ...]:
        """Return ``$select`` as sent: the properties, then the relations."""
        return (*self.select, *(relation.name for relation in self.relations))

    @property
    def selection(self) -> str:
        """Return a short hash of path and ``$select``: a cursor made for another selection is not used."""
        below = self.children
        children = (below.segment, below.filter, *below.detail, below.through) if below else ()
        version = "" if self.api == "v1.0" else self.api
        parts = (version, self.path, *children, *self.selected, self.filter, self.expand)
        text = "\n".join(filter(None, parts))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
