"""Dangling references: policies, assignments and consents that name objects which do not exist in the same snapshot."""

from collections.abc import Collection, Iterator

import msgspec

from shared.domain.errors import Answer
from shared.domain.jobs import JobKind
from shared.domain.json_text import members, string
from shared.domain.model import Tenant
from shared.domain.naming import own_name
from shared.domain.records import decode_id, object_order
from shared.domain.resources import RESOURCES, Reference
from shared.engine.compare.references import references
from shared.engine.context import Context
from shared.engine.snapshots.foreground import Shown, run_foreground
from shared.vault.snapshot_reader import SnapshotReader
from shared.vault.touched import Touched

_Ids = dict[tuple[str, bool], set[str]]
"""Ids in lower case by resource, and by whether they are ids of applications (``appId``)."""


class DanglingReference(msgspec.Struct, frozen=True, kw_only=True):
    """A property that names an object which does not exist in the snapshot."""

    key: str
    name: str | None
    """The name of the object with the property."""
    path: str
    id: str
    """The id of the object that does not exist."""
    unread: list[str] = []
    """Resources that may have the object, and that the snapshot did not read. If there are any, it may exist."""


def dangling(
    context: Context, tenant: Tenant, snapshot: str, resources: Collection[str] = ()
) -> Iterator[DanglingReference]:
    """Yield the dangling references of these resources (all if empty), sorted by resource and key.

    Raises Refuse ``WRONG_USE`` if the snapshot does not have one of the resources, and what reading raises.
    """
    shown = Shown()
    with run_foreground(context, tenant, JobKind.BROWSE, snapshot, shown, resources) as (_, reader):
        naming = [name for name in reader.resources if not resources or name in resources]
        wanted: _Ids = {}
        for _, _, reference, each in _named(reader, naming):
            for target in reference.resources:
                wanted.setdefault((target, reference.by_app_id), set()).add(each.lower())
        existing = {target: _existing(reader, *target, ids) for target, ids in wanted.items()}
        for key, value, reference, each in _named(reader, naming):
            if not any(each.lower() in existing[target, reference.by_app_id] for target in reference.resources):
                shown.records += 1
                unread = [target for target in reference.resources if not _was_read(reader, target)]
                yield DanglingReference(
                    key=key.decode(), name=own_name(value), path=reference.path, id=each, unread=unread
                )


def _named(reader: SnapshotReader, resources: Collection[str]) -> Iterator[tuple[bytes, bytes, Reference, str]]:
    """Yield each record that names objects, as key and value, with the reference and id of each named object."""
    for resource in resources:
        if resource in RESOURCES and RESOURCES[resource].references:
            for key, value in reader.records((resource,)):
                for reference, each in references(resource, value):
                    yield key, value, reference, each


def _existing(reader: SnapshotReader, resource: str, by_app_id: bool, ids: set[str]) -> set[str]:
    """Return those of the ids, in lower case, that objects of the resource have."""
    if by_app_id:
        app_ids = (string((members(value) or {}).get("appId")) for _, value in reader.records((resource,)))
        return {each.lower() for each in app_ids if each is not None} & ids
    touched = Touched(sorted(object_order(resource, each) for each in ids))
    return {decode_id(key.rpartition(b"/")[2].decode()) for key, _ in reader.chosen_records(resource, touched)}


def _was_read(reader: SnapshotReader, resource: str) -> bool:
    """Return True if the snapshot has every object that the resource had at that time."""
    state = reader.stream_of(resource)
    return state is not None and not state.stale and state.answer is Answer.WHOLE
