"""What a plan needs from the directory itself: recycle bins, the application's own roles, free seats, room for objects."""

import asyncio
import zlib
from collections.abc import Collection, Iterator, Mapping
from typing import TypeVar

import msgspec

from shared.domain.errors import Skip
from shared.domain.resources import RESOURCES, STREAMS
from shared.domain.restore.world import InBin
from shared.ports.directory import DirectoryTarget

T = TypeVar("T", bound=msgspec.Struct)


class _Assignment(msgspec.Struct):
    """An assignment of a directory role."""

    roleDefinitionId: str  # noqa: N815 - Graph's name


class _Object(msgspec.Struct):
    """An object with its id."""

    id: str


class _Units(msgspec.Struct, frozen=True):
    """The seats of a subscription."""

    enabled: int = 0


class _Subscription(msgspec.Struct):
    """A subscription with its seats."""

    skuId: str  # noqa: N815 - Graph's name
    consumedUnits: int = 0  # noqa: N815 - Graph's name
    prepaidUnits: _Units = _Units()  # noqa: N815 - Graph's name


class _Quota(msgspec.Struct):
    """How many objects a directory has and may have."""

    used: int
    total: int


class _Organization(msgspec.Struct):
    """The organization with its quota."""

    directorySizeQuota: _Quota | None = None  # noqa: N815 - Graph's name


class DirectoryFacts:
    """The facts, read when they are first needed. A fact that Graph does not show to the application is None.

    The methods run requests on the event loop of ``runner`` from the thread that calls them. They raise GraphTrouble.
    """

    def __init__(self, runner: asyncio.Runner, target: DirectoryTarget, client_id: str) -> None:
        """Read facts through ``target``, which belongs to the event loop of ``runner``.

        ``client_id`` is the application's.
        """
        self._runner = runner
        self._target = target
        self._client_id = client_id
        self._bins: dict[str, dict[str, bytes]] = {}
        self.unread_bins: set[str] = set()
        """Resources whose recycle bin Graph did not show."""
        self.principal_id = self._principal_id()
        """The id of the application's service principal, None if Graph does not show it."""

    def in_bin(self, resource: str, ids: Collection[str] | None) -> Iterator[InBin]:
        """Yield the objects of a resource that are in its recycle bin: all, or those with these ids."""
        objects = self._bin(resource)
        for object_id in objects if ids is None else [each for each in ids if each in objects]:
            yield InBin(object_id, zlib.decompress(objects[object_id]))

    def own_roles(self) -> frozenset[str] | None:
        """Return the template ids of the directory roles that the application has."""
        if self.principal_id is None:
            return None
        path = f"/roleManagement/directory/roleAssignments?$filter=principalId eq '{self.principal_id}'"
        assignments = self._list(path, _Assignment)
        return None if assignments is None else frozenset(each.roleDefinitionId.lower() for each in assignments)

    def seats(self) -> Mapping[str, int] | None:
        """Return the free seats by ``skuId``."""
        subscriptions = self._list("/subscribedSkus", _Subscription)
        if subscriptions is None:
            return None
        return {each.skuId.lower(): each.prepaidUnits.enabled - each.consumedUnits for each in subscriptions}

    def free_objects(self) -> int | None:
        """Return how many objects the directory may have beside the present ones."""
        organizations = self._list("/organization?$select=id,directorySizeQuota", _Organization)
        quotas = [each.directorySizeQuota for each in organizations or [] if each.directorySizeQuota is not None]
        return quotas[0].total - quotas[0].used if quotas else None

    def _principal_id(self) -> str | None:
        """Return the id of the application's service principal."""
        path = f"/servicePrincipals?$filter=appId eq '{self._client_id}'&$select=id"
        principals = self._list(path, _Object)
        return principals[0].id.lower() if principals else None

    def _bin(self, resource: str) -> dict[str, bytes]:
        """Return a recycle bin's objects by id, compressed because a bin may have a third of the directory."""
        if resource not in self._bins:
            row = RESOURCES.get(resource)
            place = row.restoring.bin if row is not None and row.restoring is not None else None
            self._bins[resource] = {} if place is None else self._runner.run(self._read_bin(resource, place.path))
        return self._bins[resource]

    async def _read_bin(self, resource: str, path: str) -> dict[str, bytes]:
        """Return the objects of a bin with the properties that backups read."""
        stream = STREAMS[RESOURCES[resource].stream]
        select = stream.select if stream.resource == resource else ()
        objects: dict[str, bytes] = {}
        try:
            async for each in self._target.deleted(path, select):
                objects[each.object_id.lower()] = zlib.compress(each.value, 1)
        except Skip:
            self.unread_bins.add(resource)
        return objects

    def _list(self, path: str, kind: type[T]) -> list[T] | None:
        """Return the objects of a collection, or None if Graph refuses it or answers in another form."""
        try:
            values = self._runner.run(self._target.list(path))
            return [msgspec.json.decode(value, type=kind) for value in values]
        except (Skip, msgspec.DecodeError):
            return None
