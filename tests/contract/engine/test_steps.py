"""Steps while the broker, the store, the catalog or the key fails for a time, and beside jobs of other versions."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.catalog.claims import SqlClaims
from shared.domain.errors import ClaimLost, Code, KeyRefused, Refuse
from shared.domain.jobs import JobKind, JobState
from shared.engine.keys.process_keys import ProcessKeys
from shared.ports.catalog.queries import JobFilter
from tests.contract.engine.world import EngineWorld
from tests.tables import APPLICATIONS
from tests.unit.vault.parts import ARN

pytestmark = pytest.mark.streams(*APPLICATIONS)

REFUSED = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    yield world
    world.close()


def test_a_broker_gets_every_message_as_soon_as_it_returns_after_a_long_outage(world: EngineWorld) -> None:
    world.limit(resend_seconds=60.0)
    world.request()
    world.messages.open = False
    for _ in range(8):
        world.tick()
    world.messages.open = True
    world.tick()
    assert len(world.messages.queue) == 4


def test_a_job_of_an_unknown_kind_is_listed_and_disturbs_no_other_job(world: EngineWorld) -> None:
    unknown = world.request(JobKind.KEY_CHECK)
    world.change("jobs", kind="of-tomorrow")
    backup = world.request()
    world.work()
    assert world.catalog.jobs.get(backup.job_id).state is JobState.SUCCEEDED
    # Lists show the job, but only a worker of the newer version plans its steps.
    expected = [("backup", backup.job_id), ("of-tomorrow", unknown.job_id)]
    assert [(job.kind, job.job_id) for job in world.catalog.jobs.recent()] == expected
    assert [(job.kind, job.job_id) for job, _ in world.context.catalog.queries().jobs(JobFilter())] == expected
    assert world.catalog.jobs.steps(unknown.job_id) == []


def test_a_step_of_an_ended_job_creates_no_data_key(world: EngineWorld) -> None:
    job = world.request()
    world.tick()
    claim = world.catalog.claims.claim(job.job_id, world.messages.queue[0].step_id, "w/1", 30)
    assert claim is not None
    world.catalog.claims.fail(claim, Code.CANCELLED, "Ended.")
    with ProcessKeys(world.context, world.catalog) as keys, pytest.raises(ClaimLost):
        keys.job_key(job.job_id)
    assert len(world.catalog.keys.all()) == 1


def test_a_data_key_whose_key_object_is_not_stored_is_not_used(world: EngineWorld) -> None:
    put_new = world.store.put_new
    world.store.put_new = lambda name, data: "/keys/" not in name and put_new(name, data)  # type: ignore[method-assign]
    job = world.run_job()
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    assert len(world.catalog.keys.all()) == 1
    # The store may have stored our own key object although its answer was lost. This is valid.
    world.store.put_new = lambda name, data: put_new(name, data) and "/keys/" not in name  # type: ignore[method-assign]
    world.back_up()


def test_a_step_that_stores_slowly_ends_with_its_lease(world: EngineWorld) -> None:
    released = threading.Event()

    def slow(name: str, data: bytes) -> None:
        world.keys.trouble = REFUSED
        released.wait(30)

    world.store.put = slow  # type: ignore[method-assign]
    started = time.monotonic()
    job = world.run_job()
    assert time.monotonic() - started < 10
    released.set()
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)


def test_a_step_keeps_its_claim_during_a_short_outage_of_the_catalog(
    world: EngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [True] * 12

    def checkpoint(*values: object) -> None:
        if failures:
            failures.pop()
            raise Refuse(Code.CATALOG_UNREACHABLE, "Another process has held it for 10 seconds.")
        store_checkpoint(*values)

    store_checkpoint = SqlClaims.checkpoint
    monkeypatch.setattr(SqlClaims, "checkpoint", checkpoint)
    job = world.request()
    world.work(40)
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
