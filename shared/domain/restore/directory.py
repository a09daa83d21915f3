"""What the planner knows of the objects that a restore touches or names: where each is, its name, and its traits."""

from collections.abc import Collection, Iterable, Iterator
from enum import IntFlag
from typing import NamedTuple

from shared.domain.json_text import elements, members, string
from shared.domain.naming import names_in
from shared.domain.resources import RESOURCES
from shared.domain.resources.restoring import RestoreKind
from shared.domain.restore.named import first_id
from shared.domain.restore.successors import APPLICATIONS, PRINCIPALS, with_app_ids
from shared.domain.restore.world import Side, World


class Trait(IntFlag):
    """A trait of an object that limits how it can be written."""

    NONE = 0
    SYNCED = 1
    """It is synchronised from on-premises, where it must be changed."""
    EXCHANGE = 2
    """It is a mail-enabled group that only Exchange can change."""
    DYNAMIC = 4
    """It is a group, or an administrative unit, whose members follow from its rule."""
    UNIFIED = 8
    """It is a Microsoft 365 group."""
    ROLE_ASSIGNABLE = 16
    """It is a group that directory roles can be assigned to."""
    RESTRICTED = 32
    """It is in, or is itself, a restricted administrative unit."""
    DISABLED = 64
    """It is an account that cannot sign in."""


class Entry(NamedTuple):
    """An object."""

    resource: str
    name: str | None
    traits: Trait


class Directory:
    """The objects with the ids that a restore needs, looked up once on both sides."""

    def __init__(self, world: World, ids: Collection[str], app_ids: Collection[str]) -> None:
        """Look up objects by id, and applications and service principals by ``appId``; all in lower case."""
        self._world = world
        self.live: dict[str, Entry] = {}
        self.stored: dict[str, Entry] = {}
        """Objects that only the snapshot has."""
        self.live_apps: dict[str, dict[str, str]] = {}
        """Of applications and service principals, the id by resource, by ``appId``."""
        self.stored_apps: dict[str, dict[str, str]] = {}
        """Those that only the snapshot has."""
        self.look_up(ids, app_ids)

    def look_up(self, ids: Collection[str], app_ids: Collection[str]) -> None:
        """Look up objects by id and by ``appId``, except those that are known already."""
        unknown = {each for each in ids if self.entry(each) is None}
        self.live.update(_entries(self._world.live, unknown))
        self.stored.update(_entries(self._world.snapshot, {each for each in unknown if each not in self.live}))
        unknown = {each for each in app_ids if each not in self.live_apps and each not in self.stored_apps}
        self.live_apps.update(_by_app_id(self._world.live, unknown))
        self.stored_apps.update(
            _by_app_id(self._world.snapshot, {each for each in unknown if each not in self.live_apps})
        )

    def entry(self, object_id: str) -> Entry | None:
        """Return an object as the directory has it, or as the snapshot has it if the directory lacks it."""
        return self.live.get(object_id) or self.stored.get(object_id)

    def name(self, object_id: str) -> str:
        """Return an object's name, or its id if no name is known."""
        entry = self.entry(object_id)
        return (entry.name if entry is not None else None) or object_id

    def traits(self, object_id: str) -> Trait:
        """Return an object's traits."""
        entry = self.entry(object_id)
        return entry.traits if entry is not None else Trait.NONE

    def is_known(self, resources: Iterable[str]) -> bool:
        """Return True if all these resources were read whole. Then an object that is not among them does not exist."""
        return all(self._world.live.coverage(each).whole for each in resources)


def objects() -> list[str]:
    """Return the resources whose records are objects that others may name."""
    return [
        name
        for name, row in RESOURCES.items()
        if "." not in name and row.restoring is not None and row.restoring.kind is not RestoreKind.ROW
    ]


def traits_of(resource: str, value: bytes) -> Trait:
    """Return the traits of an object by its record."""
    inner = members(value) or {}
    traits = Trait.SYNCED if inner.get("onPremisesSyncEnabled") == b"true" else Trait.NONE
    if b"true" in (inner.get("isManagementRestricted"), inner.get("isMemberManagementRestricted")):
        traits |= Trait.RESTRICTED
    if resource == "users" and inner.get("accountEnabled") == b"false":
        traits |= Trait.DISABLED
    if resource == "groups":
        types = [string(each) for each in elements(inner.get("groupTypes", b"[]")) or ()]
        unified = "Unified" in types
        traits |= Trait.UNIFIED if unified else Trait.NONE
        traits |= Trait.DYNAMIC if "DynamicMembership" in types else Trait.NONE
        traits |= Trait.ROLE_ASSIGNABLE if inner.get("isAssignableToRole") == b"true" else Trait.NONE
        traits |= Trait.EXCHANGE if inner.get("mailEnabled") == b"true" and not unified else Trait.NONE
    if resource == "administrativeUnits" and string(inner.get("membershipType")) == "Dynamic":
        traits |= Trait.DYNAMIC
    return traits


def _entries(side: Side, ids: Collection[str]) -> Iterator[tuple[str, Entry]]:
    """Yield the objects of a side with these ids."""
    if ids:
        for resource in objects():
            for key, value in side.records(resource, ids):
                yield first_id(key.decode()), Entry(resource, names_in(value)[0], traits_of(resource, value))


def _by_app_id(side: Side, app_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the ids of a side's applications and service principals with these ``appId``s, by ``appId`` and resource."""
    apps: dict[str, dict[str, str]] = {}
    for resource in (APPLICATIONS, PRINCIPALS):
        for app_id, object_id in with_app_ids(side, resource, app_ids):
            apps.setdefault(app_id, {})[resource] = object_id
    return apps
