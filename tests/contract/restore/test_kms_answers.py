"""Every answer of AWS KMS to a restore that has written a part of its plan: the engine with a real key service."""

import dataclasses
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from copy import copy
from pathlib import Path

import pytest

from shared.adapters.kms.row import Kind, Row
from shared.domain.errors import Code
from shared.domain.jobs import Job, JobKind, JobState, PlanProgress
from shared.domain.model import KeyMode
from shared.domain.restore.scope import Scope
from shared.engine.requests.customer_keys import request_update
from shared.engine.requests.restores import RestoreRequest, request_plan, request_planned
from shared.ports.catalog.restores import OperationState
from shared.ports.observer import Point
from tests.contract.catalog.world import new_id
from tests.contract.engine.kms_cases import Case, Kms, Nonsense, Scene, cases, delete_key, kms_fault
from tests.contract.engine.kms_stage import LONG
from tests.contract.engine.simulated import ended, restorer, simulated_world, value_of
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator
from tests.contract.restore.carrying import Restore, Script, existing, set_up, user
from tests.parts import aws_simulator
from tests.tables import FEW, only, table

DONE = OperationState.DONE
LEASE = 2.4
USERS = 12
DAMAGE = "stored bytes are damaged"


@pytest.fixture(scope="module", autouse=True)
def small_table() -> Iterator[None]:
    """Leave few streams in the table of resources, for the backups of the restore after a change of key."""
    with table(only(FEW)):
        yield


@pytest.fixture(scope="module")
def kms() -> Iterator[Kms]:
    """Yield a key service whose calls end early enough for each case."""
    with aws_simulator() as aws, pytest.MonkeyPatch.context() as patch:
        yield Kms(LONG / 4, aws, aws.new_key(), patch)


@contextmanager
def keyed_world(folder: Path, simulator: Simulator, scene: Scene) -> Iterator[EngineWorld]:
    """Yield a world whose tenant has the scene's KMS key."""
    identity = restorer(simulator)
    with simulated_world(folder, simulator, identity, keys=scene.kms, provider_key=scene.arn, lease=LONG) as world:
        set_up(world)
        yield world


def lease(world: EngineWorld, seconds: float) -> None:
    world.context = dataclasses.replace(world.context, lease_seconds=seconds)


class HalfWritten:
    """A restore of two values of a user. It has written the first one when the case begins."""

    def __init__(self, world: EngineWorld, simulator: Simulator, scene: Scene) -> None:
        self.world, self.simulator, self.scene = world, simulator, scene
        self.user = existing(simulator, "users", user("half"))
        script = Script()
        script.patch("users", self.user, {"city": "Bern"})
        script.patch("users", self.user, {"department": "Sales"}, stage=16)
        self.restore = Restore(world, script.plan())
        world.limit(step_seconds=0.0)
        world.work(1)
        world.limit(step_seconds=300.0)
        assert self.restore.states() == [DONE, None]

    def copied(self, folder: Path) -> "HalfWritten":
        """Return the restore in a copy of the catalog. That costs a fifth of another such restore."""
        database = folder / "copy.sqlite3"
        database.touch(0o600)
        with closing(sqlite3.connect(self.world.database)) as source, closing(sqlite3.connect(database)) as target:
            source.backup(target)
        other = copy(self)
        other.world, other.restore = self.world.with_catalog(database), copy(self.restore)
        other.restore.world = other.world
        return other

    def go_on(self) -> Job:
        """Run the writing step as a worker does. Return the job."""
        self.world.work(1)
        return self.world.catalog.jobs.get(self.restore.job_id)

    def check_stopped(self) -> None:
        """Fail unless Graph got no request, and the result of what was written is still known."""
        assert self.simulator.paths() == frozenset()
        assert self.restore.states() == [DONE, None]

    def check_written(self) -> None:
        """Fail unless the second value was written, and the first one was not written again."""
        assert self.restore.states() == [DONE, DONE]
        written = value_of(self.simulator, "users", self.user)
        assert (written["city"], written["department"]) == ("Bern", "Sales")
        assert self.simulator.request_count("/v1.0/users/{id}", "PATCH") == 1
        assert self.world.catalog.keys.state().refusal is None

    def check_retried(self) -> None:
        """Undo the case, retry the restore, and check that it writes the rest."""
        self.scene.recover()
        self.restore.retry()
        self.restore.write()
        self.check_written()


@pytest.fixture(scope="module")
def template(running: Simulator, kms: Kms, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HalfWritten]:
    """Yield the restore that most cases copy. They leave its KMS key as it was."""
    with Nonsense() as nonsense:
        scene = Scene(kms.aws, kms, kms.aws.new_key(), nonsense)
        with keyed_world(tmp_path_factory.mktemp("template"), running, scene) as world:
            yield HalfWritten(world, running, scene)


@pytest.fixture
def half(template: HalfWritten, case: Case, simulator: Simulator, tmp_path: Path) -> Iterator[HalfWritten]:
    """Yield a restore for the case: a copy, or one of its own if the case destroys the key."""
    with ExitStack() as stack:
        if case is delete_key:
            scene = dataclasses.replace(template.scene, arn=template.scene.aws.new_key())
            half = HalfWritten(stack.enter_context(keyed_world(tmp_path, simulator, scene)), simulator, scene)
        else:
            half = template.copied(tmp_path)
            stack.callback(half.world.close)
            stack.callback(half.scene.recover)
        half.world.messages.queue.clear()
        half.scene.kms.errors.clear()
        simulator.forget()
        yield half


@cases(Kind.REVOKED)
def test_a_refusal_ends_the_restore_before_it_writes_more(half: HalfWritten, row: Row, case: Case) -> None:
    case(half.scene)
    job = half.go_on()
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
    assert half.scene.arn in str(job.message)
    assert {ours for _, ours in half.scene.kms.errors} == {"The operator" in str(job.message)}
    half.check_stopped()
    if not row.unknown:
        half.check_retried()


@cases(Kind.TROUBLE)
def test_trouble_releases_the_restore_and_it_goes_on_by_itself(half: HalfWritten, row: Row, case: Case) -> None:
    lease(half.world, 0.3)
    case(half.scene)
    job = half.go_on()
    assert job.state is JobState.RUNNING
    assert {code for code, _ in half.scene.kms.errors} == {Code.KEY_UNREACHABLE}
    half.check_stopped()
    half.scene.recover()
    lease(half.world, LONG)
    half.world.pass_time(60)
    half.go_on()
    half.check_written()


@cases(Kind.MISCONFIGURED)
def test_wrong_settings_fail_the_restore_and_record_no_refusal(half: HalfWritten, row: Row, case: Case) -> None:
    case(half.scene)
    job = half.go_on()
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_MISCONFIGURED)
    assert "The operator" in str(job.message)
    assert half.world.catalog.keys.state().refusal is None
    half.check_stopped()
    half.check_retried()


@cases(Kind.CORRUPT)
def test_damage_fails_the_restore_and_names_the_data_key(
    half: HalfWritten, row: Row, case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    case(half.scene)
    with caplog.at_level(logging.ERROR):
        job = half.go_on()
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    secrets = half.world.catalog.keys.find("secrets", None)
    assert secrets is not None
    assert [each.__dict__["blob"] for each in caplog.records if each.getMessage() == DAMAGE] == [secrets.data_key_id]
    half.check_stopped()
    half.check_retried()


@pytest.fixture
def scene(kms: Kms) -> Scene:
    """Return a new KMS key."""
    kms.errors.clear()
    return Scene(kms.aws, kms, kms.aws.new_key(), "")


@pytest.fixture
def world(tmp_path: Path, simulator: Simulator, scene: Scene) -> Iterator[EngineWorld]:
    with keyed_world(tmp_path, simulator, scene) as world:
        yield world


class Slow:
    """A restore that creates users one after another, and what KMS answers once it has created some."""

    def __init__(self, world: EngineWorld, simulator: Simulator, scene: Scene, case: Case, name: str) -> None:
        self.world, self.simulator, self.scene, self.case = world, simulator, scene, case
        script = Script()
        for n in range(USERS):
            script.create("users", new_id(), user(f"{name}{n}"), stage=n)
        self.restore = Restore(world, script.plan())
        self.answers: list[float] = []
        world.limit(results_waiting=1)
        world.on_point = self._on_point

    def _on_point(self, point: str) -> None:
        if point == Point.WRITE_ANSWERED:
            self.answers.append(time.monotonic())
            if len(self.answers) == 3:
                self.case(self.scene)

    def write(self) -> Job:
        """Write until the case ends the step. Fail if a write follows after a lease, or results are not stored."""
        slow = {"what": "slow", "match": {"method": "POST", "path": "/v1.0/users$"}, "seconds": 0.4, "times": USERS}
        self.simulator.set("faults", [slow])
        lease(self.world, LEASE)
        self.world.work(1)
        assert self.answers[-1] - self.answers[2] < LEASE
        self.simulator.clear_faults()
        self.world.on_point = lambda _: None
        done = self.restore.states().count(DONE)
        assert 2 <= done < USERS
        assert done <= self.simulator.created("users") <= done + 2, "the last answer, and the request under way"
        lease(self.world, LONG)
        return self.world.catalog.jobs.get(self.restore.job_id)

    def check_written(self) -> None:
        """Fail unless each user was created once."""
        assert self.restore.states() == [DONE] * USERS
        assert self.simulator.created("users") == USERS
        named = {each.key for each in self.restore.details().values()}
        assert named == {each.key for each in self.restore.plan.operations}


def test_a_revocation_in_the_middle_stops_writing_within_a_lease_and_a_retry_goes_on(
    world: EngineWorld, simulator: Simulator, scene: Scene
) -> None:
    slow = Slow(world, simulator, scene, lambda scene: scene.owner.disable_key(KeyId=scene.arn), "revoked")
    job = slow.write()
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
    scene.owner.enable_key(KeyId=scene.arn)
    slow.restore.retry()
    slow.restore.write()
    slow.check_written()


def test_silence_in_the_middle_stops_writing_within_a_lease_and_the_restore_goes_on_by_itself(
    world: EngineWorld, simulator: Simulator, scene: Scene
) -> None:
    slow = Slow(world, simulator, scene, kms_fault(what="drop"), "silent")
    job = slow.write()
    assert job.state is JobState.RUNNING
    assert {code for code, _ in scene.kms.errors} == {Code.KEY_UNREACHABLE}
    scene.recover()
    world.pass_time(60)
    world.work(1)
    slow.check_written()


def test_a_plan_opens_after_a_change_of_key(world: EngineWorld, simulator: Simulator, scene: Scene) -> None:
    """The plan is sealed under the data key for credentials, which the change wraps again under the new KMS key."""
    anna = existing(simulator, "users", user("anna", city="Bern"))
    snapshot = world.back_up().snapshot
    assert snapshot is not None
    simulator.apply("update", f"users/{anna}", {"city": "Basel"})
    request = RestoreRequest(scope=Scope(ids=(anna,)))
    planned = ended(world, request_plan(world.context.catalog, "ada", "contoso", snapshot, request))
    assert isinstance(planned.detail, PlanProgress)
    assert planned.detail.plan is not None

    world.change("tenants", key_mode=KeyMode.CUSTOMER)
    new_key = scene.aws.new_key()
    assert ended(world, request_update(world.catalog, new_key, "ada")).state is JobState.SUCCEEDED
    scene.state("Disabled")
    assert {key.arn for key in world.catalog.keys.all()} == {new_key}

    job = request_planned(world.context.catalog, "ada", "contoso", planned.detail.plan, RestoreRequest())
    assert job.kind is JobKind.RESTORE
    assert ended(world, job).state is JobState.SUCCEEDED
    assert value_of(simulator, "users", anna)["city"] == "Bern"
