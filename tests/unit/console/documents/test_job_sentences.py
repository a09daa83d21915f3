"""Sentences and steps of jobs."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from console.documents.job_sentences import sentence_of
from console.documents.results import job_details
from shared.domain.errors import Answer, Code
from shared.domain.jobs import (
    Check,
    DamagedBlob,
    Details,
    Job,
    JobKind,
    JobState,
    KeyChangeProgress,
    KeyChecks,
    Origin,
    PlanProgress,
    RecordsShown,
    ResourceProgress,
    RestoreProgress,
    Step,
    StepState,
    SweepResult,
    Trouble,
    VerifyResult,
)
from shared.domain.model import ResourceReport, Snapshot

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DONE, RUNNING, QUEUED = StepState.DONE, StepState.RUNNING, StepState.QUEUED


def job(state: JobState, kind: JobKind | str = JobKind.BACKUP, detail: Details | None = None, **values: Any) -> Job:
    """Return a job, which took 131 seconds if it has ended."""
    ended = NOW + timedelta(seconds=131) if state.ended else None
    fields = {"created_at": NOW, "started_at": NOW, "finished_at": ended, **values}
    return Job(job_id="j", tenant_id="t", kind=kind, state=state, origin=Origin.HAND, detail=detail, **fields)


def step(phase: int, name: str, state: StepState, records: int = 0, **values: Any) -> Step:
    progress = [ResourceProgress(resource=name, records=records, changed=0)] if records else []
    began = None if state is QUEUED else NOW
    return Step(
        step_id=f"{phase}-{name}", phase=phase, name=name, state=state, progress=progress, began_at=began, **values
    )


def snapshot(*reports: ResourceReport, parent: str | None = "p") -> Snapshot:
    return Snapshot(
        snapshot_id="s",
        job_id="j",
        parent=parent,
        created_at=NOW,
        manifest_sha256="",
        data_key_id="k",
        objects=1200,
        links=1,
        complete=True,
        resources=list(reports),
    )


def report(name: str, answer: Answer = Answer.WHOLE, changed: int | None = 0) -> ResourceReport:
    known = {"added": 0, "removed": 0, "changed": changed} if changed is not None else {}
    return ResourceReport(resource=name, answer=answer, records=5, **known)


READING = [step(1, "users", DONE, 600_000), step(1, "groups", RUNNING, 12_004), step(2, "users", QUEUED)]


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        (READING, "Reading the directory: 1 of 2 streams done, 612,004 records so far."),
        (
            [step(1, "users", DONE), step(2, "users", RUNNING), step(3, "compact", QUEUED)],
            "Reading what changed meanwhile: 0 of 1 stream done.",
        ),
        ([step(2, "users", DONE), step(3, "compact", RUNNING)], "Merging small runs."),
        ([step(3, "compact", DONE), step(4, "commit", RUNNING)], "Storing the snapshot."),
    ],
)
def test_a_running_backup_says_what_it_does(steps: list[Step], sentence: str) -> None:
    assert sentence_of(job(JobState.RUNNING), steps) == sentence


@pytest.mark.parametrize(
    ("kind", "detail", "steps", "sentence"),
    [
        (JobKind.VERIFY, None, [], "The verify runs."),
        ("teleport", None, [], "The teleport runs."),
        (JobKind.BACKUP, None, [], "The backup runs."),
        (JobKind.KEY_CHECK, KeyChecks(arn="a"), [], "Checking the key: 0 checks made."),
        (JobKind.KEY_UPDATE, KeyChangeProgress(arn="a"), [], "Checking the key."),
        (
            JobKind.KEY_ENABLE,
            KeyChangeProgress(arn="a", moved=412, to_move=88),
            [],
            "Moving data keys: 412 of 500 data keys moved.",
        ),
        (
            JobKind.RESTORE,
            RestoreProgress(operations=20, done=3, partly=1, failed=1),
            [step(2, "write", RUNNING)],
            "Writing: 5 of 20 operations.",
        ),
        (JobKind.PLAN, PlanProgress(backup="b"), [], "Backing up the directory (job b), then planning."),
    ],
)
def test_other_running_jobs_say_what_they_do(
    kind: JobKind | str, detail: Details | None, steps: list[Step], sentence: str
) -> None:
    assert sentence_of(job(JobState.RUNNING, kind, detail), steps) == sentence


def test_a_queued_job_says_what_it_waits_for() -> None:
    assert sentence_of(job(JobState.QUEUED), []) == "Waits for its turn."
    assert sentence_of(job(JobState.QUEUED), [step(1, "users", QUEUED)]) == "Waits for a worker."


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (snapshot(report("users", changed=3410)), "3,410 changed, in 2 min 11 s."),
        (snapshot(report("users")), "Nothing changed, in 2 min 11 s."),
        (snapshot(report("users", changed=None)), "1,200 objects stored, in 2 min 11 s."),
        (snapshot(parent=None), "1,200 objects and 1 link in the first snapshot, in 2 min 11 s."),
        (
            snapshot(report("users", changed=1), report("roles", Answer.FORBIDDEN, None)),
            "1 changed; 1 resource unknown; 1 resource not read whole, in 2 min 11 s.",
        ),
        (None, "Succeeded, in 2 min 11 s."),
    ],
)
def test_a_backup_that_succeeded_says_what_it_found(made: Snapshot | None, sentence: str) -> None:
    assert sentence_of(job(JobState.SUCCEEDED), [], made) == sentence


@pytest.mark.parametrize(
    ("detail", "sentence"),
    [
        (VerifyResult(snapshots=1, blobs=3, damaged=[]), "Verified 3 blobs in 1 snapshot: all intact"),
        (
            VerifyResult(snapshots=1, blobs=3, damaged=[DamagedBlob("b", None, "BLOB_MISSING")]),
            "Verified 3 blobs in 1 snapshot: 1 blob damaged",
        ),
        (RestoreProgress(done=4, failed=1), "Restored: 4 operations done, 1 failed"),
        (PlanProgress(operations=4, impossible=2), "Planned 4 operations; 2 cannot be restored"),
        (KeyChangeProgress(arn="a", moved=1), "Moved 1 data key"),
        (KeyChecks(arn="a", checks=[Check(check="form", outcome="passed")]), "The key passed 1 check"),
        (SweepResult(removed=2), "Removed 2 blobs"),
        (RecordsShown(records=2), "Showed 2 records"),
        (None, "Succeeded"),
    ],
)
def test_other_jobs_that_succeeded_say_what_they_did(detail: Details | None, sentence: str) -> None:
    assert sentence_of(job(JobState.SUCCEEDED, JobKind.VERIFY, detail), []) == f"{sentence}, in 2 min 11 s."


def test_a_job_that_failed_or_was_cancelled_says_after_what_time() -> None:
    failed = job(JobState.FAILED, code=Code.STORE_FULL, message="The disk is full.")
    assert sentence_of(failed, []) == "Failed after 2 min 11 s."
    assert sentence_of(job(JobState.CANCELLED, started_at=None), []) == "Cancelled before it began."


def test_the_document_counts_the_steps_of_each_phase() -> None:
    trouble = Trouble(code=Code.GRAPH_UNREACHABLE, message="Silent.", since=NOW, retry_at=NOW)
    steps = [
        step(1, "groups", DONE, answer=Answer.FORBIDDEN, request_id="7d1"),
        step(1, "users", QUEUED, 7, trouble=trouble),
        step(2, "users", QUEUED),
    ]
    document = job_details(job(JobState.RUNNING), "contoso", steps)
    phases = [(each.name, each.steps, each.done, each.running, each.troubled) for each in document.phases]
    assert phases == [("read", 2, 1, 0, 2), ("second round", 1, 0, 0, 0)]
    forbidden, waiting, _ = document.steps
    assert (forbidden.id, forbidden.answer, forbidden.request_id, forbidden.code) == (
        "1-groups",
        "forbidden",
        "7d1",
        None,
    )
    assert (waiting.records, waiting.code, waiting.message) == (7, "GRAPH_UNREACHABLE", "Silent.")
    assert (document.origin, document.due_at) == (Origin.HAND, None)


def test_an_ended_job_waits_for_nothing() -> None:
    trouble = Trouble(code=Code.GRAPH_UNREACHABLE, message="Silent.", since=NOW, retry_at=NOW)
    waiting: Sequence[Step] = [step(1, "users", QUEUED, trouble=trouble)]
    assert job_details(job(JobState.FAILED), "contoso", waiting).steps[0].code is None


def test_steps_that_the_end_of_a_job_ended_are_not_done() -> None:
    failed = job(JobState.FAILED)
    ended = {"ended_at": failed.finished_at}
    steps = [
        step(1, "groups", DONE, answer=Answer.WHOLE, ended_at=NOW),
        step(1, "users", DONE, **ended),
        msgspec.structs.replace(step(2, "users", DONE, **ended), began_at=None),
    ]
    document = job_details(failed, "contoso", steps)
    assert [each.state for each in document.steps] == ["done", "stopped", "not_started"]
    assert [(each.done, each.steps) for each in document.phases] == [(1, 2), (0, 1)]


def test_the_phases_of_an_unknown_kind_have_numbers() -> None:
    unknown = msgspec.structs.replace(job(JobState.RUNNING), kind="teleport")
    assert job_details(unknown, "contoso", [step(3, "x", RUNNING)]).phases[0].name == "3"
