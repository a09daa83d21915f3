"""The documents of the fleet: why a tenant is not well, progress in percent, and sums."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from console.documents.fleet import cause_of, protection_document, sums_document
from shared.domain.errors import Answer, Code
from shared.domain.freshness import Freshness
from shared.domain.jobs import JobKind, JobState
from shared.domain.key_health import KeyCondition
from shared.domain.model import KeyMode, ResourceReport
from shared.engine.requests.fleet import FleetEntry, FleetSums, KeyWord, Protection
from shared.ports.catalog.fleet import (
    CompleteOn,
    FleetRow,
    LastBackup,
    NewestSnapshot,
    RunningJob,
    TenantStatus,
)

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def entry(state: Freshness = Freshness.FRESH, key: KeyWord = KeyWord.OK, **row: Any) -> FleetEntry:
    status = TenantStatus(
        tenant_id="t",
        name="contoso",
        cron="0 * * * *",
        timezone="UTC",
        paused=False,
        begun_at=NOW - timedelta(minutes=14, milliseconds=900),
        refused_since=NOW if state is Freshness.HELD else None,
        condition=KeyCondition.OK,
        warnings=0,
        updating=False,
        verified_at=None,
    )
    target = timedelta(minutes=75)
    protection = Protection(status=status, state=state, rpo=timedelta(minutes=14.01), target=target, key=key)
    defaults: dict[str, Any] = {
        "key_mode": KeyMode.CUSTOMER,
        "next_due": NOW,
        "sign_in_expires_at": None,
        "newest": None,
        "last_backup": None,
        "running": [],
    }
    return FleetEntry(protection=protection, row=FleetRow(**{**defaults, **row}))


def backup(state: JobState, code: Code | None = None, message: str | None = None) -> LastBackup:
    return LastBackup(job_id="j", state=state, code=code, message=message, finished_at=NOW)


def newest(*names: str) -> NewestSnapshot:
    lacking = [ResourceReport(resource=name, answer=Answer.FORBIDDEN, records=None) for name in names]
    return NewestSnapshot(snapshot_id="s", created_at=NOW, objects=7, complete=not names, lacking=lacking)


@pytest.mark.parametrize(
    ("shown", "cause"),
    [
        (entry(), None),
        (entry(newest=newest()), None),
        (entry(Freshness.HELD, KeyWord.REVOKED, newest=newest("users")), "its owner must give access back"),
        (entry(key=KeyWord.WARNS, newest=newest("users")), "unless its owner acts"),
        (entry(last_backup=backup(JobState.FAILED, Code.STORE_FULL, "Full.")), "STORE_FULL: Full."),
        (entry(last_backup=backup(JobState.SUCCEEDED_WITH_WARNINGS), newest=newest("users")), "lacks users."),
        (entry(newest=newest("users", "groups")), "lacks users, groups."),
        (entry(newest=newest("users", "groups", "policies")), "lacks users and 2 other resources."),
        (entry(Freshness.NEVER), "request a backup"),
        (entry(Freshness.UNSCHEDULED), "set one"),
        (entry(Freshness.PAUSED), "resume it"),
    ],
)
def test_the_cause_is_the_first_thing_that_somebody_must_change(shown: FleetEntry, cause: str | None) -> None:
    text = cause_of(shown)
    assert text is None if cause is None else cause in (text or "")


def test_a_row_has_times_in_seconds_and_progress_in_percent() -> None:
    def running(steps: int, done: int) -> RunningJob:
        return RunningJob(job_id="j", kind=JobKind.BACKUP, state=JobState.RUNNING, steps=steps, done=done)

    document = protection_document(entry(running=[running(3, 2), running(1, 0), running(0, 0)]))
    assert (document.rpo_seconds, document.rpo_target_seconds) == (840, 4500)
    assert [each.percent for each in document.running] == [66, None, None]
    assert (document.key_mode, document.key_state, document.next) == ("customer", "ok", "2026-11-30T12:00:00.000Z")


def test_sums_name_every_state_and_the_worst_tenant() -> None:
    worst = entry(Freshness.LATE).protection
    sums = FleetSums(
        tenants=3,
        states={state: int(state is Freshness.LATE) for state in Freshness},
        keys=dict.fromkeys(KeyWord, 0),
        worst=worst,
        verified=1,
        oldest_verify=NOW,
    )
    document = sums_document(sums, [CompleteOn(day=date(2026, 11, 30), tenants=2)])
    assert document.states["late"] == 1
    assert set(document.states) == {state.value for state in Freshness}
    assert (document.worst, document.worst_rpo_seconds, document.worst_target_seconds) == ("contoso", 840, 4500)
    assert [(each.day, each.tenants) for each in document.trend] == [("2026-11-30", 2)]
