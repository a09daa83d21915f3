"""A plan: the operations of a restore in their order, and what cannot be done.

Ids in operations are those of the snapshot. Whoever carries an operation out replaces them by the current ones of the id
map, in paths and in bodies.
"""

from enum import StrEnum

import msgspec

from shared.domain.restore.scope import Rules, Scope


class Action(StrEnum):
    """The action of an operation."""

    UNDELETE = "undelete"
    """Bring an object back from the recycle bin, under its id."""
    CREATE = "create"
    """Create an object that is gone for good, under a new id."""
    PATCH = "patch"
    """Write properties of an object."""
    LINK = "link"
    """Add a reference from one object to another, or a row that connects objects, such as an assignment."""
    UNLINK = "unlink"
    """Remove a reference from one object to another, or a row that connects objects."""
    CALL = "call"
    """Call an action of Graph, such as ``assignLicense``."""
    DELETE = "delete"
    """Delete an object that was named for it, or that the restore to be undone has created."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of a plan."""

    number: int
    """From 1, in the order of execution."""
    stage: int
    """Operations of a stage do not depend on each other; a stage begins when the one before has ended."""
    resource: str
    key: str
    """The record's key in the snapshot."""
    name: str | None = None
    """The object's name, or the names of both ends of a link."""
    action: Action
    reason: str
    """Why, as a sentence."""
    needs: tuple[str, ...] = ()
    """What it needs: a permission, a licence, a directory role."""
    method: str
    path: str
    """The path without version, with ids of the snapshot."""
    body: bytes | None = None
    """The JSON to send, with ids of the snapshot."""
    properties: tuple[str, ...] = ()
    """The properties that a patch writes, or a create writes beside those that Graph demands."""
    names: tuple[str, ...] = ()
    """Ids of the snapshot in path and body whose objects must exist before."""
    app_id: str | None = None
    """The ``appId`` in the snapshot of an application to create: it gets a new one, which the id map stores too."""
    before: bytes | None = None
    """The live record's JSON that the plan was made from, of a patch only ``properties``; None if there is none."""
    prepares: bool = False
    """True if this only prepares a later patch of the same properties: if that one fails, ``before`` is written back."""
    may_return: bool = False
    """True if the link may come back with an object that is undeleted before: look before sending it, to save a write."""
    notes: tuple[str, ...] = ()
    """What a person should know, such as a secret that must be renewed."""


class Hindrance(StrEnum):
    """Why a difference is not restored."""

    IMPOSSIBLE = "impossible"
    """Graph offers no way."""
    ADMINISTRATOR = "administrator"
    """Graph lets people do this, and no application."""
    NOT_HELD = "not_held"
    """The snapshot does not hold it, so it is left as it is."""
    UNRESOLVED = "unresolved"
    """It names an object that does not exist and is not restored by this plan."""
    CHOICE = "choice"
    """It needs a decision; the reason names the options."""
    KNOWN = "known"
    """An earlier restore found that Graph does not apply it."""


class Impossible(msgspec.Struct, frozen=True, kw_only=True):
    """A difference that the plan does not restore."""

    resource: str
    key: str
    name: str | None = None
    kind: Hindrance
    reason: str
    """Why, and what a person can do, as sentences."""
    properties: tuple[str, ...] = ()
    """The properties that are left as they are; empty if the whole record is."""
    values: dict[str, msgspec.Raw] = {}
    """The values for an administrator to set, by property."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan of a restore."""

    plan_id: str
    snapshot: str
    """The snapshot to restore."""
    live: str
    """The snapshot of the directory that the plan was made from."""
    scope: Scope
    rules: Rules
    operations: list[Operation]
    impossible: list[Impossible]
    notes: list[str] = []
    """What concerns the whole plan, as sentences."""
    unchanged: int = 0
    """Number of records in scope that need nothing."""
    adopted: dict[str, str] = {}
    """Live objects that take the place of objects of the snapshot: the live id by the snapshot's id.

    Whoever carries the plan out stores them in the id map before the first operation, which already names the live id.
    """
    undone_job: str | None = None
    """The restore that the plan undoes."""
