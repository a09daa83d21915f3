"""A writing step that ends early: killed, cancelled, revoked, or at the end of its time slice. It goes on afterwards."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest

from console.download_file import to_file
from shared.domain.errors import Cancelled, Code, GraphTrouble, KeyRefused, Refuse
from shared.domain.jobs import RestorePhase, RestoreProgress
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.requests.restores import hand_out_passwords
from shared.engine.restore.executing import write_step
from shared.engine.restore.passwords import NewPassword, open_password
from shared.engine.steps.work import TimeSliceOver
from shared.ports.catalog.restores import OperationState
from shared.ports.observer import Point
from tests.contract.catalog.world import new_id
from tests.contract.engine.simulated import graph_access
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator
from tests.contract.restore.carrying import Restore, Script, group, ids_of, objects, user
from tests.parts import free_port

DONE = OperationState.DONE
POINTS = (
    Point.CREATION_INTENDED,
    Point.WRITE_ANSWERED,
    Point.CREATION_RECORDED,
    Point.RESULTS_STORED,
    Point.MARK_REMOVED,
    Point.ALL_WRITTEN,
)


class Team:
    """Two users and a group with them, restored under new ids."""

    def __init__(self, name: str, simulator: Simulator) -> None:
        self.name, self.simulator = name, simulator
        self.users, self.group = [new_id() for _ in range(2)], new_id()
        self.script = Script()
        for n, each in enumerate(self.users):
            self.script.create("users", each, user(f"{name}{n}"))
        self.script.create("groups", self.group, group(name, mailNickname=name))
        for each in self.users:
            self.script.link("groups.members", self.group, each)

    def check(self, restore: Restore) -> None:
        """Fail unless each object and link is there once, without a mark."""
        assert restore.states() == [DONE] * 5
        (created,) = objects(self.simulator, "groups", displayName=self.name)
        assert created["mailNickname"] == self.name
        assert ids_of(self.simulator, f"groups/{created['id']}/members") == {
            restore.new_id(each) for each in self.users
        }
        names = [each["displayName"] for each in objects(self.simulator, "users")]
        assert [names.count(f"{self.name}{n}") for n in range(2)] == [1, 1]
        assert self.simulator.created("users") == 2
        assert self.simulator.created("groups") == 1


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_restore_goes_on_and_creates_nothing_twice(
    world: EngineWorld, simulator: Simulator, point: Point
) -> None:
    team = Team(f"killed-{point}", simulator)
    restore = Restore(world, team.script.plan())
    assert restore.write_killed_at(point)
    restore.write()
    team.check(restore)


def test_a_restore_that_is_killed_again_and_again_ends(world: EngineWorld, simulator: Simulator) -> None:
    """Each claimant comes a little further than the one before, with lag and lost answers beside."""
    simulator.set("lag", {"get": 0.1, "list": 0.1})
    simulator.set("faults", [{"what": "drop-after", "match": {"method": "POST", "path": "/v1.0/(users|groups)$"}}])
    team = Team("again", simulator)
    restore = Restore(world, team.script.plan())
    kills = sum(restore.write_killed_at(Point.WRITE_ANSWERED, nth) for nth in (1, 2))
    assert kills == 2
    restore.write()
    team.check(restore)


@pytest.fixture
def slow(simulator: Simulator) -> Iterator[Simulator]:
    """Yield a simulator that takes longer than a lease for the first batch."""
    simulator.set("faults", [{"what": "slow", "match": {"path": "/v1.0/.batch$"}, "seconds": 4}])
    yield simulator
    simulator.clear_faults()


def test_a_cancelled_restore_keeps_the_results_of_what_was_sent_and_may_go_on(
    world: EngineWorld, slow: Simulator
) -> None:
    team = Team("cancelled", slow)
    restore = Restore(world, team.script.plan())
    with world.step("write", RestorePhase.WRITE) as work, pytest.raises(Cancelled):
        world.on_point = lambda point: world.cancel(work) if point == Point.CREATION_INTENDED else None
        write_step(work)
    world.on_point = lambda _: None
    world.catalog.claims.fail(work.claim, Cancelled().code, Cancelled().message)
    assert None in restore.states()
    restore.retry()
    restore.write()
    team.check(restore)


def test_a_restore_whose_writes_were_all_done_counts_them_when_it_is_retried(
    world: EngineWorld, simulator: Simulator
) -> None:
    team = Team("proved-later", simulator)
    restore = Restore(world, team.script.plan())
    restore.write()
    with world.step("prove", RestorePhase.PROVE) as work:
        world.catalog.claims.fail(work.claim, Code.KEY_ACCESS_REVOKED, "The key was disabled.")
    restore.retry()
    restore.write()
    team.check(restore)
    detail = world.catalog.jobs.get(restore.job_id).detail
    assert isinstance(detail, RestoreProgress)
    assert (detail.done, detail.partly, detail.failed) == (5, 0, 0)


def test_a_revoked_key_stops_a_restore_within_a_lease_and_it_goes_on_later(world: EngineWorld, slow: Simulator) -> None:
    team = Team("revoked", slow)
    restore = Restore(world, team.script.plan())
    world.context = dataclasses.replace(world.context, lease_seconds=1.5)

    def revoke(point: Point) -> None:
        if point == Point.CREATION_INTENDED:
            world.keys.refusing[world.tenant.key_arn] = KeyRefused(world.tenant.key_arn, "It is disabled.")

    with world.step("write", RestorePhase.WRITE) as work, pytest.raises(KeyRefused):
        world.on_point = revoke  # type: ignore[assignment]
        write_step(work)
    world.on_point = lambda _: None
    assert slow.request_count("/v1.0/groups") == 0, "no request after the refusal"
    world.keys.refusing.clear()
    restore.retry()
    restore.write()
    team.check(restore)


def test_a_time_slice_ends_between_requests(world: EngineWorld, simulator: Simulator) -> None:
    team = Team("sliced", simulator)
    restore = Restore(world, team.script.plan())
    world.limit(step_seconds=0.0, mark_seconds=0.0)
    slices = 1
    while not written_in_a_slice(world):
        slices += 1
    team.check(restore)
    assert slices > 3


def written_in_a_slice(world: EngineWorld) -> bool:
    """Write until the end of a time slice. Return True if everything is written then."""
    with world.step("write", RestorePhase.WRITE) as work:
        try:
            write_step(work)
        except TimeSliceOver:
            world.catalog.claims.release_step(work.claim, after=0.0, trouble=None)
            world.pass_time(300)
            return False
    return True


def test_an_unreachable_graph_is_trouble_that_leaves_nothing_in_doubt(world: EngineWorld, simulator: Simulator) -> None:
    team = Team("unreachable", simulator)
    restore = Restore(world, team.script.plan())
    reachable = world.context
    world.context = dataclasses.replace(reachable, targets=graph_access(simulator, f"https://localhost:{free_port()}"))
    with world.step("write", RestorePhase.WRITE) as work, pytest.raises(GraphTrouble, match="cannot be reached"):
        write_step(work)
    world.catalog.claims.release_step(work.claim, after=0.0, trouble=None)
    world.context = reachable
    world.limit(doubt_seconds=3600.0)
    restore.write()
    team.check(restore)


def test_nothing_is_written_while_the_claim_may_end_before_an_answer(world: EngineWorld, simulator: Simulator) -> None:
    team = Team("unrenewed", simulator)
    Restore(world, team.script.plan())
    world.limit(write_seconds=60.0)
    with world.step("write", RestorePhase.WRITE) as work, pytest.raises(Refuse, match="renew") as caught:
        write_step(work)
    assert caught.value.code is Code.CATALOG_UNREACHABLE
    assert simulator.created("users") == 0


def test_passwords_of_created_users_are_sealed_before_graph_gets_them(world: EngineWorld, simulator: Simulator) -> None:
    team = Team("sealed", simulator)
    restore = Restore(world, team.script.plan())
    assert restore.write_killed_at(Point.WRITE_ANSWERED)
    first = passwords(world, restore)
    restore.write()
    assert passwords(world, restore) == first
    assert sorted(each.user for each in first) == [f"sealed{n}@contoso.onmicrosoft.com" for n in range(2)]
    assert len({each.password for each in first}) == 2
    assert not any(
        each.password in str(world.rows(table)) for each in first for table in ("restore_passwords", "steps")
    )


def passwords(world: EngineWorld, restore: Restore) -> list[NewPassword]:
    with ProcessKeys(world.context, world.catalog) as keys:
        return [
            open_password(world.catalog, keys, each.sealed) for each in world.catalog.restores.passwords(restore.job_id)
        ]


def test_only_passwords_of_users_that_may_exist_are_handed_out(
    world: EngineWorld, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.create("users", json.dumps({"id": new_id(), **user("holder")}).encode())
    script = Script()
    script.create("users", new_id(), user("holder", displayName="Another"))
    script.create("users", new_id(), user("handed"))
    restore = Restore(world, script.plan())
    restore.write()
    identity, file = pyrage.x25519.Identity.generate(), tmp_path / "passwords.age"
    recipient = str(identity.to_public())
    count = hand_out_passwords(world.context, "ada", "contoso", restore.job_id, recipient, lambda: to_file(str(file)))
    assert count == 1
    lines = pyrage.decrypt(file.read_bytes(), [identity]).splitlines()
    assert [json.loads(line)["user"] for line in lines] == ["handed@contoso.onmicrosoft.com"]
