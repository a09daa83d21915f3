"""Deleted service principals: successors that took their place, and applications that must come back with them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from shared.domain.naming import names_in
from shared.domain.restore.bodies import text_at
from shared.domain.restore.named import first_id
from shared.domain.restore.world import RecordDifference, Request, Side, World

PRINCIPALS, APPLICATIONS = "servicePrincipals", "applications"


@dataclass
class Successors:
    """The service principals on which the deleted service principals of a restore depend."""

    adopted: dict[str, str] = field(default_factory=dict)
    """Living service principals with the same ``appId``, by the id of the deleted one whose settings they get."""
    exchanged: dict[str, str] = field(default_factory=dict)
    """Living service principals to be deleted so that the deleted one, by id, can be undeleted."""
    needed: dict[str, str] = field(default_factory=dict)
    """Applications that do not exist, with the deleted service principal that needs them."""


def successors(world: World, request: Request, missing: list[RecordDifference]) -> Successors:
    """Return what the missing service principals depend on."""
    dependencies = Successors()
    app_ids = {
        first_id(each.key): app_id.lower() for each in missing if (app_id := text_at(each.wanted, "appId")) is not None
    }
    if not app_ids or request.rules.undelete_only:
        return dependencies
    wanted = set(app_ids.values())
    living = dict(with_app_ids(world.live, PRINCIPALS, wanted))
    applications = dict(with_app_ids(world.live, APPLICATIONS, wanted))
    stored = dict(with_app_ids(world.snapshot, APPLICATIONS, wanted - applications.keys()))
    in_bin = {each.object_id for each in world.in_bin(PRINCIPALS, app_ids.keys())}
    for object_id, app_id in app_ids.items():
        if app_id in living:
            exchange = request.rules.exchange_principals and object_id in in_bin
            (dependencies.exchanged if exchange else dependencies.adopted)[object_id] = living[app_id]
        elif app_id in stored:
            dependencies.needed.setdefault(stored[app_id], object_id)
    return dependencies


def with_app_ids(side: Side, resource: str, app_ids: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield ``appId`` and id, both in lower case, of the objects with one of these ``appId``s."""
    if app_ids:
        for key, value in side.records(resource):
            app_id = names_in(value)[1]
            if app_id is not None and app_id.lower() in app_ids:
                yield app_id.lower(), first_id(key.decode())
