"""The id map in a snapshot: a stream of its own, written by the commit, so that the bucket alone has it too."""

from shared.domain.errors import Answer
from shared.domain.records import put
from shared.domain.restore.id_map import ID_MAP, record_of
from shared.engine.steps.work import Work
from shared.vault.format import Holds, Manifest, StoredResource, StreamState
from shared.vault.snapshot_reader import SnapshotReader
from shared.vault.writer import RunWriter


def id_map_states(work: Work, parent: Manifest | None) -> list[StreamState]:
    """Return the state of the id map's stream, or none if no object was ever created by a restore.

    The parent's run is kept unless an entry has been added or changed. Entries that SQL lacks stay: SQL may have been
    restored from an older dump. A full backup reads nothing of its parent.
    """
    reader = SnapshotReader(work.blobs, [] if parent is None or work.job.full else parent.streams)
    before = dict(reader.stored_records(ID_MAP))
    present = filter(None, map(record_of, work.catalog.restores.map_entries()))
    records = {**before, **dict(present)}
    if not records:
        return []
    kept = reader.stream_of(ID_MAP)
    if kept is not None and records == before and not kept.stale:
        return [kept]
    return [_written(work, records)]


def _written(work: Work, records: dict[bytes, bytes]) -> StreamState:
    """Write the whole map as one run. Return the state of its stream."""
    context, claim = work.context, work.claim
    key = work.keys.job_key(claim.job_id)
    writer = RunWriter(
        context.store, claim.tenant_id, claim.job_id, ID_MAP, key, work.check, context.limits.chunk_bytes
    )
    run = writer.write([[put(ID_MAP.encode(), *record) for record in sorted(records.items())]])
    now = context.clock.now()
    return StreamState(
        stream=ID_MAP,
        selection="",
        cursor=None,
        cursor_issued=None,
        started_at=now,
        ended=now,
        answer=Answer.WHOLE,
        request_id=None,
        stale=False,
        runs=[run],
        records={ID_MAP: len(records)},
        resources=[StoredResource(resource=ID_MAP, holds=Holds.OBJECTS, owner=None)],
    )
