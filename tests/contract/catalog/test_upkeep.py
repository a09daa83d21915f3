"""What a rebuild brings back, and what the sweep may take away."""

from datetime import timedelta

import msgspec
import pytest

from shared.domain.errors import ClaimLost, Code, Refuse
from shared.domain.jobs import Claim, JobKind, JobState, Origin, StepPlan, steps_of
from shared.domain.model import KeyMode, Purpose, Snapshot, Tenant
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.catalog.upkeep import BucketContents, Leftovers
from tests.contract.catalog.world import ARN, NOW, OTHER_ARN, World, checkpoint, data_key, new_id, run, snapshot

DAY = timedelta(days=1)
PRUNE = (StepPlan(phase=1, name="prune"),)


def lost(name: str = "lost", **values: object) -> Tenant:
    """A tenant that SQL does not know."""
    usual = {
        "tenant_id": new_id(),
        "name": name,
        "directory_id": new_id(),
        "client_id": new_id(),
        "created_at": NOW,
        "key_mode": KeyMode.PROVIDER,
        "key_arn": ARN,
        "key_epoch": 1,
    }
    return Tenant(**{**usual, **values})  # type: ignore[arg-type]


def found(tenant: Tenant, **values: object) -> BucketContents:
    usual = {"tenant": tenant, "data_keys": [], "snapshots": [], "uncommitted": {}, "jobs": set()}
    return BucketContents(**{**usual, **values})  # type: ignore[arg-type]


def made(parent: str | None = None, minutes: int = 0) -> Snapshot:
    """A snapshot of a job that SQL does not know."""
    return Snapshot(
        snapshot_id=new_id(),
        job_id=new_id(),
        parent=parent,
        created_at=NOW + timedelta(minutes=minutes),
        manifest_sha256="a" * 64,
        data_key_id="b" * 64,
        objects=1,
        links=0,
        complete=True,
        resources=[],
    )


def pruning(world: World, tenant: TenantCatalog) -> Claim:
    return world.claim(tenant, world.planned(tenant, PRUNE, kind=JobKind.SWEEP), "prune")


def test_the_chunks_of_a_job_are_those_of_its_runs(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    one = run(new_id())
    world.backed_up(acme, one)
    assert acme.upkeep.blobs(one.job_id) == set(one.blobs) != set()
    assert acme.upkeep.blobs(new_id()) == other.upkeep.blobs(one.job_id) == set()


# -- rebuild


def test_a_tenant_comes_back_with_its_keys_and_snapshots(world: World) -> None:
    tenant = lost()
    of = world.catalog.tenant(tenant.tenant_id)
    first, key = made(), data_key(tenant.tenant_id, Purpose.SECRETS)
    second = made(first.snapshot_id, 1)
    shared, own = run(first.job_id), run(second.job_id)
    snapshots = [(first, [shared]), (second, [shared, own])]
    assert of.upkeep.restore(found(tenant, data_keys=[key], snapshots=snapshots)) == tenant
    assert (of.tenant(), of.snapshots.all(), of.keys.all()) == (tenant, [second, first], [key])
    assert (of.snapshots.runs(first.snapshot_id), of.snapshots.runs(second.snapshot_id)) == ([shared], [shared, own])


def test_what_came_back_has_no_credential_until_it_is_given_one(world: World) -> None:
    tenant = lost()
    of = world.catalog.tenant(tenant.tenant_id)
    of.upkeep.restore(found(tenant))
    with pytest.raises(Refuse) as refused:
        of.keys.credential()
    assert refused.value.code is Code.GRAPH_SIGN_IN_FAILED
    assert "tenant update" in refused.value.message


def test_bringing_back_again_changes_nothing(world: World) -> None:
    tenant, one = lost(), made()
    of = world.catalog.tenant(tenant.tenant_id)
    whole = found(
        tenant,
        data_keys=[data_key(tenant.tenant_id)],
        snapshots=[(one, [run(one.job_id)])],
        uncommitted={new_id(): one.job_id},
        jobs={one.job_id, new_id()},
    )
    of.upkeep.restore(whole)
    before = of.upkeep.known_blobs(), of.snapshots.all()
    of.upkeep.restore(whole)
    assert (of.upkeep.known_blobs(), of.snapshots.all()) == before


@pytest.mark.parametrize("name", ["acme", "a" * 40])
def test_a_name_that_another_tenant_has_by_now_gets_a_number(world: World, name: str) -> None:
    world.add(name)
    names = [world.catalog.tenant(each.tenant_id).upkeep.restore(found(each)).name for each in (lost(name), lost(name))]
    assert names == ([f"{name}-2", f"{name}-3"] if len(name) < 39 else [name[:38] + "-2", name[:38] + "-3"])


def test_what_sql_knows_of_a_tenant_stands_even_against_a_later_key(world: World, acme: TenantCatalog) -> None:
    tenant = acme.tenant()
    credential = acme.keys.credential()
    acme.upkeep.restore(found(msgspec.structs.replace(tenant, name="older", key_arn=OTHER_ARN)))
    assert acme.tenant() == tenant
    later = msgspec.structs.replace(tenant, name="older", key_arn=OTHER_ARN, key_mode=KeyMode.CUSTOMER, key_epoch=2)
    acme.upkeep.restore(found(later))
    assert acme.tenant() == tenant
    assert acme.keys.credential() == credential


def test_a_later_generation_of_a_data_key_counts(world: World, acme: TenantCatalog) -> None:
    (secrets,) = acme.keys.all()
    newer = msgspec.structs.replace(secrets, generation=2, arn=OTHER_ARN)
    acme.upkeep.restore(found(acme.tenant(), data_keys=[secrets, newer]))
    assert acme.keys.all() == [newer]


def test_snapshots_are_numbered_by_time_and_a_parent_before_its_children(world: World, acme: TenantCatalog) -> None:
    known = world.backed_up(acme)
    before, after = made(None, -5), made(known.snapshot_id, 5)
    late_parent = made(None, 30)
    early_child = made(late_parent.snapshot_id, 20)
    several = [(each, []) for each in (early_child, after, late_parent, before)]
    acme.upkeep.restore(found(acme.tenant(), snapshots=several))
    assert acme.snapshots.all() == [early_child, late_parent, after, known, before]
    assert world.backed_up(acme).parent == early_child.snapshot_id


def test_a_job_that_sql_takes_to_be_going_on_has_ended_with_its_snapshot(world: World, acme: TenantCatalog) -> None:
    running, claim = world.to_commit(acme)
    one = snapshot(running)
    acme.upkeep.restore(found(acme.tenant(), snapshots=[(one, [])], jobs={running.job_id}))
    job = acme.jobs.get(running.job_id)
    assert (job.state, job.snapshot) == (JobState.SUCCEEDED, one.snapshot_id)
    with pytest.raises(ClaimLost):
        acme.claims.renew(claim)
    waiting, _ = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    lacking = msgspec.structs.replace(snapshot(waiting), complete=False)
    acme.upkeep.restore(found(acme.tenant(), snapshots=[(lacking, [])]))
    assert acme.jobs.get(waiting.job_id).state is JobState.SUCCEEDED_WITH_WARNINGS


# -- what SQL knows


def test_sql_knows_jobs_snapshots_manifests_and_keys_of_that_tenant_alone(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    one = world.backed_up(acme)
    two = world.backed_up(acme)
    going, claim = world.to_commit(acme)
    acme.claims.note_attempt(claim, "noted")
    strange = new_id()
    acme.upkeep.restore(found(acme.tenant(), jobs={strange, going.job_id}))
    known = acme.upkeep.known_blobs()
    assert known.tenant == acme.tenant()
    assert known.jobs == {one.job_id, two.job_id, going.job_id, strange}
    assert known.ended == {one.job_id, two.job_id, strange}
    assert known.snapshots == {one.snapshot_id: one.job_id, two.snapshot_id: two.job_id}
    assert known.parents == {one.snapshot_id}
    assert known.attempts == {"noted": going.job_id}
    assert known.data_keys == {(key.data_key_id, 1) for key in acme.keys.all()}
    assert other.upkeep.known_blobs().jobs == set()
    nobody = world.catalog.tenant(new_id()).upkeep.known_blobs()
    assert (nobody.tenant, nobody.jobs) == (None, set())


# -- sweep


def test_jobs_are_swept_once_a_day_after_they_ended(world: World, acme: TenantCatalog) -> None:
    old = world.backed_up(acme)
    strange = new_id()
    acme.upkeep.restore(found(acme.tenant(), jobs={strange}))
    world.pass_time(90000)
    world.backed_up(acme)
    going = world.planned(acme)
    acme.jobs.cancel(going.job_id)
    claim = pruning(world, acme)
    assert acme.upkeep.to_sweep(claim, DAY) == sorted([old.job_id, strange])
    for job_id in (old.job_id, strange):
        acme.upkeep.mark_swept(claim, job_id, acme.upkeep.leftovers(claim, job_id))
    assert acme.upkeep.to_sweep(claim, DAY) == []
    assert acme.upkeep.known_blobs().swept == {old.job_id, strange}
    assert strange in acme.upkeep.known_blobs().jobs


def test_what_a_snapshot_names_is_no_leftover(world: World, acme: TenantCatalog) -> None:
    job, claim = world.to_commit(acme)
    key = acme.keys.add(data_key(acme.tenant_id, job_id=job.job_id))
    kept, one = run(job.job_id), snapshot(job)
    acme.claims.note_attempt(claim, "before")
    acme.claims.note_attempt(claim, one.snapshot_id)
    acme.claims.commit(claim, one, [kept], JobState.SUCCEEDED, None)
    prune = pruning(world, acme)
    left = acme.upkeep.leftovers(prune, job.job_id)
    assert left == Leftovers(blobs=set(kept.blobs), manifests=["before"], data_keys=[])
    acme.upkeep.mark_swept(prune, job.job_id, left)
    assert acme.upkeep.known_blobs().attempts == {}
    assert (acme.snapshots.runs(one.snapshot_id), key in acme.keys.all()) == ([kept], True)


def test_all_of_a_job_that_failed_is_left_over(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    claim = world.claim(acme, job, "users")
    key = acme.keys.add(data_key(acme.tenant_id, job_id=job.job_id))
    acme.claims.checkpoint(claim, checkpoint(run=run(job.job_id)), [])
    acme.claims.note_attempt(claim, "noted")
    acme.claims.fail(claim, Code.GRAPH_UNREACHABLE, "No.")
    prune = pruning(world, acme)
    left = acme.upkeep.leftovers(prune, job.job_id)
    assert left == Leftovers(blobs=set(), manifests=["noted"], data_keys=[key.data_key_id])
    assert world.count("runs", acme) == 0
    acme.upkeep.mark_swept(prune, job.job_id, left)
    assert key not in acme.keys.all()
    assert acme.upkeep.known_blobs().attempts == {}


def test_a_prune_touches_no_job_of_another_tenant(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    claim = world.claim(acme, job, "users")
    read = run(job.job_id)
    acme.claims.checkpoint(claim, checkpoint(run=read), [])
    prune = pruning(world, world.add("other"))
    other = world.catalog.tenant(prune.tenant_id)
    other.upkeep.leftovers(prune, job.job_id)
    assert [each.run for each in acme.claims.checkpoints(claim)] == [read]


def test_a_run_shared_by_snapshots_goes_with_none_of_them(world: World, acme: TenantCatalog) -> None:
    first = world.backed_up(acme)
    shared = run(first.job_id)
    world.backed_up(acme, shared)
    prune = pruning(world, acme)
    assert acme.upkeep.leftovers(prune, first.job_id).blobs == set(shared.blobs)


def test_without_its_claim_a_prune_takes_nothing_away(world: World, acme: TenantCatalog) -> None:
    one = world.backed_up(acme)
    claim = pruning(world, acme)
    world.pass_time(31)
    left = Leftovers(blobs=set(), manifests=[], data_keys=[])
    for ask in (
        lambda: acme.upkeep.to_sweep(claim, DAY),
        lambda: acme.upkeep.leftovers(claim, one.job_id),
        lambda: acme.upkeep.mark_swept(claim, one.job_id, left),
    ):
        with pytest.raises(ClaimLost):
            ask()


# -- who works when


def test_a_tenant_is_pruned_once_a_day(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    assert world.scheduler.make_sweeps(DAY) == 2  # added long ago
    assert world.scheduler.make_sweeps(DAY) == 0
    (job,) = acme.jobs.recent()
    assert (job.kind, job.origin, job.state) == (JobKind.SWEEP, Origin.SCHEDULE, JobState.QUEUED)
    world.pass_time(90000)
    assert world.scheduler.make_sweeps(DAY) == 2
    assert len(other.jobs.recent()) == 2


def test_a_tenant_just_added_is_pruned_a_day_later(world: World) -> None:
    tenant = lost(created_at=NOW + timedelta(days=36500))
    world.catalog.tenant(tenant.tenant_id).upkeep.restore(found(tenant))
    assert world.scheduler.make_sweeps(DAY) == 0


@pytest.mark.parametrize(("one", "then"), [(JobKind.BACKUP, JobKind.SWEEP), (JobKind.SWEEP, JobKind.BACKUP)])
def test_backup_and_prune_of_a_tenant_wait_for_each_other(
    world: World, acme: TenantCatalog, other: TenantCatalog, one: JobKind, then: JobKind
) -> None:
    first = world.planned(acme, steps_of(one)[-1:], kind=one)
    second, _ = acme.jobs.request(then, origin=Origin.HAND)
    elsewhere, _ = other.jobs.request(then, origin=Origin.HAND)
    assert not world.scheduler.offer_steps(second, steps_of(then))
    assert world.scheduler.offer_steps(elsewhere, steps_of(then))
    acme.claims.finish(world.claim(acme, first, steps_of(one)[-1].name))
    assert world.scheduler.offer_steps(second, steps_of(then))


def test_a_refused_key_stops_no_prune(world: World, acme: TenantCatalog) -> None:
    prune = world.planned(acme, PRUNE, kind=JobKind.SWEEP)
    acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    assert acme.keys.refuse(ARN, "No.") == 1
    assert not acme.jobs.get(prune.job_id).state.ended
