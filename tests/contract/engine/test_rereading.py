"""A byte that is changed on the way, once, is read again; a blob is damaged only if it is so twice."""

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


def broken_off(_data: bytes) -> bytes:
    raise StoreTrouble("Broken off.")


class WorseWay(MemoryStore):
    """A store whose blobs arrive spoilt so many times each."""

    def __init__(self, blobs: dict[str, bytes], spoil: Spoil, times: int) -> None:
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
    made = EngineWorld(tmp_path, lease=5.0)
    made.backed_up()
    made.directory.put("users", "users/later", b'{"n":7}')
    yield made
    made.close()


def on_a_worse_way(world: EngineWorld, spoil: Spoil, times: int = 1) -> WorseWay:
    """Each blob that the engine reads from now on arrives spoilt, so many times."""
    way = WorseWay(world.store.blobs, spoil, times)
    world.context.store._store = way
    return way


every_way = pytest.mark.parametrize("spoil", [flipped, missing, broken_off])


@every_way
def test_a_download_reads_again_what_arrives_spoilt_once(world: EngineWorld, spoil: Spoil) -> None:
    expected = world.download()
    way = on_a_worse_way(world, spoil)
    assert world.download() == expected
    assert min(way.reads.values()) >= 2


@every_way
@pytest.mark.parametrize("detail", [None, VerifyRequest(shallow=True)])
def test_a_verify_finds_no_damage_that_is_on_the_way_alone(
    world: EngineWorld, spoil: Spoil, detail: VerifyRequest | None
) -> None:
    way = on_a_worse_way(world, spoil)
    job = world.done(JobKind.VERIFY, detail=detail)
    assert (job.state, job.detail.damaged) == (JobState.SUCCEEDED, [])
    assert way.reads


@every_way
def test_a_backup_that_builds_on_another_one_reads_again_what_arrives_spoilt_once(
    world: EngineWorld, spoil: Spoil
) -> None:
    way = on_a_worse_way(world, spoil)
    assert world.done().state is JobState.SUCCEEDED
    assert way.reads
    assert b'{"n":7}' in world.download().values()


def test_heads_and_what_a_rebuild_reads_are_read_again_too(world: EngineWorld, tmp_path: Path) -> None:
    keep_head(world.context, world.of)
    on_a_worse_way(world, flipped)
    assert verify_audit(world.context, world.tenant.tenant_id).fault is None
    other = world.over(tmp_path / "lost.sqlite3")
    on_a_worse_way(other, flipped)
    rebuilt = rebuild(other.context, world.tenant.tenant_id)
    assert (rebuilt.broken, rebuilt.trouble) == ([], None)
    other.close()


@pytest.mark.parametrize(("spoil", "code"), [(flipped, Code.BLOB_DAMAGED), (missing, Code.BLOB_MISSING)])
def test_what_is_spoilt_twice_is_said(world: EngineWorld, spoil: Spoil, code: Code) -> None:
    way = on_a_worse_way(world, spoil, times=99)
    with pytest.raises(Alarm) as caught:
        world.download()
    assert caught.value.code is code
    assert way.reads[caught.value.blob] == 2
