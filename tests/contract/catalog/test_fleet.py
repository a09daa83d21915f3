"""The fleet: what decides each tenant's state, a page of them with the worst first, sums, and the days behind."""

from datetime import datetime, timedelta

import msgspec
import pytest

from shared.domain.errors import Answer, Code, Refuse
from shared.domain.freshness import Freshness
from shared.domain.jobs import Claim, JobKind, KeyChangeProgress, Origin, StepPlan, VerifyResult
from shared.domain.key_health import KeyCondition, KeyWarning
from shared.engine.requests.fleet import (
    FleetFilter,
    FleetPage,
    KeyWord,
    fleet_page,
    fleet_trend,
    protection_of_tenant,
    recent_timeline,
    rpo_history,
)
from shared.ports.catalog.fleet import TenantStatus
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.fleets import HOUR, HOURLY, backed_up, fleet_of_all_states, now
from tests.contract.catalog.test_queries import recorded_statements
from tests.contract.catalog.world import ARN, OK, OTHER_ARN, REVOKED, VERIFY, World, data_key

pytestmark = pytest.mark.postgresql


def status_of(world: World, tenant: TenantCatalog) -> TenantStatus:
    (status,) = world.catalog.fleet().statuses([tenant.tenant_id])
    return status


def names(page: FleetPage) -> list[str]:
    return [entry.protection.status.name for entry in page.entries]


def page_of(world: World, **values: object) -> FleetPage:
    return fleet_page(world.catalog, FleetFilter(**values), now())  # type: ignore[arg-type]


def test_the_rpo_counts_from_the_begin_of_the_newest_complete_snapshot(world: World, acme: TenantCatalog) -> None:
    assert status_of(world, acme).begun_at is None
    backed_up(world, acme)
    world.pass_time(HOUR)
    complete, _ = backed_up(world, acme)
    backed_up(world, acme, complete=False)
    world.planned(acme)
    assert complete.started_at is not None
    assert status_of(world, acme).begun_at == complete.started_at
    world.change("snapshots", going=True)
    assert status_of(world, acme).begun_at is None, "a snapshot that retention removes protects nobody"


def test_a_rebuilt_snapshot_without_its_job_counts_from_its_own_time(world: World, acme: TenantCatalog) -> None:
    _, made = backed_up(world, acme)
    world.change("snapshots", job_id="11111111-1111-4111-8111-111111111111")
    begun_at = status_of(world, acme).begun_at
    assert begun_at is not None
    assert abs(begun_at - made.created_at) < timedelta(seconds=1)


def test_a_refusal_counts_while_a_data_key_of_the_tenant_needs_the_key(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    former = data_key(acme.tenant_id, job_id=world.planned(acme).job_id, arn=OTHER_ARN)
    acme.keys.add(former)
    acme.keys.refuse(OTHER_ARN, "Denied.")
    refusal = acme.keys.state().refusal
    assert refusal is not None
    assert status_of(world, acme).refused_since == refusal.since
    assert status_of(world, other).refused_since is None
    entry = protection_of_tenant(world.catalog, acme.tenant_id, now())
    assert (entry.state, entry.key) == (Freshness.HELD, KeyWord.REVOKED)
    world.wrap_anew(acme, former, ARN)
    assert status_of(world, acme).refused_since is None, "no data key needs that key any more"


def test_the_key_shows_the_worst_of_its_conditions_and_warnings(world: World, acme: TenantCatalog) -> None:
    def word() -> KeyWord:
        return protection_of_tenant(world.catalog, acme.tenant_id, now()).key

    assert word() is KeyWord.OK
    acme.jobs.request(JobKind.KEY_UPDATE, origin=Origin.HAND, detail=KeyChangeProgress(arn=OTHER_ARN))
    assert word() is KeyWord.UPDATING
    warned = msgspec.structs.replace(OK, warnings=[KeyWarning(warning="deletion", message="To be deleted.")])
    world.probed(acme, warned)
    assert (word(), status_of(world, acme).warnings) == (KeyWord.WARNS, 1)
    for condition in (KeyCondition.UNREACHABLE, KeyCondition.MISCONFIGURED, KeyCondition.DAMAGED):
        world.probed(acme, msgspec.structs.replace(OK, condition=condition, result=condition))
        assert word().value == condition.value
    world.probed(acme, REVOKED)
    acme.keys.refuse(ARN, "Disabled.")
    assert word() is KeyWord.REVOKED


def verified(tenant: TenantCatalog, world: World, *, shallow: bool, snapshot_id: str | None = None) -> datetime | None:
    """Finish a verify. Return when it ended."""
    job, _ = tenant.jobs.request(JobKind.VERIFY, origin=Origin.HAND, snapshot=snapshot_id)
    assert world.scheduler.offer_steps(job, VERIFY)
    claim: Claim = world.claim(tenant, job, "verify")
    tenant.claims.finish(claim, detail=VerifyResult(snapshots=1, blobs=9, damaged=[], shallow=shallow))
    return tenant.jobs.get(job.job_id).finished_at


def test_only_a_verify_that_opened_all_snapshots_counts(world: World, acme: TenantCatalog) -> None:
    _, made = backed_up(world, acme)
    verified(acme, world, shallow=True)
    verified(acme, world, shallow=False, snapshot_id=made.snapshot_id)
    assert status_of(world, acme).verified_at is None
    ended_at = verified(acme, world, shallow=False)
    verified(acme, world, shallow=True)
    assert status_of(world, acme).verified_at == ended_at
    sums = page_of(world).sums
    assert (sums.verified, sums.oldest_verify) == (1, ended_at)


def test_a_row_shows_the_newest_snapshot_the_last_backup_and_what_runs(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    backed_up(world, acme)
    _, partial = backed_up(world, acme, complete=False)
    failed, claim = world.to_commit(acme)
    acme.claims.fail(claim, Code.STORE_FULL, "Full.")
    steps = (*(StepPlan(phase=1, name=name) for name in ("users", "groups")), StepPlan(phase=4, name="commit"))
    running = world.planned(acme, steps)
    acme.claims.finish(world.claim(acme, running, "users"))
    row = world.catalog.fleet().rows([acme.tenant_id, other.tenant_id, "removed"])[acme.tenant_id]
    assert row.newest is not None
    assert (row.newest.snapshot_id, row.newest.complete) == (partial.snapshot_id, False)
    assert [(each.resource, each.answer) for each in row.newest.lacking] == [("users", Answer.FORBIDDEN)]
    assert row.last_backup is not None
    assert (row.last_backup.job_id, row.last_backup.code) == (failed.job_id, Code.STORE_FULL)
    assert [(each.job_id, each.kind, each.steps, each.done) for each in row.running] == [
        (running.job_id, JobKind.BACKUP, 3, 1)
    ]
    empty = world.catalog.fleet().rows([acme.tenant_id, other.tenant_id])[other.tenant_id]
    assert (empty.newest, empty.last_backup, empty.running) == (None, None, [])


def test_pages_show_the_worst_tenants_first_and_each_once(world: World) -> None:
    fleet_of_all_states(world)
    assert names(page_of(world)) == [state.value for state in Freshness]
    seen, after = [], None
    for _ in range(4):
        page = page_of(world, limit=2, after=after)
        seen += names(page)
        after = page.following
        if after is None:
            break
    assert seen == [state.value for state in Freshness]
    assert page.matching == len(Freshness)


def test_a_filter_limits_the_page_and_not_the_sums(world: World) -> None:
    fleet_of_all_states(world)
    late = page_of(world, states=frozenset({Freshness.LATE, Freshness.OVERDUE}))
    assert names(late) == ["overdue", "late"]
    assert names(page_of(world, keys=frozenset({KeyWord.REVOKED}))) == ["held"]
    assert names(page_of(world, name="EV")) == ["never"]
    assert late.sums.tenants == len(Freshness)
    assert late.sums.states == dict.fromkeys(Freshness, 1)
    assert late.sums.keys[KeyWord.REVOKED] == 1
    assert late.sums.worst is not None
    assert late.sums.worst.status.name == "held"


def test_of_two_tenants_in_one_state_the_older_snapshot_comes_first(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    backed_up(world, other)
    world.pass_time(60)
    backed_up(world, acme)
    for tenant in (acme, other):
        tenant.schedules.set(HOURLY)
    assert names(page_of(world)) == ["other", "acme"]
    assert page_of(world).sums.worst is not None


def test_only_named_tenants_are_listed_and_counted(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    backed_up(world, other)
    page = fleet_page(world.catalog, FleetFilter(), now(), [acme.tenant_id])
    assert (names(page), page.sums.tenants) == (["acme"], 1)
    with pytest.raises(Refuse) as refused:
        fleet_page(world.catalog, FleetFilter(after="other"), now(), [acme.tenant_id])
    assert refused.value.code is Code.WRONG_USE
    assert fleet_page(world.catalog, FleetFilter(), now(), []).entries == []


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_of_another_size_is_refused(world: World, limit: int) -> None:
    with pytest.raises(Refuse) as refused:
        page_of(world, limit=limit)
    assert refused.value.code is Code.WRONG_USE


def test_a_page_takes_four_queries_however_many_tenants_there_are(world: World) -> None:
    for n in range(3):
        backed_up(world, world.add(f"tenant-{n}"))
    with recorded_statements() as queries:
        page_of(world)
    assert len([query for query in queries if query.startswith("SELECT") and "set_config" not in query]) == 4


def test_the_trend_counts_tenants_and_not_snapshots(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    backed_up(world, acme)
    world.pass_time(2 * 24 * HOUR)
    for tenant in (acme, acme, other):
        backed_up(world, tenant)
    backed_up(world, other, complete=False)
    days = fleet_trend(world.catalog, now())
    assert [each.tenants for each in days] == [*[0] * 11, 1, 0, 2]
    assert days[-1].day == now().date()
    only = world.catalog.fleet().trend(days[0].day, days[-1].day, [other.tenant_id])
    assert [each.tenants for each in only][-3:] == [0, 0, 1]


def test_the_history_shows_the_highest_rpo_of_each_day(world: World, acme: TenantCatalog) -> None:
    backed_up(world, acme)
    world.pass_time(3 * 24 * HOUR)
    backed_up(world, acme)
    history = rpo_history(recent_timeline(world.catalog, acme.tenant_id, now(), days=6), now(), days=6)
    assert [day for day, _ in history][-1] == now().date()
    assert [rpo is None for _, rpo in history] == [True, True, False, False, False, False]
    highest = [rpo for _, rpo in history if rpo is not None]
    assert highest[0] < highest[1] < timedelta(days=2.1)
    assert timedelta(days=2.9) < max(highest) < timedelta(days=3.1)


def test_a_timeline_begins_with_the_complete_snapshot_before_it_and_ends_with_the_newest(
    world: World, acme: TenantCatalog
) -> None:
    empty = recent_timeline(world.catalog, acme.tenant_id, now(), days=2)
    assert (empty.moments, empty.newest) == ([], None)
    made = []
    for complete in (True, True, False):
        made.append(backed_up(world, acme, complete=complete)[1])
        world.pass_time(HOUR)
    world.pass_time(9 * 24 * HOUR)
    timeline = recent_timeline(world.catalog, acme.tenant_id, now(), days=2)
    assert [each.snapshot_id for each in timeline.moments] == [made[1].snapshot_id, made[2].snapshot_id]
    assert timeline.newest is not None
    assert (timeline.newest.snapshot_id, timeline.newest.resources) == (made[2].snapshot_id, made[2].resources)
    recent, _ = backed_up(world, acme)
    moments = recent_timeline(world.catalog, acme.tenant_id, now(), days=2).moments
    assert [(each.complete, each.begun_at) for each in moments][1:] == [(True, recent.started_at)]


def test_a_snapshot_has_neighbours_and_runs(world: World, acme: TenantCatalog) -> None:
    made = [backed_up(world, acme)[1].snapshot_id for _ in range(3)]
    fleet = world.catalog.fleet()
    beside = [fleet.neighbours(acme.tenant_id, each) for each in made]
    assert [(each.older, each.newer) for each in beside] == [(None, made[1]), (made[0], made[2]), (made[1], None)]
    assert {each.runs for each in beside} == {len(acme.snapshots.runs(made[0]))}
    moments = fleet.timeline(acme.tenant_id, now() - timedelta(days=1)).moments
    assert [each.snapshot_id for each in moments] == made


def test_a_removed_tenant_has_no_protection(world: World, acme: TenantCatalog) -> None:
    assert protection_of_tenant(world.catalog, acme.tenant_id, now()).state is Freshness.NEVER
    acme.remove()
    with pytest.raises(Refuse) as refused:
        protection_of_tenant(world.catalog, acme.tenant_id, now())
    assert refused.value.code is Code.NO_SUCH_TENANT


def test_tenants_without_a_full_verify_can_be_listed(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    backed_up(world, acme)
    verified(acme, world, shallow=False)
    assert names(page_of(world, unverified=True)) == ["other"]
