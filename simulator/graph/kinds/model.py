"""The model of a kind of objects, and of its relations."""

from dataclasses import dataclass
from typing import NamedTuple

DIRECTORY_READ = ("Directory.Read.All", "Directory.ReadWrite.All")
DIRECTORY_WRITE = ("Directory.ReadWrite.All",)
LICENCES = ("P1", "P2", "Governance")


@dataclass(frozen=True, eq=False)
class Relation:
    """Links from an object to others, such as `groups/{id}/members`, or objects that it owns."""

    name: str
    units: int
    """The price of a page, in resource units."""
    to_one: bool = False
    """Whether an object has at most one link of this relation."""
    delta: bool = False
    """Whether delta tracks the relation."""
    by_default: bool = False
    """Whether delta sends the relation without `$select`."""
    content: "Kind | None" = None
    """The kind of the owned objects, such as app role assignments. None if the relation consists of links."""
    owner_property: str = ""
    """The property of an owned object that holds its owner's id."""
    child: "Kind | None" = None
    """The kind of objects that exist only under their owner, such as combination configurations; otherwise None."""
    inline: bool = False
    """Whether the owner shows its children without `$expand`."""
    binary: bool = False
    """Whether the only child is a file: a GET shows its `contentBytes` (base64) as `contentType`."""
    creates: bool = False
    """Whether a POST creates an object and links it."""
    targets: tuple[str, ...] = ()
    """Paths of the kinds to which links lead; empty means all directory objects."""
    by_property: str = ""
    """The property that holds the id of the only target; empty if the relation consists of links or owned objects."""


class OwnBin(NamedTuple):
    """A recycle bin of one kind, beside that of the directory."""

    path: str
    delegated: bool = False
    """Whether Graph refuses every application that acts without a user."""
    restored: bytes = b"{}"
    """The properties that a restore sets, as JSON."""


class Reverse(NamedTuple):
    """A relation that consists of the links to an object."""

    name: str
    links: tuple[tuple[str, str], ...]
    """Path of the kind where the links start, and name of the relation there."""


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of object, with its collection in Graph."""

    path: str
    type: str
    properties: tuple[str, ...]
    read: frozenset[str]
    write: frozenset[str]
    default: frozenset[str] | None = None
    """Properties shown without `$select`; None means all."""
    open: bool = True
    """Whether the type is open, as directory objects are: an unknown property in `$select` is not an error."""
    paged: bool = True
    """Whether `$top` is allowed."""
    page: int = 100
    """Default page size; 0 means that everything is on one page."""
    units: int = 1
    """The price of a page, in resource units."""
    delta: bool = False
    """Whether the kind has delta rounds."""
    bin: bool = False
    """Whether deleted objects go to the recycle bin of the directory."""
    own_bin: OwnBin | None = None
    """The kind's own recycle bin; None if it has none."""
    relations: tuple[Relation, ...] = ()
    stored_elsewhere: frozenset[str] = frozenset()
    """Properties stored outside the directory. A listing that selects one is refused with 501."""
    remove: frozenset[str] = frozenset()
    """Further permissions that allow to delete and restore objects, but no other write."""
    reverse: tuple[Reverse, ...] = ()
    """Relations that show where links to an object start, such as `memberOf`."""
    indexed: tuple[str, ...] = ()
    """Properties that are indexed by value."""
    references: tuple[str, ...] = ()
    """Indexed properties that hold ids of other objects. This object is purged with each of those."""
    licence: str = ""
    """The licence that the directory needs for this kind; empty if none."""
    premium: frozenset[str] = frozenset()
    """Properties that a listing shows only in directories with the licence P1."""
    singleton: str = ""
    """The id of the only object of this kind, which has no id in its path; empty for a collection."""
    initial: tuple[str, ...] = ()
    """The objects that every directory has from the beginning, as JSON."""
    types: tuple[str, ...] = ()
    """Derived types, one of which is in each object's `@odata.type`; empty if there are none."""
    delegated: bool = False
    """Whether Graph refuses every application that acts without a user."""
    key: str = "id"
    """The property that identifies an object."""
    embedded: tuple[str, ...] = ()
    """Relations to objects that are stored inside the object, and shown with `$expand` only."""

    @property
    def odata_type(self) -> str:
        """Return the value of `@odata.type`."""
        return "#microsoft.graph." + self.type

    def relation(self, name: str) -> Relation | None:
        """Return the relation with this name, or None."""
        return next((relation for relation in self.relations if relation.name == name), None)
