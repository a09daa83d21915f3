"""Ask Graph once more where what it said decides too much: that a directory lacks a resource, and that a stream fails."""

import asyncio
from collections.abc import Sequence

from shared.domain.errors import Answer, GraphTrouble, Skip
from shared.domain.resources import RESOURCES, STREAMS, Stream
from shared.engine.backup.cancelling import run_cancellable
from shared.engine.credentials import source_for
from shared.engine.opening import parent_manifest
from shared.engine.work import Work

_DOUBTFUL = frozenset({Answer.UNAVAILABLE, Answer.UNLICENSED})
"""Answers that would leave a snapshot complete without the resource."""
_OTHERS = 2
"""Other streams that are asked for a little."""


def proved(work: Work, stream: Stream, skip: Skip) -> Skip | GraphTrouble:
    """Return the skip if it is proved, otherwise trouble: then it is tried again, and the stream fails at last.

    That a directory lacks a resource, or its licence, must be possible at all, and Graph must say so again, some time later
    and by another path. What the parent's manifest says of it already is time enough.
    """
    if skip.answer not in _DOUBTFUL:
        return skip
    if not RESOURCES[stream.resource].may_be(skip.answer):
        sentence = f"Graph denies {stream.resource}, which every directory has, and is asked again. {skip.message}"
        return GraphTrouble(sentence, None, skip.request_id)
    wait = 0.0 if _said_before(work, stream) is skip.answer else work.context.limits.proof_seconds
    if run_cancellable(work, _asked_again(work, stream, wait)) == {skip.answer}:
        return skip
    return GraphTrouble(skip.message, None, skip.request_id)


def others_answer(work: Work, stream: Stream) -> bool:
    """Return whether Graph answers other streams of the directory: one of two that are asked for a little, once."""
    others = [other for other in STREAMS.values() if other.collection != stream.collection and other.children is None]
    return run_cancellable(work, _any_answers(work, others[:_OTHERS]))


def _said_before(work: Work, stream: Stream) -> Answer | None:
    """Return what Graph said of the stream when the parent was made."""
    parent = parent_manifest(work)
    return next((state.answer for state in parent.streams if state.stream == stream.name), None) if parent else None


async def _asked_again(work: Work, stream: Stream, wait: float) -> set[Answer]:
    """Return what Graph says to the stream by both paths, after so many seconds."""
    await asyncio.sleep(wait)
    source = source_for(work.context, work.catalog, work.custody, work.check)
    try:
        return {await source.probe(stream), await source.probe(stream, listing=True)}
    finally:
        await source.close()


async def _any_answers(work: Work, streams: Sequence[Stream]) -> bool:
    source = source_for(work.context, work.catalog, work.custody, work.check)
    try:
        for stream in streams:
            if await source.answers(stream):
                return True
        return False
    finally:
        await source.close()
