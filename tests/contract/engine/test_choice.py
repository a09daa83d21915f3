"""What a tenant's owner switches off is reported as such, and read in full once it is switched on again."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.domain.audit import Action, event_of
from shared.domain.errors import Answer, Code, Refuse
from shared.domain.jobs import JobState
from shared.domain.model import ResourceReport
from shared.domain.resources import STREAMS, Stream
from shared.engine.compare.comparing import compared
from shared.engine.compare.scope import Scope
from shared.engine.requests.tenants import check_tenant, choose
from shared.engine.upkeep.rebuild import rebuild
from tests.contract.engine.world import EngineWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=5.0)
    world.back_up()
    yield world
    world.close()


def switch(world: EngineWorld, *, off: tuple[str, ...] = (), on: tuple[str, ...] = ()) -> None:
    choose(world.context.catalog, "ada", "acme", without=off, with_=on)


def back_up(world: EngineWorld) -> dict[str, ResourceReport]:
    """Back up an hour later. Return the reports by resource."""
    world.clock.time += timedelta(hours=1)
    world.back_up()
    snapshot = world.catalog.snapshots.get("latest")
    assert snapshot.complete
    return {each.resource: each for each in snapshot.resources}


def unknown(world: EngineWorld) -> tuple[dict[str, str], bool]:
    """Compare the last two snapshots. Return what is unknown, with the reasons, and whether they count as equal."""
    after, before = [each.snapshot_id for each in world.catalog.snapshots.all()[:2]]
    with compared(world.context, world.tenant, before, after, Scope()) as comparison:
        assert list(comparison.differences()) == []
        return {each.resource: each.reason for each in comparison.unknown}, comparison.equal


def test_what_is_switched_off_has_no_records_and_is_neither_kept_nor_deleted(world: EngineWorld) -> None:
    switch(world, off=("groups",))
    reports = back_up(world)
    for name in ("groups", "groups.members", "groups.owners"):
        report = reports[name]
        assert (report.answer, report.records, report.stale) == (Answer.SWITCHED_OFF, None, False)
        assert (report.added, report.removed, report.changed) == (None, None, None)
    assert reports["users"].answer is Answer.WHOLE
    assert not any(key.startswith("groups/") for key in world.download())
    reasons, equal = unknown(world)
    assert reasons == dict.fromkeys(("groups", "groups.members", "groups.owners"), "in B: switched off")
    assert not equal


def test_two_snapshots_without_the_same_resource_count_as_equal(world: EngineWorld) -> None:
    switch(world, off=("groups",))
    back_up(world)
    back_up(world)
    reasons, equal = unknown(world)
    assert set(reasons.values()) == {"in A and B: switched off"}
    assert equal


def test_what_is_switched_off_is_not_requested_and_then_read_in_full_again(world: EngineWorld) -> None:
    before = world.download()
    switch(world, off=("groups", "tenant-settings"))
    world.directory.requests.clear()
    back_up(world)
    assert {name for name, _ in world.directory.requests} == {"users"}
    switch(world, on=("groups", "tenant-settings"))
    world.directory.requests.clear()
    reports = back_up(world)
    assert {name for name, start in world.directory.requests if start == "afresh"} == {"groups", "organization"}
    assert {reports[name].answer for name in ("groups", "groups.members", "organization")} == {Answer.WHOLE}
    assert world.download() == before


def test_a_choice_holds_from_the_next_planned_backup_on(world: EngineWorld) -> None:
    job = world.request()
    world.tick()
    switch(world, off=("groups",))
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
    reports = {each.resource: each for each in world.catalog.snapshots.get("latest").resources}
    assert reports["groups"].answer is Answer.WHOLE
    assert back_up(world)["groups"].answer is Answer.SWITCHED_OFF
    job = world.request()
    world.tick()
    switch(world, on=("groups",))
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED  # it was planned while groups were off
    reports = {each.resource: each for each in world.catalog.snapshots.get("latest").resources}
    assert reports["groups"].answer is Answer.SWITCHED_OFF
    assert back_up(world)["groups"].answer is Answer.WHOLE


def test_a_change_is_audited_once_and_an_equal_choice_is_no_change(world: EngineWorld) -> None:
    for _ in range(2):
        switch(world, off=("groups",))
    events = [event_of(entry) for entry in world.catalog.audit.entries()]
    (event,) = [event for event in events if event.action == Action.CHOICE_CHANGED]
    assert (event.actor, event.detail) == ("ada", {"without": "groups", "with": ""})


def test_a_choice_of_nothing_and_unknown_names_are_refused(world: EngineWorld) -> None:
    for off in (tuple(STREAMS), ("groups.members",), ("telepathy",)):
        with pytest.raises(Refuse) as refusal:
            switch(world, off=off)
        assert refusal.value.code is Code.WRONG_USE
    assert world.catalog.tenant().choice == world.tenant.choice


def test_a_check_asks_for_all_chosen_streams_at_once_and_says_what_is_off(world: EngineWorld) -> None:
    switch(world, off=("groups",))
    asked: list[str] = []

    async def probe(stream: Stream, *, listing: bool = False) -> Answer:
        """Answer once the other chosen stream is asked for too."""
        asked.append(stream.name)
        async with asyncio.timeout(10):
            while len(asked) < 2:
                await asyncio.sleep(0.01)
        return Answer.WHOLE

    world.directory.probe = probe  # type: ignore[method-assign]
    checked = {each.resource: each for each in check_tenant(world.context, "acme")}
    assert sorted(asked) == ["organization", "users"]
    assert checked["users"].answer is Answer.WHOLE
    assert checked["groups.members"].answer is Answer.SWITCHED_OFF
    assert "--with groups" in checked["groups.members"].detail


def test_a_rebuild_brings_the_choice_back(world: EngineWorld, tmp_path: Path) -> None:
    switch(world, off=("groups",))
    back_up(world)
    other = world.with_catalog(tmp_path / "lost.sqlite3")
    rebuild(other.context, world.tenant.tenant_id)
    assert other.catalog.tenant().choice.off == ("groups",)
    other.close()
