"""Stored bytes that were changed: verify names blob and resource, and no changed byte reaches a reader."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from shared.domain.errors import Alarm, Code
from shared.domain.jobs import DamagedBlob, JobKind, JobState, Origin, VerifyRequest
from shared.domain.model import Tenant
from shared.engine.snapshots.browse import browse
from shared.engine.snapshots.download import download
from tests.flow.points import FOLDER
from tests.flow.stack import Stack, running_stack, same

pytestmark = pytest.mark.flow


@dataclass
class Stored:
    """A tenant's newest snapshot in a folder, a blob of it to damage, and other blobs for swaps."""

    stack: Stack
    folder: Path
    tenant: Tenant
    stranger: Tenant

    def chunk(self, stream: str, place: int = 0, tenant: Tenant | None = None) -> str:
        """Return the name of a chunk's blob in the oldest run of a stream."""
        owner = tenant or self.tenant
        catalog = self.stack.catalog_of(owner)
        run = next(
            run for run in catalog.snapshots.runs(self.stack.snapshot(owner).snapshot_id) if run.stream == stream
        )
        return f"{owner.tenant_id}/jobs/{run.job_id}/{run.blobs[place]}"

    def manifest(self, snapshot: str = "latest") -> str:
        return f"{self.tenant.tenant_id}/snapshots/{self.stack.snapshot(self.tenant, snapshot).snapshot_id}"

    def older(self) -> str:
        """Return the snapshot before the newest."""
        return self.stack.catalog_of(self.tenant).snapshots.all()[1].snapshot_id

    def path(self, blob: str) -> Path:
        return self.folder / blob

    def verify(self, **detail: bool) -> tuple[JobState, Code | None, Any]:
        """Verify the newest snapshot. Return the job's state, code and detail."""
        jobs = self.stack.catalog_of(self.tenant).jobs
        job, _ = jobs.request(
            JobKind.VERIFY, origin=Origin.HAND, snapshot="latest", detail=VerifyRequest(**detail) if detail else None
        )
        job = self.stack.ended(job)
        return job.state, job.code, job.detail.damaged


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    folder = tmp_path_factory.mktemp("damage")
    options = ("--users", "60", "--groups", "6", "--applications", "9", "--policies", "4")
    with running_stack(folder, *options, store=f"file://{folder}/store") as stack:
        stack.start("beat")
        stack.start("worker", application="tests.flow.killing_worker", environment={FOLDER: str(stack.home)})
        tenants = [stack.add("harmed"), stack.add("stranger", directory=stack.graph.add_directory(60))]
        for tenant in tenants:
            stack.backup(tenant)
        (user, *_) = stack.graph.ids("users")
        stack.graph.change(("update", f"users/{user}", {"jobTitle": "Keeper"}))
        stack.backup(tenants[0])
        yield Stored(stack, folder / "store", *tenants)


def flipped(stored: Stored, blob: str) -> None:
    data = bytearray(stored.path(blob).read_bytes())
    data[len(data) // 2] ^= 1
    stored.path(blob).write_bytes(data)


def truncated(stored: Stored, blob: str) -> None:
    data = stored.path(blob).read_bytes()
    stored.path(blob).write_bytes(data[: len(data) // 2])


def lengthened(stored: Stored, blob: str) -> None:
    stored.path(blob).write_bytes(stored.path(blob).read_bytes() + b"\0")


def emptied(stored: Stored, blob: str) -> None:
    stored.path(blob).write_bytes(b"")


def missing(stored: Stored, blob: str) -> None:
    stored.path(blob).unlink()


def another(stored: Stored, blob: str) -> None:
    stored.path(blob).write_bytes(stored.path(stored.chunk("users", 1)).read_bytes())


def of_another_tenant(stored: Stored, blob: str) -> None:
    stored.path(blob).write_bytes(stored.path(stored.chunk("users", 0, stored.stranger)).read_bytes())


def of_the_snapshot_before(stored: Stored, blob: str) -> None:
    stored.path(blob).write_bytes(stored.path(stored.manifest(stored.older())).read_bytes())


HARMS = [flipped, truncated, lengthened, emptied, missing, another, of_another_tenant]
CASES: list[tuple[Callable[[Stored, str], None], str | None]] = [
    *((harm, "users") for harm in HARMS),
    (flipped, "conditionalAccessPolicies"),
    (flipped, None),
    (missing, None),
    (of_the_snapshot_before, None),
]


@pytest.mark.parametrize(
    ("harm", "stream"), CASES, ids=[f"{harm.__name__}-{stream or 'manifest'}" for harm, stream in CASES]
)
def test_a_damaged_blob_is_named_and_refused(
    stored: Stored, harm: Callable[[Stored, str], None], stream: str | None
) -> None:
    blob = stored.chunk(stream) if stream else stored.manifest()
    sound = stored.path(blob).read_bytes()
    code = Code.BLOB_MISSING if harm is missing else Code.BLOB_DAMAGED
    harm(stored, blob)
    try:
        named = [DamagedBlob(blob, stream, code.value)]
        assert stored.verify() == (JobState.FAILED, Code.BLOB_DAMAGED, named)
        assert stored.verify(shallow=True) == (JobState.FAILED, Code.BLOB_DAMAGED, named)
        for read in (lambda: stored.stack.download(stored.tenant), lambda: browsed(stored)):
            with pytest.raises(Alarm) as caught:
                read()
            assert (caught.value.code, caught.value.blob, caught.value.resource) == (code, blob, stream)
            assert blob in caught.value.message
            job = stored.stack.catalog_of(stored.tenant).jobs.recent()[0]
            assert (job.state, job.code, job.message) == (JobState.FAILED, code, caught.value.message)
    finally:
        stored.path(blob).write_bytes(sound)
    assert stored.verify() == (JobState.SUCCEEDED, None, [])
    same(stored.stack.download(stored.tenant), stored.stack.graph.records())


def browsed(stored: Stored) -> list[tuple[str, bytes]]:
    return list(browse(stored.stack.context, stored.tenant, "latest"))


def test_two_swapped_blobs_are_both_named(stored: Stored) -> None:
    blobs = [stored.chunk("users"), stored.chunk("groups")]
    sound = [stored.path(blob).read_bytes() for blob in blobs]
    for blob, data in zip(blobs, reversed(sound), strict=True):
        stored.path(blob).write_bytes(data)
    try:
        state, code, damaged = stored.verify()
        assert (state, code) == (JobState.FAILED, Code.BLOB_DAMAGED)
        named = {(each.blob, each.resource) for each in damaged}
        assert named == set(zip(blobs, ("users", "groups"), strict=True))
    finally:
        for blob, data in zip(blobs, sound, strict=True):
            stored.path(blob).write_bytes(data)


def test_intact_snapshots_can_still_be_downloaded(stored: Stored) -> None:
    blob = stored.chunk("users")
    sound = stored.path(blob).read_bytes()
    missing(stored, blob)
    try:
        file = BytesIO()
        count = download(stored.stack.context, stored.tenant, "latest", file, ["groups"])
        assert count == len(stored.stack.graph.ids("groups"))
    finally:
        stored.path(blob).write_bytes(sound)


@pytest.mark.parametrize("harm", [flipped, missing], ids=lambda harm: harm.__name__)
def test_a_full_backup_recovers_from_a_damaged_manifest(stored: Stored, harm: Callable[[Stored, str], None]) -> None:
    blob, before = stored.manifest(), stored.stack.catalog_of(stored.tenant).snapshots.all()
    sound = stored.path(blob).read_bytes()
    harm(stored, blob)
    try:
        job = stored.stack.ended(stored.stack.ask(stored.tenant))
        assert job.state is JobState.FAILED
        assert blob in str(job.message)
        assert stored.stack.catalog_of(stored.tenant).snapshots.all() == before
        stored.stack.backup(stored.tenant, full=True)
        same(stored.stack.download(stored.tenant), stored.stack.graph.records())
        assert stored.stack.snapshot(stored.tenant).parent is None
    finally:
        stored.path(blob).write_bytes(sound)
