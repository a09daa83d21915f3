"""A tenant's life through every port of the catalog: the statements that a version of the code sends to the tables."""

from datetime import timedelta

import msgspec

from shared.domain.errors import Answer, ClaimLost, Code, GraphTrouble
from shared.domain.jobs import JobKind, JobState, Origin, ResourceProgress, StepPlan
from shared.domain.model import CredentialKind, Purpose, Schedule
from shared.ports.catalog.queries import JobFilter
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.catalog.upkeep import BucketContents
from tests.accepted import accept
from tests.contract.catalog.world import (
    ARN,
    NOW,
    OTHER_ARN,
    REVOKED,
    VERIFY,
    World,
    checkpoint,
    data_key,
    new_id,
    run,
    sealed,
    snapshot,
)

UPDATE = (StepPlan(phase=1, name="key-update"),)


def run_story(world: World) -> None:
    """Add tenants to an empty catalog, use every port, and remove the tenants."""
    acme = world.add("acme")
    world.add("other").remove()
    world.catalog.find("acme")
    world.scheduler.record_heartbeat("w", 4)
    world.scheduler.record_tick()
    world.scheduler.record_tick()
    acme.schedules.set(Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=NOW))
    for due in world.scheduler.due(NOW):
        world.scheduler.make_due(due, NOW + timedelta(hours=1), NOW)
    acme.jobs.cancel(acme.jobs.recent()[0].job_id)
    _back_up(world, "acme")
    _back_up(world, "acme")
    verify = world.planned(acme, VERIFY, kind=JobKind.VERIFY)
    claim = world.claim(acme, verify, "verify")
    acme.jobs.cancel(verify.job_id)
    assert acme.claims.renew(claim).cancel
    acme.claims.fail(claim, Code.CANCELLED, "Cancelled.", state=JobState.CANCELLED)
    download = acme.jobs.begin_foreground(JobKind.DOWNLOAD, "latest", "download", 30)
    acme.claims.finish(download)
    acme.jobs.end_expired_foreground(30.0)
    acme.keys.refuse(ARN, "Refused.")
    acme.keys.state()
    acme.keys.allow(ARN)
    world.probed(acme, REVOKED, notify=True)
    acme.health.get()
    acme.health.history()
    for notice in world.catalog.probes().due_notices(10, 0):
        world.catalog.probes().retry_delivery(notice, "503", 0)
    for notice in world.catalog.probes().due_notices(10, 60):
        world.catalog.probes().mark_delivered(notice, "200")
    _sweep_and_rebuild(world, "acme")
    acme.update(client_id=acme.tenant().client_id, kind=CredentialKind.CERTIFICATE, sealed=sealed())
    _change_key(world, acme)
    world.scheduler.release("w")
    world.scheduler.record_heartbeat("w", 0)
    world.catalog.tenants()
    world.catalog.queries().jobs(JobFilter())
    acme.remove()


def _change_key(world: World, tenant: TenantCatalog) -> None:
    keys = tenant.customer_keys
    keys.allow()
    accept(tenant, OTHER_ARN)
    claim = world.claim(tenant, world.planned(tenant, UPDATE, kind=JobKind.KEY_UPDATE), "key-update")
    now = keys.switch(claim, OTHER_ARN)
    for data_key_id in keys.keys_to_move():
        key = tenant.keys.get(data_key_id)
        newer = msgspec.structs.replace(key, arn=now.key_arn, key_epoch=now.key_epoch, generation=key.generation + 1)
        keys.store_generation(claim, newer)
        tenant.keys.wrapped_by_other_keys(ARN, [data_key_id])
    tenant.claims.report_progress(claim, {"moved": 1})
    keys.snapshots_needing_other_keys()
    for key in keys.superseded():
        keys.forget(claim, key.data_key_id, key.generation)
    keys.confirm_moved(claim, 60.0)
    tenant.claims.finish(claim)
    tenant.keys.state()
    keys.allowed()
    keys.acceptances()


def _back_up(world: World, name: str) -> None:
    tenant = world.catalog.tenant(world.catalog.find(name).tenant_id)
    steps = (StepPlan(phase=1, name="users"), StepPlan(phase=2, name="users"), StepPlan(phase=4, name="commit"))
    job, _ = tenant.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    world.scheduler.unplanned()
    world.scheduler.offer_steps(job, steps)
    world.send()
    claim = world.claim(tenant, job, "users")
    key = tenant.keys.add(data_key(tenant.tenant_id, Purpose.BACKUP, job.job_id))
    tenant.keys.get(key.data_key_id)
    tenant.keys.credential()
    progress = [ResourceProgress(resource="users", records=1, changed=1)]
    tenant.claims.checkpoint(claim, checkpoint(run=run(job.job_id)), progress)
    tenant.claims.drop_checkpoints(claim)
    written = run(job.job_id)
    tenant.claims.checkpoint(claim, checkpoint(run=written), progress)
    tenant.claims.release_step(claim, after=0.0, trouble=GraphTrouble("Silent."))
    try:
        tenant.claims.renew(claim)
    except ClaimLost:
        claim = world.claim(tenant, job, "users")
    world.scheduler.expire(5)
    tenant.claims.checkpoints(claim)
    tenant.claims.finish(claim, answer=Answer.WHOLE)
    tenant.claims.finish(world.claim(tenant, job, "users"), answer=Answer.WHOLE)
    claim = world.claim(tenant, job, "commit")
    tenant.claims.checkpoints(claim, step_only=False)
    new_snapshot = snapshot(tenant.jobs.get(job.job_id))
    tenant.claims.note_attempt(claim, new_snapshot.snapshot_id)
    tenant.claims.commit(claim, new_snapshot, [written], JobState.SUCCEEDED, None)
    tenant.snapshots.all()
    tenant.snapshots.runs("latest" if new_snapshot.parent else new_snapshot.snapshot_id)


def _sweep_and_rebuild(world: World, name: str) -> None:
    """Sweep a tenant, and rebuild a lost tenant."""
    tenant = world.catalog.tenant(world.catalog.find(name).tenant_id)
    world.scheduler.make_sweeps(timedelta(0))
    prune = world.planned(tenant, (StepPlan(phase=1, name="prune"),), kind=JobKind.SWEEP)
    claim = world.claim(tenant, prune, "prune")
    for job_id in tenant.upkeep.to_sweep(claim, timedelta(0)):
        tenant.upkeep.mark_swept(claim, job_id, tenant.upkeep.leftovers(claim, job_id))
    tenant.claims.finish(claim)
    lost = msgspec.structs.replace(tenant.tenant(), tenant_id=new_id(), name="lost")
    rebuilt = world.catalog.tenant(lost.tenant_id)
    keys = [data_key(lost.tenant_id, Purpose.SECRETS)]
    rebuilt.upkeep.restore(
        BucketContents(tenant=lost, data_keys=keys, snapshots=[], uncommitted={new_id(): new_id()}, jobs={new_id()})
    )
    rebuilt.upkeep.known_blobs()
    rebuilt.remove()
