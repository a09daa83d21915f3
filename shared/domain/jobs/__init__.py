"""Jobs: their kinds, states and steps. Ids are random UUIDs in lower case; times are aware datetimes in UTC."""

from shared.domain.jobs.job import Job, Origin
from shared.domain.jobs.kinds import FOREGROUND, JobKind, exclusive_kinds
from shared.domain.jobs.states import JOB_MOVES, JobState, StepState
from shared.domain.jobs.steps import Claim, Phase, ResourceProgress, Step, StepPlan, StepRef, Trouble

__all__ = [
    "FOREGROUND",
    "JOB_MOVES",
    "Claim",
    "Job",
    "JobKind",
    "JobState",
    "Origin",
    "Phase",
    "ResourceProgress",
    "Step",
    "StepPlan",
    "StepRef",
    "StepState",
    "Trouble",
    "exclusive_kinds",
]
