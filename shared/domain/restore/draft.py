"""The draft of a plan: what is known while it is made, and the operations and hindrances so far."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from enum import Enum

import msgspec

from shared.domain.resources import RESOURCES, Resource
from shared.domain.resources.restoring import Restoring, SafeCreate
from shared.domain.restore.directory import Directory
from shared.domain.restore.named import is_link, last_id
from shared.domain.restore.operations import Action, Hindrance, Impossible, Operation
from shared.domain.restore.packing import unpacked
from shared.domain.restore.protection import Protection
from shared.domain.restore.successors import Successors
from shared.domain.restore.taken import Taken
from shared.domain.restore.world import Request, World


class Fate(Enum):
    """The way in which a missing object is restored."""

    UNDELETE = "undelete"
    CREATE = "create"


class Missing(msgspec.Struct, frozen=True):
    """A missing object that the plan restores."""

    resource: str
    key: str
    fate: Fate
    packed_wanted: bytes
    packed_bin: bytes = b""
    """Its JSON in the recycle bin, if it is undeleted."""
    notes: tuple[str, ...] = ()

    @property
    def wanted(self) -> bytes:
        """Return its JSON in the snapshot."""
        return unpacked(self.packed_wanted)


class Draft:
    """A plan that is being made."""

    def __init__(self, world: World, request: Request, directory: Directory, successors: Successors) -> None:
        self.world = world
        self.request = request
        self.directory = directory
        self.successors = successors
        self.protection = Protection(world)
        self.operations: list[Operation] = []
        self.impossible: list[Impossible] = []
        self.notes: list[str] = []
        self.set_by_graph: Counter[tuple[str, str]] = Counter()
        """The number of objects in which a property differs that nobody can write, by resource and property."""
        self.refused: set[str] = set()
        """Ids of the objects that do not come back."""
        self.seats = None if world.seats is None else dict(world.seats)
        """The free seats that the operations so far leave, by ``skuId``."""
        self.taken = Taken(world, {})
        """The holders of names that the restore needs."""
        self.gaining: set[str] = set()
        """Ids of the groups that get members."""
        self.coming: dict[str, Missing] = {}
        """The objects that come back, by id in lower case."""
        self.coming_apps: dict[str, str] = {}
        """The id of the application that comes back, by ``appId`` in lower case."""

    def operate(
        self,
        resource: str,
        key: str,
        action: Action,
        *,
        stage: int,
        reason: str,
        path: str,
        method: str,
        name: str | None = None,
        body: bytes | None = None,
        properties: Iterable[str] = (),
        needs: Iterable[str] = (),
        names: Iterable[str] = (),
        app_id: str | None = None,
        before: bytes | None = None,
        notes: Iterable[str] = (),
        prepares: bool = False,
        may_return: bool = False,
    ) -> None:
        """Add an operation. It is numbered when the plan is complete."""
        coming = tuple(sorted({each for each in names if each in self.coming} - {own_id(key, action)}))
        self.operations.append(
            Operation(
                number=0,
                stage=int(stage),
                resource=resource,
                key=key,
                name=name,
                action=action,
                reason=reason,
                needs=needs_of(RESOURCES[resource], needs),
                method=method,
                path=path,
                body=body,
                properties=tuple(properties),
                names=coming,
                app_id=app_id,
                before=before,
                notes=tuple(notes),
                prepares=prepares,
                may_return=may_return,
            )
        )

    def refuse(
        self,
        resource: str,
        key: str,
        kind: Hindrance,
        reason: str,
        *,
        name: str | None = None,
        properties: Collection[str] = (),
        values: Mapping[str, bytes] | None = None,
    ) -> None:
        """Add a difference that is not restored."""
        if not properties and not is_link(resource):
            self.refused.add(last_id(key))
        raw = {each: msgspec.Raw(value) for each, value in (values or {}).items()}
        self.impossible.append(
            Impossible(
                resource=resource,
                key=key,
                name=name,
                kind=kind,
                reason=reason,
                properties=tuple(sorted(properties)),
                values=raw,
            )
        )

    def new_name(self, object_id: str) -> str | None:
        """Return the new sign-in name that was chosen for a user, or None."""
        names = self.request.rules.new_names.items()
        return next((name for each, name in names if each.lower() == object_id), None)

    def command(self, *ids: str) -> str:
        """Return the command that plans the restore of objects with these ids."""
        chosen = " ".join(f"--id {each}" for each in dict.fromkeys(ids) if each)
        return f"entrakeep plan make {self.request.tenant} {self.request.snapshot} {chosen}"


def gets_new_id(one: Missing) -> bool:
    """Return True if an object comes back under a new id."""
    return one.fate is Fate.CREATE and restoring_of(one.resource).create is not SafeCreate.CLIENT_KEY


def own_id(key: str, action: Action) -> str:
    """Return the id of the object that an operation creates or undeletes by itself, or an empty text."""
    return last_id(key) if action in (Action.CREATE, Action.UNDELETE) else ""


def needs_of(row: Resource, others: Iterable[str]) -> tuple[str, ...]:
    """Return what an operation on a resource needs: its permission, its licence, and ``others`` that are not empty."""
    licence = f"licence {row.licence}" if row.licence != "none" else ""
    return tuple(dict.fromkeys(each for each in (row.permission_write, licence, *others) if each))


def path_of(template: str, key: str, kind: str = "") -> str:
    """Return a path that contains the ids of a key: the first is the owner's id, the last the object's.

    ``kind`` is the collection of the object at the other end of a link. ``{through}`` is the object between owner and
    child, whose id stands before the child's.
    """
    ids = key.split("/")[1::2]
    if not ids:
        return template
    return template.format(owner=ids[0], id=ids[-1], kind=kind, through=ids[-1].partition("%2F")[0])


def restoring_of(resource: str) -> Restoring:
    """Return how a restore writes a resource. Raise ValueError if it is not restored."""
    restoring = RESOURCES[resource].restoring
    if restoring is None:
        raise ValueError(f"{resource} cannot be restored")
    return restoring
