"""Confirm grave answers of Graph by further requests: that a directory lacks a resource, and that one stream fails."""

import asyncio
from collections.abc import Sequence

from shared.domain.errors import Answer, GraphTrouble, Skip
from shared.domain.resources import RESOURCES, STREAMS, Stream
from shared.engine.backup.cancelling import run_cancellable
from shared.engine.keys.credentials import source_for
from shared.engine.snapshots.manifests import parent_manifest
from shared.engine.steps.work import Work

_DOUBTFUL = frozenset({Answer.UNAVAILABLE, Answer.UNLICENSED})
"""Answers that would leave a snapshot complete without the resource."""


def proved(work: Work, stream: Stream, skip: Skip) -> Skip | GraphTrouble:
    """Return the skip if it is confirmed, otherwise a GraphTrouble, which is retried until the stream fails.

    The resource, or its licence, must be one that a directory can lack. Graph must also repeat its answer
    ``proof_seconds`` later by two paths. The delay is dropped if the parent's manifest has the same answer.
    """
    resource = RESOURCES[stream.resource]
    if skip.answer not in _DOUBTFUL:
        return Skip(resource.meant_by(skip.answer), skip.message, skip.request_id)
    if not resource.may_be(skip.answer):
        sentence = (
            f"Graph denies {stream.resource}, although every directory has it. The request is retried. {skip.message}"
        )
        return GraphTrouble(sentence, None, skip.request_id)
    wait = 0.0 if _parent_answer(work, stream) is skip.answer else work.context.limits.proof_seconds
    if run_cancellable(work, _repeated_answers(work, stream, wait)) == {skip.answer}:
        return skip
    return GraphTrouble(skip.message, None, skip.request_id)


def others_answer(work: Work, stream: Stream) -> bool:
    """Return True if Graph answers at least one of a few other streams of the directory, each requested once."""
    others = [other for other in STREAMS.values() if other.collection != stream.collection and other.children is None]
    return run_cancellable(work, _any_answers(work, others[: work.context.limits.other_streams]))


def _parent_answer(work: Work, stream: Stream) -> Answer | None:
    """Return Graph's answer for the stream in the parent's manifest, or None if the parent has none."""
    parent = parent_manifest(work)
    return next((state.answer for state in parent.streams if state.stream == stream.name), None) if parent else None


async def _repeated_answers(work: Work, stream: Stream, wait: float) -> set[Answer]:
    """Probe the stream by both paths after ``wait`` seconds, and return Graph's answers."""
    await asyncio.sleep(wait)
    source = source_for(work.context, work.catalog, work.keys, work.check)
    try:
        return {await source.probe(stream), await source.probe(stream, listing=True)}
    finally:
        await source.close()


async def _any_answers(work: Work, streams: Sequence[Stream]) -> bool:
    """Return True if Graph answers a small request for one of the streams."""
    source = source_for(work.context, work.catalog, work.keys, work.check)
    try:
        for stream in streams:
            if await source.answers(stream):
                return True
        return False
    finally:
        await source.close()
