"""Readers of snapshots: download, browse and verify, with their jobs and their reports of damage."""

import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from shared.domain.errors import Alarm, Cancelled, Code, KeyRefused, Refuse
from shared.domain.jobs import DamagedBlob, Job, JobKind, JobState, VerifyRequest, VerifyResult
from shared.engine.snapshots.browse import browse
from shared.engine.snapshots.download import download
from shared.engine.snapshots.foreground import run_foreground
from shared.vault.names import key_object_blob
from tests.contract.engine.world import LEASE, EngineWorld
from tests.unit.vault.parts import ARN

REFUSED = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, backups=1)
    yield world
    world.close()


def newest(world: EngineWorld) -> Job:
    return world.catalog.jobs.recent(1)[0]


def chunks(world: EngineWorld) -> list[str]:
    return sorted(world.store.names(f"{world.tenant.tenant_id}/jobs/"))


def manifests(world: EngineWorld) -> Iterator[str]:
    return world.store.names(f"{world.tenant.tenant_id}/snapshots/")


# -- download and browse


def test_a_download_that_is_cancelled_ends_as_cancelled(world: EngineWorld) -> None:
    world.limit(renew_seconds=0.02)
    cancelled = threading.Event()
    with (
        pytest.raises(Cancelled),
        run_foreground(world.context, world.tenant, JobKind.DOWNLOAD, "latest") as (work, _),
    ):
        work.claim_keeper.on_lost(cancelled.set)
        world.catalog.jobs.cancel(newest(world).job_id)
        assert cancelled.wait(10)
        work.check()
    assert (newest(world).state, newest(world).code) == (JobState.CANCELLED, Code.CANCELLED)


def test_a_download_runs_as_a_job(world: EngineWorld) -> None:
    world.download()
    job, snapshot = newest(world), world.catalog.snapshots.get("latest")
    assert (job.kind, job.state, job.snapshot) == (JobKind.DOWNLOAD, JobState.SUCCEEDED, snapshot.snapshot_id)


def test_a_download_of_some_resources_has_only_these(world: EngineWorld) -> None:
    sink = BytesIO()
    counts: list[int] = []
    count = download(world.context, world.tenant, "latest", sink, ["groups.members"], counts.append)
    assert sink.getvalue() == b'{"key": "groups/g/members/1", "value": {}}\n'
    assert (count, counts) == (1, [1])


def test_a_full_sink_fails_the_job(world: EngineWorld) -> None:
    class Full(BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        download(world.context, world.tenant, "latest", Full())
    assert (newest(world).state, newest(world).code) == (JobState.FAILED, Code.INTERRUPTED)


def test_an_abandoned_download_is_ended_by_the_next_command(world: EngineWorld) -> None:
    snapshot = world.catalog.snapshots.get("latest").snapshot_id
    claim = world.catalog.jobs.begin_foreground(JobKind.DOWNLOAD, snapshot, "download", 0.0)
    world.download()
    job = world.catalog.jobs.get(claim.job_id)
    assert (job.state, job.code) == (JobState.FAILED, Code.INTERRUPTED)


def test_a_download_of_an_unknown_snapshot_is_refused_without_a_job(world: EngineWorld) -> None:
    before = len(world.catalog.jobs.recent())
    with pytest.raises(Refuse) as caught:
        world.download("no-such-snapshot")
    assert caught.value.code is Code.NO_SUCH_SNAPSHOT
    assert len(world.catalog.jobs.recent()) == before


def test_a_download_fails_under_a_refused_key_and_works_at_once_when_access_returns(world: EngineWorld) -> None:
    world.keys.trouble = REFUSED
    with pytest.raises(KeyRefused):
        world.download()
    assert (newest(world).state, newest(world).code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
    world.keys.trouble = None
    assert world.download() == world.directory.records()


def test_a_refusal_reaches_a_download_within_a_lease(world: EngineWorld) -> None:
    with (
        pytest.raises(KeyRefused),
        run_foreground(world.context, world.tenant, JobKind.DOWNLOAD, "latest") as (work, _),
    ):
        refused = threading.Event()
        work.keys.on_end(refused.set)
        world.keys.trouble = REFUSED
        assert refused.wait(LEASE * 5)
        work.check()
    assert newest(world).code is Code.KEY_ACCESS_REVOKED


def test_browsing_filters_by_text_and_by_id(world: EngineWorld) -> None:
    world.directory.put("users", "users/%C3%A9", b'{"displayName":"Ang\xc3\xa8le"}')
    world.back_up()

    def keys(resources: Sequence[str] = (), **filters: str) -> list[str]:
        return [key for key, _ in browse(world.context, world.tenant, "latest", resources, **filters)]

    assert keys(search="ANGÈLE") == ["users/%C3%A9"]
    assert keys(object_id="é") == ["users/%C3%A9"]
    assert keys(object_id="g") == ["groups/g", "groups/g/members/1"]
    assert keys(resources=["groups"], object_id="g") == ["groups/g"]
    assert keys(search="nowhere") == []


def test_a_resource_that_the_snapshot_does_not_have_is_refused_without_a_job(world: EngineWorld) -> None:
    before = len(world.catalog.jobs.recent())
    with pytest.raises(Refuse, match=r"has no resource 'devices'.*organization") as caught:
        download(world.context, world.tenant, "latest", BytesIO(), ["users", "devices"])
    assert caught.value.code is Code.WRONG_USE
    assert len(world.catalog.jobs.recent()) == before


# -- verify


def test_a_verify_of_an_intact_snapshot_counts_every_blob(world: EngineWorld) -> None:
    job = world.run_job(JobKind.VERIFY)
    manifests = list(world.store.names(f"{world.tenant.tenant_id}/snapshots/"))
    assert job.state is JobState.SUCCEEDED
    assert job.detail == VerifyResult(
        snapshots=1, blobs=len(chunks(world)) + len(manifests) + 1, damaged=[], shallow=False
    )


@pytest.mark.parametrize("shallow", [True, False])
@pytest.mark.parametrize("missing", [True, False])
def test_a_verify_names_every_damaged_blob_and_checks_all_others(
    world: EngineWorld, shallow: bool, missing: bool
) -> None:
    first, second = chunks(world)[:2]
    blobs = world.store.blobs
    blobs[first], blobs[second] = blobs[second], blobs[first]
    if missing:
        del blobs[first]
    job = world.run_job(JobKind.VERIFY, detail=VerifyRequest(shallow=shallow))
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    assert job.detail.blobs == len(chunks(world)) + missing + 2
    damaged = {each.blob: each for each in job.detail.damaged}
    assert damaged.keys() == {first, second}
    assert damaged[first].reason == ("BLOB_MISSING" if missing else "BLOB_DAMAGED")
    assert all(each.resource for each in damaged.values())
    with pytest.raises(Alarm) as alarm:
        world.download()
    assert alarm.value.blob in damaged
    assert newest(world).code in (Code.BLOB_DAMAGED, Code.BLOB_MISSING)


def test_a_shallow_verify_needs_no_key(world: EngineWorld) -> None:
    world.keys.trouble = REFUSED
    calls = world.keys.call_count
    assert world.run_job(JobKind.VERIFY, detail=VerifyRequest(shallow=True)).state is JobState.SUCCEEDED
    assert world.keys.call_count == calls
    deep = world.run_job(JobKind.VERIFY)
    assert (deep.state, deep.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)


def test_a_damaged_manifest_is_named(world: EngineWorld) -> None:
    (manifest,) = world.store.names(f"{world.tenant.tenant_id}/snapshots/")
    world.store.blobs[manifest] += b"x"
    job = world.run_job(JobKind.VERIFY, snapshot="latest")
    assert [each.blob for each in job.detail.damaged] == [manifest]


@pytest.mark.parametrize("shallow", [True, False])
@pytest.mark.parametrize("harm", ["missing", "of another generation", "garbage", "of an unknown format"])
def test_a_key_object_that_differs_from_sql_is_named(world: EngineWorld, shallow: bool, harm: str) -> None:
    """The key object of the secrets, which no snapshot needs, stands in for another one."""
    snapshot = world.catalog.snapshots.get("latest")
    name = key_object_blob(world.tenant.tenant_id, snapshot.data_key_id, 1)
    blobs = world.store.blobs
    other = next(key for key in world.store.names(f"{world.tenant.tenant_id}/keys/") if key != name)
    blobs[name] = {
        "missing": b"",
        "of another generation": blobs[other],
        "garbage": b"{",
        "of an unknown format": blobs[name].replace(b"entrakeep/1", b"entrakeep/9"),
    }[harm]
    if harm == "missing":
        del blobs[name]
    job = world.run_job(JobKind.VERIFY, detail=VerifyRequest(shallow=shallow))
    reason = {"missing": "BLOB_MISSING", "of an unknown format": "FORMAT_UNKNOWN"}.get(harm, "BLOB_DAMAGED")
    assert job.state is JobState.FAILED
    assert job.detail.damaged == [DamagedBlob(name, None, reason)]
    assert world.download() == world.directory.records()


def test_a_long_verify_is_released_and_continues_after_the_blobs_that_it_checked(world: EngineWorld) -> None:
    world.limit(step_seconds=0.0)
    (spoilt, *_) = chunks(world)
    world.store.blobs[spoilt] += b"x"
    opened: list[str] = []
    get = world.store.get
    world.store.get = lambda name: (opened.append(name), get(name))[1]  # type: ignore[method-assign]
    job = world.request(JobKind.VERIFY)
    world.work(1)
    assert world.catalog.jobs.get(job.job_id).state is JobState.RUNNING
    world.work(100)
    ended = world.catalog.jobs.get(job.job_id)
    assert [each.blob for each in ended.detail.damaged] == [spoilt]
    assert ended.detail.blobs == len(chunks(world)) + 2 + opened.count(next(manifests(world))) - 1
    assert all(opened.count(chunk) == (2 if chunk == spoilt else 1) for chunk in chunks(world))


def test_a_run_that_snapshots_share_is_checked_once(world: EngineWorld) -> None:
    world.clock.time += timedelta(hours=1)
    world.back_up()
    job = world.run_job(JobKind.VERIFY)
    assert job.detail.snapshots == 2
    assert job.detail.blobs == len(chunks(world)) + 4
