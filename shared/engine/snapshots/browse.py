"""Browse: select records of a snapshot for a person to read."""

from collections.abc import Collection, Iterator

from shared.domain.compare import Record
from shared.domain.jobs import JobKind
from shared.domain.model import RefusedObject, Tenant
from shared.domain.records import encode_id
from shared.engine.context import Context
from shared.engine.snapshots.foreground import Shown, run_foreground
from shared.vault.matching import Matching
from shared.vault.snapshot_reader import SnapshotReader


def browse(
    context: Context,
    tenant: Tenant,
    snapshot: str,
    resources: Collection[str] = (),
    search: str | None = None,
    object_id: str | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Yield ``(key, value)`` of each record that matches.

    ``search`` matches text in the key or value, regardless of case and of JSON escapes. ``object_id`` matches any of the ids
    in the key. ``resources`` are the resources to read, all if empty. A search reads objects before links, so that it soon
    matches their names. Raises what reading raises.
    """
    wanted_id = encode_id(object_id) if object_id is not None else None
    shown = Shown()
    with run_foreground(context, tenant, JobKind.BROWSE, snapshot, shown, resources) as (_, reader):
        records = reader.records(resources) if search is None else _matches(reader, search, resources)
        for key, value in records:
            if wanted_id is None or wanted_id in key.split(b"/")[1::2]:
                shown.records += 1
                yield key.decode(), value


def _matches(reader: SnapshotReader, text: str, resources: Collection[str]) -> Iterator[Record]:
    """Yield the records that contain a text: first objects, then links, each sorted by resource and key."""
    matching = Matching(text)
    for resource in sorted(set(resources) or reader.resources, key=lambda name: (reader.holds_links(name), name)):
        yield from reader.chosen_records(resource, matching)


def refused(
    context: Context, tenant: Tenant, snapshot: str, resources: Collection[str] = ()
) -> Iterator[tuple[str, RefusedObject]]:
    """Yield the objects that Graph refused, each with the resource that lacks it.

    ``resources`` are the resources to list, all if empty.
    """
    shown = Shown()
    with run_foreground(context, tenant, JobKind.BROWSE, snapshot, shown, resources) as (_, reader):
        for state in reader.streams:
            resource = state.listed[0].resource
            if not resources or resource in resources:
                for each in state.refused:
                    shown.records += 1
                    yield resource, each
