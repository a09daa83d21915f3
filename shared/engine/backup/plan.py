"""The steps of a backup."""

from shared.domain.jobs import Phase, StepPlan
from shared.domain.resources import STREAMS, Reading
from shared.engine.backup.compact import COMPACT

COMMIT = "commit"


def backup_steps() -> list[StepPlan]:
    """Return the steps: one for each stream, a second round for each delta stream, one compaction and one commit."""
    second = [stream.name for stream in STREAMS.values() if stream.reading is Reading.DELTA]
    return [
        *(StepPlan(phase=Phase.READ, name=name) for name in STREAMS),
        *(StepPlan(phase=Phase.SECOND_ROUND, name=name) for name in second),
        StepPlan(phase=Phase.COMPACT, name=COMPACT),
        StepPlan(phase=Phase.COMMIT, name=COMMIT),
    ]
