"""A worker runs the steps that it knows, and leaves the others to workers of a newer version."""

import pytest

from shared.domain.jobs import JobKind, Phase, StepPlan, is_known, may_run, steps_of

USERS, COMMIT = StepPlan(phase=Phase.READ, name="users"), StepPlan(phase=Phase.COMMIT, name="commit")
COMPACT = StepPlan(phase=Phase.COMPACT, name="compact")
NEW_STREAM, NEW_PHASE = StepPlan(phase=Phase.READ, name="of-a-newer-version"), StepPlan(phase=9, name="report")
SWEEP = StepPlan(phase=1, name="prune")
PLAN = [USERS, COMPACT, COMMIT]


def test_a_planned_job_has_the_steps_of_its_kind_by_phase() -> None:
    backup = steps_of(JobKind.BACKUP)
    assert [step.phase for step in backup] == sorted(step.phase for step in backup)
    assert (backup[0].phase, backup[-2:]) == (Phase.READ, [COMPACT, COMMIT])
    assert steps_of(JobKind.SWEEP) == [SWEEP]
    assert steps_of(JobKind.BROWSE) == steps_of("replicate") == []


@pytest.mark.parametrize("kind", [kind for kind in JobKind if steps_of(kind)])
def test_every_planned_step_is_known_and_may_run(kind: JobKind) -> None:
    plan = steps_of(kind)
    assert all(is_known(kind, step.phase, step.name) and may_run(kind, step, plan) for step in plan)


@pytest.mark.parametrize(
    ("kind", "step", "planned", "runs"),
    [
        (JobKind.BACKUP, USERS, PLAN, True),
        (JobKind.BACKUP, COMMIT, PLAN, True),
        (JobKind.BACKUP, NEW_STREAM, [NEW_STREAM, *PLAN], False),
        (JobKind.BACKUP, USERS, [NEW_STREAM, *PLAN], True),  # a stream's step uses no other step
        (JobKind.BACKUP, COMPACT, [NEW_STREAM, *PLAN], False),
        (JobKind.BACKUP, COMMIT, [NEW_STREAM, *PLAN], False),  # the snapshot would lack the new stream
        (JobKind.BACKUP, USERS, [*PLAN, NEW_PHASE], True),
        (JobKind.BACKUP, COMMIT, [*PLAN, NEW_PHASE], False),
        (JobKind.BACKUP, NEW_PHASE, [*PLAN, NEW_PHASE], False),
        (JobKind.SWEEP, SWEEP, [SWEEP], True),
        (JobKind.SWEEP, StepPlan(phase=1, name="sweep"), [StepPlan(phase=1, name="sweep")], False),
        (JobKind.BROWSE, StepPlan(phase=1, name="browse"), [], False),
        ("replicate", StepPlan(phase=1, name="replicate"), [], False),
    ],
)
def test_a_step_may_run_where_everything_that_it_uses_is_known(
    kind: JobKind | str, step: StepPlan, planned: list[StepPlan], runs: bool
) -> None:
    assert may_run(kind, step, planned) is runs
