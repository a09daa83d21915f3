"""The job that plans a restore: from a backup that began after the request, with the directory's recycle bins, sealed."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from shared.domain.audit import event_of
from shared.domain.errors import Code
from shared.domain.jobs import Job, JobKind, JobState, PlanProgress, RestoreProgress
from shared.domain.restore.operations import Action, Plan
from shared.domain.restore.plan_text import sha256_of
from shared.domain.restore.scope import LinkRule, Rules, Scope
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.restore.stored_plans import plan_lines
from shared.ports.catalog.restores import PlanState
from tests.contract.engine.simulated import ended, plan_of, restorer, simulated_world
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator, simulated_graph

pytestmark = pytest.mark.streams("users", "groups", "organization")


class Ids(NamedTuple):
    """The ids of two users, of their group, and of a user that a test may create."""

    ada: str
    bob: str
    team: str
    cat: str


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulated_graph(tmp_path_factory.mktemp("graph")) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def world(small_table: None, tmp_path_factory: pytest.TempPathFactory, simulator: Simulator) -> Iterator[EngineWorld]:
    with simulated_world(tmp_path_factory.mktemp("world"), simulator, restorer(simulator)) as world:
        yield world


@pytest.fixture
def ids(simulator: Simulator, world: EngineWorld) -> Ids:
    """Create the users and their group anew for each test."""
    world.scheduler.record_heartbeat("w", 4)
    ids = Ids(*(str(uuid.uuid4()) for _ in Ids._fields))
    for object_id in (ids.ada, ids.bob):
        simulator.create("users", user(object_id))
    team = {"displayName": "CANARY-team", "mailNickname": "team", "mailEnabled": False, "securityEnabled": True}
    simulator.create("groups", json.dumps({"id": ids.team, **team, "groupTypes": []}).encode())
    for member in (ids.ada, ids.bob):
        simulator.create(f"groups/{ids.team}/members", b'{"id":"%b"}' % member.encode())
    return ids


def user(object_id: str) -> bytes:
    name = object_id[:8]
    fields = {"displayName": name, "mailNickname": name, "userPrincipalName": f"{name}@contoso.example"}
    return json.dumps({"id": object_id, "accountEnabled": True, **fields, "department": "CANARY-A"}).encode()


def delete(simulator: Simulator, path: str) -> None:
    simulator.apply("delete", path)


def purge(simulator: Simulator, path: str) -> None:
    delete(simulator, path)
    simulator.apply("purge", path)


def update(simulator: Simulator, path: str, **values: object) -> None:
    simulator.apply("update", path, values)


def planned(world: EngineWorld, detail: PlanProgress | None = None, snapshot: str = "latest") -> tuple[Job, Plan]:
    job = world.run_job(JobKind.PLAN, snapshot, detail or PlanProgress())
    assert job.state is JobState.SUCCEEDED, job.message
    return job, plan_of(world, job)


def actions(world: EngineWorld) -> list[str]:
    return [event_of(each).action for each in world.catalog.audit.entries()]


def acts(plan: Plan) -> list[tuple[Action, str]]:
    return [(each.action, each.key) for each in plan.operations]


def test_a_plan_is_made_from_a_backup_that_began_after_the_request(
    world: EngineWorld, simulator: Simulator, ids: Ids
) -> None:
    world.back_up()
    update(simulator, f"users/{ids.ada}", department="B")
    running = world.request()
    world.tick()
    world.run_step(world.messages.queue.pop(0))
    job = world.request(JobKind.PLAN, "latest", PlanProgress(reason="ticket 17"))
    update(simulator, f"users/{ids.bob}", department="B")
    job = ended(world, job)
    assert job.state is JobState.SUCCEEDED, job.message
    assert isinstance(job.detail, PlanProgress)
    assert job.detail.backup not in (None, running.job_id)
    plan = plan_of(world, job)
    assert set(acts(plan)) == {(Action.PATCH, f"users/{ids.ada}"), (Action.PATCH, f"users/{ids.bob}")}
    row = world.catalog.restores.plan(plan.plan_id)
    assert (row.state, row.operations, row.reason) == (PlanState.READY, 2, "ticket 17")
    assert row.live_id == world.catalog.jobs.get(job.detail.backup).snapshot
    assert row.snapshot_id == job.snapshot


def test_a_plan_is_sealed_and_its_parts_open_to_the_hashed_text(
    world: EngineWorld, simulator: Simulator, ids: Ids
) -> None:
    world.limit(plan_part_bytes=10)
    world.back_up()
    update(simulator, f"users/{ids.ada}", department="B")
    update(simulator, f"groups/{ids.team}", displayName="other")
    job, plan = planned(world)
    assert any(b"CANARY" in (each.body or b"") for each in plan.operations)
    parts = [part for part in world.rows("restore_plan_parts") if part["plan_id"] == plan.plan_id]
    assert len(parts) == 3, "one part for each line"
    stored = repr([*parts, *world.rows("restore_plans"), *world.rows("jobs")])
    assert "CANARY" not in stored
    row = world.catalog.restores.plan(plan.plan_id)
    assert row.job_id == job.job_id
    with ProcessKeys(world.context, world.catalog) as keys:
        assert sha256_of(plan_lines(world.catalog, keys, plan.plan_id)) == row.sha256


def test_a_deleted_user_comes_back_from_the_bin_and_a_purged_one_anew(
    world: EngineWorld, simulator: Simulator, ids: Ids
) -> None:
    world.back_up()
    delete(simulator, f"users/{ids.ada}")
    purge(simulator, f"users/{ids.bob}")
    _, plan = planned(world)
    assert (Action.UNDELETE, f"users/{ids.ada}") in acts(plan)
    assert (Action.CREATE, f"users/{ids.bob}") in acts(plan)
    assert (Action.LINK, f"groups/{ids.team}/members/{ids.bob}") in acts(plan)
    assert plan.notes == []


def test_a_plan_without_a_restore_identity_says_how_to_add_one(tmp_path: Path, simulator: Simulator, ids: Ids) -> None:
    with simulated_world(tmp_path, simulator) as world:
        world.back_up()
        update(simulator, f"users/{ids.ada}", department="B")
        _, plan = planned(world)
        (note,) = plan.notes
        assert "entrakeep tenant update contoso --restore-client-id" in note
        job = world.run_job(JobKind.RESTORE, "latest", RestoreProgress(plan=plan.plan_id, given=True))
        assert (job.state, job.code) == (JobState.FAILED, Code.NO_RESTORE_IDENTITY)
        assert "restore.refused" in actions(world)


def test_a_plan_without_access_to_a_bin_says_so(tmp_path: Path, simulator: Simulator, ids: Ids) -> None:
    poor = restorer(simulator, ["Organization.Read.All", "User.Read.All"])
    with simulated_world(tmp_path, simulator, poor) as world:
        world.back_up()
        delete(simulator, f"groups/{ids.team}")
        _, plan = planned(world)
        assert any("recycle bin of groups" in note for note in plan.notes)


def test_what_was_deleted_since_a_snapshot_is_planned_with_its_links(
    world: EngineWorld, simulator: Simulator, ids: Ids
) -> None:
    first = world.back_up().snapshot
    update(simulator, f"users/{ids.ada}", department="B")
    delete(simulator, f"groups/{ids.team}/members/{ids.ada}")
    second = world.back_up().snapshot
    delete(simulator, f"users/{ids.bob}")
    _, plan = planned(world, PlanProgress(scope=Scope(deleted_since=second)), str(first))
    assert {each.key for each in plan.operations} <= {f"users/{ids.bob}", f"groups/{ids.team}/members/{ids.bob}"}
    assert (Action.UNDELETE, f"users/{ids.bob}") in acts(plan)


def test_what_was_changed_since_a_snapshot_is_planned_alone(world: EngineWorld, simulator: Simulator, ids: Ids) -> None:
    first = world.back_up().snapshot
    update(simulator, f"users/{ids.ada}", department="B")
    second = world.back_up().snapshot
    update(simulator, f"users/{ids.bob}", department="B")
    _, plan = planned(world, PlanProgress(scope=Scope(changed_since=second)), str(first))
    assert acts(plan) == [(Action.PATCH, f"users/{ids.bob}")]


def test_scope_and_rules_reach_the_plan(world: EngineWorld, simulator: Simulator, ids: Ids) -> None:
    world.back_up()
    simulator.create("users", user(ids.cat))
    simulator.create(f"groups/{ids.team}/members", b'{"id":"%b"}' % ids.cat.encode())
    update(simulator, f"users/{ids.ada}", department="B")
    _, plan = planned(
        world, PlanProgress(scope=Scope(resources=("groups.members",)), rules=Rules(links=LinkRule.EXACT))
    )
    assert acts(plan) == [(Action.UNLINK, f"groups/{ids.team}/members/{ids.cat}")]


def test_a_restore_carries_out_the_plan_that_was_looked_at(world: EngineWorld, simulator: Simulator, ids: Ids) -> None:
    world.back_up()
    update(simulator, f"users/{ids.ada}", department="B")
    _, plan = planned(world)
    job = world.run_job(JobKind.RESTORE, "latest", RestoreProgress(plan=plan.plan_id, given=True))
    assert not job.state.ended or job.code is None, job.message
    assert isinstance(job.detail, RestoreProgress)
    assert (job.detail.plan, job.detail.operations, job.detail.carried_by) == (plan.plan_id, 1, job.job_id)
    assert world.catalog.restores.plan(plan.plan_id).restore_job == job.job_id
    assert job.detail.before not in (None, plan.live), "the undo point is taken after the request"


def test_a_plan_is_outdated_once_what_it_touches_has_changed(
    world: EngineWorld, simulator: Simulator, ids: Ids
) -> None:
    world.back_up()
    update(simulator, f"users/{ids.ada}", department="B")
    _, plan = planned(world)
    update(simulator, f"users/{ids.bob}", department="B")
    update(simulator, f"users/{ids.ada}", signInActivity={})
    update(simulator, f"users/{ids.ada}", department="C")
    job = world.run_job(JobKind.RESTORE, "latest", RestoreProgress(plan=plan.plan_id, given=True))
    assert (job.state, job.code) == (JobState.FAILED, Code.PLAN_OUTDATED)
    assert job.message is not None
    assert f"users/{ids.ada}" in job.message
    assert ids.bob not in job.message
    assert world.catalog.restores.plan(plan.plan_id).state is PlanState.READY


def test_a_plan_is_outdated_once_another_manager_was_set(world: EngineWorld, simulator: Simulator, ids: Ids) -> None:
    manager = f"users/{ids.ada}/manager"
    simulator.create(manager, b'{"id":"%b"}' % ids.bob.encode())
    world.back_up()
    delete(simulator, f"{manager}/{ids.bob}")
    _, plan = planned(world)
    assert acts(plan) == [(Action.LINK, f"{manager}/{ids.bob}")]
    simulator.create("users", user(ids.cat))
    simulator.create(manager, b'{"id":"%b"}' % ids.cat.encode())
    job = world.run_job(JobKind.RESTORE, "latest", RestoreProgress(plan=plan.plan_id, given=True))
    assert (job.state, job.code) == (JobState.FAILED, Code.PLAN_OUTDATED)
    assert job.message is not None and f"{manager}/{ids.cat}" in job.message
    assert actions(world)[-2:] == ["restore.refused", "restore.ended"]


def test_a_plan_fits_while_only_other_records_have_changed(world: EngineWorld, simulator: Simulator, ids: Ids) -> None:
    world.back_up()
    update(simulator, f"users/{ids.ada}", department="B")
    _, plan = planned(world)
    update(simulator, f"users/{ids.bob}", department="B")
    job = world.run_job(JobKind.RESTORE, "latest", RestoreProgress(plan=plan.plan_id, given=True))
    assert job.code is None, job.message


def test_a_restore_without_a_plan_makes_its_own(world: EngineWorld, simulator: Simulator, ids: Ids) -> None:
    world.back_up()
    update(simulator, f"users/{ids.ada}", department="B")
    job = world.run_job(JobKind.RESTORE, "latest", RestoreProgress())
    assert isinstance(job.detail, RestoreProgress), job.message
    plan = plan_of(world, job)
    assert acts(plan) == [(Action.PATCH, f"users/{ids.ada}")]
    assert job.detail.before == plan.live
    assert world.catalog.restores.plan(plan.plan_id).restore_job == job.job_id


def test_the_backup_that_a_plan_needs_may_fail_and_names_itself(
    world: EngineWorld, simulator: Simulator, ids: Ids
) -> None:
    world.back_up()
    job = world.request(JobKind.PLAN, "latest", PlanProgress())
    world.tick()
    world.run_step(world.messages.queue.pop(0))
    detail = world.catalog.jobs.get(job.job_id).detail
    assert isinstance(detail, PlanProgress)
    assert detail.backup is not None
    world.catalog.jobs.cancel(detail.backup)
    job = ended(world, job)
    assert (job.state, job.code) == (JobState.FAILED, Code.CANCELLED)
    assert job.message is not None
    assert detail.backup in job.message


def test_an_id_of_no_object_is_refused_by_name(world: EngineWorld, ids: Ids) -> None:
    world.back_up()
    mistyped = ids.ada[:-1]
    scopes = (Scope(ids=(ids.ada, ids.cat)), Scope(delete_newer=(ids.cat,)))
    others = (Scope(ids=(mistyped, ids.ada)), Scope(delete_newer=(mistyped,)))
    for scope, missing in [(scope, ids.cat) for scope in scopes] + [(scope, mistyped) for scope in others]:
        job = world.run_job(JobKind.PLAN, "latest", PlanProgress(scope=scope))
        assert (job.state, job.code) == (JobState.FAILED, Code.NO_SUCH_OBJECT)
        assert job.message is not None
        assert f"the id {missing}." in job.message
    _, plan = planned(world, PlanProgress(scope=Scope(ids=(ids.ada.upper(), ids.team))))
    assert plan.operations == []


def test_an_id_that_is_no_guid_is_found_without_case(world: EngineWorld, simulator: Simulator) -> None:
    named = f"Id_{uuid.uuid4().hex}"
    simulator.create("users", user(named))
    world.back_up()
    update(simulator, f"users/{named}", department="B")
    _, plan = planned(world, PlanProgress(scope=Scope(ids=(named.upper(),))))
    assert acts(plan) == [(Action.PATCH, f"users/{named}")]
