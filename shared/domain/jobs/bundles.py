"""Bundle the streams of a backup: all streams of a bundle share one message, one claim and one set of key leases.

A reading from the beginning may take hours, so large streams then go alone and the others in a few bundles, which several
workers read at the same time. What is read from cursors or is small takes seconds: one bundle has all of it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil

import msgspec

from shared.domain.errors import Answer
from shared.domain.jobs.kinds import JobKind, Phase, row_of
from shared.domain.jobs.steps import StepPlan
from shared.domain.limits import LIMITS
from shared.domain.model import Snapshot
from shared.domain.resources import STREAMS, Reading, Stream

_USUAL = "directory"
"""The bucket of streams that no scarce limit of Graph slows down."""
_READ = frozenset({Answer.WHOLE, Answer.PARTIAL})
_WEIGHTS = {Reading.CHILDREN: 8, Reading.DELTA: 4, Reading.LISTING: 2, Reading.SINGLETON: 1}
"""How long streams take, in proportion, where nothing is known about the directory."""


def with_bundles(
    kind: JobKind | str, plan: Sequence[StepPlan], parent: Snapshot | None, now: datetime, *, cursor_days: float
) -> list[StepPlan]:
    """Return the planned steps with the numbers of their bundles. A bundle of one step has none.

    ``parent`` is the snapshot that the job continues from, or None if it reads everything from the beginning.
    """
    row = row_of(kind)
    numbers: dict[tuple[int, str], int] = {}
    for number, phase in ({} if row is None else row.phases).items():
        streams = [STREAMS[step.name] for step in plan if step.phase == number] if phase.by_stream else []
        afresh = (
            read_afresh(streams, parent, now, cursor_days=cursor_days) if number == Phase.READ else frozenset[str]()
        )
        for bundle, names in enumerate(bundles(streams, afresh)):
            numbers |= {(number, name): bundle for name in names if len(names) > 1}
    return [msgspec.structs.replace(step, bundle=numbers.get((step.phase, step.name))) for step in plan]


def bundles(streams: Sequence[Stream], afresh: Collection[str]) -> list[list[str]]:
    """Return the bundles of these streams, at most ``Limits.bundles``. ``afresh`` names those read from the beginning.

    Large streams that are read from the beginning have a bundle each. All others share one, or up to five if no stream
    continues from a cursor. Streams of one scarce bucket stay together, because they wait for each other anyway.
    """
    large = [stream for stream in streams if stream.large]
    alone = [stream.name for stream in large if stream.name in afresh][: LIMITS.bundles - LIMITS.mixed_bundles]
    others = [stream for stream in streams if stream.name not in alone]
    if any(stream.name not in afresh for stream in streams):
        return [*([name] for name in alone), *filter(None, [[stream.name for stream in others]])]
    return [*([name] for name in alone), *_balanced(others)]


def read_afresh(
    streams: Iterable[Stream], parent: Snapshot | None, now: datetime, *, cursor_days: float
) -> frozenset[str]:
    """Return the names of the streams that a backup on ``parent`` reads from the beginning. A full one has no parent.

    A delta stream continues from the parent's cursor if the parent has read it within ``cursor_days``. All others are
    read from the beginning.
    """
    if parent is None or parent.created_at <= now - timedelta(days=cursor_days):
        return frozenset(stream.name for stream in streams)
    read = {each.resource for each in parent.resources if each.answer in _READ and not each.stale}
    return frozenset(
        stream.name for stream in streams if stream.reading is not Reading.DELTA or stream.resource not in read
    )


def _balanced(streams: Sequence[Stream]) -> list[list[str]]:
    """Return a few bundles of about the same weight. Streams of one scarce bucket stay together."""
    count = min(LIMITS.mixed_bundles, ceil(len(streams) / LIMITS.bundle_streams))
    groups: dict[str, list[Stream]] = {}
    for stream in streams:
        scarce = stream.bucket != _USUAL
        groups.setdefault(f"bucket {stream.bucket}" if scarce else stream.name, []).append(stream)
    loads, result = [0] * count, [list[str]() for _ in range(count)]
    for group in sorted(groups.values(), key=_weight, reverse=True):
        lightest = loads.index(min(loads))
        loads[lightest] += _weight(group)
        result[lightest] += [stream.name for stream in group]
    return [names for names in result if names]


def _weight(streams: Iterable[Stream]) -> int:
    """Return the weight of streams that are read together."""
    return sum(_WEIGHTS[stream.reading] for stream in streams)
