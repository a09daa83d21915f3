"""Compaction: adjacent runs of a stream become one that says the same, so that a snapshot reads in few runs.

Runs of one job belong together; the newest job's are merged with those of the jobs before as long as the next older job's are
under twice their size together, so a line is written again a few times only, however many backups there are. A run shares no
chunk with another, so all of a merge is written anew.
"""

from collections.abc import Callable, Sequence
from itertools import groupby

from shared.ports.blobs import BlobStore
from shared.vault.format import Run
from shared.vault.merge import merge, squeeze
from shared.vault.reader import read_chunks
from shared.vault.sealing import FindKey
from shared.vault.writer import RunWriter

MOST_OPEN = 32
"""Runs that one merge reads at the same time; a chunk of each is in memory."""


def to_merge(runs: Sequence[Run]) -> int:
    """How many of the newest runs (given oldest first) are to become one; 0 if all may stay as they are."""
    jobs = [list(group) for _, group in groupby(runs, lambda run: run.job_id)]
    chosen, size = 0, 0
    for number, job in enumerate(reversed(jobs)):
        own = sum(run.size for run in job)
        if number and own >= 2 * size:
            break
        chosen, size = chosen + len(job), size + own
    several = chosen > len(jobs[-1]) if jobs else False
    if len(runs) - (chosen - 1 if several else 0) > MOST_OPEN:
        return len(runs)
    return chosen if several else 0


def compact(
    store: BlobStore,
    find_key: FindKey,
    tenant_id: str,
    runs: Sequence[Run],
    writer: RunWriter,
    check: Callable[[], None],
    *,
    oldest: bool,
) -> Run | None:
    """One run that says what ``runs`` say, oldest first, adjacent, ``MOST_OPEN`` at most; None if that is nothing.

    ``oldest``: they begin with the stream's oldest run, so that a tombstone has nothing left to hide. Memory is bounded: a
    chunk of each run. Raises what reading and writing raise.
    """
    opened = [read_chunks(store, find_key, tenant_id, run, check) for run in runs]
    run = writer.write(merge(opened) if oldest else squeeze(opened))
    return run if run.chunks else None
