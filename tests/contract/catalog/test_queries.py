"""Lists of tenants, jobs and snapshots: what each row has, how they are filtered, and that pages follow each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, event

from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobKind, JobState, KeyChangeProgress, KeyChecks, steps_of
from shared.domain.model import Schedule
from shared.engine.requests.lists import all_snapshots, all_tenants
from shared.ports.catalog.queries import JobFilter, SnapshotFilter, TenantFilter, TenantOverview
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import ARN, OTHER_ARN, REVOKED, World, data_key, snapshot


def of(world: World, name: str) -> TenantOverview:
    """Return what a list has of one tenant."""
    (shown,) = (each for each in world.catalog.queries().tenants(TenantFilter()) if each.tenant.name == name)
    return shown


def test_a_tenant_is_shown_with_its_newest_snapshots_and_how_its_last_backup_ended(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    schedule = Schedule(cron="0 3 * * *", timezone="UTC", paused=False, next_due=datetime(2030, 1, 1, tzinfo=UTC))
    acme.schedules.set(schedule)
    world.backed_up(acme)
    complete = world.backed_up(acme)
    job, claim = world.to_commit(acme)
    partial = snapshot(job, complete=False)
    acme.claims.commit(claim, partial, [], JobState.SUCCEEDED_WITH_WARNINGS, None)
    failed, claim = world.to_commit(acme)
    acme.claims.fail(claim, Code.STORE_FULL, "Full.")
    world.planned(acme)

    shown, bare = sorted(world.catalog.queries().tenants(TenantFilter()), key=lambda each: each.tenant.name)
    assert (shown.tenant, shown.schedule) == (acme.tenant(), schedule)
    assert shown.last is not None
    assert shown.complete is not None
    assert shown.result is not None
    assert (shown.last.snapshot_id, shown.complete.snapshot_id) == (partial.snapshot_id, complete.snapshot_id)
    assert (shown.result.job_id, shown.result.state, shown.result.code) == (
        failed.job_id,
        JobState.FAILED,
        "STORE_FULL",
    )
    assert (bare.tenant.name, bare.schedule, bare.last, bare.complete, bare.result) == ("other", None, None, None, None)
    assert world.catalog.queries().tenant("acme") == shown
    with pytest.raises(Refuse) as refused:
        world.catalog.queries().tenant("none")
    assert refused.value.code is Code.NO_SUCH_TENANT


def test_the_state_of_a_key_in_a_list_is_that_of_the_tenant_alone(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    acme.keys.add(data_key(acme.tenant_id, job_id=world.planned(acme).job_id))
    world.probed(acme, REVOKED)
    acme.keys.refuse(ARN, "Disabled.")
    other.jobs.request(
        JobKind.KEY_UPDATE, origin=acme.jobs.recent(1)[0].origin, detail=KeyChangeProgress(arn=OTHER_ARN)
    )
    for tenant, name in ((acme, "acme"), (other, "other")):
        assert (of(world, name).keys, of(world, name).health) == (tenant.keys.state(), tenant.health.get())
    refusal = of(world, "acme").keys.refusal
    assert refusal is not None
    assert (refusal.arn, refusal.message, of(world, "acme").keys.data_keys) == (ARN, "Disabled.", {ARN: 2})
    assert (of(world, "other").keys.refusal, of(world, "other").keys.updating) == (None, True)


def test_a_check_that_kms_did_not_answer_counts_until_the_next_one(world: World, acme: TenantCatalog) -> None:
    def check(code: Code | None, detail: KeyChecks | None = None) -> None:
        job = world.planned(acme, steps_of(JobKind.KEY_CHECK), kind=JobKind.KEY_CHECK)
        claim = world.claim(acme, job, "key-check")
        if code is None:
            acme.claims.finish(claim, detail=detail)
        else:
            acme.claims.fail(claim, code, "No answer.", detail=detail)

    check(Code.KEY_UNREACHABLE, KeyChecks(arn=OTHER_ARN))
    assert of(world, "acme").keys.unreachable is None, "it is not the tenant's key yet"
    check(Code.KEY_UNREACHABLE)
    check(None, KeyChecks(arn=OTHER_ARN))
    assert of(world, "acme").keys.unreachable is not None
    check(None)
    assert of(world, "acme").keys.unreachable is None


def test_pages_of_tenants_follow_each_other(world: World) -> None:
    for name in ("c", "a", "b"):
        world.add(name)
    world.pass_time(60)
    world.add("newest")
    queries, names, page = world.catalog.queries(), [], None
    while found := queries.tenants(TenantFilter(after=page, limit=2)):
        names += [each.tenant.name for each in found]
        page = found[-1].tenant
    assert names == ["newest", "a", "b", "c"]
    assert [each.tenant.name for each in all_tenants(world.catalog)] == names


def test_a_page_takes_the_same_number_of_queries_for_any_number_of_tenants(world: World) -> None:
    counts = []
    for number in range(3):
        world.backed_up(world.add(f"tenant-{number}"))
        with counted() as statements:
            world.catalog.queries().tenants(TenantFilter())
        counts.append(len(statements))
    assert counts[0] == counts[2]


def test_tenants_of_one_directory_are_named_with_each_other(world: World, acme: TenantCatalog) -> None:
    world.add("other")
    world.add("third")
    world.change("tenants", directory_id=acme.tenant().directory_id.upper(), claimed_directory=None)
    assert of(world, "acme").same_directory == ["other", "third"]
    assert of(world, "other").same_directory == ["acme", "third"]


def test_jobs_are_chosen_by_tenant_state_and_time(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    old, claim = world.to_commit(acme)
    acme.claims.fail(claim, Code.STORE_FULL, "Full.")
    world.pass_time(3600)
    failed, claim = world.to_commit(acme)
    acme.claims.fail(claim, Code.STORE_FULL, "Full.")
    queued = world.planned(other)

    def ids(**wanted: Any) -> list[tuple[str, str]]:
        return [(job.job_id, name) for job, name in world.catalog.queries().jobs(JobFilter(**wanted))]

    everything = [(queued.job_id, "other"), (failed.job_id, "acme"), (old.job_id, "acme")]
    assert ids() == everything
    assert ids(limit=2) == everything[:2]
    assert ids(tenant_id=acme.tenant_id) == everything[1:]
    assert ids(states=(JobState.FAILED,)) == everything[1:]
    assert ids(states=(JobState.FAILED, JobState.QUEUED), tenant_id=other.tenant_id) == everything[:1]
    assert ids(since=acme.jobs.get(failed.job_id).created_at) == everything[:2]


def test_pages_of_snapshots_follow_each_other(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    made = [world.backed_up(acme).snapshot_id for _ in range(3)]
    world.backed_up(other)
    queries = world.catalog.queries()
    first = queries.snapshots(SnapshotFilter(tenant_id=acme.tenant_id, limit=2))
    second = queries.snapshots(SnapshotFilter(tenant_id=acme.tenant_id, after=first[-1].snapshot_id, limit=2))
    assert [each.snapshot_id for each in (*first, *second)] == made[::-1]
    assert list(all_snapshots(world.catalog, "acme")) == acme.snapshots.all()
    with pytest.raises(Refuse) as refused:
        queries.snapshots(SnapshotFilter(tenant_id=other.tenant_id, after=made[0]))
    assert refused.value.code is Code.NO_SUCH_SNAPSHOT


def test_whether_there_are_tenants_and_which_keys_they_use(world: World) -> None:
    queries = world.catalog.queries()
    assert not queries.has_tenants()
    world.add("acme")
    assert queries.has_tenants()
    assert (queries.key_in_use(ARN), queries.key_in_use(OTHER_ARN)) == (True, False)


@contextmanager
def counted() -> Iterator[list[str]]:
    """Yield the list of statements that are executed in the block."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)
