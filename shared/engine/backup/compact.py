"""Phase 3: runs of a stream are merged where there would be too many to read (see ``shared.vault.compaction``)."""

import time

from shared.engine.backup.harvest import Harvest, harvests
from shared.engine.backup.trail import leave
from shared.engine.opening import parent_manifest
from shared.engine.work import StepTired, Work
from shared.vault.compaction import MOST_OPEN, compact, to_merge
from shared.vault.format import Merged, Run
from shared.vault.writer import RunWriter

COMPACT = "compact"


def compact_step(work: Work) -> bool:
    """Merges runs of each stream and finishes the step. True if that opened the next phase.

    A checkpoint follows each merge, so that a step that is taken over, or has run for its time, goes on with the next.
    """
    tired_at = time.monotonic() + work.context.limits.step_seconds
    for harvest in harvests(work, parent_manifest(work)):
        runs = harvest.runs if harvest.whole else []
        while chosen := to_merge(runs):
            if time.monotonic() >= tired_at:
                raise StepTired
            runs = _merge(work, harvest, runs, len(runs) - chosen)
    work.context.at("compacted")
    return work.catalog.claims.finish(work.claim)


def _merge(work: Work, harvest: Harvest, runs: list[Run], first: int) -> list[Run]:
    """The stream's runs with those from ``first`` on (not more than may be open) merged into one."""
    context, claim = work.context, work.claim
    key = work.custody.of_job(claim.job_id)
    chosen = runs[first : first + MOST_OPEN]
    stream = harvest.stream.name
    writer = RunWriter(
        context.store, claim.tenant_id, claim.job_id, stream, key, work.check, context.limits.chunk_bytes
    )
    run = compact(context.store, work.custody.find, claim.tenant_id, chosen, writer, work.check, oldest=first == 0)
    work.context.at("run-merged")
    leave(work, key, stream, Merged(replaces=[old.run_id for old in chosen], run=run), [])
    return [*runs[:first], *([run] if run is not None else []), *runs[first + len(chosen) :]]
