"""Bundles: one message and one claim for the steps of many streams, each of which still ends by itself."""

import pytest

from shared.domain.errors import Answer, ClaimLost, Code, GraphTrouble
from shared.domain.jobs import Claim, Job, JobKind, JobState, ResourceProgress, StepPlan, StepRef, StepState
from shared.ports.catalog.claims import StreamEnd
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import VERIFY, World, checkpoint, run

PLAN = (
    StepPlan(phase=1, name="users"),
    *(StepPlan(phase=1, name=name, bundle=0) for name in ("applications", "servicePrincipals", "groups")),
    StepPlan(phase=2, name="groups"),
    StepPlan(phase=4, name="commit"),
)
BUNDLE = ["applications", "groups", "servicePrincipals"]
PROGRESS = [ResourceProgress(resource="groups", records=7, changed=5)]


@pytest.fixture
def job(world: World, acme: TenantCatalog) -> Job:
    world.scheduler.record_heartbeat("w", 8)
    return world.planned(acme, PLAN)


def bundle_of(world: World) -> StepRef:
    """Return the message that is sent for the bundle."""
    return next(ref for ref in world.send() if ref.others)


def claimed(tenant: TenantCatalog, ref: StepRef, holder: str = "w/1") -> list[Claim]:
    return tenant.claims.claim_bundle(ref.job_id, ref.step_id, holder, 30)


def states(tenant: TenantCatalog, job: Job) -> dict[str, StepState]:
    return {step.name: step.state for step in tenant.jobs.steps(job.job_id) if step.phase == 1}


@pytest.mark.postgresql
def test_a_bundle_is_one_message_and_one_claim(world: World, acme: TenantCatalog, job: Job) -> None:
    sent = world.send()
    assert [(ref.name, ref.streams) for ref in sent] == [("applications", tuple(BUNDLE)), ("users", ())]
    assert world.send() == []
    claims = claimed(acme, sent[0])
    assert [(claim.name, claim.fence) for claim in claims] == [(name, 1) for name in BUNDLE]
    assert states(acme, job)["users"] is StepState.QUEUED
    assert claimed(acme, sent[0], "w/2") == []
    of_phase = {step.name: step.bundle for step in acme.jobs.steps(job.job_id) if step.phase == 1}
    assert of_phase == dict.fromkeys(BUNDLE, 0) | {"users": None}


def test_a_bundle_counts_as_one_step_of_its_tenant_and_takes_one_slot(
    world: World, acme: TenantCatalog, job: Job
) -> None:
    claimed(acme, bundle_of(world))
    world.claim(acme, job, "users", "w/2")
    others = [world.planned(acme, VERIFY, kind=JobKind.VERIFY) for _ in range(2)]
    assert [ref.job_id for ref in world.send(tenant_steps=3)] == [others[0].job_id]
    world.scheduler.record_heartbeat("w", 2)
    assert world.send(tenant_steps=100) == []
    world.scheduler.record_heartbeat("w", 3)
    assert len(world.send(tenant_steps=100)) == 1


@pytest.mark.postgresql
def test_only_due_steps_of_a_bundle_are_claimed(world: World, acme: TenantCatalog, job: Job) -> None:
    first = claimed(acme, bundle_of(world))
    acme.claims.release_step(first[0], after=60, trouble=GraphTrouble("Slow."))
    acme.claims.release_step(first[1], after=0, trouble=None)
    acme.claims.release_step(first[2], after=0, trouble=None)
    assert [claim.name for claim in claimed(acme, bundle_of(world))] == BUNDLE[1:]
    world.pass_time(120)
    world.scheduler.record_heartbeat("w", 8)
    assert [ref.name for ref in world.send() if ref.step_id == first[0].step_id] == ["applications"]


@pytest.mark.postgresql
def test_steps_of_a_bundle_end_together_and_open_the_next_phase_once(
    world: World, acme: TenantCatalog, job: Job
) -> None:
    applications, groups, principals = claimed(acme, bundle_of(world))
    kept = run(job.job_id, "groups")
    last = checkpoint(1, "groups", kept)
    acme.claims.checkpoint(applications, checkpoint(1, "applications"), [])
    ended = acme.claims.end_streams(
        [
            StreamEnd(claim=applications, answer=Answer.FORBIDDEN, request_id="r", discard=True, progress=[]),
            StreamEnd(claim=groups, answer=Answer.WHOLE, checkpoint=last, progress=PROGRESS),
        ]
    )
    assert (ended.opened, ended.lost) == (False, frozenset())
    by_name = {step.name: step for step in acme.jobs.steps(job.job_id) if step.phase == 1}
    assert (by_name["applications"].answer, by_name["applications"].request_id) == (Answer.FORBIDDEN, "r")
    assert (by_name["groups"].answer, by_name["groups"].progress) == (Answer.WHOLE, PROGRESS)
    assert [each.stream for each in acme.claims.checkpoints(principals, step_only=False)] == ["groups"]
    assert acme.claims.checkpoints(principals, step_only=False)[0].run == kept
    acme.claims.finish(world.claim(acme, job, "users"))
    assert acme.claims.end_streams([StreamEnd(claim=principals, answer=Answer.WHOLE)]).opened
    assert [ref.phase for ref in world.send()] == [2]


def test_a_lost_claim_of_a_bundle_writes_nothing_and_keeps_no_other_from_ending(
    world: World, acme: TenantCatalog, job: Job
) -> None:
    applications, groups, _ = claimed(acme, bundle_of(world))
    acme.claims.release_step(groups, after=0, trouble=None)
    ends = [
        StreamEnd(claim=each, answer=Answer.WHOLE, checkpoint=checkpoint(1, each.name))
        for each in (applications, groups)
    ]
    ended = acme.claims.end_streams(ends)
    assert ended.lost == {groups.step_id}
    assert states(acme, job)["applications"] is StepState.DONE
    assert states(acme, job)["groups"] is StepState.QUEUED
    assert world.count("checkpoints") == 1


@pytest.mark.postgresql
def test_one_renewal_keeps_all_claims_of_a_bundle(world: World, acme: TenantCatalog, job: Job) -> None:
    claims = claimed(acme, bundle_of(world))
    world.pass_time(20)
    acme.claims.release_step(claims[0], after=0, trouble=None)
    renewal = acme.claims.renew_all(claims, {claims[1].step_id: PROGRESS})
    assert (renewal.cancel, renewal.lost) == (False, {claims[0].step_id})
    world.pass_time(20)
    assert world.scheduler.expire(5) == 0
    assert [step.progress for step in acme.jobs.steps(job.job_id) if step.name == "groups" and step.phase == 1] == [
        PROGRESS
    ]
    acme.jobs.cancel(job.job_id)
    assert acme.claims.renew_all(claims[1:], {}).cancel
    world.pass_time(31)
    assert acme.claims.renew_all(claims[1:], {}).lost == {claim.step_id for claim in claims[1:]}


@pytest.mark.postgresql
def test_all_steps_of_a_lost_bundle_are_queued_again_and_claimed_together(
    world: World, acme: TenantCatalog, job: Job
) -> None:
    claims = claimed(acme, bundle_of(world))
    world.pass_time(31)
    assert world.scheduler.expire(2) == 3
    world.scheduler.record_heartbeat("w", 8)
    again = claimed(acme, bundle_of(world), "w/2")
    assert [(claim.name, claim.fence) for claim in again] == [(name, 2) for name in BUNDLE]
    with pytest.raises(ClaimLost):
        acme.claims.checkpoint(claims[0], checkpoint(), [])
    world.pass_time(31)
    assert world.scheduler.expire(2) == 1
    ended = acme.jobs.get(job.job_id)
    assert (ended.state, ended.code) == (JobState.FAILED, Code.WORKER_LOST)


@pytest.mark.postgresql
def test_a_worker_of_an_older_version_claims_one_step_and_the_others_are_sent_again(
    world: World, acme: TenantCatalog, job: Job
) -> None:
    ref = bundle_of(world)
    assert acme.claims.claim(ref.job_id, ref.step_id, "old/1", 30) is not None
    world.pass_time(6)
    world.scheduler.record_heartbeat("w", 8)
    again = bundle_of(world)
    assert again.streams == ("groups", "servicePrincipals")
    assert len(claimed(acme, again, "w/2")) == 2


def test_messages_that_the_broker_does_not_take_are_due_again_for_the_whole_bundle(
    world: World, acme: TenantCatalog, job: Job
) -> None:
    ref = bundle_of(world)
    world.scheduler.not_sent([ref], 2.0)
    assert not [again for again in world.send() if again.others]
    world.pass_time(3)
    world.scheduler.record_heartbeat("w", 8)
    assert bundle_of(world) == ref
