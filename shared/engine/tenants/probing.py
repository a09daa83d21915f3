"""Ask Graph with small concurrent requests what it lets an application read."""

import asyncio
from collections.abc import Sequence

from shared.domain.errors import Answer
from shared.domain.resources import RESOURCES, Stream
from shared.ports.directory import DirectorySource


async def probed(source: DirectorySource, streams: Sequence[Stream]) -> dict[str, Answer]:
    """Return what Graph's answer to a small request means for each stream, by the stream's name.

    The source keeps to Graph's limits, so all requests are made at once.
    """
    answers = await asyncio.gather(*(source.probe(stream) for stream in streams))
    return {
        stream.name: RESOURCES[stream.resource].meant_by(answer)
        for stream, answer in zip(streams, answers, strict=True)
    }
