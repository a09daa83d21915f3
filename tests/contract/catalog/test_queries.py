"""Lists of tenants, jobs and snapshots: the content of each row, filters, and consecutive pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, event

from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobKind, JobState, KeyChangeProgress, KeyChecks, Origin, steps_of
from shared.domain.model import Schedule
from shared.engine.requests.lists import all_snapshots, all_tenants
from shared.ports.catalog.queries import JobFilter, SnapshotFilter, TenantFilter, TenantOverview
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import ARN, OTHER_ARN, REVOKED, World, data_key, snapshot


def overview_of(world: World, name: str) -> TenantOverview:
    """Return one tenant's row of the list."""
    (row,) = (each for each in world.catalog.queries().tenants(TenantFilter()) if each.tenant.name == name)
    return row


def test_a_tenant_is_listed_with_its_newest_snapshots_and_its_last_backup_result(
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

    row, empty_row = sorted(world.catalog.queries().tenants(TenantFilter()), key=lambda each: each.tenant.name)
    assert (row.tenant, row.schedule) == (acme.tenant(), schedule)
    assert row.last is not None
    assert row.complete is not None
    assert row.result is not None
    assert (row.last.snapshot_id, row.complete.snapshot_id) == (partial.snapshot_id, complete.snapshot_id)
    assert (row.result.job_id, row.result.state, row.result.code) == (
        failed.job_id,
        JobState.FAILED,
        "STORE_FULL",
    )
    assert (empty_row.tenant.name, empty_row.schedule, empty_row.last, empty_row.complete, empty_row.result) == (
        "other",
        None,
        None,
        None,
        None,
    )
    assert world.catalog.queries().tenant("acme") == row
    with pytest.raises(Refuse) as refused:
        world.catalog.queries().tenant("none")
    assert refused.value.code is Code.NO_SUCH_TENANT


def test_a_list_shows_the_same_key_state_as_the_tenant_itself(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    acme.keys.add(data_key(acme.tenant_id, job_id=world.planned(acme).job_id))
    world.probed(acme, REVOKED)
    acme.keys.refuse(ARN, "Disabled.")
    other.jobs.request(
        JobKind.KEY_UPDATE, origin=acme.jobs.recent(1)[0].origin, detail=KeyChangeProgress(arn=OTHER_ARN)
    )
    for tenant, name in ((acme, "acme"), (other, "other")):
        assert (overview_of(world, name).keys, overview_of(world, name).health) == (
            tenant.keys.state(),
            tenant.health.get(),
        )
    refusal = overview_of(world, "acme").keys.refusal
    assert refusal is not None
    assert (refusal.arn, refusal.message, overview_of(world, "acme").keys.data_keys) == (ARN, "Disabled.", {ARN: 2})
    assert (overview_of(world, "other").keys.refusal, overview_of(world, "other").keys.updating) == (None, True)


def test_an_unanswered_key_check_counts_until_the_next_check(world: World, acme: TenantCatalog) -> None:
    def check(code: Code | None, detail: KeyChecks | None = None) -> None:
        job = world.planned(acme, steps_of(JobKind.KEY_CHECK), kind=JobKind.KEY_CHECK)
        claim = world.claim(acme, job, "key-check")
        if code is None:
            acme.claims.finish(claim, detail=detail)
        else:
            acme.claims.fail(claim, code, "No answer.", detail=detail)

    check(Code.KEY_UNREACHABLE, KeyChecks(arn=OTHER_ARN))
    assert overview_of(world, "acme").keys.unreachable is None, "it is not the tenant's key yet"
    check(Code.KEY_UNREACHABLE)
    check(None, KeyChecks(arn=OTHER_ARN))
    assert overview_of(world, "acme").keys.unreachable is not None
    check(None)
    assert overview_of(world, "acme").keys.unreachable is None


@pytest.mark.postgresql
def test_pages_of_tenants_follow_each_other(world: World) -> None:
    for name in ("c", "a", "b"):
        world.add(name)
    world.pass_time(60)
    world.add("newest")
    queries, names, page = world.catalog.queries(), [], None
    while rows := queries.tenants(TenantFilter(after=page, limit=2)):
        names += [each.tenant.name for each in rows]
        page = rows[-1].tenant
    assert names == ["newest", "a", "b", "c"]
    assert [each.tenant.name for each in all_tenants(world.catalog)] == names


@pytest.mark.postgresql
def test_a_page_takes_the_same_number_of_queries_for_any_number_of_tenants(world: World) -> None:
    counts = []
    for number in range(3):
        world.backed_up(world.add(f"tenant-{number}"))
        with recorded_statements() as statements:
            world.catalog.queries().tenants(TenantFilter())
        counts.append(len(statements))
    assert counts[0] == counts[2]


@pytest.mark.postgresql
def test_tenants_of_one_directory_list_each_other(world: World, acme: TenantCatalog) -> None:
    world.add("other")
    world.add("third")
    world.change("tenants", directory_id=acme.tenant().directory_id.upper(), claimed_directory=None)
    assert overview_of(world, "acme").same_directory == ["other", "third"]
    assert overview_of(world, "other").same_directory == ["acme", "third"]


@pytest.mark.postgresql
def test_jobs_are_filtered_by_tenant_state_and_time(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    old, claim = world.to_commit(acme)
    acme.claims.fail(claim, Code.STORE_FULL, "Full.")
    world.pass_time(3600)
    failed, claim = world.to_commit(acme)
    acme.claims.fail(claim, Code.STORE_FULL, "Full.")
    queued = world.planned(other)

    def ids(**filters: Any) -> list[tuple[str, str]]:
        return [(job.job_id, name) for job, name in world.catalog.queries().jobs(JobFilter(**filters))]

    everything = [(queued.job_id, "other"), (failed.job_id, "acme"), (old.job_id, "acme")]
    assert ids() == everything
    assert ids(limit=2) == everything[:2]
    assert ids(tenant_id=acme.tenant_id) == everything[1:]
    assert ids(states=(JobState.FAILED,)) == everything[1:]
    assert ids(states=(JobState.FAILED, JobState.QUEUED), tenant_id=other.tenant_id) == everything[:1]
    assert ids(since=acme.jobs.get(failed.job_id).created_at) == everything[:2]


@pytest.mark.postgresql
def test_jobs_are_filtered_by_kind_and_origin(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    backup = acme.jobs.request(JobKind.BACKUP, origin=Origin.SCHEDULE)[0]
    verify = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0]
    check = other.jobs.request(JobKind.KEY_CHECK, origin=Origin.HAND)[0]

    def ids(**filters: Any) -> set[str]:
        return {job.job_id for job, _ in world.catalog.queries().jobs(JobFilter(**filters))}

    assert ids(kinds=(JobKind.BACKUP,)) == {backup.job_id}
    assert ids(kinds=(JobKind.BACKUP, JobKind.KEY_CHECK)) == {backup.job_id, check.job_id}
    assert ids(origin=Origin.HAND) == {verify.job_id, check.job_id}
    assert ids(origin=Origin.SCHEDULE, tenant_id=other.tenant_id) == set()


@pytest.mark.postgresql
def test_pages_of_jobs_follow_each_other_in_one_query_each(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    made = []
    for number in range(7):
        made.append((acme if number % 3 else other).jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0].job_id)
        world.pass_time(number % 2)
    queries = world.catalog.queries()

    def paged(tenant_id: str | None) -> list[str]:
        ids: list[str] = []
        while True:
            with recorded_statements() as statements:
                page = queries.jobs(JobFilter(tenant_id=tenant_id, after=ids[-1] if ids else None, limit=2))
            assert len([each for each in statements if "FROM jobs" in each]) == 1
            if not page:
                return ids
            ids += [job.job_id for job, _ in page]

    everything = [job.job_id for job, _ in queries.jobs(JobFilter())]
    assert (paged(None), set(everything)) == (everything, set(made))
    assert paged(acme.tenant_id) == [job for job in reversed(made) if made.index(job) % 3]
    assert queries.jobs(JobFilter(tenant_id=acme.tenant_id, after=made[0])) == [], "the mark is a job of another tenant"
    assert queries.jobs(JobFilter(after="none")) == []


@pytest.mark.postgresql
def test_watched_jobs_come_with_their_steps_in_one_query(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    planned, queued = world.planned(acme), other.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0]
    world.planned(world.add("third"))
    with recorded_statements() as statements:
        watched = world.catalog.queries().watched([planned.job_id, queued.job_id, "none"])
    assert len([each for each in statements if "jobs" in each]) == 1
    assert {each.job.job_id: (each.job, each.tenant, each.steps) for each in watched} == {
        planned.job_id: (acme.jobs.get(planned.job_id), "acme", acme.jobs.steps(planned.job_id)),
        queued.job_id: (queued, "other", []),
    }


@pytest.mark.postgresql
def test_pages_of_snapshots_follow_each_other(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    snapshot_ids = [world.backed_up(acme).snapshot_id for _ in range(3)]
    world.backed_up(other)
    queries = world.catalog.queries()
    first = queries.snapshots(SnapshotFilter(tenant_id=acme.tenant_id, limit=2))
    second = queries.snapshots(SnapshotFilter(tenant_id=acme.tenant_id, after=first[-1].snapshot_id, limit=2))
    assert [each.snapshot_id for each in (*first, *second)] == snapshot_ids[::-1]
    assert list(all_snapshots(world.catalog, "acme")) == acme.snapshots.all()
    with pytest.raises(Refuse) as refused:
        queries.snapshots(SnapshotFilter(tenant_id=other.tenant_id, after=snapshot_ids[0]))
    assert refused.value.code is Code.NO_SUCH_SNAPSHOT


@pytest.mark.postgresql
def test_queries_report_whether_tenants_exist_and_which_keys_they_use(world: World) -> None:
    queries = world.catalog.queries()
    assert not queries.has_tenants()
    world.add("acme")
    assert queries.has_tenants()
    assert (queries.key_in_use(ARN), queries.key_in_use(OTHER_ARN)) == (True, False)


@contextmanager
def recorded_statements() -> Iterator[list[str]]:
    """Yield the list of statements that are executed during the block."""
    statements: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", record)


@pytest.mark.postgresql
def test_recent_jobs_have_steps_only_while_they_have_not_ended(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    world.planned(other)
    world.backed_up(acme)
    ended = acme.jobs.recent()[0]
    running = world.planned(acme)
    recent = world.catalog.queries().recent(acme.tenant_id, 2)
    assert [each.job for each in recent] == [running, ended]
    assert recent[0].steps == acme.jobs.steps(running.job_id)
    assert recent[1].steps == []
    assert [each.job for each in world.catalog.queries().recent(acme.tenant_id, 1)] == [running]


@pytest.mark.postgresql
def test_tenants_are_found_by_a_part_of_their_names(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    queries = world.catalog.queries()
    assert [tenant.name for tenant in queries.find_tenants("", None, 10)] == ["acme", "other"]
    assert [tenant.name for tenant in queries.find_tenants("", None, 1)] == ["acme"]
    assert queries.find_tenants("the", None, 10) == [other.tenant()]
    assert queries.find_tenants("the", [acme.tenant_id], 10) == []
    assert queries.find_tenants("%", None, 10) == []


@pytest.mark.postgresql
def test_a_tenant_is_read_with_the_health_of_its_key(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    world.probed(acme, REVOKED)
    queries = world.catalog.queries()
    assert queries.tenant_with_health("acme") == (acme.tenant(), acme.health.get())
    assert queries.tenant_with_health("other") == (other.tenant(), other.health.get())
    with pytest.raises(Refuse) as caught:
        queries.tenant_with_health("nowhere")
    assert caught.value.code is Code.NO_SUCH_TENANT
