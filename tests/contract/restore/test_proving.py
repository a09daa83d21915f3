"""A whole restore: planned, written, and compared with the directory afterwards."""

import json
from collections.abc import Iterator

import pytest

from shared.domain.jobs import Job, JobKind, JobState, PlanProgress, RestorePhase, RestoreProgress
from shared.domain.restore.scope import Scope
from shared.engine.restore.proving import prove_step
from shared.engine.steps.work import WaitFor
from shared.ports.catalog.restores import OperationState, PlanState
from shared.ports.observer import Point
from tests.contract.engine.simulated import ended
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator
from tests.contract.restore.carrying import Restore, Script, existing, group, ids_of, objects, user
from tests.tables import FEW, only, table

DONE, NOT_APPLIED = OperationState.DONE, OperationState.NOT_APPLIED


@pytest.fixture(scope="module", autouse=True)
def small_table() -> Iterator[None]:
    """Leave few streams in the table of resources, because each restore backs up three times."""
    with table(only(FEW)):
        yield


def restored(world: EngineWorld, snapshot: str, scope: Scope) -> Job:
    """Restore what is in scope, and return the ended job."""
    return ended(world, world.request(JobKind.RESTORE, snapshot=snapshot, detail=RestoreProgress(scope=scope)))


def planned(world: EngineWorld, snapshot: str, scope: Scope) -> tuple[int, int]:
    """Return how many operations and hindrances a new plan has."""
    job = ended(world, world.request(JobKind.PLAN, snapshot=snapshot, detail=PlanProgress(scope=scope)))
    assert isinstance(job.detail, PlanProgress)
    return job.detail.operations, job.detail.impossible


def states(world: EngineWorld, job: Job) -> set[OperationState]:
    return {each.state for each in world.catalog.restores.results(job.job_id)}


def backup(world: EngineWorld) -> str:
    job = world.run_job()
    assert job.snapshot is not None, job
    return job.snapshot


def test_a_restore_ends_as_succeeded_once_the_directory_shows_everything(
    world: EngineWorld, simulator: Simulator
) -> None:
    anna, bert = (existing(simulator, "users", user(name)) for name in ("anna", "bert"))
    sales = existing(simulator, "groups", group("Sales"))
    for each in (anna, bert):
        simulator.create(f"groups/{sales}/members", json.dumps({"id": each}).encode())
    snapshot = backup(world)
    simulator.apply("delete", f"groups/{sales}")
    simulator.apply("purge", f"groups/{sales}")
    simulator.apply("delete", f"users/{anna}")
    simulator.apply("update", f"users/{bert}", {"department": "Elsewhere"})
    job = restored(world, snapshot, Scope(ids=(sales, anna, bert)))
    assert (job.state, job.message) == (JobState.SUCCEEDED, None)
    assert states(world, job) == {DONE}
    detail = job.detail
    assert isinstance(detail, RestoreProgress)
    assert detail.plan is not None
    assert detail.after not in (None, detail.before)
    assert detail.done == detail.operations
    assert world.catalog.restores.plan(detail.plan).state is PlanState.DONE
    (entry,) = [each for each in world.catalog.restores.map_entries() if each.old_id == sales]
    assert ids_of(simulator, f"groups/{entry.current_id}/members") == {anna, bert}


def test_a_plan_is_not_opened_before_the_backup_has_ended(world: EngineWorld, simulator: Simulator) -> None:
    ilse = existing(simulator, "users", user("ilse"))
    script = Script()
    script.patch("users", ilse, {"city": "Basel"})
    restore = Restore(world, script.plan())
    restore.write()
    with world.step("prove", RestorePhase.PROVE) as work:
        calls = world.keys.call_count
        for _ in range(2):  # the first call requests the backup
            with pytest.raises(WaitFor):
                prove_step(work)
        assert world.keys.call_count == calls, "a plan is opened with a data key, which KMS unwraps"


def test_what_graph_accepts_and_does_not_apply_is_a_result_of_its_own(world: EngineWorld, simulator: Simulator) -> None:
    carl = existing(simulator, "users", user("carl", department="A", city="Bern"))
    snapshot = backup(world)
    simulator.apply("update", f"users/{carl}", {"department": "B", "city": "Basel"})
    simulator.set("quirks", {"without_effect": ["users.department"]})
    world.limit(prove_seconds=1.0)
    job = restored(world, snapshot, Scope(ids=(carl,)))
    simulator.set("quirks", {"without_effect": []})
    assert job.state is JobState.SUCCEEDED_WITH_WARNINGS
    assert job.message is not None
    assert "not applied" in job.message
    assert states(world, job) == {NOT_APPLIED}
    (result,) = world.catalog.restores.results(job.job_id)
    assert result.code == "NOT_APPLIED"
    assert isinstance(job.detail, RestoreProgress)
    assert (job.detail.not_shown, job.detail.look_at) == (1, None)
    assert planned(world, snapshot, Scope(ids=(carl,))) == (0, 1), "the next plan knows"


def test_a_difference_that_remains_is_read_again_by_id_and_not_backed_up_each_time(
    world: EngineWorld, simulator: Simulator
) -> None:
    erik = existing(simulator, "users", user("erik", department="A"))
    snapshot = backup(world)
    simulator.apply("update", f"users/{erik}", {"department": "B"})
    simulator.set("quirks", {"without_effect": ["users.department"]})
    simulator.forget()
    world.limit(prove_seconds=5.0)
    job = restored(world, snapshot, Scope(ids=(erik,)))
    simulator.set("quirks", {"without_effect": []})
    assert isinstance(job.detail, RestoreProgress)
    assert states(world, job) == {NOT_APPLIED}
    assert job.detail.looks >= 2
    assert simulator.request_count("/v1.0/users/{id}", "GET") == job.detail.looks
    made = [each for each in world.catalog.snapshots.all() if each.snapshot_id != snapshot]
    assert len(made) == 3, "before the restore, after the last write, and at the end"


def test_records_of_each_kind_are_read_again_by_id(world: EngineWorld, simulator: Simulator) -> None:
    """The first backup does not show yet what was written; an object, a link and a reference to one object do."""
    frida, hans = existing(simulator, "users", user("frida")), existing(simulator, "users", user("hans"))
    sales = existing(simulator, "groups", group("Late"))
    simulator.create(f"groups/{sales}/members", json.dumps({"id": frida}).encode())
    snapshot = backup(world)
    simulator.apply("delete", f"groups/{sales}")
    simulator.apply("purge", f"groups/{sales}")
    simulator.apply("update", f"users/{hans}", {"city": "Basel"})
    simulator.forget()
    world.on_point = lambda point: simulator.set("lag", {"list": 4}) if point == Point.ALL_WRITTEN else None
    job = restored(world, snapshot, Scope(ids=(sales, hans)))
    assert (job.state, job.message) == (JobState.SUCCEEDED, None)
    assert isinstance(job.detail, RestoreProgress)
    assert job.detail.looks >= 1
    assert simulator.request_count("/v1.0/groups/{id}", "GET") >= 1
    assert simulator.request_count("/v1.0/groups/{id}/members", "GET") >= 1


def test_a_value_that_graph_refused_is_not_waited_for(world: EngineWorld, simulator: Simulator) -> None:
    gina = existing(simulator, "users", user("gina", city="Bern", jobTitle="A"))
    snapshot = backup(world)
    simulator.apply("update", f"users/{gina}", {"city": "Basel", "jobTitle": "B"})
    simulator.set("quirks", {"read_only": ["users.jobTitle"]})
    job = restored(world, snapshot, Scope(ids=(gina,)))
    simulator.set("quirks", {"read_only": []})
    assert isinstance(job.detail, RestoreProgress)
    assert states(world, job) == {OperationState.PARTLY}
    assert job.detail.looks == 0


def test_a_value_that_graph_refuses_is_known_to_the_next_plan(world: EngineWorld, simulator: Simulator) -> None:
    """The object was created anew without it, so the next plan would patch the new object."""
    wilma = existing(simulator, "users", user("wilma", city="Bern", businessPhones=[], otherMails=[]))
    snapshot = backup(world)
    simulator.apply("delete", f"users/{wilma}")
    simulator.apply("purge", f"users/{wilma}")
    message = "Invalid value specified for property 'city' of resource 'User'."
    body = {"error": {"code": "Request_BadRequest", "message": message}}
    simulator.fault("status", "/v1.0/users$", status=400, body=body)
    job = restored(world, snapshot, Scope(ids=(wilma,)))
    assert job.state is JobState.SUCCEEDED_WITH_WARNINGS
    assert "partly" in (job.message or "")
    assert planned(world, snapshot, Scope(ids=(wilma,)))[0] == 0


def test_a_mark_that_comes_back_is_replaced_again(world: EngineWorld, simulator: Simulator) -> None:
    dora = existing(simulator, "groups", group("Dora", mailNickname="dora"))
    snapshot = backup(world)
    simulator.apply("delete", f"groups/{dora}")
    simulator.apply("purge", f"groups/{dora}")
    simulator.set("quirks", {"lost_updates": {"within": 2, "readable": 0.1}})
    # Marks are replaced once even if the backup has taken longer than differences may remain.
    world.limit(prove_seconds=0.0)
    world.on_point = lambda point: world.limit(mark_seconds=3.0) if point == Point.ALL_WRITTEN else None
    job = restored(world, snapshot, Scope(ids=(dora,)))
    simulator.set("quirks", {"lost_updates": {"within": 0, "readable": 0}})
    assert job.state is JobState.SUCCEEDED
    (created,) = objects(simulator, "groups", displayName="Dora")
    assert created["mailNickname"] == "dora"
    assert simulator.created("groups") == 1
    assert simulator.request_count("/v1.0/groups/{id}", "PATCH") == 2
