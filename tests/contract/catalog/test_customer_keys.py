"""Customer keys: permission and terms, the switch, and data keys moved one by one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest

from shared.domain.errors import ClaimLost, Code, Refuse
from shared.domain.jobs import Claim, JobKind, JobState, KeyChangeProgress, Origin, StepPlan
from shared.domain.model import KeyMode, Purpose, Schedule, WrappedKey
from shared.ports.catalog.keys import EpochMoved
from shared.ports.catalog.tenant import TenantCatalog
from tests.accepted import accept
from tests.contract.catalog.world import ARN, BACKUP, NOW, OTHER_ARN, World, data_key, new_id, run, snapshot

UPDATE = (StepPlan(phase=1, name="key-update"),)


@pytest.fixture
def claim(world: World, acme: TenantCatalog) -> Claim:
    """Return the claim on a running key change."""
    return world.claim(acme, world.planned(acme, UPDATE, kind=JobKind.KEY_UPDATE), "key-update")


def switch_key(tenant: TenantCatalog, claim: Claim, arn: str = OTHER_ARN) -> None:
    tenant.customer_keys.allow()
    accept(tenant, arn)
    tenant.customer_keys.switch(claim, arn)


def add_data_key(tenant: TenantCatalog, **values: object) -> WrappedKey:
    """Add a data key of a new job."""
    job, _ = tenant.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
    key = data_key(tenant.tenant_id, job_id=job.job_id, arn=tenant.tenant().key_arn, epoch=tenant.tenant().key_epoch)
    return tenant.keys.add(msgspec.structs.replace(key, **values))


def next_generation(tenant: TenantCatalog, data_key_id: str) -> WrappedKey:
    """Return the data key's next generation, under the tenant's current key."""
    key, now = tenant.keys.get(data_key_id), tenant.tenant()
    return msgspec.structs.replace(
        key, arn=now.key_arn, key_epoch=now.key_epoch, generation=key.generation + 1, wrapped=b"anew"
    )


def move(tenant: TenantCatalog, claim: Claim, data_key_id: str) -> WrappedKey:
    newer = next_generation(tenant, data_key_id)
    assert tenant.customer_keys.store_generation(claim, newer)
    return newer


def test_allow_applies_once_and_to_one_tenant_only(acme: TenantCatalog, other: TenantCatalog) -> None:
    assert acme.customer_keys.allowed() is None
    since = acme.customer_keys.allow()
    assert acme.customer_keys.allow() == acme.customer_keys.allowed() == since
    assert other.customer_keys.allowed() is None
    acme.remove()
    for call in (acme.customer_keys.allow, acme.customer_keys.allowed, lambda: accept(acme, ARN)):
        with pytest.raises(Refuse) as caught:
            call()
        assert caught.value.code is Code.NO_SUCH_TENANT


@pytest.mark.postgresql
def test_an_acceptance_records_actor_terms_and_key(acme: TenantCatalog, other: TenantCatalog) -> None:
    first = accept(acme, OTHER_ARN, actor="ada@host")
    second = accept(acme, OTHER_ARN, actor="bob@host")
    assert acme.customer_keys.acceptances() == [second, first]
    assert (first.accepted_by, first.version, first.sha256, first.arn) == ("ada@host", "1", "a" * 64, OTHER_ARN)
    assert other.customer_keys.acceptances() == []


def test_the_first_switch_needs_the_operators_permission_and_accepted_terms(acme: TenantCatalog, claim: Claim) -> None:
    before = acme.tenant()
    steps = (lambda: None, acme.customer_keys.allow, lambda: accept(acme, ARN))
    for action in steps:
        action()
        with pytest.raises(Refuse) as caught:
            acme.customer_keys.switch(claim, OTHER_ARN)
        assert caught.value.code is Code.KEY_NOT_ALLOWED
    assert acme.tenant() == before
    accept(acme, OTHER_ARN)
    after = acme.customer_keys.switch(claim, OTHER_ARN)
    assert after == acme.tenant()
    assert (after.key_mode, after.key_arn, after.key_epoch) == (KeyMode.CUSTOMER, OTHER_ARN, 2)
    assert acme.customer_keys.switch(claim, OTHER_ARN) == after
    assert acme.customer_keys.switch(claim, f"{ARN}-third").key_epoch == 3


def test_a_data_key_created_under_the_previous_key_is_refused_after_the_switch(
    acme: TenantCatalog, claim: Claim
) -> None:
    late = data_key(acme.tenant_id, job_id=acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0].job_id)
    switch_key(acme, claim)
    with pytest.raises(EpochMoved):
        acme.keys.add(late)
    fresh = msgspec.structs.replace(late, arn=OTHER_ARN, key_epoch=2)
    assert acme.keys.add(fresh) == fresh


def test_every_write_of_a_key_change_is_fenced(world: World, acme: TenantCatalog, claim: Claim) -> None:
    switch_key(acme, claim)
    key = acme.keys.get(acme.customer_keys.keys_to_move()[0])
    stale = msgspec.structs.replace(claim, fence=claim.fence + 1)
    keys = acme.customer_keys
    for write in (
        lambda: keys.switch(stale, ARN),
        lambda: keys.store_generation(stale, next_generation(acme, key.data_key_id)),
        lambda: keys.forget(stale, key.data_key_id, 1),
        lambda: keys.confirm_moved(stale, 4.0),
        lambda: acme.claims.report_progress(stale, {"a": 1}),
    ):
        with pytest.raises(ClaimLost):
            write()


def test_keys_to_move_lists_the_credential_key_first_and_then_the_newest(
    acme: TenantCatalog, other: TenantCatalog, claim: Claim
) -> None:
    keys = [add_data_key(acme, created_at=NOW + timedelta(hours=n)) for n in (2, 3, 1)]
    assert acme.customer_keys.keys_to_move() == []
    switch_key(acme, claim)
    secrets = acme.keys.find(Purpose.SECRETS, None)
    assert secrets is not None
    ordered = [secrets, keys[1], keys[0], keys[2]]
    assert acme.customer_keys.keys_to_move() == [key.data_key_id for key in ordered]
    assert other.customer_keys.keys_to_move() == []
    for n, key in enumerate(ordered, start=1):
        newer = move(acme, claim, key.data_key_id)
        assert acme.keys.get(key.data_key_id) == newer
        assert acme.customer_keys.store_generation(claim, newer)
        assert acme.customer_keys.keys_to_move() == [key.data_key_id for key in ordered[n:]]
    assert acme.keys.state().data_keys == {OTHER_ARN: 4}


@pytest.mark.postgresql
def test_wrapped_by_other_keys_returns_only_requested_data_keys_under_another_key(
    acme: TenantCatalog, claim: Claim
) -> None:
    unmoved, moved, unrequested = add_data_key(acme), add_data_key(acme), add_data_key(acme)
    requested = [unmoved.data_key_id, moved.data_key_id]
    assert acme.keys.wrapped_by_other_keys(ARN, requested) == []
    switch_key(acme, claim)
    newer = move(acme, claim, moved.data_key_id)
    move(acme, claim, unrequested.data_key_id)
    assert acme.keys.wrapped_by_other_keys(ARN, requested) == [newer]
    assert acme.keys.wrapped_by_other_keys(ARN, []) == []


def test_store_generation_rejects_old_generations_unknown_keys_and_other_kms_keys(
    world: World, acme: TenantCatalog, claim: Claim
) -> None:
    key = add_data_key(acme)
    switch_key(acme, claim)
    stale = next_generation(acme, key.data_key_id)
    with pytest.raises(EpochMoved):
        acme.customer_keys.store_generation(claim, msgspec.structs.replace(stale, arn=ARN))
    assert not acme.customer_keys.store_generation(claim, msgspec.structs.replace(stale, generation=1))
    assert not acme.customer_keys.store_generation(claim, msgspec.structs.replace(stale, data_key_id="0" * 64))
    assert acme.customer_keys.store_generation(claim, msgspec.structs.replace(stale, generation=3))
    assert not acme.customer_keys.store_generation(claim, stale)
    assert acme.keys.get(key.data_key_id).generation == 3


@pytest.mark.postgresql
def test_superseded_generations_are_listed_and_forgotten_but_never_the_newest(
    acme: TenantCatalog, claim: Claim
) -> None:
    key, waiting = add_data_key(acme), add_data_key(acme)
    switch_key(acme, claim)
    assert acme.customer_keys.superseded() == []
    move(acme, claim, key.data_key_id)
    assert acme.customer_keys.superseded() == [key]
    for data_key_id, generation in ((waiting.data_key_id, 1), (key.data_key_id, 2), (key.data_key_id, 1)) * 2:
        acme.customer_keys.forget(claim, data_key_id, generation)
    assert acme.customer_keys.superseded() == []
    assert acme.keys.get(key.data_key_id).generation == 2
    assert acme.keys.get(waiting.data_key_id) == waiting


@pytest.mark.postgresql
def test_the_previous_key_is_free_one_lease_after_the_move_is_confirmed(
    world: World, acme: TenantCatalog, claim: Claim
) -> None:
    def free() -> bool | None:
        return acme.keys.state().old_key_free

    assert free() is None
    switch_key(acme, claim)
    assert not acme.customer_keys.confirm_moved(claim, 10.0)
    assert (free(), acme.keys.state().updating) == (False, True)
    for data_key_id in acme.customer_keys.keys_to_move():
        move(acme, claim, data_key_id)
    assert free() is False
    assert acme.customer_keys.confirm_moved(claim, 10.0)
    acme.claims.finish(claim)
    state = acme.keys.state()
    assert (state.old_key_free, state.updating) == (False, False)
    assert state.switched_at is not None
    world.pass_time(11)
    assert free() is True
    second_change = world.claim(acme, world.planned(acme, UPDATE, kind=JobKind.KEY_UPDATE), "key-update")
    acme.customer_keys.switch(second_change, f"{ARN}-third")
    assert free() is False


@pytest.mark.postgresql
def test_snapshots_needing_other_keys_lists_snapshots_with_unmoved_data_keys(
    world: World, acme: TenantCatalog, claim: Claim
) -> None:
    old_run, old_key = run(new_id()), add_data_key(acme)
    first = world.backed_up(acme, old_run)
    job, commit = world.to_commit(acme)
    key = acme.keys.add(data_key(acme.tenant_id, job_id=job.job_id))
    second = snapshot(acme.jobs.get(job.job_id), data_key_id=key.data_key_id)
    acme.claims.commit(commit, second, [old_run, run(old_key.job_id or "")], JobState.SUCCEEDED, None)
    assert acme.customer_keys.snapshots_needing_other_keys() == []
    switch_key(acme, claim)
    assert acme.customer_keys.snapshots_needing_other_keys() == [second.snapshot_id]
    move(acme, claim, key.data_key_id)
    assert acme.customer_keys.snapshots_needing_other_keys() == [second.snapshot_id]
    move(acme, claim, old_key.data_key_id)
    assert acme.customer_keys.snapshots_needing_other_keys() == []
    assert first.snapshot_id in {each.snapshot_id for each in acme.snapshots.all()}


def test_a_refusal_of_the_previous_key_is_stored_and_ends_no_job(
    world: World, acme: TenantCatalog, claim: Claim
) -> None:
    waiting = add_data_key(acme)
    switch_key(acme, claim)
    assert acme.keys.refuse(ARN, "No.") == 0
    refusal = acme.keys.state().refusal
    assert refusal is not None
    assert refusal.arn == ARN
    to_move = acme.customer_keys.keys_to_move()
    acme.schedules.set(Schedule(cron="* * * * *", timezone="UTC", paused=False, next_due=NOW))
    (due_schedule,) = world.scheduler.due(NOW)
    assert world.scheduler.make_due(due_schedule, NOW + timedelta(hours=1), NOW)
    for data_key_id in to_move:
        move(acme, claim, data_key_id)
    assert waiting.data_key_id in to_move
    assert acme.keys.state().refusal is None
    assert acme.keys.refuse(OTHER_ARN, "No.") > 0


@pytest.mark.postgresql
def test_key_changes_do_not_run_concurrently_but_a_backup_may_run_beside_one(
    world: World, acme: TenantCatalog, claim: Claim
) -> None:
    world.planned(acme, BACKUP)
    second, _ = acme.jobs.request(JobKind.KEY_ENABLE, origin=Origin.HAND)
    assert not world.scheduler.offer_steps(second, UPDATE)
    acme.claims.finish(claim)
    assert world.scheduler.offer_steps(second, UPDATE)


@pytest.mark.postgresql
def test_reported_progress_stays_in_the_job_unless_its_end_replaces_it(
    world: World, acme: TenantCatalog, claim: Claim
) -> None:
    progress = KeyChangeProgress(arn=ARN, moved=2)
    acme.claims.report_progress(claim, progress)
    assert acme.jobs.get(claim.job_id).detail == progress
    acme.claims.fail(claim, Code.KEY_INVALID, "No.")
    assert acme.jobs.get(claim.job_id).detail == progress


@pytest.mark.postgresql
def test_moving_data_keys_beside_new_keys_and_refusals_neither_deadlocks_nor_loses_one(
    world: World, acme: TenantCatalog, claim: Claim
) -> None:
    keys = [add_data_key(acme) for _ in range(6)]
    switch_key(acme, claim)
    with ThreadPoolExecutor(4) as pool:
        moving = [pool.submit(move, acme, claim, key.data_key_id) for key in keys]
        other = [pool.submit(acme.keys.refuse, "arn:another", "No.") for _ in range(4)]
        other += [pool.submit(add_data_key, acme) for _ in range(4)]
        for future in (*moving, *other):
            future.result(30)
    assert not {key.data_key_id for key in keys} & set(acme.customer_keys.keys_to_move())
