"""Compaction: replace adjacent runs of a stream by one equivalent run, so that a snapshot reads few runs.

Runs of one job belong together. The newest job's runs are merged with those of earlier jobs, as long as the next older
job's runs are less than twice their total size. So each line is rewritten only a few times, however many backups there
are. Runs share no chunks, so a merge rewrites every chunk.
"""

from collections.abc import Sequence
from itertools import groupby

from shared.domain.limits import LIMITS
from shared.vault.format import Run
from shared.vault.merge import merge, squeeze
from shared.vault.reader import BlobReader
from shared.vault.writer import RunWriter


def to_merge(runs: Sequence[Run]) -> int:
    """Return how many of the newest runs (given oldest first) to merge into one, or 0 to keep all as they are."""
    jobs = [list(group) for _, group in groupby(runs, lambda run: run.job_id)]
    chosen, size = 0, 0
    for number, job in enumerate(reversed(jobs)):
        own = sum(run.size for run in job)
        if number and own >= 2 * size:
            break
        chosen, size = chosen + len(job), size + own
    several = chosen > len(jobs[-1]) if jobs else False
    if len(runs) - (chosen - 1 if several else 0) > LIMITS.open_runs:
        return len(runs)
    return chosen if several else 0


def compact(blobs: BlobReader, runs: Sequence[Run], writer: RunWriter, *, oldest: bool) -> Run | None:
    """Return one run equivalent to ``runs``, or None if it has no lines.

    ``runs`` are adjacent, oldest first, at most ``Limits.open_runs``. ``oldest`` is True if they begin with the stream's
    oldest run, so that no older line needs a tombstone. Memory is bounded: one chunk of each run. Raise what reading
    and writing raise.
    """
    opened = [blobs.lists(run) for run in runs]
    run = writer.write(merge(opened) if oldest else squeeze(opened))
    return run if run.chunks else None
