"""Data keys, credentials and refusals."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.domain.errors import Alarm, ClaimLost, Code
from shared.domain.jobs import JobKind, JobState, Origin, VerifyRequest
from shared.domain.model import CredentialKind, Purpose
from shared.ports.catalog.keys import EpochMoved
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import ARN, OTHER_ARN, VERIFY, World, data_key, new_id, sealed


def test_an_added_data_key_is_returned_unchanged(acme: TenantCatalog) -> None:
    key = data_key(acme.tenant_id, job_id=new_job_id(acme))
    assert acme.keys.add(key) == key
    assert acme.keys.get(key.data_key_id) == key
    assert acme.keys.find(Purpose.BACKUP, key.job_id) == key
    assert acme.keys.find(Purpose.BACKUP, new_id()) is None


def new_job_id(tenant: TenantCatalog) -> str:
    """Request a job that needs a data key, and return its id."""
    return tenant.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0].job_id


def test_an_ended_or_unknown_job_gets_no_data_key(world: World, acme: TenantCatalog) -> None:
    for job_id in (acme.jobs.cancel(new_job_id(acme)).job_id, new_id()):
        with pytest.raises(ClaimLost):
            acme.keys.add(data_key(acme.tenant_id, job_id=job_id))
        with pytest.raises(ClaimLost):
            acme.keys.reserve_data_key(job_id, 30.0)
    assert len(acme.keys.all()) == 1


def test_a_missing_data_key_raises_an_alarm(acme: TenantCatalog) -> None:
    with pytest.raises(Alarm) as caught:
        acme.keys.get("0" * 64)
    assert caught.value.code is Code.BLOB_MISSING


@pytest.mark.postgresql
def test_concurrent_adds_keep_one_data_key_per_job(acme: TenantCatalog) -> None:
    job_id = new_job_id(acme)
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda _: acme.keys.add(data_key(acme.tenant_id, job_id=job_id)), range(8)))
    assert len({key.data_key_id for key in added}) == 1
    secrets = acme.keys.find(Purpose.SECRETS, None)
    assert acme.keys.add(data_key(acme.tenant_id, Purpose.SECRETS)) == secrets


@pytest.mark.postgresql
def test_one_caller_at_a_time_may_reserve_a_jobs_data_key(world: World, acme: TenantCatalog) -> None:
    job_id = new_job_id(acme)
    for ending in ("expiry", "release"):
        with ThreadPoolExecutor(4) as pool:
            reservations = list(pool.map(lambda _: acme.keys.reserve_data_key(job_id, 30.0), range(8)))
        (until,) = filter(None, reservations)
        world.pass_time(29.0)
        assert not acme.keys.reserve_data_key(job_id, 30.0)
        if ending == "expiry":
            world.pass_time(1.0)
        else:
            # The end of an older reservation, which has expired, does not count.
            acme.keys.release_data_key_reservation(job_id, until - timedelta(seconds=1))
            assert not acme.keys.reserve_data_key(job_id, 30.0)
            acme.keys.release_data_key_reservation(job_id, until)
    other = new_job_id(acme)
    assert acme.keys.reserve_data_key(other, 30.0)


def test_an_existing_data_key_cannot_be_reserved(world: World, acme: TenantCatalog) -> None:
    job_id = new_job_id(acme)
    assert acme.keys.reserve_data_key(job_id, 30.0)
    acme.keys.add(data_key(acme.tenant_id, job_id=job_id))
    assert not acme.keys.reserve_data_key(job_id, 30.0)
    world.pass_time(60.0)
    assert not acme.keys.reserve_data_key(job_id, 30.0)


@pytest.mark.postgresql
def test_a_data_key_of_an_older_epoch_is_refused(world: World, acme: TenantCatalog) -> None:
    existing = acme.keys.add(data_key(acme.tenant_id, job_id=new_job_id(acme)))
    world.change("tenants", key_epoch=2, key_arn=OTHER_ARN)
    with pytest.raises(EpochMoved):
        acme.keys.add(data_key(acme.tenant_id, job_id=new_job_id(acme)))
    assert acme.keys.add(data_key(acme.tenant_id, job_id=existing.job_id)) == existing
    fresh = data_key(acme.tenant_id, job_id=new_job_id(acme), arn=OTHER_ARN, epoch=2)
    assert acme.keys.add(fresh) == fresh


def test_a_credential_may_be_replaced_by_one_of_any_kind(acme: TenantCatalog) -> None:
    kind, first = acme.keys.credential()
    assert (kind, first.data) == (CredentialKind.SECRET, b"acme")
    for kind in (CredentialKind.CERTIFICATE, CredentialKind.CERTIFICATE, CredentialKind.SECRET):
        stored = sealed(kind.encode())
        acme.update(client_id=new_id(), kind=kind, sealed=stored)
        assert acme.keys.credential() == (kind, stored)


def test_a_refusal_ends_only_the_tenants_jobs_that_need_a_key(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    world.backed_up(acme)
    running = world.planned(acme)
    claim = world.claim(acme, running, "users")
    download = acme.jobs.begin_foreground(JobKind.DOWNLOAD, "latest", "download", 30)
    queued, _ = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
    shallow, _ = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND, detail=VerifyRequest(shallow=True))
    other_job = world.planned(other)
    other_claim = world.claim(other, other_job, "users")
    done = acme.jobs.recent()[-1]

    assert acme.keys.refuse(ARN, "Its owner must allow it again.") == 3
    for job_id in (running.job_id, download.job_id, queued.job_id):
        job = acme.jobs.get(job_id)
        assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
        assert job.message == "Its owner must allow it again."
    for lost in (claim, download):
        with pytest.raises(ClaimLost):
            acme.claims.renew(lost)
    assert acme.jobs.get(shallow.job_id).state is JobState.QUEUED
    assert acme.jobs.get(done.job_id).state is JobState.SUCCEEDED
    assert world.count("pins") == 0
    other.claims.renew(other_claim)
    assert other.keys.state().refusal is None
    assert acme.keys.refuse(ARN, "Again.") == 0


def test_a_late_refusal_spares_jobs_requested_after_the_kms_call(world: World, acme: TenantCatalog) -> None:
    before, _ = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
    world.pass_time(60)
    after, _ = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
    assert acme.keys.refuse(ARN, "No.", ago=30.0) == 1
    assert [acme.jobs.get(job.job_id).state for job in (before, after)] == [JobState.FAILED, JobState.QUEUED]


@pytest.mark.postgresql
def test_a_refusal_delayed_by_a_lock_spares_jobs_requested_after_the_kms_call(
    world: World, acme: TenantCatalog
) -> None:
    kms_called_at = time.monotonic() - 0.1
    job, _ = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
    with ThreadPoolExecutor(1) as pool:
        with world.locked():
            refusing = pool.submit(lambda: acme.keys.refuse(ARN, "No.", ago=time.monotonic() - kms_called_at))
            time.sleep(0.5)
        assert refusing.result() == 0
    assert acme.jobs.get(job.job_id).state is JobState.QUEUED


def test_a_refusal_of_an_unused_key_is_ignored(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme, VERIFY, kind=JobKind.VERIFY)
    claim = world.claim(acme, job, "verify")
    assert acme.keys.refuse(OTHER_ARN, "No.") == 0
    assert acme.keys.state().refusal is None
    acme.claims.renew(claim)
    # The tenant moved to another key, and its only data key was rewrapped: the previous key may be disabled.
    world.change("tenants", key_arn=OTHER_ARN)
    assert acme.keys.state().data_keys == {ARN: 1}
    secrets = acme.keys.find(Purpose.SECRETS, None)
    assert secrets is not None
    world.wrap_anew(acme, secrets, OTHER_ARN)
    assert acme.keys.refuse(ARN, "No.") == 0
    acme.claims.renew(claim)


def test_a_refusal_of_the_key_for_new_data_keys_ends_jobs(world: World, acme: TenantCatalog) -> None:
    world.planned(acme)
    world.change("tenants", key_arn=OTHER_ARN)
    assert acme.keys.refuse(OTHER_ARN, "No.") == 1


def test_a_refusal_is_logged_once_until_the_key_answers_again(
    world: World, acme: TenantCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.planned(acme)
    for _ in range(3):
        acme.keys.refuse(ARN, "Its owner must allow it again.")
        acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    acme.keys.refuse(OTHER_ARN, "No.")
    acme.keys.allow(OTHER_ARN)
    (record,) = (each for each in caplog.records if each.name.endswith(".keys"))
    assert (record.levelname, record.getMessage()) == (
        "WARNING",
        "Its owner must allow it again. Jobs that it ended: 1.",
    )
    assert (record.__dict__["tenant"], record.__dict__["code"]) == (acme.tenant_id, "KEY_ACCESS_REVOKED")
    caplog.clear()
    for _ in range(2):
        acme.keys.allow(ARN)
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("INFO", f"KMS answers for the key {ARN} again")
    acme.keys.refuse(ARN, "Its owner must allow it again.")
    assert len([record for record in caplog.records if record.name.endswith(".keys")]) == 2


def test_a_refusal_is_stored_until_the_key_answers(acme: TenantCatalog) -> None:
    assert acme.keys.state().refusal is None
    acme.keys.refuse(ARN, "First.")
    acme.keys.refuse(ARN, "Second.")
    refusal = acme.keys.state().refusal
    assert refusal is not None
    assert (refusal.arn, refusal.message) == (ARN, "Second.")
    acme.keys.allow(OTHER_ARN)
    assert acme.keys.state().refusal == refusal
    acme.keys.allow(ARN)
    assert acme.keys.state().refusal is None


def test_data_keys_are_counted_by_their_current_kms_key(world: World, acme: TenantCatalog) -> None:
    for _ in range(3):
        acme.keys.add(data_key(acme.tenant_id, job_id=new_job_id(acme)))
    assert acme.keys.state().data_keys == {ARN: 4}
    moved = acme.keys.add(data_key(acme.tenant_id, job_id=new_job_id(acme)))
    newer = world.wrap_anew(acme, world.wrap_anew(acme, moved, ARN), OTHER_ARN)
    assert acme.keys.state().data_keys == {ARN: 4, OTHER_ARN: 1}
    assert acme.keys.get(moved.data_key_id) == acme.keys.find(Purpose.BACKUP, moved.job_id) == newer
