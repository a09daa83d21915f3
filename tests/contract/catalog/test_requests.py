"""Requests to the catalog: their refusals, their changes, and the actor in their audit events."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.audit import event_of
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import (
    Details,
    Job,
    JobKind,
    JobState,
    KeyAnswer,
    KeyChangeProgress,
    KeyChecks,
    StepPlan,
    steps_of,
)
from shared.domain.kms_key import KeyDescription
from shared.domain.model import KeyMode
from shared.engine.requests import customer_keys, schedules
from shared.engine.requests.jobs import cancel_job, request_backup, request_verify, retry_job
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import NOW, World

ADA = "ada@console"
ALIAS = "arn:aws:kms:us-east-1:111122223333:alias/two"
CRON = "0 */6 * * *"
OWN_ARN = "arn:aws:kms:us-east-1:444455556666:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"
NEXT_ARN = "arn:aws:kms:us-east-1:444455556666:key/0f3e5a3c-7c1e-4a3d-9a44-000000000002"


def described(arn: str) -> KeyDescription:
    """Return the description of a usable key."""
    return KeyDescription(
        arn=arn,
        state="Enabled",
        manager="CUSTOMER",
        spec="SYMMETRIC_DEFAULT",
        usage="ENCRYPT_DECRYPT",
        origin="AWS_KMS",
    )


def last_event(tenant: TenantCatalog) -> tuple[str, str]:
    """Return the actor and the action of the tenant's newest event."""
    event = event_of(tenant.audit.recent(1)[0])
    return event.actor, event.action


def finish_job(world: World, tenant: TenantCatalog, job: Job, detail: Details | None = None) -> Job:
    """Finish a requested job as a worker and return it."""
    world.scheduler.offer_steps(job, steps_of(job.kind))
    assert tenant.claims.finish(world.claim(tenant, job, job.kind), detail=detail) is False
    return tenant.jobs.get(job.job_id)


def fail_backup(world: World, tenant: TenantCatalog) -> str:
    """Let a full backup fail and return its id."""
    job = request_backup(world.catalog, ADA, "acme", full=True).job
    world.scheduler.offer_steps(job, (StepPlan(phase=4, name="commit"),))
    tenant.claims.fail(world.claim(tenant, job, "commit"), Code.STORE_FULL, "Full.")
    return job.job_id


def refusal_message(code: Code, request: Callable[..., object], *arguments: Any) -> str:
    """Return the message of a request that is refused with this code."""
    with pytest.raises(Refuse) as caught:
        request(*arguments)
    assert caught.value.code is code
    return caught.value.message


@pytest.mark.parametrize(
    ("send_request", "action"),
    [
        (lambda catalog: request_backup(catalog, ADA, "acme"), "backup.asked"),
        (lambda catalog: request_verify(catalog, ADA, "acme", shallow=True), "verify.asked"),
        (lambda catalog: schedules.set_schedule(catalog, ADA, "acme", CRON, "UTC", NOW), "schedule.set"),
        (lambda catalog: customer_keys.allow_key(catalog, ADA, "acme"), "key.allowed"),
    ],
)
def test_the_event_of_a_request_names_its_actor(
    world: World, acme: TenantCatalog, send_request: Callable[[Catalog], object], action: str
) -> None:
    send_request(world.catalog)
    assert last_event(acme) == (ADA, action)


@pytest.mark.postgresql
def test_a_request_for_a_tenant_that_does_not_exist_is_refused(world: World) -> None:
    catalog = world.catalog
    refusal_message(Code.NO_SUCH_TENANT, request_backup, catalog, ADA, "nobody")
    refusal_message(Code.NO_SUCH_TENANT, schedules.pause_schedule, catalog, ADA, "nobody")
    refusal_message(Code.NO_SUCH_TENANT, customer_keys.check_key, catalog, ADA, "nobody")
    refusal_message(Code.NO_SUCH_JOB, retry_job, catalog, ADA, "nothing")
    refusal_message(Code.NO_SUCH_JOB, cancel_job, catalog, ADA, "nothing")


def test_a_second_request_for_a_backup_returns_the_first_job(world: World, acme: TenantCatalog) -> None:
    first, second = (request_backup(world.catalog, ADA, "acme") for _ in range(2))
    assert (first.new, second.new, first.job.job_id) == (True, False, second.job.job_id)


def test_a_retry_repeats_the_request_of_the_ended_job(world: World, acme: TenantCatalog) -> None:
    job_id = fail_backup(world, acme)
    retried = retry_job(world.catalog, "bob@console", job_id)
    assert (retried.new, retried.job.kind, retried.job.full) == (True, JobKind.BACKUP, True)
    assert last_event(acme) == ("bob@console", "job.retried")
    assert not retry_job(world.catalog, ADA, job_id).new
    assert "is still queued" in refusal_message(Code.BUSY, retry_job, world.catalog, ADA, retried.job.job_id)


def test_a_retry_of_a_key_change_keeps_its_key(world: World, acme: TenantCatalog) -> None:
    world.change("tenants", key_mode=KeyMode.CUSTOMER.value)
    changing = customer_keys.request_update(acme, OWN_ARN, "ada")
    world.scheduler.offer_steps(changing, steps_of(changing.kind))
    acme.claims.fail(world.claim(acme, changing, "key-update"), Code.KEY_UNREACHABLE, "No answer.")
    retried = retry_job(world.catalog, ADA, changing.job_id)
    assert retried.job.detail == KeyChangeProgress(arn=OWN_ARN, asked_by=ADA)
    assert last_event(acme) == (ADA, "job.retried")
    assert retry_job(world.catalog, ADA, changing.job_id).job.job_id == retried.job.job_id, "sent twice"
    assert "for ada@console" in refusal_message(Code.BUSY, retry_job, world.catalog, "bob", changing.job_id)


def test_a_verify_cannot_be_retried(world: World, acme: TenantCatalog) -> None:
    job = request_verify(world.catalog, ADA, "acme")
    cancel_job(world.catalog, ADA, job.job_id)
    assert "'entrakeep verify'" in refusal_message(Code.WRONG_USE, retry_job, world.catalog, ADA, job.job_id)


def test_a_job_is_cancelled_once(world: World, acme: TenantCatalog) -> None:
    job = request_backup(world.catalog, ADA, "acme").job
    first = cancel_job(world.catalog, ADA, job.job_id)
    assert (first.job.state, first.late) == (JobState.CANCELLED, False)
    assert last_event(acme) == (ADA, "job.cancelled")
    assert cancel_job(world.catalog, ADA, job.job_id).late


def test_a_schedule_is_paused_and_resumed(world: World, acme: TenantCatalog) -> None:
    catalog = world.catalog
    assert "has no schedule" in refusal_message(Code.WRONG_USE, schedules.pause_schedule, catalog, ADA, "acme")
    refusal_message(Code.SETTINGS_INVALID, schedules.set_schedule, catalog, ADA, "acme", "61 * * * *", "UTC", NOW)
    assert acme.schedules.get() is None
    schedule = schedules.set_schedule(catalog, ADA, "acme", " 0  */6 * * * ", "UTC", NOW)
    assert (schedule.cron, schedule.next_due) == (CRON, NOW + timedelta(hours=6))

    paused = schedules.pause_schedule(catalog, ADA, "acme")
    assert (paused.paused, paused.next_due) == (True, None)
    assert last_event(acme) == (ADA, "schedule.paused")
    events = len(acme.audit.recent(100))
    assert schedules.pause_schedule(catalog, ADA, "acme") == paused == acme.schedules.get()
    assert len(acme.audit.recent(100)) == events, "nothing changed"

    resumed = schedules.resume_schedule(catalog, ADA, "acme", NOW + timedelta(days=1))
    assert (resumed.paused, resumed.next_due) == (False, NOW + timedelta(days=1, hours=6))
    assert last_event(acme) == (ADA, "schedule.resumed")
    assert schedules.resume_schedule(catalog, ADA, "acme", NOW + timedelta(days=9)) == resumed == acme.schedules.get()


def test_a_key_is_enabled_only_if_it_is_allowed_and_checked(world: World, acme: TenantCatalog) -> None:
    catalog = world.catalog
    to_enable = customer_keys.check_key_to_enable
    assert "'entrakeep key allow acme'" in refusal_message(
        Code.KEY_NOT_ALLOWED, to_enable, catalog, ADA, "acme", OWN_ARN
    )
    customer_keys.allow_key(catalog, ADA, "acme")
    refusal_message(Code.KEY_INVALID, to_enable, catalog, ADA, "acme", "not an ARN")
    check = to_enable(catalog, ADA, "acme", ALIAS)
    refusal_message(Code.BUSY, customer_keys.enable_key, catalog, ADA, "acme", check.job_id, NOW)
    check = finish_job(world, acme, check, KeyChecks(arn=ALIAS, key=described(OWN_ARN)))
    job = customer_keys.enable_key(catalog, ADA, "acme", check.job_id, NOW)
    requested = KeyChangeProgress(arn=OWN_ARN, check=check.job_id, asked_by=ADA)
    assert (job.kind, job.detail) == (JobKind.KEY_ENABLE, requested)
    (accepted,) = acme.customer_keys.acceptances()
    assert (accepted.accepted_by, accepted.arn) == (ADA, OWN_ARN)
    assert last_event(acme) == (ADA, "key.enable-asked")


def test_a_check_of_the_current_key_enables_no_other(world: World, acme: TenantCatalog) -> None:
    check = finish_job(world, acme, customer_keys.check_key(world.catalog, ADA, "acme"), KeyAnswer(state="ok"))
    refusal_message(Code.KEY_INVALID, customer_keys.enable_key, world.catalog, ADA, "acme", check.job_id, NOW)


@pytest.mark.postgresql
def test_a_key_is_updated_only_if_the_tenant_has_a_customer_key(world: World, acme: TenantCatalog) -> None:
    to_update, catalog = customer_keys.check_key_to_update, world.catalog
    assert "'entrakeep key enable acme'" in refusal_message(Code.WRONG_USE, to_update, catalog, ADA, "acme", OWN_ARN)
    world.change("tenants", key_mode=KeyMode.CUSTOMER.value, key_arn=OWN_ARN)
    assert "key update acme" in refusal_message(
        Code.WRONG_USE, customer_keys.check_key_to_enable, catalog, ADA, "acme", NEXT_ARN
    )
    assert customer_keys.check_key_to_enable(catalog, ADA, "acme", OWN_ARN).detail == KeyChecks(arn=OWN_ARN), (
        "to resume"
    )
    check = to_update(catalog, ADA, "acme", NEXT_ARN)
    check = finish_job(world, acme, check, KeyChecks(arn=NEXT_ARN, key=described(NEXT_ARN)))
    assert customer_keys.update_key(catalog, ADA, "acme", check.job_id, NOW).kind is JobKind.KEY_UPDATE
    assert last_event(acme) == (ADA, "key.update-asked")
