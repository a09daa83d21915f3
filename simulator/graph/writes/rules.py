"""The rules of a kind's writes, as a row of data with checks of its own (Graph reference, "Create", "Update", "Delete")."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from simulator.graph.answers import Answer, Refused, Request, missing
from simulator.graph.apps import App
from simulator.graph.directory import Directory
from simulator.graph.kinds import Kind, Relation
from simulator.graph.stored import Stored


@dataclass
class Change:
    """One creation or update of an object, before it is stored."""

    directory: Directory
    app: App
    kind: Kind
    id: str
    given: dict[str, object]
    """Properties in the body, without annotations and links."""
    old: dict[str, object] | None = None
    """The current properties; None at creation."""
    links: dict[str, list[str]] = field(default_factory=dict)
    """Targets of links to add, by relation."""
    owner: str = ""
    """The id of the object that contains this one; empty if there is none."""

    @property
    def creates(self) -> bool:
        """Return whether the object does not exist yet."""
        return self.old is None

    def value(self, name: str) -> object:
        """Return a property as it will be after the change."""
        return self.given.get(name, (self.old or {}).get(name))


class Linking(NamedTuple):
    """The addition or removal of one link."""

    directory: Directory
    app: App
    kind: Kind
    id: str
    relation: Relation
    target: str
    adds: bool
    start: dict[str, object]
    """The properties of the object where the link starts, as they will be after the request."""


class Removal(NamedTuple):
    """A deletion, or a restore from the recycle bin."""

    directory: Directory
    app: App
    kind: Kind
    id: str
    value: dict[str, object]
    """The properties of the object."""
    owner: str = ""
    """The id of the object that contains this one; empty if there is none."""
    body: Mapping[str, object] = MappingProxyType({})
    """The body of a restore; empty for a deletion."""


class Call(NamedTuple):
    """A call of an action on an object, such as `assignLicense`."""

    directory: Directory
    app: App
    request: Request
    kind: Kind
    id: str
    stored: Stored


class Unique(NamedTuple):
    """A property whose value no other object of the kind may have."""

    name: str
    in_bin: bool = False
    """Whether an object in the recycle bin keeps its value reserved."""
    applies: Callable[[dict[str, object]], bool] = lambda _: True
    """Return whether the rule holds for an object with these properties."""


def nothing(_: Change) -> dict[str, object]:
    """Return no properties."""
    return {}


@dataclass(frozen=True, eq=False)
class Rules:
    """How Graph treats writes of one kind. A kind without a row cannot be written."""

    required: tuple[str, ...] = ()
    """Properties that a creation needs."""
    read_only: frozenset[str] = frozenset()
    """Properties that no request may set."""
    create_only: frozenset[str] = frozenset()
    """Properties that only a creation may set."""
    once: frozenset[str] = frozenset()
    """Properties that never change after they have been set."""
    not_null: frozenset[str] = frozenset()
    """Properties that cannot be cleared."""
    at_most: Mapping[str, int] = field(default_factory=dict)
    """The greatest length of a text or a list, by property."""
    unique: tuple[Unique, ...] = ()
    alone: frozenset[str] = frozenset()
    """Properties kept by another service: an update may set one of them alone, and a creation none."""
    delegated: frozenset[str] = frozenset()
    """Properties that only a signed-in user may set."""
    permissions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Permissions that properties need beside that of the kind, by property; one of them is enough."""
    unstored: frozenset[str] = frozenset()
    """Properties that are accepted and never shown, such as passwords."""
    blank: bool = False
    """Whether an empty text is a value. The directory refuses it."""
    names_itself: str = ""
    """The property in which a client chooses the id; empty if Graph does."""
    identify: Callable[[Mapping[str, object]], str] = lambda _: ""
    """Return the id that Graph makes of the body of a creation; empty if Graph or the client chooses it."""
    code: str = "Request_BadRequest"
    """The code of the kind's errors with status 400."""
    missing: Callable[[str], Refused] = missing
    """Return the error for an id that does not exist."""
    creates: bool = True
    """Whether POST is allowed."""
    creates_by_patch: bool = False
    """Whether a PATCH creates an object that does not exist."""
    updates: bool = True
    """Whether PATCH is allowed."""
    replaces: bool = False
    """Whether PUT is allowed."""
    deletes: bool = True
    """Whether DELETE is allowed."""
    checks: tuple[Callable[[Change], None], ...] = ()
    """Further checks of a creation or an update, which raise Refused."""
    defaults: Callable[[Change], dict[str, object]] = nothing
    """Return properties that Graph sets at creation unless the body does."""
    derived: Callable[[Change], dict[str, object]] = nothing
    """Return properties that Graph sets at each write, whatever the body says."""
    stored: Callable[[Change], None] = lambda _: None
    """Do what follows a creation or an update, such as keys of another object."""
    linking: tuple[Callable[[Linking], None], ...] = ()
    """Checks of added and removed links that start at objects of this kind, which raise Refused."""
    removing: tuple[Callable[[Removal], None], ...] = ()
    """Checks of a deletion, which raise Refused."""
    removed: Callable[[Removal], None] = lambda _: None
    """Do what follows a deletion, such as the deletion of another object."""
    restored: Callable[[Removal], None] = lambda _: None
    """Do what follows a restore from the recycle bin."""
    linked: Callable[[Linking], None] = lambda _: None
    """Do what follows the addition or the removal of a link."""
    restoring: tuple[Callable[[Removal], None], ...] = ()
    """Checks of a restore from the recycle bin, which raise Refused."""
    actions: Mapping[str, Callable[[Call], Answer]] = field(default_factory=dict)
    """Actions on one object, by the segment after its id."""

    def refused(self, message: str) -> Refused:
        """Return an error with status 400 and the kind's code."""
        return Refused(400, self.code, message)
