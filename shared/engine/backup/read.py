"""Phases 1 and 2: one stream read, from its last cursor or afresh.

::

    Graph ──pages──▶ event loop ──queue of 16──▶ gathering thread ──▶ sort buffer ──▶ run ──▶ checkpoint
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.errors import Answer, Code, GraphTrouble, Looping, Refuse, Retry, Skip, StartOver
from shared.domain.model import Phase
from shared.domain.resources import STREAMS, Reading, Stream
from shared.domain.secret import Secret
from shared.engine.backup.cancelling import run_cancellable
from shared.engine.backup.doubts import others_answer, proved
from shared.engine.backup.gather import Gatherer, Stopped
from shared.engine.backup.met import Met
from shared.engine.backup.trail import job_trail, trail
from shared.engine.credentials import source_for
from shared.engine.opening import parent_manifest
from shared.engine.work import Work
from shared.ports.directory import Cursor, Page
from shared.vault.format import CheckpointBody, Run
from shared.vault.keyring import DataKey

_OF_GRAPH = frozenset({Code.GRAPH_UNREACHABLE, Code.GRAPH_SIGN_IN_FAILED, Code.GRAPH_FORBIDDEN, Code.GRAPH_UNEXPECTED})


@dataclass(frozen=True)
class Start:
    """Where a reading goes on: its cursor (None: afresh), whether it is a full one, when it began; the objects to ask for
    again, and whether those that are not found now are gone; the runs to write only what differs from, if there are any; the
    cursors that it went on from before; how many objects it was refused before."""

    cursor: Cursor | None
    full: bool
    begun: datetime
    again: list[str] = field(default_factory=list)
    settles: bool = False
    base: list[Run] = field(default_factory=list)
    passed: list[Cursor] = field(default_factory=list)
    refused: int = 0


def read_step(work: Work) -> bool:
    """Reads the claimed step's stream and finishes the step. True if that opened the next phase.

    Raises what ends a step early; ``perform`` gives it its fate.
    """
    stream = STREAMS[work.claim.name]
    work.custody.secrets()
    answer = Answer.WHOLE
    try:
        answer = _read_on(work, stream)
    except Skip as skip:
        work.catalog.claims.drop_checkpoints(work.claim)
        return work.catalog.claims.finish(work.claim, answer=skip.answer, request_id=skip.request_id, progress=[])
    except (GraphTrouble, Refuse) as error:
        if work.claim.phase == Phase.READ and isinstance(error, GraphTrouble):
            error.alone = others_answer(work, stream)
        if work.claim.phase == Phase.READ or error.code not in _OF_GRAPH:
            raise
        # The second round is a bonus: what the first one read stands, and its cursor goes on from there next time.
        work.catalog.claims.drop_checkpoints(work.claim)
    work.context.at("read")
    return work.catalog.claims.finish(work.claim, answer=answer)


def _read_on(work: Work, stream: Stream) -> Answer:
    """Read from where the stream stands; afresh, once, if Graph refuses the cursor or leads round in a circle.

    Return whether it was shown whole or in part. Raise Skip only for a cause that is proved.
    """
    try:
        try:
            start = _start(work, stream)
            if start is not None:
                return _read(work, stream, start)
            return _answer_of(trail(work))
        except StartOver as over:
            return _start_over(work, stream, over)
    except Skip as skip:
        raise proved(work, stream, skip) from None


def _start(work: Work, stream: Stream) -> Start | None:
    """Where to go on; None if there is nothing left to read."""
    mine = trail(work)
    if mine:
        return _resume(mine, stream)
    if work.claim.phase == Phase.SECOND_ROUND:
        return _second(work, stream)
    return _first(work, stream)


def _resume(bodies: Sequence[CheckpointBody], stream: Stream) -> Start | None:
    last = bodies[-1]
    if not last.more or last.cursor is None:
        return None
    if last.selection != stream.selection:
        # The worker was updated meanwhile: what was read until now lacks what is asked for now.
        raise StartOver("The cursor was made for another selection.")
    passed = [_next(body.cursor) for body in bodies[:-1] if body.cursor is not None]
    refused = sum(len(body.refused) for body in bodies)
    return Start(_next(last.cursor), last.full, last.begun, passed=passed, refused=refused)


def _next(link: str) -> Cursor:
    return Cursor(Secret(link.encode()), more=True)


def _first(work: Work, stream: Stream) -> Start:
    now = work.context.clock.now()
    manifest = parent_manifest(work)
    states = {state.stream: state for state in manifest.streams} if manifest is not None else {}
    state = states.get(stream.name)
    job = work.catalog.jobs.get(work.claim.job_id)
    oldest = now - timedelta(days=work.context.limits.cursor_days)
    if (
        not job.full
        and not work.claim.fresh_starts
        and stream.reading is Reading.DELTA
        and state is not None
        and state.cursor is not None
        and state.cursor_issued is not None
        and state.cursor_issued > oldest
        and state.selection == stream.selection
    ):
        cursor = Cursor(Secret(state.cursor.encode()), more=False)
        return Start(cursor, False, now, state.again, _settles(work, state.cursor_issued))
    # What has no delta is read whole each time; what is written is what has changed.
    same = not job.full and stream.reading is not Reading.DELTA and state is not None
    return Start(None, True, now, base=state.runs if same and state is not None else [])


def _second(work: Work, stream: Stream) -> Start | None:
    """From the delta link that phase 1 ended with; nothing if phase 1 did not read the stream whole."""
    first = job_trail(work, Phase.READ, stream.name)
    if not first or first[-1].more or first[-1].cursor is None or first[-1].selection != stream.selection:
        return None
    met = [body for body in first if body.again]
    again = [object_id for body in met for object_id in body.again]
    settles = bool(met) and _settles(work, met[-1].cursor_issued)
    cursor = Cursor(Secret(first[-1].cursor.encode()), more=False)
    return Start(cursor, False, work.context.clock.now(), again, settles)


def _settles(work: Work, met: datetime) -> bool:
    """Whether an object that was not found then, and is not found now, is gone."""
    return work.context.clock.now() - met >= timedelta(seconds=work.context.limits.gone_after_seconds)


def _answer_of(bodies: Sequence[CheckpointBody]) -> Answer:
    return Answer.PARTIAL if any(body.refused for body in bodies) else Answer.WHOLE


def _start_over(work: Work, stream: Stream, over: StartOver) -> Answer:
    """Read the stream afresh, once a job; in phase 2 what phase 1 read stands.

    Raise Skip if Graph leads round in a circle again, GraphTrouble if it refuses a cursor again.
    """
    if work.claim.phase != Phase.READ:
        work.catalog.claims.drop_checkpoints(work.claim)
        return Answer.WHOLE
    if work.catalog.claims.start_over(work.claim):
        raise _ending_of(over) from None
    try:
        return _read(work, stream, Start(None, True, work.context.clock.now()))
    except StartOver as again:
        work.catalog.claims.start_over(work.claim)
        raise _ending_of(again) from None


def _ending_of(over: StartOver) -> Skip | GraphTrouble:
    """Return what a reading ends with that may not begin afresh again."""
    if isinstance(over, Looping):
        return Skip(Answer.FAILED, over.message, over.request_id)
    return GraphTrouble(over.message, None, over.request_id)


def _read(work: Work, stream: Stream, start: Start) -> Answer:
    key = work.custody.of_job(work.claim.job_id)
    work.context.at("key-ready")
    return run_cancellable(work, _pump(work, stream, start, key))


async def _pump(work: Work, stream: Stream, start: Start, key: DataKey) -> Answer:
    source = source_for(work.context, work.catalog, work.custody, work.check)
    met = Met(afresh=start.cursor is None)
    gatherer = Gatherer(
        work,
        stream,
        key,
        source,
        full=start.full,
        begun=start.begun,
        met=met,
        base=start.base,
        refused=start.refused,
    )
    gathering = asyncio.ensure_future(asyncio.to_thread(gatherer.run, start.again, settles=start.settles))
    feeding = asyncio.ensure_future(_feed(source.pages(stream, start.cursor, start.passed), gatherer))
    try:
        await asyncio.wait({feeding, gathering}, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        trouble = feeding.done() and isinstance(feeding.exception(), Retry)
        gatherer.stop(keep=trouble)
        feeding.cancel()
        await asyncio.wait({feeding, gathering})
        # Looked at here, where a cancelled reading comes by too: asyncio logs an error that nobody has looked at.
        errors = [None if each.cancelled() else each.exception() for each in (gathering, feeding)]
        await source.close()
    for error in errors:
        if error is not None and not isinstance(error, Stopped):
            raise error
    return Answer.PARTIAL if gatherer.partial else Answer.WHOLE


async def _feed(pages: AsyncIterator[Page], gatherer: Gatherer) -> None:
    async for page in pages:
        await gatherer.offer(page)
    await gatherer.offer(None)
