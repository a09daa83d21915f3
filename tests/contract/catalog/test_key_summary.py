"""What a page about a tenant's KMS key shows: the same as the separate readings, with three queries."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobKind, JobState, KeyAnswer, KeyChangeProgress, KeyChecks
from shared.domain.model import KeyMode
from shared.engine.requests import customer_keys
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.keys import Caller
from tests.accepted import accept
from tests.contract.catalog.test_key_requests import claimed, enable, passed_check
from tests.contract.catalog.test_requests import ADA, NEXT_ARN, OWN_ARN, finish_job
from tests.contract.catalog.world import ARN, World

ROLE = "arn:aws:iam::111122223333:role/workers"
OTHER_ROLE = "arn:aws:iam::111122223333:role/others"


@pytest.mark.postgresql
def test_a_summary_has_permission_terms_checks_and_changes(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    bare = acme.customer_keys.summary()
    assert (bare.allowed_at, bare.acceptance, bare.checks, bare.changes) == (None, None, [], [])
    assert (bare.tenant, bare.keys) == (acme.tenant(), acme.keys.state())
    check = passed_check(world, acme)
    job = enable(world, check)
    asked = acme.customer_keys.summary()
    assert asked.keys == acme.keys.state()
    assert asked.keys.updating
    assert asked.allowed_at == acme.customer_keys.allowed()
    assert ([each.job_id for each in asked.checks], [each.job_id for each in asked.changes]) == ([check], [job.job_id])
    assert asked.acceptance is not None
    assert (asked.acceptance.accepted_by, asked.acceptance.arn) == (ADA, OWN_ARN)
    acme.customer_keys.switch(claimed(world, acme, job), OWN_ARN)
    accept(acme, NEXT_ARN, actor="eve")
    accept(other, OWN_ARN, actor="mallory")
    switched = acme.customer_keys.summary()
    assert switched.acceptance == acme.customer_keys.acceptances()[0]
    assert switched.acceptance is not None
    assert switched.acceptance.accepted_by == "eve"
    assert switched.keys == acme.keys.state()
    assert switched.tenant.key_mode is KeyMode.CUSTOMER


@pytest.mark.postgresql
def test_a_summary_reports_refusals_and_silence_as_the_state_does(world: World, acme: TenantCatalog) -> None:
    acme.keys.refuse(ARN, "Disabled.")
    assert acme.customer_keys.summary().keys == acme.keys.state()
    assert acme.customer_keys.summary().keys.refusal is not None
    acme.keys.allow(ARN)
    assert acme.customer_keys.summary().keys.refusal is None
    check = customer_keys.check_key(world.catalog, ADA, "acme")
    acme.claims.fail(claimed(world, acme, check), Code.KEY_UNREACHABLE, "No answer.")
    assert acme.customer_keys.summary().keys == acme.keys.state()
    assert acme.customer_keys.summary().keys.unreachable is not None
    finish_job(world, acme, customer_keys.check_key(world.catalog, ADA, "acme"), KeyAnswer(state="ok"))
    assert acme.customer_keys.summary().keys.unreachable is None


def test_a_summary_of_a_removed_tenant_is_refused(acme: TenantCatalog) -> None:
    acme.remove()
    with pytest.raises(Refuse) as caught:
        acme.customer_keys.summary()
    assert caught.value.code is Code.NO_SUCH_TENANT


def test_a_summary_takes_three_queries_and_the_clock(world: World, acme: TenantCatalog) -> None:
    for _ in range(3):
        acme.customer_keys.request_check(KeyChecks(arn=OWN_ARN))
        acme.jobs.cancel(acme.jobs.recent(1)[0].job_id)
    said: list[str] = []
    acme.customer_keys.summary()
    event.listen(world.catalog._database._engine, "before_cursor_execute", lambda *arguments: said.append(arguments[2]))  # type: ignore[attr-defined]
    summary = acme.customer_keys.summary()
    assert len(summary.checks) == 3
    assert len([line for line in said if " FROM " in line.replace("\n", " ")]) == 3


def test_a_change_that_failed_stays_the_latest(world: World, acme: TenantCatalog) -> None:
    job = enable(world, passed_check(world, acme))
    acme.claims.fail(claimed(world, acme, job), Code.KEY_INVALID, "No.", detail=KeyChangeProgress(arn=OWN_ARN))
    (change,) = acme.customer_keys.summary().changes
    assert (change.state, change.kind) == (JobState.FAILED, JobKind.KEY_ENABLE)


@pytest.mark.postgresql
def test_the_workers_identities_come_from_those_that_were_seen_lately(world: World, acme: TenantCatalog) -> None:
    now = acme.tenant().created_at
    assert customer_keys.callers_of(world.catalog, now) == []
    for worker in ("a", "b", "c"):
        world.scheduler.record_heartbeat(worker, 1)
    world.change("workers", aws_account="111122223333", aws_principal=ROLE)
    seen = max(worker.seen_at for worker in world.catalog.overview().workers())
    assert customer_keys.callers_of(world.catalog, seen) == [Caller("111122223333", ROLE)]
    assert customer_keys.callers_of(world.catalog, seen + timedelta(days=9)) == [Caller("111122223333", ROLE)], "last"
