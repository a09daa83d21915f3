"""A blob that arrives damaged is read again. It counts as damaged only if both reads are wrong."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.domain.errors import Alarm, Code, StoreTrouble
from shared.domain.jobs import JobKind, JobState, VerifyRequest
from shared.engine.audit import keep_head, verify_audit
from shared.engine.upkeep.rebuild import rebuild
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import MemoryStore

Spoil = Callable[[bytes], bytes | None]


def flipped(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


def missing(_data: bytes) -> None:
    return None


def interrupted(_data: bytes) -> bytes:
    raise StoreTrouble("Interrupted.")


class FaultyStore(MemoryStore):
    """A store whose first reads of each blob arrive spoilt, ``times`` times."""

    def __init__(self, blobs: dict[str, bytes], spoil: Spoil, times: int) -> None:
        super().__init__()
        self.blobs, self._spoil, self._times = blobs, spoil, times
        self.reads = Counter[str]()

    def get(self, name: str) -> bytes | None:
        data = super().get(name)
        if data is None or "/" not in name:  # the store's mark
            return data
        self.reads[name] += 1
        return self._spoil(data) if self.reads[name] <= self._times else data


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=5.0, backups=1)
    world.directory.put("users", "users/later", b'{"n":7}')
    yield world
    world.close()


def spoil_reads(world: EngineWorld, spoil: Spoil, times: int = 1) -> FaultyStore:
    """Spoil the first reads of each blob from now on, ``times`` times."""
    store = FaultyStore(world.store.blobs, spoil, times)
    world.context.store._store = store
    return store


every_spoil = pytest.mark.parametrize("spoil", [flipped, missing, interrupted])


@every_spoil
def test_a_download_reads_a_blob_again_that_arrives_spoilt_once(world: EngineWorld, spoil: Spoil) -> None:
    expected = world.download()
    store = spoil_reads(world, spoil)
    assert world.download() == expected
    assert min(store.reads.values()) >= 2


@every_spoil
@pytest.mark.parametrize("detail", [None, VerifyRequest(shallow=True)])
def test_a_verify_reports_no_damage_if_only_one_read_was_spoilt(
    world: EngineWorld, spoil: Spoil, detail: VerifyRequest | None
) -> None:
    store = spoil_reads(world, spoil)
    job = world.run_job(JobKind.VERIFY, detail=detail)
    assert (job.state, job.detail.damaged) == (JobState.SUCCEEDED, [])
    assert store.reads


@every_spoil
def test_an_incremental_backup_reads_a_blob_again_that_arrives_spoilt_once(world: EngineWorld, spoil: Spoil) -> None:
    store = spoil_reads(world, spoil)
    assert world.run_job().state is JobState.SUCCEEDED
    assert store.reads
    assert b'{"n":7}' in world.download().values()


def test_heads_and_the_blobs_of_a_rebuild_are_read_again_too(world: EngineWorld, tmp_path: Path) -> None:
    keep_head(world.context, world.catalog)
    spoil_reads(world, flipped)
    assert verify_audit(world.context, world.tenant.tenant_id).fault is None
    other = world.with_catalog(tmp_path / "lost.sqlite3")
    spoil_reads(other, flipped)
    rebuilt = rebuild(other.context, world.tenant.tenant_id)
    assert (rebuilt.broken, rebuilt.trouble) == ([], None)
    other.close()


@pytest.mark.parametrize(("spoil", "code"), [(flipped, Code.BLOB_DAMAGED), (missing, Code.BLOB_MISSING)])
def test_a_blob_that_arrives_spoilt_twice_raises_an_alarm(world: EngineWorld, spoil: Spoil, code: Code) -> None:
    store = spoil_reads(world, spoil, times=99)
    with pytest.raises(Alarm) as caught:
        world.download()
    assert caught.value.code is code
    assert store.reads[caught.value.blob] == 2
