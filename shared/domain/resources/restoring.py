"""Types of the table's restore part: how Graph lets the records of a resource be written.

Properties are names of the record's members. Paths are Graph's without version; ``{id}`` is the object's id, ``{owner}``
the id of the object that a link or a child belongs to, ``{through}`` that of an object between the two.
"""

from enum import StrEnum

import msgspec


class RestoreKind(StrEnum):
    """The way in which a restore writes the records of a resource."""

    OBJECT = "object"
    """Undeleted or created, then patched."""
    SINGLETON = "singleton"
    """Always there, or as long as the object is whose settings it holds: patched only."""
    LINK = "link"
    """A reference from one object to another, added and removed."""
    ROW = "row"
    """Created and deleted, never changed, such as an assignment."""
    ADMINISTRATOR = "administrator"
    """Graph lets people write it, and no application."""
    NEVER = "never"
    """Graph offers no way to write it."""

    @property
    def connects(self) -> bool:
        """Return True if the records connect objects: links and rows."""
        return self in (RestoreKind.LINK, RestoreKind.ROW)


class SafeCreate(StrEnum):
    """The safeguard against creating an object twice after a lost answer."""

    NATURAL = "natural"
    """Graph refuses a second object with the same values of ``identified_by``, by which it is found."""
    CLIENT_KEY = "client_key"
    """The caller chooses the key, so that a repeated request meets the same object."""
    MARK = "mark"
    """A unique text in the property ``mark`` finds the object; it is replaced by the real value later.

    A mark in a list is one more element.
    """
    LISTED = "listed"
    """The collection is small enough to be listed whole, and no property can carry a mark.

    An object with the same values of ``identified_by`` whose id was not there before the request is the created one.
    """
    NEVER = "never"
    """No request of an application creates one: it is undeleted, or only updated."""


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """The recycle bin of a resource."""

    path: str
    """The path of its list: ``/directory/deletedItems/microsoft.graph.user``."""
    restore: str = "/directory/deletedItems/{id}/restore"
    """The path to post to."""
    by_application: bool = True
    """False if only an administrator can undelete."""
    permission: str = ""
    """The permission to undelete, if it is another than that to write."""
    loses: tuple[str, ...] = ()
    """What does not come back with the object, as phrases."""


class Fixed(msgspec.Struct, frozen=True, kw_only=True):
    """Objects that Graph does not allow clients to write."""

    property: str
    value: str
    """The JSON of the property's value in such objects."""
    reason: str
    """Why, as a sentence."""


class OwnCall(msgspec.Struct, frozen=True, kw_only=True):
    """A property that has a call of its own."""

    property: str
    path: str
    """The path of the call: ``/users/{id}/assignLicense``."""
    method: str = "POST"
    permission: str = ""
    """The permission of the call, if it is another than that to write."""
    each: bool = False
    """True if the property is a list whose elements are posted to ``path``, and deleted below it by their ids."""


class LinkWrite(msgspec.Struct, frozen=True, kw_only=True):
    """How a link is added and removed."""

    add: str
    """The path to post, or put, the reference to: ``/groups/{owner}/members/$ref``."""
    remove: str
    """The path to delete: ``/groups/{owner}/members/{id}/$ref``."""
    method: str = "POST"
    bind: str = ""
    """The owner's property, ``members`` of ``members@odata.bind``, that takes up to 20 links in one request; or empty."""
    names: str = ""
    """The path of the owner, ``/policies/claimsMappingPolicies/{owner}``, if the link is written at its other end.

    Then ``{id}`` in the paths is the object at the other end, and ``{kind}`` its collection. Empty if the link is written
    at the owner.
    """
    reference: str = "/directoryObjects/{id}"
    """The path of the object that a link at the owner names."""


class Restoring(msgspec.Struct, frozen=True, kw_only=True):
    """How the records of a resource are written back. (Microsoft Graph reference of the resource.)"""

    kind: RestoreKind
    stage: int
    """When it is written: lower stages first. Objects before what names them, Conditional Access last."""
    collection: str = ""
    """The path to post a new object to; empty if a patch of ``item`` creates it."""
    item: str = ""
    """The path of one object."""
    required: tuple[str, ...] = ()
    """Properties that Graph demands at creation."""
    writable: tuple[str, ...] = ()
    """Properties that may be patched, and given at creation."""
    create_only: tuple[str, ...] = ()
    """Properties that are given at creation and never changed."""
    generated: tuple[str, ...] = ()
    """Properties that Graph demands at creation and never returns: the restore makes their values."""
    initial: dict[str, str] = {}
    """The JSON that a writable property gets at creation in place of the snapshot's value, which is written later."""
    strict: bool = False
    """True if an object is written only if everything that it names exists."""
    typed: bool = False
    """True if each request must name the record's ``@odata.type``."""
    replaced: bool = False
    """True if an object is updated by a PUT of all writable properties, not by a PATCH of some."""
    alone: tuple[str, ...] = ()
    """Writable properties that need a request of their own."""
    later: tuple[str, ...] = ()
    """Writable properties that name other objects, or need what other requests store: written after all objects exist."""
    last: tuple[str, ...] = ()
    """Writable properties that are written after everything else, because rights or safety depend on them."""
    essential: tuple[str, ...] = ()
    """Writable properties that are never left out of a request that has them, even if Graph refuses them."""
    whole: tuple[str, ...] = ()
    """Properties whose value is written whole, with what the snapshot holds of it, even if one part differs."""
    parts_by_graph: tuple[str, ...] = ()
    """Parts of writable properties, as paths with dots, that Graph sets: left out of every request."""
    not_cleared: tuple[str, ...] = ()
    """Writable properties that cannot be set to null."""
    synced: tuple[str, ...] = ()
    """Writable properties that also objects synchronised from on-premises let be written."""
    sensitive: tuple[str, ...] = ()
    """Writable properties that need a directory role for protected users."""
    keyed: tuple[str, ...] = ()
    """Writable properties that name a key of ``secret``: not written to an object that was recreated."""
    by_administrator: tuple[str, ...] = ()
    """Properties that Graph lets people write, and no application."""
    secret: tuple[str, ...] = ()
    """Properties that Graph does not give back, or that hold secrets: never written, and listed for renewal."""
    calls: tuple[OwnCall, ...] = ()
    link: LinkWrite | None = None
    create: SafeCreate = SafeCreate.NATURAL
    identified_by: tuple[str, ...] = ()
    """The properties that identify an object among the live ones, with all but ``MARK``."""
    mark: str = ""
    """The property that carries the mark: one where a leftover does no harm."""
    bin: Bin | None = None
    fixed: tuple[Fixed, ...] = ()
    restored_elsewhere: tuple[str, ...] = ()
    """Values of ``@odata.type`` of derived objects, which another resource restores: nothing is written for them here."""
    permissions: tuple[str, ...] = ()
    """Permissions that it may need beside ``permission_write``."""
    roles: tuple[str, ...] = ()
    """Directory roles that the restoring application may need beside its permission."""
    bucket: str = "directory"
    """The budget that its writes count against."""
    by_hand: str = ""
    """Why an administrator writes it although Graph lets applications do it, as a clause; empty if Graph does not."""
    place: str = ""
    """Where an administrator sets what Graph lets only people write, as part of a sentence."""
    brief: str = ""
    """The most important catch, as a phrase for listings."""
    catches: tuple[str, ...] = ()
    """What a person should know, as sentences for the documentation."""

    @property
    def summary(self) -> str:
        """Return how records are written back, as a phrase for listings."""
        return "; ".join(filter(None, (self._way, self.brief)))

    @property
    def _way(self) -> str:
        """Return the way in which records come back, as a phrase."""
        if self.kind is not RestoreKind.OBJECT:
            return _WAYS[self.kind]
        undeletes = self.bin is not None and self.bin.by_application
        if self.create is SafeCreate.NEVER:
            return "undelete, then update" if undeletes else "update"
        key = " under its id" if self.create is SafeCreate.CLIENT_KEY else ""
        return f"{'undelete or create' if undeletes else 'create'}{key}, then update"


_WAYS = {
    RestoreKind.SINGLETON: "update",
    RestoreKind.LINK: "link",
    RestoreKind.ROW: "create",
    RestoreKind.ADMINISTRATOR: "by an administrator",
    RestoreKind.NEVER: "never",
}
