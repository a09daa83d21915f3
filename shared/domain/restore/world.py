"""The planner's view: the snapshot, the directory, and what only the directory itself tells.

Ids are in lower case wherever they are given to a lookup. Records of the snapshot come with every id rewritten by the id
map (``rewritten_key``, ``IdMap.rewritten``), so that an object restored earlier has one id on both sides. All lookups
take many ids at a time, because a snapshot is read chunk by chunk.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from shared.domain.compare import Record
from shared.domain.restore.id_map import IdMap
from shared.domain.restore.operations import Action
from shared.domain.restore.scope import Rules, Scope


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """The completeness of a resource on one side."""

    whole: bool
    """True if it was read at the side's time, whole except for ``refused``. Only then an absent record does not exist.

    True, too, if the directory provably does not have the resource.
    """
    records: int | None = None
    """The number of its records; None if it is not known."""
    reason: str = ""
    """Why it is not whole, as part of a sentence: ``not part of the snapshot``."""
    left_out: bool = False
    """True if it is not whole because the tenant's owner did not want it."""
    refused: frozenset[str] = frozenset()
    """Ids of the objects that Graph refused, or whose records of this resource it refused."""
    selected: frozenset[str] = frozenset()
    """The properties that were requested: an absent one of these has no value. Empty if that is not known."""


class RecordDifference(NamedTuple):
    """A record that differs between the snapshot and the directory, with ids rewritten by the id map."""

    resource: str
    key: str
    wanted: bytes | None
    """Its JSON in the snapshot, None if it is not there."""
    live: bytes | None
    """Its JSON in the directory, None if it is not there."""
    live_key: str = ""
    """The key in the directory, if it differs: rows that are made again get a new one."""


class InBin(NamedTuple):
    """An object in a recycle bin."""

    object_id: str
    """In lower case."""
    value: bytes


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Changes that Graph accepted in an earlier restore without applying them, or refused for good."""

    resource: str
    key: str
    action: Action
    values: dict[str, msgspec.Raw] = {}
    """The values that were sent, by property. Empty if the whole record is concerned, or it is not known which."""
    note: str
    """What happened, as a sentence."""


class Side(Protocol):
    """One state of the directory: the snapshot to restore, or the backup made for the plan."""

    def records(self, resource: str, ids: Collection[str] | None = None) -> Iterator[Record]:
        """Yield a resource's records by key: all, or those whose first id is one of these.

        The first id is the object's own or, of links and children, the owner's. A resource that the side does not have
        yields nothing.
        """

    def coverage(self, resource: str) -> Coverage:
        """Return what the side holds of a resource."""


class World(Protocol):
    """Both states of the directory, and facts that no snapshot contains."""

    @property
    def snapshot(self) -> Side:
        """Return the state to restore, with ids rewritten by the id map."""

    @property
    def live(self) -> Side:
        """Return the directory's state."""

    def differences(self, resource: str) -> Iterator[RecordDifference]:
        """Yield the records of a resource that differ, in any order: ``paired`` makes them of two snapshots' records."""

    def in_bin(self, resource: str, ids: Collection[str] | None) -> Iterator[InBin]:
        """Yield the objects of a resource that are in its recycle bin: all, or those with these ids."""

    @property
    def ids(self) -> IdMap:
        """Return the tenant's id map."""

    @property
    def known(self) -> Sequence[Known]:
        """Return the changes that Graph did not apply in earlier restores."""

    @property
    def own_ids(self) -> frozenset[str]:
        """Return the ids of the restoring application and its service principal. A plan takes no rights from them."""

    @property
    def own_roles(self) -> frozenset[str] | None:
        """Return template ids of the directory roles of the restoring application; None if they are not known."""

    @property
    def seats(self) -> Mapping[str, int] | None:
        """Return the free seats by ``skuId`` in lower case (subscribedSkus); None if they are not known."""

    @property
    def free_objects(self) -> int | None:
        """Return how many objects the directory may have beside the present ones; None if that is not known."""


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """The restore that a plan undoes."""

    job_id: str
    created: frozenset[str]
    """Current ids of the objects that it created or undeleted, in lower case: these are deleted."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The input of a plan."""

    plan_id: str
    tenant: str
    """The tenant's name, for the commands that the plan proposes."""
    snapshot: str
    live: str
    scope: Scope
    rules: Rules
    keys: frozenset[str] | None = None
    """Only records with these keys, rewritten by the id map (deleted or changed since a snapshot, undo); None for all.

    Of rows, the text of ``row_key`` stands for a row under any id.
    """
    undone: Undone | None = None
