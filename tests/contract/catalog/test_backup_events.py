"""Backups that fail, are late or recover: events delivered in order, and log lines about the end of jobs."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.backup_health import BackupEvent, BackupState
from shared.domain.errors import Code
from shared.domain.jobs import JobKind, JobState, ResourceProgress
from shared.domain.key_health import KeyCondition
from shared.domain.model import Schedule
from shared.ports.catalog.key_health import DueNotice, ProbeOutcome
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import VERIFY, World, snapshot

HOUR = 3600.0
REVOKED = ProbeOutcome(
    arn="arn:aws:kms:eu-central-1:111122223333:key/provider",
    condition=KeyCondition.REVOKED,
    code=Code.KEY_ACCESS_REVOKED,
    message="Refused.",
    result=KeyCondition.REVOKED,
)


def fail_backup(world: World, tenant: TenantCatalog) -> str:
    job, claim = world.to_commit(tenant)
    tenant.claims.fail(claim, Code.GRAPH_FORBIDDEN, "Grant the permissions.")
    return job.job_id


def delivered_notices(world: World) -> list[DueNotice]:
    """Deliver all due notices and return them in order."""
    delivered: list[DueNotice] = []
    while due := world.catalog.probes().due_notices(10, 60):
        for notice in due:
            world.catalog.probes().mark_delivered(notice, "200")
        delivered += due
    return delivered


def states(world: World) -> list[tuple[str, BackupState]]:
    return [(each.tenant, each.event.state) for each in delivered_notices(world) if isinstance(each.event, BackupEvent)]


def schedule(tenant: TenantCatalog, *, ago: float, paused: bool = False) -> None:
    due = datetime.now(UTC) - timedelta(seconds=ago)
    tenant.schedules.set(Schedule(cron="0 * * * *", timezone="UTC", paused=paused, next_due=due))


def test_a_failed_backup_is_reported_with_its_job_and_code(world: World, acme: TenantCatalog) -> None:
    job_id = fail_backup(world, acme)
    (notice,) = delivered_notices(world)
    event = notice.event
    assert isinstance(event, BackupEvent)
    assert (event.state, event.job_id, event.code) == (BackupState.FAILED, job_id, Code.GRAPH_FORBIDDEN)
    assert event.message == "Grant the permissions."


def test_each_failure_is_reported_and_the_recovery_once(world: World, acme: TenantCatalog) -> None:
    world.backed_up(acme)
    assert states(world) == []
    fail_backup(world, acme)
    fail_backup(world, acme)
    world.backed_up(acme)
    world.backed_up(acme)
    assert states(world) == [
        ("acme", BackupState.FAILED),
        ("acme", BackupState.FAILED),
        ("acme", BackupState.RECOVERED),
    ]


def test_other_jobs_and_cancelled_backups_are_not_reported(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme, VERIFY, kind=JobKind.VERIFY)
    acme.claims.fail(world.claim(acme, job, "verify"), Code.BLOB_DAMAGED, "Damaged.")
    acme.jobs.cancel(world.planned(acme).job_id)
    assert delivered_notices(world) == []


def test_a_missed_due_time_is_reported_late_once_until_a_backup_recovers(world: World, acme: TenantCatalog) -> None:
    schedule(acme, ago=HOUR - 60)
    assert world.scheduler.note_late(HOUR) == 0
    schedule(acme, ago=HOUR + 60)
    assert [world.scheduler.note_late(HOUR) for _ in range(2)] == [1, 0]
    fail_backup(world, acme)
    assert world.scheduler.note_late(HOUR) == 0
    world.backed_up(acme)
    assert world.scheduler.note_late(HOUR) == 1
    assert [state for _, state in states(world)] == [
        BackupState.LATE,
        BackupState.FAILED,
        BackupState.RECOVERED,
        BackupState.LATE,
    ]


@pytest.mark.postgresql
def test_an_unfinished_scheduled_backup_is_reported_late(world: World, acme: TenantCatalog) -> None:
    schedule(acme, ago=HOUR + 60)
    (due,) = world.scheduler.due(datetime.now(UTC))
    assert world.scheduler.make_due(due, datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC))
    assert world.scheduler.note_late(HOUR) == 1
    (notice,) = delivered_notices(world)
    assert isinstance(notice.event, BackupEvent)
    assert notice.event.job_id == acme.jobs.recent()[0].job_id


def test_a_paused_schedule_is_never_late(world: World, acme: TenantCatalog) -> None:
    schedule(acme, ago=10 * HOUR, paused=True)
    assert world.scheduler.note_late(HOUR) == 0


@pytest.mark.postgresql
def test_key_events_and_backup_events_are_delivered_independently_and_in_order(
    world: World, acme: TenantCatalog
) -> None:
    world.probed(acme, REVOKED, notify=True)
    fail_backup(world, acme)
    first = world.catalog.probes().due_notices(10, 60)
    assert {type(each.event).__name__ for each in first} == {"KeyEvent", "BackupEvent"}
    for notice in first:
        world.catalog.probes().retry_delivery(notice, "503", 5)
    fail_backup(world, acme)
    assert world.catalog.probes().due_notices(10, 60) == []
    world.pass_time(6)
    assert [each.tries for each in world.catalog.probes().due_notices(10, 60)] == [2, 2]


@pytest.mark.postgresql
def test_removing_a_tenant_removes_its_backup_events(world: World, acme: TenantCatalog) -> None:
    fail_backup(world, acme)
    acme.remove()
    assert world.count("backup_events") == 0


def job_end_records(caplog: pytest.LogCaptureFixture) -> list[tuple[int, dict[str, Any]]]:
    records = [record for record in caplog.records if record.name == "shared.adapters.catalog.job_log"]
    return [(record.levelno, vars(record)) for record in records]


def test_a_failed_job_is_logged_as_an_error_with_the_tenants_name(
    world: World, acme: TenantCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    job_id = fail_backup(world, acme)
    ((level, line),) = job_end_records(caplog)
    assert (level, line["tenant"], line["job"], line["code"]) == (logging.ERROR, "acme", job_id, Code.GRAPH_FORBIDDEN)
    assert line["message"] == "backup failed: GRAPH_FORBIDDEN: Grant the permissions."


@pytest.mark.postgresql
def test_a_finished_job_is_logged_with_counts_snapshot_and_duration(
    world: World, acme: TenantCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    job, claim = world.to_commit(acme)
    acme.claims.renew(claim, [ResourceProgress(resource="users", records=5, changed=3)])
    world.pass_time(8)
    claim = world.claim(acme, job, "commit") if world.scheduler.expire(9) else claim
    new_snapshot = snapshot(job)
    acme.claims.commit(claim, new_snapshot, [], JobState.SUCCEEDED, None)
    ((level, line),) = job_end_records(caplog)
    assert (level, line["snapshot"], line["objects"], line["links"]) == (
        logging.INFO,
        new_snapshot.snapshot_id,
        3_000_000_000,
        2,
    )
    assert line["changed"] == 3
    assert 8 <= line["seconds"] < 60


def test_an_uncommitted_job_end_is_not_logged(
    world: World, acme: TenantCatalog, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    _, claim = world.to_commit(acme)
    monkeypatch.setattr("shared.adapters.catalog.job_writes.note_end", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        acme.claims.fail(claim, Code.GRAPH_FORBIDDEN, "Grant the permissions.")
    assert job_end_records(caplog) == []


def expire(world: World, tenant: TenantCatalog, *, days: float) -> None:
    """Let the credential expire this many days from now."""
    world.change("tenants", sign_in_expires_at=datetime.now(UTC) + timedelta(days=days))
    assert tenant.tenant().sign_in_expires_at is not None


def test_an_expiring_secret_is_reported_30_7_and_1_days_before_and_after_its_expiry(
    world: World, acme: TenantCatalog
) -> None:
    assert world.scheduler.note_expiring() == 0  # the expiry is unknown
    expire(world, acme, days=31)
    assert world.scheduler.note_expiring() == 0
    world.pass_time(2 * 86400)
    for days in (23, 5.5, 1):
        assert world.scheduler.note_expiring() == 1
        assert world.scheduler.note_expiring() == 0
        assert states(world) == [("acme", BackupState.EXPIRING)]
        world.pass_time(days * 86400)
    assert world.scheduler.note_expiring() == 1
    (notice,) = delivered_notices(world)
    assert "has expired on" in notice.event.message
    world.pass_time(100 * 86400)
    assert world.scheduler.note_expiring() == 0


@pytest.mark.postgresql
def test_a_new_secret_is_reported_by_its_own_expiry(world: World, acme: TenantCatalog) -> None:
    expire(world, acme, days=5)
    assert world.scheduler.note_expiring() == 1
    expire(world, acme, days=90)
    assert world.scheduler.note_expiring() == 0
    world.pass_time(65 * 86400)
    assert world.scheduler.note_expiring() == 1


def test_an_expiring_secret_does_not_hide_the_recovery_of_backups(world: World, acme: TenantCatalog) -> None:
    fail_backup(world, acme)
    expire(world, acme, days=5)
    world.scheduler.note_expiring()
    world.backed_up(acme)
    assert [state for _, state in states(world)] == [BackupState.FAILED, BackupState.EXPIRING, BackupState.RECOVERED]
