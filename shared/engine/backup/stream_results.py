"""The results of a job's reading steps for each stream, with the parent snapshot's state of that stream."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from shared.domain.errors import Answer
from shared.domain.jobs import Phase, Step
from shared.domain.model import RefusedObject
from shared.domain.resources import STREAMS, Stream
from shared.engine.steps.checkpoints import open_checkpoint
from shared.engine.steps.work import Work
from shared.vault.format import CheckpointBody, Manifest, Merged, Run, StreamState


@dataclass(frozen=True)
class StreamResult:
    """The results of one stream."""

    stream: Stream
    previous: StreamState | None
    """The parent's state of the stream, or None if there is none."""
    step: Step
    """The step of the first round."""
    first: list[CheckpointBody]
    """The checkpoints of the first round."""
    second: list[CheckpointBody]
    """The checkpoints of the second round."""
    merges: list[Merged]
    """The merges of the stream's runs, in order."""

    @property
    def bodies(self) -> list[CheckpointBody]:
        """Return the checkpoints of both rounds, in order of writing."""
        return [*self.first, *self.second]

    @property
    def to_refetch(self) -> list[str]:
        """Return the ids of objects that Graph named but did not return.

        The second round has fetched those of the first again, so its list replaces the first one.
        """
        return [object_id for body in self.second or self.first for object_id in body.to_refetch]

    @property
    def refused(self) -> list[RefusedObject]:
        """Return the objects that Graph refused.

        The second round has requested those of the first again, so its list replaces the first one.
        """
        return list({each.id: each for body in self.second or self.first for each in body.refused}.values())

    @property
    def whole(self) -> bool:
        """Return True if this job has read the stream. Otherwise the parent's runs and cursor of the stream stay valid."""
        return self.step.answer in (Answer.WHOLE, Answer.PARTIAL) and bool(self.first)

    @property
    def own_runs(self) -> list[Run]:
        """Return the runs that this job wrote, oldest first."""
        return [body.run for body in self.bodies if body.run is not None] if self.whole else []

    @property
    def parent_runs(self) -> list[Run]:
        """Return the parent's runs below those of this job; none if this job read the stream from the beginning."""
        if self.previous is None or (self.whole and self.first[0].full):
            return []
        return self.previous.runs

    @property
    def repeated_by_run(self) -> list[tuple[Run, set[bytes]]] | None:
        """Return the first round's runs after merging, each with the orders of its repeated objects, or None if unknown.

        A repeated object is one that another of these runs has, too. Its orders cover every line about it.
        """
        bodies = [(body.run.run_id, body.repeated) for body in self.first if body.run is not None]
        keys_by_run: dict[str, set[str]] = {run_id: set() for run_id, _ in bodies}
        for run_id, repeated in bodies:
            if repeated is None:
                return None
            for key, first in repeated.items():
                keys_by_run[run_id].add(key)
                keys_by_run[bodies[first][0]].add(key)
        for merged in self.merges:
            if not keys_by_run.keys() >= set(merged.replaces):
                return None  # a run of the second round was merged with runs of the first
            keys = set[str]().union(*(keys_by_run.pop(run_id) for run_id in merged.replaces))
            if merged.run is not None:
                keys_by_run[merged.run.run_id] = keys
        frequency = Counter(key for keys in keys_by_run.values() for key in keys)
        return [
            (run, {order for key in keys_by_run[run.run_id] if frequency[key] > 1 for order in self._orders(key)})
            for run in self.runs
            if run.run_id in keys_by_run
        ]

    def _orders(self, key: str) -> list[bytes]:
        """Return the object's own order and the order of the prefix below it, in each resource of the stream."""
        return [f"{resource}\0{key}{end}".encode() for resource in self.stream.resources for end in ("", "/")]

    @property
    def runs(self) -> list[Run]:
        """Return all runs of the stream after merging, oldest first: each merged run takes the place of its sources."""
        runs = [*self.parent_runs, *self.own_runs]
        for merged in self.merges:
            replaced = set(merged.replaces)
            position = next(n for n, run in enumerate(runs) if run.run_id in replaced)
            kept = [run for run in runs if run.run_id not in replaced]
            runs = [*kept[:position], *([merged.run] if merged.run is not None else []), *kept[position:]]
        return runs


def stream_results(work: Work, parent: Manifest | None) -> list[StreamResult]:
    """Return one result for each stream that the job was planned to read. Raises as ``open_checkpoint`` does."""
    before = {state.stream: state for state in parent.streams} if parent is not None else {}
    steps = {step.name: step for step in work.catalog.jobs.steps(work.claim.job_id) if step.phase == Phase.READ}
    bodies: defaultdict[tuple[int, str], list[CheckpointBody]] = defaultdict(list)
    merges: defaultdict[str, list[Merged]] = defaultdict(list)
    for checkpoint in work.catalog.claims.checkpoints(work.claim, step_only=False):
        if checkpoint.phase == Phase.COMPACT:
            merges[checkpoint.stream].append(open_checkpoint(work, checkpoint, Merged))
        else:
            bodies[checkpoint.phase, checkpoint.stream].append(open_checkpoint(work, checkpoint, CheckpointBody))
    return [
        StreamResult(
            stream,
            before.get(name),
            steps[name],
            bodies[Phase.READ, name],
            bodies[Phase.SECOND_ROUND, name],
            merges[name],
        )
        for name, stream in STREAMS.items()
        if name in steps
    ]
