"""Requests for plans and restores: what is wrong is refused before a job exists, and audit events say what was requested."""

from datetime import timedelta

import msgspec
import pytest

from shared.domain.audit import Event, event_of
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Claim, Job, JobKind, JobState, PlanProgress, RestoreProgress
from shared.domain.model import CredentialKind, Snapshot
from shared.domain.restore.plan_text import lines_of, sha256_of
from shared.domain.restore.scope import ConflictRule, LinkRule, Rules, Scope
from shared.engine.requests.jobs import retry_job
from shared.engine.requests.restores import (
    RestoreRequest,
    list_plans,
    plan_in,
    request_plan,
    request_planned,
    request_restore,
    request_undo,
    request_undo_plan,
    withdraw_plan,
)
from shared.ports.catalog.restores import PlanRow, PlanState
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.restoring import RESTORE, plan_row, restoring, result
from tests.contract.catalog.world import World, new_id, run, sealed
from tests.unit.domain.restore.test_plan_text import PLAN

NOTHING = RestoreRequest()


@pytest.fixture
def snapshot(world: World, acme: TenantCatalog) -> Snapshot:
    acme.update_restore_identity(client_id=new_id(), kind=CredentialKind.SECRET, sealed=sealed())
    return world.backed_up(acme, run(new_id()))


@pytest.fixture
def plan(world: World, acme: TenantCatalog, snapshot: Snapshot) -> PlanRow:
    claim = restoring(world, acme)
    row = msgspec.structs.replace(plan_row(claim.job_id), snapshot_id=snapshot.snapshot_id)
    acme.restores.add_plan(claim, row, [sealed()])
    acme.claims.finish(claim)
    return row


def last_event(tenant: TenantCatalog) -> Event:
    return event_of(tenant.audit.recent(1)[0])


def written(world: World, tenant: TenantCatalog, before: str) -> Job:
    """Return a restore that has written something."""
    claim = restoring(world, tenant)
    tenant.restores.add_results(claim, [result(1)])
    detail = RestoreProgress(plan=new_id(), before=before, carried_by=claim.job_id)
    tenant.claims.finish(claim, detail=detail)
    return tenant.jobs.get(claim.job_id)


def test_a_plan_is_requested_with_scope_rules_and_reason(world: World, acme: TenantCatalog, snapshot: Snapshot) -> None:
    scope = Scope(resources=("users",), properties=("department",), deleted_since="latest")
    rules = Rules(conflict=ConflictRule.SKIP, links_of={"groups.members": LinkRule.EXACT})
    job = request_plan(
        world.catalog, "ada", "acme", "latest", RestoreRequest(scope=scope, rules=rules, reason="ticket 17")
    )
    assert (job.kind, job.snapshot) == (JobKind.PLAN, snapshot.snapshot_id)
    resolved = msgspec.structs.replace(scope, deleted_since=snapshot.snapshot_id)
    assert acme.jobs.get(job.job_id).detail == PlanProgress(scope=resolved, rules=rules, reason="ticket 17")
    event = last_event(acme)
    assert (event.actor, event.action) == ("ada", "plan.asked")
    assert event.detail["reason"] == "ticket 17"
    assert event.detail["resources"] == "users"


WRONG = (
    (RestoreRequest(scope=Scope(resources=("nonsense",))), "no resource 'nonsense' to restore"),
    (RestoreRequest(scope=Scope(properties=("nonsense.x",))), "'nonsense.x' is not a property of any resource"),
    (RestoreRequest(scope=Scope(resources=("groups",), properties=("jobTitle",))), "'jobTitle' is not a property"),
    (RestoreRequest(rules=Rules(links_of={"users": LinkRule.SKIP})), "There are no links 'users'"),
    (RestoreRequest(password_recipient="nonsense"), "nonsense"),
)


def test_a_wrong_request_makes_no_job(world: World, acme: TenantCatalog, snapshot: Snapshot) -> None:
    before = len(acme.jobs.recent())
    for request, words in WRONG:
        for call in (request_plan, request_restore):
            with pytest.raises(Refuse) as caught:
                call(world.catalog, "ada", "acme", snapshot.snapshot_id, request)
            assert caught.value.code is Code.WRONG_USE
            assert words in caught.value.message
    assert len(acme.jobs.recent()) == before


def test_unknown_snapshots_are_refused(world: World, acme: TenantCatalog, snapshot: Snapshot) -> None:
    for number, scope in ((new_id(), Scope()), ("latest", Scope(changed_since=new_id()))):
        with pytest.raises(Refuse) as caught:
            request_plan(world.catalog, "ada", "acme", number, RestoreRequest(scope=scope))
        assert caught.value.code is Code.NO_SUCH_SNAPSHOT


def test_a_restore_without_an_identity_is_refused_and_audited(world: World, other: TenantCatalog) -> None:
    world.backed_up(other, run(new_id()))
    with pytest.raises(Refuse) as caught:
        request_restore(world.catalog, "ada", "other", "latest", NOTHING)
    assert caught.value.code is Code.NO_RESTORE_IDENTITY
    event = last_event(other)
    assert (event.actor, event.action, event.detail) == ("ada", "restore.refused", {"code": "NO_RESTORE_IDENTITY"})
    assert request_plan(world.catalog, "ada", "other", "latest", NOTHING).kind is JobKind.PLAN


def test_a_plan_is_carried_out_by_its_id_with_its_own_scope(world: World, acme: TenantCatalog, plan: PlanRow) -> None:
    job = request_planned(world.catalog, "ada", "acme", plan.plan_id, NOTHING)
    assert isinstance(job.detail, RestoreProgress)
    assert (job.detail.plan, job.detail.given, job.detail.reason) == (plan.plan_id, True, "ticket 17")
    assert job.snapshot == plan.snapshot_id
    assert last_event(acme).detail["plan"] == plan.plan_id


def test_a_plan_that_is_over_is_refused_before_a_job_exists(
    world: World, acme: TenantCatalog, snapshot: Snapshot, plan: PlanRow
) -> None:
    claim = restoring(world, acme)
    expired = plan_row(claim.job_id, lasts=timedelta(seconds=-1))
    acme.restores.add_plan(claim, expired, [])
    withdraw_plan(world.catalog, "bob", "acme", plan.plan_id)
    assert last_event(acme).actor == "bob"
    for plan_id, code in (
        (plan.plan_id, Code.WRONG_USE),
        (expired.plan_id, Code.PLAN_EXPIRED),
        (new_id(), Code.NO_SUCH_PLAN),
    ):
        with pytest.raises(Refuse) as caught:
            request_planned(world.catalog, "ada", "acme", plan_id, NOTHING)
        assert caught.value.code is code
    assert [row.state for row in list_plans(world.catalog, "acme")] == [PlanState.EXPIRED, PlanState.WITHDRAWN]
    refusals = [event_of(each).action for each in acme.audit.entries()].count("restore.refused")
    assert refusals == 1, "only the expired plan is a refusal of a restore"


def test_a_restore_is_undone_from_the_backup_that_it_took_first(
    world: World, acme: TenantCatalog, snapshot: Snapshot
) -> None:
    restore = written(world, acme, snapshot.snapshot_id)
    for call, kind in ((request_undo_plan, JobKind.PLAN), (request_undo, JobKind.RESTORE)):
        job = call(world.catalog, "ada", "acme", restore.job_id, RestoreRequest(reason="wrong one"))
        assert (job.kind, job.snapshot) == (kind, snapshot.snapshot_id)
        assert isinstance(job.detail, PlanProgress)
        assert (job.detail.undo, job.detail.reason) == (restore.job_id, "wrong one")
    event = last_event(acme)
    assert (event.action, event.detail["undo"]) == ("undo.asked", restore.job_id)


def test_what_cannot_be_undone_is_refused_in_a_sentence(world: World, acme: TenantCatalog, snapshot: Snapshot) -> None:
    claim = restoring(world, acme)
    cases = [(claim.job_id, Code.BUSY, "has not ended"), (snapshot.job_id, Code.WRONG_USE, "is no restore")]
    for job_id, code, words in cases:
        with pytest.raises(Refuse, match=words) as caught:
            request_undo(world.catalog, "ada", "acme", job_id, NOTHING)
        assert caught.value.code is code
    acme.claims.finish(claim)
    with pytest.raises(Refuse, match="has written nothing"):
        request_undo(world.catalog, "ada", "acme", claim.job_id, NOTHING)


def test_a_retried_restore_keeps_its_snapshot_and_goes_on_with_its_plan(
    world: World, acme: TenantCatalog, snapshot: Snapshot
) -> None:
    job, _ = acme.jobs.request(
        JobKind.RESTORE,
        origin=request_plan(world.catalog, "ada", "acme", "latest", NOTHING).origin,
        snapshot=snapshot.snapshot_id,
        detail=RestoreProgress(),
    )
    assert world.scheduler.offer_steps(job, RESTORE)
    claim: Claim = world.claim(acme, job, "check")
    detail = RestoreProgress(plan="p", carried_by=job.job_id, before=snapshot.snapshot_id, done=2)
    acme.claims.fail(claim, Code.GRAPH_UNREACHABLE, "No answer.", detail=detail)
    retried = retry_job(world.catalog, "ada", job.job_id).job
    assert (retried.state, retried.snapshot) == (JobState.QUEUED, snapshot.snapshot_id)
    assert retried.detail == RestoreProgress(plan="p", carried_by=job.job_id, before=snapshot.snapshot_id)


def test_a_plans_file_names_its_plan_unless_it_was_changed(
    world: World, acme: TenantCatalog, snapshot: Snapshot
) -> None:
    claim = restoring(world, acme)
    plan = msgspec.structs.replace(PLAN, plan_id=new_id())
    lines = list(lines_of(plan))
    row = msgspec.structs.replace(plan_row(claim.job_id, plan_id=plan.plan_id), sha256=sha256_of(lines))
    acme.restores.add_plan(claim, row, [])
    assert plan_in(world.catalog, "acme", lines) == plan.plan_id
    with pytest.raises(Refuse, match="The file was changed") as caught:
        plan_in(world.catalog, "acme", lines[:-1])
    assert caught.value.code is Code.WRONG_USE
    with pytest.raises(Refuse) as caught:
        plan_in(world.catalog, "acme", list(lines_of(PLAN)))
    assert caught.value.code is Code.NO_SUCH_PLAN


def test_a_restore_that_has_carried_its_plan_out_is_not_retried(
    world: World, acme: TenantCatalog, snapshot: Snapshot
) -> None:
    restore = written(world, acme, snapshot.snapshot_id)
    with pytest.raises(Refuse, match="has carried its plan out") as caught:
        retry_job(world.catalog, "ada", restore.job_id)
    assert caught.value.code is Code.WRONG_USE
