"""Snapshots of a table with one more or one fewer stream or resource are read in full and used as parents."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

import rescue
from shared.adapters.kms import AwsKeys
from shared.domain import resources
from shared.domain.errors import Answer
from shared.domain.jobs import JobKind, JobState
from shared.domain.model import ResourceReport
from shared.domain.resources import RESOURCES, STREAMS, Children, Reading, Relation, Stream
from shared.engine.compare.comparing import compared
from shared.engine.compare.history import history
from shared.engine.compare.scope import Scope
from shared.engine.snapshots.browse import browse, refused
from shared.engine.upkeep.rebuild import rebuild
from tests.contract.engine.kms_cases import ENVIRONMENT, REGION
from tests.contract.engine.world import EngineWorld
from tests.parts import AwsSimulator, aws_simulator
from tests.tables import Change, table

DEVICES = Stream(
    name="devices",
    reading=Reading.DELTA,
    path="/devices/delta",
    collection="/devices",
    resource="devices",
    relations=(Relation(resource="devices.registeredOwners", name="registeredOwners"),),
)
EXTENSIONS = Stream(
    name="devices.extensions",
    reading=Reading.CHILDREN,
    path="/devices",
    collection="/devices",
    resource="devices.extensions",
    children=Children(owner="devices", segment="extensions", links=False),
)
LINKS = {"devices.registeredOwners", "users.sponsors", "groups.members"}
"""The resources of these snapshots that hold links."""


def _set(patch: pytest.MonkeyPatch, stream: Stream) -> None:
    patch.setitem(resources.STREAMS, stream.name, stream)
    for name in stream.resources:
        row = RESOURCES.get(name, RESOURCES["users"])
        patch.setitem(resources.RESOURCES, name, msgspec.structs.replace(row, resource=name, stream=stream.name))


def streams_more(patch: pytest.MonkeyPatch) -> None:
    _set(patch, DEVICES)
    _set(patch, EXTENSIONS)


def resource_more(patch: pytest.MonkeyPatch) -> None:
    relations = (*STREAMS["users"].relations, Relation(resource="users.sponsors", name="sponsors"))
    _set(patch, msgspec.structs.replace(STREAMS["users"], relations=relations))


def stream_less(patch: pytest.MonkeyPatch) -> None:
    patch.delitem(resources.STREAMS, "organization")
    patch.delitem(resources.RESOURCES, "organization")


def resource_less(patch: pytest.MonkeyPatch) -> None:
    _set(patch, msgspec.structs.replace(STREAMS["groups"], relations=STREAMS["groups"].relations[:1]))
    patch.delitem(resources.RESOURCES, "groups.owners")


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsSimulator]:
    with aws_simulator() as simulator, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        for service in ("KMS", "STS"):
            patch.setenv(f"AWS_ENDPOINT_URL_{service}", simulator.url)
        yield simulator


@pytest.fixture
def world(tmp_path: Path, aws: AwsSimulator) -> Iterator[EngineWorld]:
    arn = aws.new_key()
    world = EngineWorld(tmp_path, AwsKeys(60, arn, REGION), arn, lease=20.0)
    for name in (DEVICES.name, EXTENSIONS.name):
        world.directory.log[name] = []
    for n in range(3):
        world.directory.put("devices", f"devices/{n}")
        world.directory.put("devices", f"devices/{n}/registeredOwners/{n}")
        world.directory.put("devices.extensions", f"devices/{n}/extensions/e")
    world.directory.put("devices.extensions", "devices/gone/extensions/e")
    yield world
    world.close()


def back_up(world: EngineWorld, change: Change) -> dict[str, bytes]:
    """Back up under a changed table. Return the records that the snapshot must have."""
    with table(change):
        if change is resource_more:
            world.directory.put("users", "users/1/sponsors/2")
        world.back_up()
        logs = {name: log for name, log in world.directory.log.items() if name in STREAMS}
    world.clock.time += timedelta(hours=1)
    lines = [line for log in logs.values() for line in log]
    keys = {order.partition(b"\0")[2].decode(): value for order, value in lines if value is not None}
    return {key: value for key, value in keys.items() if not key.startswith("devices/gone/")}


def resource_of(key: str) -> str:
    return ".".join(key.split("/")[::2])


def reports(world: EngineWorld) -> dict[str, ResourceReport]:
    return {each.resource: each for each in world.catalog.snapshots.get("latest").resources}


def rescue_records(world: EngineWorld, folder: Path) -> dict[str, bytes]:
    """Return the records that the rescue script writes."""
    for name, blob in world.store.blobs.items():
        file = folder / "bucket" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(blob)
    arguments = [(folder / "bucket").as_uri(), world.tenant.tenant_id, "latest", "--key", world.tenant.key_arn]
    assert rescue.main([*arguments, "-o", str(folder / "out")]) == 0
    lines = [line.removeprefix(b'{"key": "').removesuffix(b"}") for line in (folder / "out").read_bytes().splitlines()]
    pairs = [line.partition(b'", "value": ') for line in lines]
    return {key.decode(): value for key, _, value in pairs}


@pytest.mark.parametrize("change", [streams_more, resource_more, stream_less, resource_less])
def test_a_snapshot_of_another_table_is_downloaded_browsed_verified_rescued_and_rebuilt(
    world: EngineWorld, change: Change, tmp_path: Path
) -> None:
    expected = back_up(world, change)
    assert world.download() == expected
    for resource in {resource_of(key) for key in expected}:
        keys = [key for key, _ in browse(world.context, world.tenant, "latest", [resource])]
        assert keys == sorted(key for key in expected if resource_of(key) == resource)
    job = world.run_job(JobKind.VERIFY)
    chunks = list(world.store.names(f"{world.tenant.tenant_id}/jobs/"))
    assert (job.state, job.detail.blobs) == (JobState.SUCCEEDED, len(chunks) + 2)
    assert rescue_records(world, tmp_path) == expected
    snapshot = world.catalog.snapshots.get("latest")
    links = sum(resource_of(key) in LINKS for key in expected)
    assert (snapshot.objects, snapshot.links) == (len(expected) - links, links)
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    rebuild(other.context, world.tenant.tenant_id, trusted=frozenset({world.tenant.key_arn}))
    assert other.catalog.snapshots.all() == [snapshot]
    assert other.download() == expected
    other.close()


def test_a_backup_keeps_streams_that_its_version_does_not_know_and_a_later_one_continues_them(
    world: EngineWorld,
) -> None:
    expected = back_up(world, streams_more)
    job = world.run_job()
    assert job.state is JobState.SUCCEEDED_WITH_WARNINGS
    assert job.message is not None
    assert "devices (unknown to this version)" in job.message
    report = reports(world)["devices.registeredOwners"]
    assert (report.answer, report.stale, report.unknown, report.records) == (Answer.FAILED, True, True, 3)
    assert (reports(world)["devices.extensions"].records, reports(world)["users"].unknown) == (4, False)
    assert expected.items() < world.download().items()
    world.directory.requests.clear()
    world.directory.put("devices", "devices/new")
    assert back_up(world, streams_more) == world.download()
    assert ("devices", "delta:6") in world.directory.requests
    assert not any(report.unknown or report.stale for report in reports(world).values())


@pytest.mark.parametrize("less", [stream_less, resource_less])
def test_a_backup_reads_in_full_what_its_parent_does_not_have(world: EngineWorld, less: Change) -> None:
    back_up(world, less)
    world.directory.requests.clear()
    stream = "organization" if less is stream_less else "groups"
    world.directory.put("groups", "groups/g/owners/1")
    world.back_up()
    assert (stream, "afresh") in world.directory.requests
    assert world.download().keys() == {key for key in world.directory.records() if not key.startswith("devices")}
    assert all(report.records is not None for report in reports(world).values())


def test_refused_objects_of_an_unknown_stream_are_listed_under_its_resource(world: EngineWorld) -> None:
    world.directory.refused_ids["devices.extensions"] = ["2"]
    with table(streams_more):
        world.run_job()
    named = refused(world.context, world.tenant, "latest")
    assert [(resource, each.id) for resource, each in named] == [("devices.extensions", "2")]


def test_a_comparison_names_both_ends_of_links_of_an_unknown_resource(world: EngineWorld) -> None:
    world.directory.put("users", "users/u", b'{"displayName":"Ana"}')
    world.directory.put("devices", "devices/d")
    back_up(world, streams_more)
    before = world.catalog.snapshots.get("latest").snapshot_id
    world.directory.put("devices", "devices/d/registeredOwners/u")
    back_up(world, streams_more)
    with compared(world.context, world.tenant, before, "latest", Scope(ids=["u"])) as comparison:
        differences = list(comparison.differences())
    assert [(each.key, each.name) for each in differences] == [("devices/d/registeredOwners/u", "d → Ana")]
    with history(world.context, world.tenant, "latest", "d", ["devices.registeredOwners"]) as opened:
        added = [each.difference.name for each in opened.events() if each.difference is not None]
    assert added == ["d → Ana"]
