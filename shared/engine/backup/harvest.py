"""What a job's steps have read, stream by stream, beside what the snapshot that it builds on holds of each."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from shared.domain.errors import Answer
from shared.domain.model import Phase, RefusedObject, Step
from shared.domain.resources import STREAMS, Stream
from shared.engine.backup.trail import opened
from shared.engine.work import Work
from shared.vault.format import CheckpointBody, Manifest, Merged, Run, StreamState


@dataclass(frozen=True)
class Harvest:
    """One stream. ``before`` is the parent's state of it, if there is one; ``first`` and ``second`` are the checkpoints of
    its two rounds."""

    stream: Stream
    before: StreamState | None
    step: Step
    first: list[CheckpointBody]
    second: list[CheckpointBody]
    merges: list[Merged]

    @property
    def bodies(self) -> list[CheckpointBody]:
        """The checkpoints of both rounds, in order of writing."""
        return [*self.first, *self.second]

    @property
    def again(self) -> list[str]:
        """Objects that were named and not shown: the second round has asked again for those of the first."""
        return [object_id for body in self.second or self.first for object_id in body.again]

    @property
    def refused(self) -> list[RefusedObject]:
        """The objects that Graph refused: the second round has asked again for those of the first."""
        return list({each.id: each for body in self.second or self.first for each in body.refused}.values())

    @property
    def whole(self) -> bool:
        """Whether this job has read the stream. If not, what the parent holds of it stands, runs and cursor."""
        return self.step.answer in (Answer.WHOLE, Answer.PARTIAL) and bool(self.first)

    @property
    def newer(self) -> list[Run]:
        """The runs that this job's readings wrote, oldest first."""
        return [body.run for body in self.bodies if body.run is not None] if self.whole else []

    @property
    def older(self) -> list[Run]:
        """The parent's runs below them; none below a reading that began afresh."""
        if self.before is None or (self.whole and self.first[0].full):
            return []
        return self.before.runs

    @property
    def told(self) -> list[tuple[Run, set[bytes]]] | None:
        """The runs of the first round as they stand now, each with the orders of all that may be told of an object of which
        another one tells, too. None if that is not known."""
        bodies = [(body.run.run_id, body.repeated) for body in self.first if body.run is not None]
        found: dict[str, set[str]] = {run_id: set() for run_id, _ in bodies}
        for run_id, repeated in bodies:
            if repeated is None:
                return None
            for key, first in repeated.items():
                found[run_id].add(key)
                found[bodies[first][0]].add(key)
        for merged in self.merges:
            if not found.keys() >= set(merged.replaces):
                return None  # one of the second round was among them
            keys = set[str]().union(*(found.pop(run_id) for run_id in merged.replaces))
            if merged.run is not None:
                found[merged.run.run_id] = keys
        often = Counter(key for keys in found.values() for key in keys)
        return [
            (run, {order for key in found[run.run_id] if often[key] > 1 for order in self._orders(key)})
            for run in self.runs
            if run.run_id in found
        ]

    def _orders(self, key: str) -> list[bytes]:
        """An object's own, and the prefix of all below it, in each resource of the stream."""
        return [f"{resource}\0{key}{end}".encode() for resource in self.stream.resources for end in ("", "/")]

    @property
    def runs(self) -> list[Run]:
        """All runs of the stream as they stand now: what was merged is replaced by what it was merged into."""
        runs = [*self.older, *self.newer]
        for merged in self.merges:
            replaced = set(merged.replaces)
            at = next(n for n, run in enumerate(runs) if run.run_id in replaced)
            left = [run for run in runs if run.run_id not in replaced]
            runs = [*left[:at], *([merged.run] if merged.run is not None else []), *left[at:]]
        return runs


def harvests(work: Work, parent: Manifest | None) -> list[Harvest]:
    """One for each stream that the job was planned to read. Raises what opening checkpoints raises."""
    before = {state.stream: state for state in parent.streams} if parent is not None else {}
    steps = {step.name: step for step in work.catalog.jobs.steps(work.claim.job_id) if step.phase == Phase.READ}
    bodies: defaultdict[tuple[int, str], list[CheckpointBody]] = defaultdict(list)
    merges: defaultdict[str, list[Merged]] = defaultdict(list)
    for checkpoint in work.catalog.claims.checkpoints(work.claim, step_only=False):
        if checkpoint.phase == Phase.COMPACT:
            merges[checkpoint.stream].append(opened(work, checkpoint, Merged))
        else:
            bodies[checkpoint.phase, checkpoint.stream].append(opened(work, checkpoint, CheckpointBody))
    return [
        Harvest(
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
