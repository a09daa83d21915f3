"""The table of job kinds agrees with itself, with the engine and with what other versions store."""

from typing import Any

import pytest

from shared.domain.jobs import (
    FOREGROUND,
    KEY_CHANGES,
    KINDS,
    JobKind,
    Origin,
    Phase,
    QueueName,
    VerifyRequest,
    details_of,
    kind_of,
    needs_key,
    row_of,
    texts_of,
)
from shared.domain.jobs.turns import queue_of
from shared.domain.resources import STREAMS
from shared.engine.jobs.registry import STEPS


def test_every_kind_has_one_row() -> None:
    assert list(KINDS) == list(JobKind)


def test_the_engine_has_a_function_for_every_phase_that_workers_run() -> None:
    assert {kind: set(phases) for kind, phases in STEPS.items()} == {
        kind: set(row.phases) for kind, row in KINDS.items() if row.phases
    }


def test_only_foreground_jobs_have_no_phases_for_workers() -> None:
    assert {kind for kind, row in KINDS.items() if not row.phases} == FOREGROUND


@pytest.mark.parametrize("kind", JobKind)
def test_exclusion_is_mutual(kind: JobKind) -> None:
    group = KINDS[kind].exclusive_with
    assert all(KINDS[each].exclusive_with == group for each in group)
    assert not group or kind in group


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        (JobKind.BACKUP, "backup"),
        (JobKind.DOWNLOAD, "download"),
        (JobKind.BROWSE, "browse"),
        (JobKind.COMPARE, "compare"),
        (JobKind.VERIFY, "verify"),
        (JobKind.KEY_CHECK, "key-check"),
        (JobKind.KEY_ENABLE, "key-enable"),
        (JobKind.KEY_UPDATE, "key-update"),
        (JobKind.SWEEP, "prune"),
        (JobKind.PLAN, "plan"),
        (JobKind.RESTORE, "restore"),
        (JobKind.TENANT_CHECK, "tenant-check"),
    ],
)
def test_the_stored_text_of_a_kind_stays_readable_by_other_versions(kind: JobKind, stored: str) -> None:
    assert KINDS[kind].stored == stored
    assert kind_of(stored) is kind


def test_a_sweep_is_read_under_both_its_names() -> None:
    assert kind_of("sweep") is kind_of("prune") is JobKind.SWEEP
    assert texts_of([JobKind.SWEEP, JobKind.VERIFY]) == ["prune", "sweep", "verify"]


def test_an_unknown_kind_is_its_text() -> None:
    assert kind_of("replicate") == "replicate"
    assert row_of("replicate") is None
    assert row_of("backup") is None, "a text is not the kind"


@pytest.mark.parametrize(
    ("kind", "origin", "queue"),
    [
        (JobKind.BACKUP, Origin.HAND, QueueName.MANUAL),
        (JobKind.SWEEP, Origin.HAND, QueueName.MANUAL),
        (JobKind.BACKUP, Origin.SCHEDULE, QueueName.BACKUP),
        (JobKind.SWEEP, Origin.SCHEDULE, QueueName.UPKEEP),
        (JobKind.VERIFY, Origin.SCHEDULE, QueueName.UPKEEP),
    ],
)
def test_a_job_has_the_queue_of_its_kind_unless_a_person_requested_it(
    kind: JobKind, origin: Origin, queue: QueueName
) -> None:
    assert queue_of(kind, origin) is queue


@pytest.mark.parametrize(
    ("kind", "stored", "needed"),
    [
        (JobKind.BACKUP, None, True),
        (JobKind.DOWNLOAD, None, True),
        (JobKind.VERIFY, None, True),
        (JobKind.VERIFY, {"shallow": False}, True),
        (JobKind.VERIFY, {"shallow": True}, False),
        (JobKind.KEY_UPDATE, {"arn": "arn", "shallow": True}, True),
        (JobKind.KEY_CHECK, None, True),
        (JobKind.SWEEP, None, False),
        ("replicate", None, True),
    ],
)
def test_a_job_needs_a_key_unless_it_opens_nothing(kind: JobKind | str, stored: Any, needed: bool) -> None:
    assert needs_key(kind, details_of(kind, stored)) is needed


def test_details_of_a_request_without_options_are_the_defaults() -> None:
    assert details_of(JobKind.VERIFY, None) == VerifyRequest(shallow=False)
    assert details_of(JobKind.KEY_CHECK, None) is None
    assert details_of("replicate", {"plan": 1}) is None


def test_a_backup_reads_every_stream_and_only_delta_streams_twice() -> None:
    phases = KINDS[JobKind.BACKUP].phases
    assert phases[Phase.READ].steps == tuple(STREAMS)
    assert set(phases[Phase.SECOND_ROUND].steps) < set(STREAMS)
    assert [number for number, phase in phases.items() if phase.may_fail] == [Phase.READ]


def test_backups_key_changes_plans_and_restores_may_be_retried() -> None:
    retried = {kind for kind, row in KINDS.items() if row.may_retry}
    assert retried == {JobKind.BACKUP, *KEY_CHANGES, JobKind.PLAN, JobKind.RESTORE}
