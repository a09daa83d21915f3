"""States of jobs and their legal transitions."""

from shared.domain.jobs import JOB_MOVES, JobState


def test_an_ended_job_never_changes_its_state() -> None:
    assert {state for state in JobState if not JOB_MOVES[state]} == {state for state in JobState if state.ended}


def test_every_state_except_the_first_is_reachable() -> None:
    reached = set().union(*JOB_MOVES.values())
    assert reached == set(JobState) - {JobState.QUEUED}
