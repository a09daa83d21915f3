"""Phases 1 and 2: read one stream, from its last cursor or from the beginning.

::

    Graph ──pages──▶ event loop ──queue of 16──▶ gathering thread ──▶ sort buffer ──▶ run ──▶ checkpoint
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.errors import Answer, Code, GraphTrouble, Looping, Refuse, Retry, Skip, StartOver
from shared.domain.jobs import Phase
from shared.domain.resources import STREAMS, Reading, Stream
from shared.domain.secret import Secret
from shared.engine.backup.cancelling import run_cancellable
from shared.engine.backup.doubts import others_answer, proved
from shared.engine.backup.gather import Gatherer, Stopped
from shared.engine.backup.seen_objects import SeenObjects
from shared.engine.keys.credentials import source_for
from shared.engine.snapshots.manifests import parent_manifest
from shared.engine.steps.checkpoints import job_checkpoints, step_checkpoints
from shared.engine.steps.work import Work
from shared.ports.directory import Cursor, Page
from shared.ports.observer import Point
from shared.vault.format import CheckpointBody, Run
from shared.vault.keyring import DataKey

_GRAPH_CODES = frozenset(
    {Code.GRAPH_UNREACHABLE, Code.GRAPH_SIGN_IN_FAILED, Code.GRAPH_FORBIDDEN, Code.GRAPH_UNEXPECTED}
)


@dataclass(frozen=True)
class Start:
    """The position at which a reading continues, and how."""

    cursor: Cursor | None
    """The cursor to continue from, or None to read from the beginning."""
    full: bool
    """True if the reading started from the beginning."""
    started_at: datetime
    """When the reading started, in an earlier claim or now."""
    to_refetch: list[str] = field(default_factory=list)
    """Ids of objects that Graph named earlier but did not return."""
    confirms_deletion: bool = False
    """True if an object of ``to_refetch`` that is still missing counts as deleted."""
    base: list[Run] = field(default_factory=list)
    """The parent's runs, to store only differences from them."""
    passed: list[Cursor] = field(default_factory=list)
    """Cursors from which this reading continued earlier."""
    refused: int = 0
    """Number of objects that Graph refused to this reading earlier."""


def read_step(work: Work) -> bool:
    """Read the claimed step's stream and finish the step. Return True if that opened the next phase.

    Raises the errors that end a step early, for which ``run_step`` stores the step's state.
    """
    stream = STREAMS[work.claim.name]
    work.keys.secrets()
    answer = Answer.WHOLE
    try:
        answer = _read_on(work, stream)
    except Skip as skip:
        work.catalog.claims.drop_checkpoints(work.claim)
        return work.catalog.claims.finish(work.claim, answer=skip.answer, request_id=skip.request_id, progress=[])
    except (GraphTrouble, Refuse) as error:
        if work.claim.phase == Phase.READ and isinstance(error, GraphTrouble):
            error.alone = others_answer(work, stream)
        if work.claim.phase == Phase.READ or error.code not in _GRAPH_CODES:
            raise
        # The second round is optional: the first round's data stays valid, and the next backup continues from its cursor.
        work.catalog.claims.drop_checkpoints(work.claim)
    work.context.observer.reach(Point.READ)
    return work.catalog.claims.finish(work.claim, answer=answer)


def _read_on(work: Work, stream: Stream) -> Answer:
    """Read from the stream's last position. Start over once if Graph refuses the cursor or its links form a loop.

    Return whether Graph showed the stream as a whole or in part. Raises Skip only for a confirmed cause.
    """
    try:
        try:
            start = _start(work, stream)
            if start is not None:
                return _read(work, stream, start)
            return _answer_of(step_checkpoints(work))
        except StartOver as over:
            return _start_over(work, stream, over)
    except Skip as skip:
        raise proved(work, stream, skip) from None


def _start(work: Work, stream: Stream) -> Start | None:
    """Return where to continue, or None if nothing remains to be read. Raises StartOver as ``_resume`` does."""
    own_checkpoints = step_checkpoints(work)
    if own_checkpoints:
        return _resume(own_checkpoints, stream)
    if work.claim.phase == Phase.SECOND_ROUND:
        return _second(work, stream)
    return _first(work, stream)


def _resume(bodies: Sequence[CheckpointBody], stream: Stream) -> Start | None:
    """Return where this step's checkpoints continue, or None after the last page.

    Raises StartOver if the last checkpoint's cursor selects other properties than the stream does now.
    """
    last = bodies[-1]
    if not last.more or last.cursor is None:
        return None
    if last.selection != stream.selection:
        # The worker was updated meanwhile: the records read until now lack properties that are selected now.
        raise StartOver("The cursor was made for another selection.")
    passed = [_next(body.cursor) for body in bodies[:-1] if body.cursor is not None]
    refused = sum(len(body.refused) for body in bodies)
    return Start(_next(last.cursor), last.full, last.started_at, passed=passed, refused=refused)


def _next(link: str) -> Cursor:
    """Return the cursor of a next link."""
    return Cursor(Secret(link.encode()), more=True)


def _first(work: Work, stream: Stream) -> Start:
    """Return the start of the first round: from the parent's cursor if it is usable, otherwise from the beginning.

    The cursor of a delta stream is usable if it is younger than ``cursor_days`` and has the same selection. The job must
    be no full backup, and the step must not have started over.
    """
    now = work.context.clock.now()
    manifest = parent_manifest(work)
    states = {state.stream: state for state in manifest.streams} if manifest is not None else {}
    state = states.get(stream.name)
    oldest = now - timedelta(days=work.context.limits.cursor_days)
    if (
        not work.job.full
        and not work.claim.fresh_starts
        and stream.reading is Reading.DELTA
        and state is not None
        and state.cursor is not None
        and state.cursor_issued is not None
        and state.cursor_issued > oldest
        and state.selection == stream.selection
    ):
        cursor = Cursor(Secret(state.cursor.encode()), more=False)
        return Start(cursor, False, now, state.to_refetch, _confirms_deletion(work, state.cursor_issued))
    # A stream without delta is read as a whole each time, and only its differences are stored.
    only_differences = not work.job.full and stream.reading is not Reading.DELTA and state is not None
    return Start(None, True, now, base=state.runs if only_differences and state is not None else [])


def _second(work: Work, stream: Stream) -> Start | None:
    """Return the start of the second round at phase 1's delta link, or None if phase 1 did not read the whole stream."""
    first = job_checkpoints(work, Phase.READ, stream.name)
    if not first or first[-1].more or first[-1].cursor is None or first[-1].selection != stream.selection:
        return None
    with_missing = [body for body in first if body.to_refetch]
    to_refetch = [object_id for body in with_missing for object_id in body.to_refetch]
    confirms_deletion = bool(with_missing) and _confirms_deletion(work, with_missing[-1].cursor_issued)
    cursor = Cursor(Secret(first[-1].cursor.encode()), more=False)
    return Start(cursor, False, work.context.clock.now(), to_refetch, confirms_deletion)


def _confirms_deletion(work: Work, missing_since: datetime) -> bool:
    """Return True if an object missing since ``missing_since`` counts as deleted: after ``gone_after_seconds``."""
    return work.context.clock.now() - missing_since >= timedelta(seconds=work.context.limits.gone_after_seconds)


def _answer_of(bodies: Sequence[CheckpointBody]) -> Answer:
    """Return PARTIAL if Graph refused objects in one of these checkpoints, otherwise WHOLE."""
    return Answer.PARTIAL if any(body.refused for body in bodies) else Answer.WHOLE


def _start_over(work: Work, stream: Stream, over: StartOver) -> Answer:
    """Read the stream from the beginning, once a job. In phase 2, keep what phase 1 read instead.

    Raises Skip if Graph's links form a loop again, and GraphTrouble if Graph refuses a cursor again.
    """
    if work.claim.phase != Phase.READ:
        work.catalog.claims.drop_checkpoints(work.claim)
        return Answer.WHOLE
    if work.catalog.claims.start_over(work.claim):
        raise _ending_of(over) from None
    try:
        return _read(work, stream, Start(None, True, work.context.clock.now()))
    except StartOver as repeated:
        work.catalog.claims.start_over(work.claim)
        raise _ending_of(repeated) from None


def _ending_of(over: StartOver) -> Skip | GraphTrouble:
    """Return the error that ends a reading that may not start over again."""
    if isinstance(over, Looping):
        return Skip(Answer.FAILED, over.message, over.request_id)
    return GraphTrouble(over.message, None, over.request_id)


def _read(work: Work, stream: Stream, start: Start) -> Answer:
    """Read the stream in a new event loop. Return whether Graph showed it as a whole or in part."""
    key = work.keys.job_key(work.claim.job_id)
    work.context.observer.reach(Point.KEY_READY)
    return run_cancellable(work, _pump(work, stream, start, key))


async def _pump(work: Work, stream: Stream, start: Start, key: DataKey) -> Answer:
    """Download pages and gather them in a thread until both end. Return as ``_read`` does.

    Raises the error that ended the gathering or the download. After trouble (Retry) of the download, the gathered pages
    are kept in a checkpoint.
    """
    source = source_for(work.context, work.catalog, work.keys, work.check)
    tracker = SeenObjects(work.context.limits.tracked_objects, afresh=start.cursor is None)
    gatherer = Gatherer(
        work,
        stream,
        key,
        source,
        full=start.full,
        started_at=start.started_at,
        tracker=tracker,
        base=start.base,
        refused=start.refused,
    )
    gathering = asyncio.ensure_future(asyncio.to_thread(gatherer.run, start.to_refetch, final=start.confirms_deletion))
    feeding = asyncio.ensure_future(_feed(source.pages(stream, start.cursor, start.passed), gatherer))
    try:
        await asyncio.wait({feeding, gathering}, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        trouble = feeding.done() and isinstance(feeding.exception(), Retry)
        gatherer.stop(keep=trouble)
        feeding.cancel()
        await asyncio.wait({feeding, gathering})
        # Read the errors in this block, which also runs after a cancellation: asyncio logs every error that is not read.
        errors = [None if each.cancelled() else each.exception() for each in (gathering, feeding)]
        await source.close()
    for error in errors:
        if error is not None and not isinstance(error, Stopped):
            raise error
    return Answer.PARTIAL if gatherer.partial else Answer.WHOLE


async def _feed(pages: AsyncIterator[Page], gatherer: Gatherer) -> None:
    """Offer every page to the gatherer, then None."""
    async for page in pages:
        await gatherer.offer(page)
    await gatherer.offer(None)
