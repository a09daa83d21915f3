"""The overview of a catalog: counts of jobs, the queue, workers, and usage."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.domain.errors import Code
from shared.domain.jobs import JobKind, JobState
from shared.ports.catalog.overview import JobCount
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import VERIFY, World

DAY = 86_400.0


def test_jobs_are_counted_by_tenant_kind_state_and_code(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    for _ in range(2):
        _, claim = world.to_commit(acme)
        acme.claims.fail(claim, Code.STORE_FULL, "Full.")
    world.planned(other, VERIFY, kind=JobKind.VERIFY)
    failed = JobCount(
        tenant_id=acme.tenant_id, kind=JobKind.BACKUP, state=JobState.FAILED, code=Code.STORE_FULL, count=2
    )
    queued = JobCount(tenant_id=other.tenant_id, kind=JobKind.VERIFY, state=JobState.QUEUED, code=None, count=1)
    overview = world.catalog.overview()
    assert sorted(overview.job_counts(DAY), key=lambda each: each.count) == [queued, failed]
    world.pass_time(DAY + 1)
    assert overview.job_counts(DAY) == [queued], "jobs that ended long ago are not counted"


@pytest.mark.postgresql
def test_the_queue_has_a_length_and_an_age(world: World, acme: TenantCatalog) -> None:
    overview = world.catalog.overview()
    assert (overview.queue().jobs, overview.queue().steps, overview.queue().oldest_seconds) == (0, 0, 0.0)
    world.planned(acme, VERIFY, kind=JobKind.VERIFY)
    acme.jobs.request(JobKind.VERIFY, origin=acme.jobs.recent()[0].origin)
    world.pass_time(100)
    assert (overview.queue().jobs, overview.queue().steps) == (2, 1)
    assert 100 <= overview.queue().oldest_seconds < 160
    world.claim(acme, acme.jobs.recent()[1], "verify")
    assert (overview.queue().jobs, overview.queue().steps) == (1, 0)


@pytest.mark.postgresql
def test_workers_are_listed_until_they_report_their_end(world: World) -> None:
    world.scheduler.record_heartbeat("b", 2)
    world.scheduler.record_heartbeat("a", 4)
    workers = world.catalog.overview().workers()
    assert [(each.worker, each.slots) for each in workers] == [("a", 4), ("b", 2)]
    world.scheduler.record_heartbeat("a", 0)
    assert [each.worker for each in world.catalog.overview().workers()] == ["b"]


@pytest.mark.postgresql
def test_concurrent_additions_of_usage_are_summed(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    catalogs = [world.catalog, world.another(), world.another()]
    directory = acme.tenant().directory_id

    def add(n: int) -> None:
        overview = catalogs[n % 3].overview()
        overview.add_usage(
            {acme.tenant_id: {"kms_calls": 2}, "gone": {"kms_calls": 9}}, {directory: {"graph_units": 5}}
        )

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(add, range(9)))
    world.catalog.overview().add_usage({}, {"no-such-directory": {"graph_units": 1}})
    assert world.catalog.overview().usage() == {acme.tenant_id: {"kms_calls": 18, "graph_units": 45}}
    acme.remove()
    assert world.catalog.overview().usage() == {}


@pytest.mark.postgresql
def test_a_worker_keeps_its_aws_identity_through_heartbeats_until_its_end(world: World) -> None:
    def identities() -> list[tuple[str | None, str | None]]:
        return [(each.aws_account, each.aws_principal) for each in world.catalog.overview().workers()]

    principal = "arn:aws:iam::111122223333:role/entrakeep"
    assert not world.scheduler.record_identity("w", "111122223333", principal), "SQL does not know the worker yet"
    world.scheduler.record_heartbeat("w", 2)
    assert identities() == [(None, None)]
    assert world.scheduler.record_identity("w", "111122223333", principal)
    world.scheduler.record_heartbeat("w", 2)
    assert identities() == [("111122223333", principal)]
    world.scheduler.record_heartbeat("w", 0)
    world.scheduler.record_heartbeat("w", 2)
    assert identities() == [(None, None)], "the worker may have started with other credentials"
