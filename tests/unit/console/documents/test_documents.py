"""The JSON documents have the fields that scripts depend on."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from console.cli.key import key_fields
from console.cli.tables import fields_of
from console.documents.key_jobs import key_job_of
from console.documents.keys import key_document
from console.documents.resources import protected_resources
from console.documents.results import job_with_results
from console.documents.schedules import schedule_details, schedule_document
from console.documents.times import moment
from shared.domain.errors import Answer, Code
from shared.domain.jobs import (
    Check,
    DamagedBlob,
    Job,
    JobKind,
    JobState,
    KeyAnswer,
    KeyChangeProgress,
    KeyChecks,
    Origin,
    ResourceProgress,
    Step,
    StepState,
    SweepResult,
    Trouble,
    VerifyResult,
)
from shared.domain.key_health import KeyCondition, KeyEvent, KeyHealth, KeyWarning
from shared.domain.model import KeyMode, Refusal, Schedule, Tenant
from shared.domain.trust import Untrusted
from shared.ports.catalog.keys import KeyState

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ARN = "arn:aws:kms:eu-central-1:111122223333:key/one"
JOB = Job(job_id="j", tenant_id="t", kind=JobKind.BACKUP, state=JobState.RUNNING, origin=Origin.HAND, created_at=NOW)
TENANT = Tenant(
    tenant_id="t",
    name="contoso",
    directory_id="d",
    client_id="c",
    created_at=NOW,
    key_mode=KeyMode.PROVIDER,
    key_arn=ARN,
    key_epoch=1,
)


def step(phase: int, name: str, state: StepState, *progress: ResourceProgress, began: bool = True) -> Step:
    """Return a step that, if done, has succeeded."""
    return Step(
        step_id="s",
        phase=phase,
        name=name,
        state=state,
        answer=Answer.WHOLE if state is StepState.DONE else None,
        began_at=NOW if began else None,
        progress=list(progress),
    )


def results(job: Job, tenant: str, steps: Sequence[Step]) -> dict[str, Any]:
    """Return the fields of the document of a job with its results."""
    return fields_of(job_with_results(job, tenant, steps))


def test_times_are_rfc_3339_in_utc() -> None:
    assert moment(NOW.astimezone(timezone(timedelta(hours=2)))) == "2026-05-01T12:00:00.000Z"
    assert moment(None) is None


def test_a_job_has_its_fields() -> None:
    document = results(JOB, "contoso", [])
    assert list(document) == [
        *("id", "tenant", "kind", "state", "code", "message", "created_at", "started_at", "finished_at", "snapshot"),
        "resources",
    ]


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([], "queued"),
        ([step(1, "users", StepState.QUEUED, began=False)], "queued"),
        ([step(1, "users", StepState.RUNNING)], "reading"),
        ([step(1, "users", StepState.DONE), step(2, "users", StepState.QUEUED, began=False)], "reading"),
        ([step(1, "users", StepState.DONE), step(2, "users", StepState.DONE)], "done"),
    ],
)
def test_a_resource_is_done_when_every_round_of_its_stream_is_done(steps: list[Step], state: str) -> None:
    states = {row["resource"]: row["state"] for row in results(JOB, "contoso", steps)["resources"]}
    assert (states["users"], states["users.manager"]) == (state, state)


def test_once_a_job_is_planned_only_the_resources_that_it_reads_are_listed() -> None:
    planned = results(JOB, "contoso", [step(1, "users", StepState.QUEUED, began=False)])["resources"]
    assert [row["resource"] for row in planned] == ["users", "users.manager"]
    assert {"groups", "users"} < {row["resource"] for row in results(JOB, "contoso", [])["resources"]}


def test_rounds_of_a_resource_are_counted_together() -> None:
    rounds = [
        ResourceProgress(resource="users", records=records, changed=changed) for records, changed in ((5, 6), (1, 2))
    ]
    steps = [step(1, "users", StepState.DONE, rounds[0]), step(2, "users", StepState.RUNNING, rounds[1])]
    row = results(JOB, "contoso", steps)["resources"][0]
    assert row == {
        "resource": "users",
        "state": "reading",
        "records": 6,
        "changed": 8,
        "answer": "whole",
        "changes": None,
    }


def test_a_resource_unknown_to_this_version_is_listed_last() -> None:
    progress = ResourceProgress(resource="devices.owners", records=5, changed=6)
    row = results(JOB, "contoso", [step(1, "devices", StepState.DONE, progress)])["resources"][-1]
    assert row == {
        "resource": "devices.owners",
        "state": "done",
        "records": 5,
        "changed": 6,
        "answer": "whole",
        "changes": None,
    }


def test_a_resource_that_a_failed_job_did_not_read_is_not_done() -> None:
    """The end of a job ends its steps. Their unread data are missing and are no longer read."""
    ended = msgspec.structs.replace(step(1, "users", StepState.DONE), answer=None)
    waiting = msgspec.structs.replace(step(1, "organization", StepState.DONE, began=False), answer=None)
    for state in (JobState.FAILED, JobState.CANCELLED):
        steps = [ended, step(1, "groups", StepState.DONE), waiting]
        document = results(msgspec.structs.replace(JOB, state=state), "contoso", steps)
        states = {row["resource"]: row["state"] for row in document["resources"]}
        assert [states[name] for name in ("users", "groups", "organization")] == ["stopped", "done", "not_started"]
        assert not {"reading", "queued"} & set(states.values())
        assert document["resources"][0]["answer"] is None


def test_a_waiting_job_shows_why_since_when_and_until_when() -> None:
    trouble = Trouble(
        code=Code.GRAPH_UNREACHABLE, message="Graph is silent.", since=NOW, retry_at=NOW + timedelta(seconds=5)
    )
    waiting = msgspec.structs.replace(step(1, "users", StepState.QUEUED), trouble=trouble)
    document = results(JOB, "contoso", [step(1, "groups", StepState.RUNNING), waiting])
    assert document["code"] == "GRAPH_UNREACHABLE"
    assert document["message"] == (
        "Graph is silent. Waiting since 2026-05-01T12:00:00Z, next retry at 2026-05-01T12:00:05Z."
    )
    ended = msgspec.structs.replace(JOB, state=JobState.SUCCEEDED)
    assert results(ended, "contoso", [waiting])["code"] is None


def test_the_damage_reported_by_a_verify_is_shown() -> None:
    damaged = [{"blob": "b", "resource": "users", "reason": "BLOB_MISSING"}]
    job = msgspec.structs.replace(
        JOB,
        kind=JobKind.VERIFY,
        detail=VerifyResult(snapshots=1, blobs=2, damaged=[DamagedBlob(**each) for each in damaged]),
    )
    document = results(job, "contoso", [])
    assert document["damaged"] == damaged
    assert "strays" not in document


def test_strays_skipped_by_a_sweep_are_shown() -> None:
    job = msgspec.structs.replace(JOB, kind=JobKind.SWEEP, detail=SweepResult(removed=0, strays=["t/README"]))
    assert results(job, "contoso", [])["strays"] == ["t/README"]


def test_a_paused_schedule_has_no_next_time() -> None:
    schedule = Schedule(cron="0 3 * * *", timezone="Europe/Berlin", paused=True, next_due=None)
    assert fields_of(schedule_document(schedule)) == {
        "cron": "0 3 * * *",
        "timezone": "Europe/Berlin",
        "paused": True,
        "next": None,
    }


def test_a_schedule_is_shown_with_its_next_runs_in_both_zones() -> None:
    schedule = Schedule(cron="0 */6 * * *", timezone="Europe/Berlin", paused=True, next_due=None)
    runs = schedule_details(schedule, datetime(2026, 11, 29, 8, 14, tzinfo=UTC)).runs
    assert (runs.words, runs.longest_gap_seconds, len(runs.next)) == ("At minute 0 past every sixth hour", 21600, 10)
    assert (runs.next[0].at, runs.next[0].local) == ("2026-11-29T11:00:00.000Z", "2026-11-29T12:00:00+01:00")


@pytest.mark.parametrize(
    ("cron", "zone", "sentence"),
    [
        (
            "30 2 * * *",
            "Europe/Berlin",
            "28 March 2027: clocks go forward from 02:00 to 03:00. 02:30 does not exist: the backup runs at 03:00.",
        ),
        ("0,30 2 * * *", "Europe/Berlin", "02:00 and 02:30 do not exist: one backup runs at 03:00 instead."),
        (
            "0 */2 * * *",
            "Europe/Berlin",
            "02:00 does not exist: its backup is left out, and the next one runs at 04:00.",
        ),
        ("*/5 * * * *", "Europe/Berlin", "12 due times from 02:00 to 02:55 do not exist: their backups are left out"),
        (
            "0 */1 5 9 *",
            "America/Santiago",
            "5 September 2027: clocks go forward from 00:00 to 01:00. 00:00 does not exist: its backup is left out",
        ),
        ("30 2 * * *", "Europe/Berlin", "02:30 occurs twice: a backup runs the first time only."),
        ("*/30 * * * *", "Europe/Berlin", "02:00 and 02:30 occur twice: a backup runs both times."),
        ("0 12 * * *", "Europe/Berlin", "clocks go back from 03:00 to 02:00. No backup is affected."),
        ("0 2 28 3 *", "Europe/Berlin", "02:00 does not exist: the backup runs at 03:00."),
    ],
)
def test_a_clock_change_is_explained_in_a_sentence(cron: str, zone: str, sentence: str) -> None:
    schedule = Schedule(cron=cron, timezone=zone, paused=False, next_due=None)
    changes = schedule_details(schedule, datetime(2026, 11, 29, tzinfo=UTC)).runs.clock_changes
    assert sentence in " ".join(change.message for change in changes)


def test_resources_are_shown_with_their_requests_to_graph() -> None:
    rows = {row.resource: fields_of(row) for row in protected_resources()}
    assert list(rows["users"]) == [
        *("resource", "family", "api", "path", "delta", "select"),
        *("permission_read", "permission_write", "licence", "restore", "properties", "volatile"),
    ]
    assert rows["users"]["delta"] is True
    assert rows["users"]["select"][-1] == "manager"
    assert rows["organization"]["delta"] is False


WELL = KeyHealth(arn=ARN, condition=KeyCondition.OK, since=NOW)
NOTHING = KeyState(refusal=None, unreachable=None, data_keys={})


def document_of_key(keys: KeyState = NOTHING, health: KeyHealth = WELL, *history: KeyEvent) -> dict[str, Any]:
    """Return the fields of the document of the tenant's key."""
    return fields_of(key_document(TENANT, keys, health, history))


def test_a_refused_key_is_shown_as_revoked_with_its_date_and_the_action_for_its_owner() -> None:
    since = NOW + timedelta(hours=1)
    refusal = Refusal(arn=ARN, at=NOW + timedelta(hours=2), since=since, message="Refused.")
    assert document_of_key(KeyState(refusal=refusal, unreachable=NOW, data_keys={ARN: 2})) == {
        "mode": "provider",
        "state": "revoked",
        "arn": ARN,
        "since": "2026-05-01T13:00:00.000Z",
        "account": "111122223333",
        "data_keys": {ARN: 2},
        "old_key_free": None,
        "code": Code.KEY_ACCESS_REVOKED,
        "message": "Refused.",
        "checked_at": None,
        "warnings": [],
        "history": [],
        "untrusted": [],
        "allowed_since": None,
        "agreed": None,
        "change": None,
    }
    silent = document_of_key(KeyState(refusal=None, unreachable=since, data_keys={}))
    assert (silent["state"], silent["since"]) == ("unreachable", "2026-05-01T13:00:00.000Z")
    assert silent["code"] == Code.KEY_UNREACHABLE
    assert (document_of_key()["state"], document_of_key()["code"], document_of_key()["message"]) == ("ok", None, None)


@pytest.mark.parametrize(
    "condition", [KeyCondition.MISCONFIGURED, KeyCondition.DAMAGED, KeyCondition.UNREACHABLE, KeyCondition.OK]
)
def test_probes_determine_the_state_of_a_key_that_no_job_was_refused(condition: KeyCondition) -> None:
    since = NOW + timedelta(hours=3)
    document = document_of_key(health=KeyHealth(arn=ARN, condition=condition, since=since, checked_at=since))
    assert (document["state"], document["since"]) == (condition, "2026-05-01T15:00:00.000Z")
    assert document["checked_at"] == "2026-05-01T15:00:00.000Z"


def test_a_refusal_ends_when_a_job_succeeds_and_not_only_at_the_next_probe() -> None:
    probed = KeyHealth(arn=ARN, condition=KeyCondition.REVOKED, since=NOW + timedelta(hours=3))
    assert (document_of_key(health=probed)["state"], document_of_key(health=probed)["since"]) == ("ok", moment(NOW))


def test_warnings_and_history_are_shown_with_their_dates() -> None:
    warning = KeyWarning(warning="deletion", message="It will be deleted.", at=NOW)
    expected = {"warning": "deletion", "message": "It will be deleted.", "at": "2026-05-01T12:00:00.000Z"}
    event = KeyEvent(
        number=3,
        at=NOW,
        arn=ARN,
        condition=KeyCondition.REVOKED,
        code=Code.KEY_ACCESS_REVOKED,
        message="Refused.",
        warnings=[warning],
    )
    document = document_of_key(
        NOTHING, KeyHealth(arn=ARN, condition=KeyCondition.OK, since=NOW, warnings=[warning]), event
    )
    assert document["warnings"] == [expected]
    assert document["history"] == [
        {
            "at": "2026-05-01T12:00:00.000Z",
            "state": "revoked",
            "code": "KEY_ACCESS_REVOKED",
            "message": "Refused.",
            "arn": ARN,
            "warnings": [expected],
        }
    ]


def test_a_changing_key_is_shown_as_updating_since_the_switch() -> None:
    keys = KeyState(
        refusal=None, unreachable=None, data_keys={ARN: 1}, switched_at=NOW, updating=True, old_key_free=False
    )
    document = document_of_key(keys)
    assert (document["state"], document["since"], document["old_key_free"]) == ("updating", moment(NOW), False)


def test_a_job_that_checks_or_changes_a_key_shows_its_progress() -> None:
    checks = [{"check": "form", "outcome": "passed", "message": None}]
    check = msgspec.structs.replace(
        JOB, kind=JobKind.KEY_CHECK, detail=KeyChecks(arn=ARN, checks=[Check(**each) for each in checks])
    )
    validation, change = (
        key_job_of(check),
        key_job_of(msgspec.structs.replace(JOB, kind=JobKind.KEY_ENABLE, detail=KeyChangeProgress(arn=ARN))),
    )
    assert validation is not None
    assert change is not None
    assert fields_of(validation) == {"arn": ARN, "checks": checks}
    fields = {"before": None, "moved": 0, "to_move": 0, "snapshots": [], "left": [], "database": None}
    assert fields_of(change) == {"arn": ARN, **fields}
    assert key_job_of(msgspec.structs.replace(JOB, kind=JobKind.KEY_CHECK, detail=KeyAnswer(state="ok"))) is None


@pytest.mark.parametrize("free", [True, False, None])
def test_the_key_document_says_whether_the_previous_key_is_still_needed(free: bool | None) -> None:
    keys = KeyState(refusal=None, unreachable=None, data_keys={ARN: 1}, old_key_free=free)
    shown_fields = dict(key_fields(key_document(TENANT, keys, WELL, ())))
    assert shown_fields["old_key_free"] is free
    assert (shown_fields["data_keys"], shown_fields["warnings"]) == (f"1 under {ARN}", None)


def test_objects_under_untrusted_keys_are_shown_with_account_and_region() -> None:
    untrusted = Untrusted(arn=ARN, data_keys=2, manifests=0, found_at=NOW)
    document = key_document(TENANT, NOTHING, WELL, (), [untrusted])
    assert fields_of(document)["untrusted"] == [
        {
            "arn": ARN,
            "account": "111122223333",
            "region": "eu-central-1",
            "data_keys": 2,
            "manifests": 0,
            "found_at": "2026-05-01T12:00:00.000Z",
        }
    ]
    expected = f"2 data keys under {ARN} (account 111122223333, Region eu-central-1), found 2026-05-01T12:00:00Z"
    assert dict(key_fields(document))["untrusted"] == expected
