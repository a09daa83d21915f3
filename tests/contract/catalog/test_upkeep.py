"""What a rebuild restores, and what the sweep may remove."""

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


def lost_tenant(name: str = "lost", **values: object) -> Tenant:
    """Return a tenant that SQL does not contain."""
    defaults = {
        "tenant_id": new_id(),
        "name": name,
        "directory_id": new_id(),
        "client_id": new_id(),
        "created_at": NOW,
        "key_mode": KeyMode.PROVIDER,
        "key_arn": ARN,
        "key_epoch": 1,
    }
    return Tenant(**{**defaults, **values})  # type: ignore[arg-type]


def contents(tenant: Tenant, **values: object) -> BucketContents:
    defaults = {"tenant": tenant, "data_keys": [], "snapshots": [], "uncommitted": {}, "jobs": set()}
    return BucketContents(**{**defaults, **values})  # type: ignore[arg-type]


def lost_snapshot(parent: str | None = None, minutes: int = 0) -> Snapshot:
    """Return a snapshot of a job that SQL does not contain."""
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


def claim_prune(world: World, tenant: TenantCatalog) -> Claim:
    return world.claim(tenant, world.planned(tenant, PRUNE, kind=JobKind.SWEEP), "prune")


@pytest.mark.postgresql
def test_blobs_returns_the_chunks_of_a_jobs_runs(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    one = run(new_id())
    world.backed_up(acme, one)
    assert acme.upkeep.blobs(one.job_id) == set(one.blobs) != set()
    assert acme.upkeep.blobs(new_id()) == other.upkeep.blobs(one.job_id) == set()


# -- rebuild


@pytest.mark.postgresql
def test_a_rebuild_restores_a_tenant_with_its_keys_and_snapshots(world: World) -> None:
    tenant = lost_tenant()
    restored = world.catalog.tenant(tenant.tenant_id)
    first, key = lost_snapshot(), data_key(tenant.tenant_id, Purpose.SECRETS)
    second = lost_snapshot(first.snapshot_id, 1)
    shared, own = run(first.job_id), run(second.job_id)
    snapshots = [(first, [shared]), (second, [shared, own])]
    assert restored.upkeep.restore(contents(tenant, data_keys=[key], snapshots=snapshots)) == tenant
    assert (restored.tenant(), restored.snapshots.all(), restored.keys.all()) == (tenant, [second, first], [key])
    assert (restored.snapshots.runs(first.snapshot_id), restored.snapshots.runs(second.snapshot_id)) == (
        [shared],
        [shared, own],
    )


@pytest.mark.postgresql
def test_a_rebuilt_tenant_has_no_credential_until_it_is_updated(world: World) -> None:
    tenant = lost_tenant()
    restored = world.catalog.tenant(tenant.tenant_id)
    restored.upkeep.restore(contents(tenant))
    with pytest.raises(Refuse) as refused:
        restored.keys.credential()
    assert refused.value.code is Code.GRAPH_SIGN_IN_FAILED
    assert "tenant update" in refused.value.message


def test_a_repeated_rebuild_changes_nothing(world: World) -> None:
    tenant, one = lost_tenant(), lost_snapshot()
    restored = world.catalog.tenant(tenant.tenant_id)
    whole = contents(
        tenant,
        data_keys=[data_key(tenant.tenant_id)],
        snapshots=[(one, [run(one.job_id)])],
        uncommitted={new_id(): one.job_id},
        jobs={one.job_id, new_id()},
    )
    restored.upkeep.restore(whole)
    before = restored.upkeep.known_blobs(), restored.snapshots.all()
    restored.upkeep.restore(whole)
    assert (restored.upkeep.known_blobs(), restored.snapshots.all()) == before


@pytest.mark.parametrize("name", ["acme", "a" * 40])
def test_a_rebuilt_tenant_with_a_taken_name_gets_a_number(world: World, name: str) -> None:
    world.add(name)
    names = [
        world.catalog.tenant(each.tenant_id).upkeep.restore(contents(each)).name
        for each in (lost_tenant(name), lost_tenant(name))
    ]
    assert names == ([f"{name}-2", f"{name}-3"] if len(name) < 39 else [name[:38] + "-2", name[:38] + "-3"])


def test_a_rebuild_does_not_overwrite_an_existing_tenant_even_with_a_later_key(
    world: World, acme: TenantCatalog
) -> None:
    tenant = acme.tenant()
    credential = acme.keys.credential()
    acme.upkeep.restore(contents(msgspec.structs.replace(tenant, name="older", key_arn=OTHER_ARN)))
    assert acme.tenant() == tenant
    later = msgspec.structs.replace(tenant, name="older", key_arn=OTHER_ARN, key_mode=KeyMode.CUSTOMER, key_epoch=2)
    acme.upkeep.restore(contents(later))
    assert acme.tenant() == tenant
    assert acme.keys.credential() == credential


def test_a_rebuild_keeps_the_latest_generation_of_a_data_key(world: World, acme: TenantCatalog) -> None:
    (secrets,) = acme.keys.all()
    newer = msgspec.structs.replace(secrets, generation=2, arn=OTHER_ARN)
    acme.upkeep.restore(contents(acme.tenant(), data_keys=[secrets, newer]))
    assert acme.keys.all() == [newer]


@pytest.mark.postgresql
def test_rebuilt_snapshots_are_ordered_by_time_with_parents_before_children(world: World, acme: TenantCatalog) -> None:
    existing = world.backed_up(acme)
    before, after = lost_snapshot(None, -5), lost_snapshot(existing.snapshot_id, 5)
    late_parent = lost_snapshot(None, 30)
    early_child = lost_snapshot(late_parent.snapshot_id, 20)
    several = [(each, []) for each in (early_child, after, late_parent, before)]
    acme.upkeep.restore(contents(acme.tenant(), snapshots=several))
    assert acme.snapshots.all() == [early_child, late_parent, after, existing, before]
    assert world.backed_up(acme).parent == early_child.snapshot_id


@pytest.mark.postgresql
def test_a_rebuild_ends_an_unfinished_job_whose_snapshot_exists(world: World, acme: TenantCatalog) -> None:
    running, claim = world.to_commit(acme)
    one = snapshot(running)
    acme.upkeep.restore(contents(acme.tenant(), snapshots=[(one, [])], jobs={running.job_id}))
    job = acme.jobs.get(running.job_id)
    assert (job.state, job.snapshot) == (JobState.SUCCEEDED, one.snapshot_id)
    with pytest.raises(ClaimLost):
        acme.claims.renew(claim)
    waiting, _ = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    partial = msgspec.structs.replace(snapshot(waiting), complete=False)
    acme.upkeep.restore(contents(acme.tenant(), snapshots=[(partial, [])]))
    assert acme.jobs.get(waiting.job_id).state is JobState.SUCCEEDED_WITH_WARNINGS


# -- known blobs


def test_known_blobs_lists_jobs_snapshots_manifests_and_keys_of_one_tenant(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    one = world.backed_up(acme)
    two = world.backed_up(acme)
    unfinished, claim = world.to_commit(acme)
    acme.claims.note_attempt(claim, "noted")
    unknown_job = new_id()
    acme.upkeep.restore(contents(acme.tenant(), jobs={unknown_job, unfinished.job_id}))
    known = acme.upkeep.known_blobs()
    assert known.tenant == acme.tenant()
    assert known.jobs == {one.job_id, two.job_id, unfinished.job_id, unknown_job}
    assert known.ended == {one.job_id, two.job_id, unknown_job}
    assert known.snapshots == {one.snapshot_id: one.job_id, two.snapshot_id: two.job_id}
    assert known.parents == {one.snapshot_id}
    assert known.attempts == {"noted": unfinished.job_id}
    assert known.data_keys == {(key.data_key_id, 1) for key in acme.keys.all()}
    assert other.upkeep.known_blobs().jobs == set()
    unknown_tenant = world.catalog.tenant(new_id()).upkeep.known_blobs()
    assert (unknown_tenant.tenant, unknown_tenant.jobs) == (None, set())


# -- sweep


@pytest.mark.postgresql
def test_a_job_is_swept_one_day_after_its_end_and_only_once(world: World, acme: TenantCatalog) -> None:
    old = world.backed_up(acme)
    unknown_job = new_id()
    acme.upkeep.restore(contents(acme.tenant(), jobs={unknown_job}))
    world.pass_time(90000)
    world.backed_up(acme)
    recent = world.planned(acme)
    acme.jobs.cancel(recent.job_id)
    claim = claim_prune(world, acme)
    assert acme.upkeep.to_sweep(claim, DAY) == sorted([old.job_id, unknown_job])
    for job_id in (old.job_id, unknown_job):
        acme.upkeep.mark_swept(claim, job_id, acme.upkeep.leftovers(claim, job_id))
    assert acme.upkeep.to_sweep(claim, DAY) == []
    assert acme.upkeep.known_blobs().swept == {old.job_id, unknown_job}
    assert unknown_job in acme.upkeep.known_blobs().jobs


def test_blobs_named_by_a_snapshot_are_not_leftovers(world: World, acme: TenantCatalog) -> None:
    job, claim = world.to_commit(acme)
    key = acme.keys.add(data_key(acme.tenant_id, job_id=job.job_id))
    named_run, one = run(job.job_id), snapshot(job)
    acme.claims.note_attempt(claim, "before")
    acme.claims.note_attempt(claim, one.snapshot_id)
    acme.claims.commit(claim, one, [named_run], JobState.SUCCEEDED, None)
    prune = claim_prune(world, acme)
    leftovers = acme.upkeep.leftovers(prune, job.job_id)
    assert leftovers == Leftovers(blobs=set(named_run.blobs), manifests=["before"], data_keys=[])
    acme.upkeep.mark_swept(prune, job.job_id, leftovers)
    assert acme.upkeep.known_blobs().attempts == {}
    assert (acme.snapshots.runs(one.snapshot_id), key in acme.keys.all()) == ([named_run], True)


@pytest.mark.postgresql
def test_everything_of_a_failed_job_is_a_leftover(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    claim = world.claim(acme, job, "users")
    key = acme.keys.add(data_key(acme.tenant_id, job_id=job.job_id))
    acme.claims.checkpoint(claim, checkpoint(run=run(job.job_id)), [])
    acme.claims.note_attempt(claim, "noted")
    acme.claims.fail(claim, Code.GRAPH_UNREACHABLE, "No.")
    prune = claim_prune(world, acme)
    leftovers = acme.upkeep.leftovers(prune, job.job_id)
    assert leftovers == Leftovers(blobs=set(), manifests=["noted"], data_keys=[key.data_key_id])
    assert world.count("runs", acme) == 0
    acme.upkeep.mark_swept(prune, job.job_id, leftovers)
    assert key not in acme.keys.all()
    assert acme.upkeep.known_blobs().attempts == {}


def test_a_prune_does_not_change_jobs_of_another_tenant(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    claim = world.claim(acme, job, "users")
    read = run(job.job_id)
    acme.claims.checkpoint(claim, checkpoint(run=read), [])
    prune = claim_prune(world, world.add("other"))
    other = world.catalog.tenant(prune.tenant_id)
    other.upkeep.leftovers(prune, job.job_id)
    assert [each.run for each in acme.claims.checkpoints(claim)] == [read]


def test_a_run_shared_by_snapshots_is_not_a_leftover(world: World, acme: TenantCatalog) -> None:
    first = world.backed_up(acme)
    shared = run(first.job_id)
    world.backed_up(acme, shared)
    prune = claim_prune(world, acme)
    assert acme.upkeep.leftovers(prune, first.job_id).blobs == set(shared.blobs)


def test_a_prune_with_an_expired_claim_removes_nothing(world: World, acme: TenantCatalog) -> None:
    one = world.backed_up(acme)
    claim = claim_prune(world, acme)
    world.pass_time(31)
    leftovers = Leftovers(blobs=set(), manifests=[], data_keys=[])
    for call in (
        lambda: acme.upkeep.to_sweep(claim, DAY),
        lambda: acme.upkeep.leftovers(claim, one.job_id),
        lambda: acme.upkeep.mark_swept(claim, one.job_id, leftovers),
    ):
        with pytest.raises(ClaimLost):
            call()


# -- schedule of prunes


@pytest.mark.postgresql
def test_a_tenant_is_pruned_once_a_day(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    assert world.scheduler.make_sweeps(DAY) == 2  # both tenants were added long ago
    assert world.scheduler.make_sweeps(DAY) == 0
    (job,) = acme.jobs.recent()
    assert (job.kind, job.origin, job.state) == (JobKind.SWEEP, Origin.SCHEDULE, JobState.QUEUED)
    world.pass_time(90000)
    assert world.scheduler.make_sweeps(DAY) == 2
    assert len(other.jobs.recent()) == 2


@pytest.mark.postgresql
def test_a_new_tenant_is_first_pruned_after_a_day(world: World) -> None:
    tenant = lost_tenant(created_at=NOW + timedelta(days=36500))
    world.catalog.tenant(tenant.tenant_id).upkeep.restore(contents(tenant))
    assert world.scheduler.make_sweeps(DAY) == 0


@pytest.mark.parametrize(("one", "then"), [(JobKind.BACKUP, JobKind.SWEEP), (JobKind.SWEEP, JobKind.BACKUP)])
def test_backup_and_prune_of_a_tenant_wait_for_each_other(
    world: World, acme: TenantCatalog, other: TenantCatalog, one: JobKind, then: JobKind
) -> None:
    first = world.planned(acme, steps_of(one)[-1:], kind=one)
    second, _ = acme.jobs.request(then, origin=Origin.HAND)
    other_job, _ = other.jobs.request(then, origin=Origin.HAND)
    assert not world.scheduler.offer_steps(second, steps_of(then))
    assert world.scheduler.offer_steps(other_job, steps_of(then))
    acme.claims.finish(world.claim(acme, first, steps_of(one)[-1].name))
    assert world.scheduler.offer_steps(second, steps_of(then))


def test_a_refused_key_does_not_stop_a_prune(world: World, acme: TenantCatalog) -> None:
    prune = world.planned(acme, PRUNE, kind=JobKind.SWEEP)
    acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    assert acme.keys.refuse(ARN, "No.") == 1
    assert not acme.jobs.get(prune.job_id).state.ended
