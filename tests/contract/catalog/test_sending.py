"""Messages: never more than the workers can soon take, fair, and retried with back-off."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.domain.jobs import KINDS, JobKind, Origin, StepPlan
from shared.messages import FIRST_VERSION, VERSION
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import VERIFY, World

COMMIT = (StepPlan(phase=4, name="commit"),)


def verifies(world: World, tenant: TenantCatalog, count: int, origin: Origin = Origin.HAND) -> list[str]:
    """Plan verify jobs with one step each and return their ids."""
    return [world.planned(tenant, VERIFY, kind=JobKind.VERIFY, origin=origin).job_id for _ in range(count)]


def test_no_message_is_sent_without_workers(world: World, acme: TenantCatalog) -> None:
    verifies(world, acme, 1)
    assert world.send() == []
    world.scheduler.record_heartbeat("w", 1)
    assert len(world.send()) == 1


def test_at_most_twice_the_free_slots_are_outstanding(world: World, acme: TenantCatalog) -> None:
    verifies(world, acme, 20)
    world.scheduler.record_heartbeat("w", 2)
    world.scheduler.record_heartbeat("v", 1)
    first = world.send(tenant_steps=100)
    assert len(first) == 6
    assert world.send(tenant_steps=100) == []
    # One step is claimed, so one slot less is free and five outstanding messages are enough.
    assert acme.claims.claim(first[0].job_id, first[0].step_id, "w/1", 30)
    assert world.send(tenant_steps=100) == []
    for ref in first[1:4]:
        claim = acme.claims.claim(ref.job_id, ref.step_id, "w/1", 30)
        assert claim is not None
        acme.claims.finish(claim)
    assert len(world.send(tenant_steps=100)) == 2


def test_ended_or_silent_workers_have_no_slots(world: World, acme: TenantCatalog) -> None:
    verifies(world, acme, 20)
    world.scheduler.record_heartbeat("w", 4)
    world.scheduler.record_heartbeat("v", 1)
    world.pass_time(21)
    assert world.send(tenant_steps=100) == []
    world.scheduler.record_heartbeat("w", 0)
    world.scheduler.record_heartbeat("v", 1)
    assert len(world.send(tenant_steps=100)) == 2


def test_claims_of_other_workers_do_not_occupy_a_workers_slots(world: World, acme: TenantCatalog) -> None:
    names = KINDS[JobKind.BACKUP].phases[1].steps[:9]
    job = world.planned(acme, [StepPlan(phase=1, name=name) for name in names])
    for n, name in enumerate(names[:3]):
        world.claim(acme, job, name, f"dead/{n}")
    world.scheduler.record_heartbeat("w", 1)
    assert len(world.send(tenant_steps=100)) == 2


def test_only_steps_of_the_open_phase_are_sent(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    world.scheduler.record_heartbeat("w", 8)
    refs = world.send()
    names = {step.step_id: (step.phase, step.name) for step in acme.jobs.steps(job.job_id)}
    assert sorted(names[ref.step_id] for ref in refs) == [(1, "groups"), (1, "users")]
    claims = [acme.claims.claim(ref.job_id, ref.step_id, "w/1", 30) for ref in refs]
    assert [acme.claims.finish(claim) for claim in claims if claim] == [False, True]
    assert [names[ref.step_id] for ref in world.send()] == [(2, "users")]


def test_queues_separate_manual_scheduled_and_upkeep_jobs(world: World, acme: TenantCatalog) -> None:
    world.scheduler.record_heartbeat("w", 8)
    world.planned(acme, COMMIT, origin=Origin.SCHEDULE)
    verifies(world, acme, 1)
    verifies(world, acme, 1, Origin.SCHEDULE)
    assert [ref.queue for ref in world.send()] == ["manual", "backup", "upkeep"]


@pytest.mark.postgresql
def test_jobs_requested_by_hand_are_sent_first(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    verifies(world, acme, 3, Origin.SCHEDULE)
    world.pass_time(60)
    world.scheduler.record_heartbeat("w", 1)
    [by_hand] = verifies(world, other, 1)
    refs = world.send()
    assert refs[0].job_id == by_hand
    assert refs[1].tenant_id == acme.tenant_id


def test_tenants_take_turns_within_a_tick(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    verifies(world, acme, 8)
    world.pass_time(60)
    verifies(world, other, 8)
    world.scheduler.record_heartbeat("w", 3)
    sent = Counter(ref.tenant_id for ref in world.send(tenant_steps=100))
    assert sent == {acme.tenant_id: 3, other.tenant_id: 3}


def test_tenants_take_turns_from_tick_to_tick(world: World) -> None:
    tenants = {tenant.tenant_id: tenant for tenant in (world.add(name) for name in ("a", "b", "c", "d"))}
    for tenant in tenants.values():
        verifies(world, tenant, 3)
        world.pass_time(60)
    order = []
    for _ in range(4):
        world.scheduler.record_heartbeat("w", 1)
        for ref in world.send():
            claim = tenants[ref.tenant_id].claims.claim(ref.job_id, ref.step_id, "w/1", 30)
            assert claim is not None
            tenants[ref.tenant_id].claims.finish(claim)
            order.append(ref.tenant_id)
        world.pass_time(1)
    assert set(order[:4]) == set(order[4:]) == set(tenants)


def test_a_tenant_never_has_more_active_steps_than_its_cap(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    verifies(world, acme, 10)
    verifies(world, other, 1)
    world.scheduler.record_heartbeat("w", 50)
    refs = world.send(tenant_steps=3)
    assert Counter(ref.tenant_id for ref in refs) == {acme.tenant_id: 3, other.tenant_id: 1}
    acme_refs = [ref for ref in refs if ref.tenant_id == acme.tenant_id]
    claims = [acme.claims.claim(ref.job_id, ref.step_id, "w/1", 30) for ref in acme_refs]
    assert world.send(tenant_steps=3) == []
    assert claims[0] is not None
    acme.claims.finish(claims[0])
    assert len(world.send(tenant_steps=3)) == 1


def test_a_lost_message_is_sent_again_with_growing_delays(world: World, acme: TenantCatalog) -> None:
    verifies(world, acme, 1)
    world.scheduler.record_heartbeat("w", 1)
    for wait in (10, 20, 40, 70, 70):
        assert len(world.send(resend=10, resend_most=70, worker_seen=1000)) == 1
        world.pass_time(wait - 2)
        assert world.send(worker_seen=1000) == []
        world.pass_time(3)


def test_a_released_step_is_sent_right_after_its_wait(world: World, acme: TenantCatalog) -> None:
    verifies(world, acme, 1)
    world.scheduler.record_heartbeat("w", 1)
    [ref] = world.send()
    claim = acme.claims.claim(ref.job_id, ref.step_id, "w/1", 30)
    assert claim is not None
    assert world.send() == []
    acme.claims.release_step(claim, after=40, trouble=None)
    world.pass_time(38)
    world.scheduler.record_heartbeat("w", 1)
    assert world.send() == []
    world.pass_time(3)
    world.scheduler.record_heartbeat("w", 1)
    assert world.send() == [ref]


def test_a_released_step_that_waits_does_not_count_against_the_cap(world: World, acme: TenantCatalog) -> None:
    verifies(world, acme, 3)
    world.scheduler.record_heartbeat("w", 1)
    for ref in world.send():
        claim = acme.claims.claim(ref.job_id, ref.step_id, "w/1", 30)
        assert claim is not None
        acme.claims.release_step(claim, after=40, trouble=None)
    assert len(world.send(tenant_steps=1)) == 1


def test_a_job_to_be_cancelled_is_not_sent(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    world.scheduler.record_heartbeat("w", 2)
    world.claim(acme, job, "users")
    acme.jobs.cancel(job.job_id)
    assert world.send() == []


@pytest.mark.postgresql
def test_concurrent_ticks_send_each_step_once(world: World, acme: TenantCatalog) -> None:
    verifies(world, acme, 12)
    world.scheduler.record_heartbeat("w", 3)
    ticks = [world.another().scheduler() for _ in range(4)]

    def send(number: int) -> list[str]:
        refs = ticks[number].to_send(resend=5, resend_most=120, worker_seen=20, tenant_steps=100)
        return [ref.step_id for ref in refs]

    with ThreadPoolExecutor(4) as pool:
        sent = [step_id for refs in pool.map(send, range(4)) for step_id in refs]
    assert len(sent) == len(set(sent)) == 6


@pytest.mark.postgresql
def test_a_message_has_the_newest_version_that_every_live_worker_understands(world: World, acme: TenantCatalog) -> None:
    def sent() -> set[int]:
        verifies(world, acme, 1)
        return {ref.version for ref in world.send(tenant_steps=100)}

    world.scheduler.record_heartbeat("new", 9)
    assert sent() == {VERSION}
    # Code of the first version writes its heartbeat to the row and leaves columns that it does not know.
    world.scheduler.record_heartbeat("old", 9)
    world.change("workers", messages_at=world.rows("workers")[0]["seen_at"] - timedelta(seconds=5))
    assert sent() == {FIRST_VERSION}
    world.change("workers", messages=None, messages_at=None)
    assert sent() == {FIRST_VERSION}
    world.scheduler.record_heartbeat("old", 0)
    world.scheduler.record_heartbeat("new", 9)
    assert sent() == {VERSION}


def test_a_message_names_tenant_kind_and_step(world: World, acme: TenantCatalog) -> None:
    world.scheduler.record_heartbeat("w", 1)
    verifies(world, acme, 1)
    (ref,) = world.send()
    assert (ref.tenant, ref.kind, ref.phase, ref.name) == ("acme", JobKind.VERIFY, 1, "verify")
