"""The order of a restore's operations: stages one after the other, in a stage many objects at once, each object in order."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from shared.domain.restore.operations import Operation
from shared.domain.restore.writes import MOST_LINKS, chain_of, created_ids, may_bind, names_of
from shared.engine.restore.attempts import Attempt


def stages(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Yield the operations of each stage, in order.

    A stage is divided if one of its operations needs an object that another one creates or undeletes.
    """
    ordered = sorted(operations, key=lambda each: (each.stage, each.number))
    for _, group in groupby(ordered, key=lambda each: each.stage):
        yield from _rounds(list(group))


def _rounds(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Yield the operations of a stage in rounds: each operation comes after those that bring its objects back.

    The operations of a chain keep their order.
    """
    ready_after = dict[str, int]()
    """The round that brings an object back, by the object's id."""
    chains = dict[str, int]()
    """The latest round of each chain."""
    rounds = list[list[Operation]]()
    for operation in operations:
        chain = chain_of(operation)
        needed = [ready_after[each] + 1 for each in names_of(operation) if each in ready_after]
        number = max([chains.get(chain, 0), *needed])
        chains[chain] = number
        ready_after |= dict.fromkeys(created_ids(operation), number)
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(operation)
    yield from rounds


class Chain:
    """The operations on one object in one stage. They are carried out one after the other."""

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self._attempts = deque(attempts)

    @property
    def next(self) -> list[Attempt]:
        """Return the operations for the next request: a single one, or several links to the same object."""
        first = self._attempts[0]
        if first.single or not may_bind(first.operation):
            return [first]
        links: list[Attempt] = []
        for each in self._attempts:
            same = each.operation.resource == first.operation.resource and may_bind(each.operation) and not each.single
            if not same or len(links) == MOST_LINKS:
                break
            links.append(each)
        return links

    @property
    def is_over(self) -> bool:
        """Return True if no operation remains."""
        return not self._attempts

    def end(self, attempts: Sequence[Attempt]) -> None:
        """Remove operations that have ended. These are usually the first ones."""
        ended = {id(each) for each in attempts}
        while self._attempts and id(self._attempts[0]) in ended:
            ended.remove(id(self._attempts.popleft()))
        if ended:
            self._attempts = deque(each for each in self._attempts if id(each) not in ended)


class Schedule:
    """The chains of one stage: those that are ready, and those that wait for a time."""

    def __init__(self, attempts: Sequence[Attempt], now: Callable[[], float]) -> None:
        """Take operations that ``stages`` yields together. ``now`` is a monotonic clock."""
        self._now = now
        self._waiting: list[tuple[float, int, Chain]] = []
        self._count = 0
        chains: dict[str, list[Attempt]] = {}
        for attempt in attempts:
            chains.setdefault(chain_of(attempt.operation), []).append(attempt)
        self._ready = deque(Chain(each) for each in chains.values())

    @property
    def is_over(self) -> bool:
        """Return True if no chain is ready or waits."""
        return not self._ready and not self._waiting

    def take(self, most: int) -> list[Chain]:
        """Remove and return ready chains, at most this many."""
        while self._waiting and self._waiting[0][0] <= self._now():
            self._ready.append(heapq.heappop(self._waiting)[2])
        return [self._ready.popleft() for _ in range(min(most, len(self._ready)))]

    def put_back(self, chain: Chain, wait: float = 0.0) -> None:
        """Make a chain ready again after a wait, unless it is over."""
        if chain.is_over:
            return
        if wait <= 0.0:
            self._ready.append(chain)
            return
        self._count += 1
        heapq.heappush(self._waiting, (self._now() + wait, self._count, chain))

    def seconds_until_ready(self) -> float | None:
        """Return the seconds until a waiting chain is ready, or None if none waits."""
        return max(0.0, self._waiting[0][0] - self._now()) if self._waiting else None
