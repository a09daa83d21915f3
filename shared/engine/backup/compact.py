"""Phase 3: merge runs of a stream that has too many to read at once (see ``shared.vault.compaction``)."""

from shared.domain.limits import LIMITS
from shared.engine.backup.stream_results import StreamResult, stream_results
from shared.engine.snapshots.manifests import parent_manifest
from shared.engine.steps.checkpoints import store_checkpoint
from shared.engine.steps.work import TimeSliceOver, Work
from shared.ports.observer import Point
from shared.vault.compaction import compact, to_merge
from shared.vault.format import Merged, Run
from shared.vault.writer import RunWriter


def compact_step(work: Work) -> bool:
    """Merge runs of each stream and finish the step. Return True if that opened the next phase.

    A checkpoint follows each merge. A step that is taken over, or whose time slice is over, continues with the next
    merge. Raises TimeSliceOver at the end of the time slice.
    """
    time_slice = work.time_slice()
    for result in stream_results(work, parent_manifest(work)):
        runs = result.runs if result.whole else []
        while chosen := to_merge(runs):
            if time_slice.over:
                raise TimeSliceOver
            runs = _merge(work, result, runs, len(runs) - chosen)
    work.context.observer.reach(Point.COMPACTED)
    return work.catalog.claims.finish(work.claim)


def _merge(work: Work, result: StreamResult, runs: list[Run], first: int) -> list[Run]:
    """Merge the stream's runs from index ``first`` on into one, and return the stream's new list of runs.

    At most ``Limits.open_runs`` runs are merged, because that many may be open at once.
    """
    context, claim = work.context, work.claim
    key = work.keys.job_key(claim.job_id)
    chosen = runs[first : first + LIMITS.open_runs]
    stream = result.stream.name
    writer = RunWriter(
        context.store, claim.tenant_id, claim.job_id, stream, key, work.check, context.limits.chunk_bytes
    )
    run = compact(work.blobs, chosen, writer, oldest=first == 0)
    work.context.observer.reach(Point.RUN_MERGED)
    store_checkpoint(work, key, stream, Merged(replaces=[merged.run_id for merged in chosen], run=run), [])
    return [*runs[:first], *([run] if run is not None else []), *runs[first + len(chosen) :]]
