"""Two snapshots compared in a foreground job: its differences, its unknown objects, and the chunks that it does not open."""

import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from shared.domain import naming
from shared.domain.errors import Answer, Code, KeyRefused, Refuse, Skip
from shared.domain.jobs import Job, JobKind, JobState, RecordsShown
from shared.domain.records import encode_id, tombstone
from shared.engine.compare.comparing import Comparison, compared
from shared.engine.compare.differences import Difference
from shared.engine.compare.scope import Scope
from tests.contract.engine.world import LEASE, EngineWorld
from tests.tables import SMALL
from tests.unit.vault.parts import ARN

pytestmark = pytest.mark.streams(*SMALL)

ANA, BEN, SALES = (f"{n}0000000-0000-4000-8000-000000000000" for n in range(1, 4))
APP = "40000000-0000-4000-8000-000000000000"
REFUSED = KeyRefused(ARN, "The key is disabled. Its owner must enable it.")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    world.directory.put("users", f"users/{ANA}", b'{"displayName":"Ana","userPrincipalName":"ana@x","city":"Rom"}')
    world.directory.put("users", f"users/{BEN}", b'{"displayName":"Ben \\ud800","signInActivity":{"a":1}}')
    world.directory.put("groups", f"groups/{SALES}", b'{"displayName":"Sales"}')
    world.back_up()
    yield world
    world.close()


def latest(world: EngineWorld) -> str:
    return world.catalog.snapshots.get("latest").snapshot_id


def back_up(world: EngineWorld) -> str:
    world.back_up()
    return latest(world)


def compare(world: EngineWorld, before: str, after: str, **scope: object) -> tuple[list[Difference], Comparison]:
    with compared(world.context, world.tenant, before, after, Scope(**scope)) as comparison:  # type: ignore[arg-type]
        return list(comparison.differences()), comparison


def shown_differences(
    world: EngineWorld, before: str, after: str, **scope: object
) -> list[tuple[str, str, str | None]]:
    return [(each.change.value, each.key, each.name) for each in compare(world, before, after, **scope)[0]]


def newest(world: EngineWorld) -> Job:
    return world.catalog.jobs.recent(1)[0]


def test_added_removed_and_changed_records_are_listed_with_the_names_of_both_ends(world: EngineWorld) -> None:
    first = latest(world)
    world.directory.put("users", f"users/{ANA}", b'{"displayName":"Ana","userPrincipalName":"ana@x","city":"Oslo"}')
    world.directory.put("groups", f"groups/{SALES}/members/{ANA}", b'{"id":"x"}')
    world.directory.log["users"].append(tombstone(b"users", b"users/0"))
    second = back_up(world)
    assert shown_differences(world, first, second) == [
        ("added", f"groups/{SALES}/members/{ANA}", "Sales → Ana (ana@x)"),
        ("removed", "users/0", None),
        ("changed", f"users/{ANA}", "Ana (ana@x)"),
    ]
    job = newest(world)
    assert (job.kind, job.state, job.snapshot, job.detail) == (
        JobKind.COMPARE,
        JobState.SUCCEEDED,
        first,
        RecordsShown(records=3),
    )
    with compared(world.context, world.tenant, first, second, Scope()):
        assert {row["snapshot_id"] for row in world.rows("pins")} == {first, second}
    assert world.rows("pins") == []
    (differences, comparison) = compare(world, second, first, ids=[ANA], properties=["city"])
    assert [(each.path, each.before, each.after) for each in differences[0].properties] == [
        ("city", b'"Oslo"', b'"Rom"')
    ]
    assert len(differences) == 1
    assert not comparison.equal


def test_a_comparison_of_a_snapshot_with_itself_opens_no_chunk(world: EngineWorld) -> None:
    with patch("shared.vault.reader._open_chunk", side_effect=AssertionError("a chunk was opened")):
        differences, comparison = compare(world, "latest", "latest")
    assert (differences, comparison.equal) == ([], True)
    assert world.catalog.jobs.recent(1)[0].state is JobState.SUCCEEDED


def test_changes_of_only_volatile_or_ignored_properties_are_no_difference(world: EngineWorld) -> None:
    first = latest(world)
    world.directory.put("users", f"users/{BEN}", b'{"displayName":"Ben \\ud800","signInActivity":{"a":2}}')
    world.directory.put("groups", f"groups/{SALES}", b'{"displayName":"Sales","mail":"s@x"}')
    second = back_up(world)
    assert [key for _, key, _ in shown_differences(world, first, second)] == [f"groups/{SALES}"]
    assert shown_differences(world, first, second, ignored=["mail"]) == []
    assert shown_differences(world, first, second, properties=["signInActivity"]) == [
        ("changed", f"users/{BEN}", "Ben \ud800")
    ]
    assert shown_differences(world, first, second, search="S@X") == [("changed", f"groups/{SALES}", "Sales")]
    assert shown_differences(world, first, second, resources=["users"]) == []


@pytest.mark.parametrize("many", [False, True])
def test_references_in_properties_are_named_even_if_there_are_many_differences(world: EngineWorld, many: bool) -> None:
    path = "conditionalAccessPolicies/p"
    policy = b'{"conditions":{"users":{"includeGroups":[%b]},"applications":{"includeApplications":["All",%b]}}}'
    world.directory.put("conditionalAccessPolicies", path, policy % (b"", b'"x"'))
    world.directory.put(
        "servicePrincipals", "servicePrincipals/1", b'{"displayName":"Mail","appId":"%b"}' % APP.encode()
    )
    first = back_up(world)
    world.directory.put(
        "conditionalAccessPolicies", path, policy % (b'"%b"' % SALES.encode(), b'"%b"' % APP.upper().encode())
    )
    second = back_up(world)
    world.limit(differences_waiting=1 if many else 100)
    differences, comparison = compare(world, first, second)
    assert [each.path for each in differences[0].properties] == [
        "conditions.applications.includeApplications",
        "conditions.users.includeGroups",
    ]
    assert comparison.names.find(SALES) == "Sales"
    assert comparison.names.find(APP.upper()) == "Mail"


def test_names_of_removed_objects_come_from_the_first_snapshot(world: EngineWorld) -> None:
    world.directory.put("groups", f"groups/{SALES}/members/{ANA}", b"{}")
    first = back_up(world)
    world.directory.log["users"].append(tombstone(b"users", f"users/{ANA}".encode()))
    world.directory.log["groups"].append(tombstone(b"groups.members", f"groups/{SALES}/members/{ANA}".encode()))
    second = back_up(world)
    assert ("removed", f"groups/{SALES}/members/{ANA}", "Sales → Ana (ana@x)") in shown_differences(
        world, first, second
    )


def test_a_stale_stream_is_unknown_and_none_of_its_records_count_as_removed(world: EngineWorld) -> None:
    first = latest(world)
    world.directory.trouble["groups"] = [(0, Skip(Answer.FORBIDDEN, "status 403", "r"))]
    world.run_job()
    second = latest(world)
    differences, comparison = compare(world, first, second)
    assert differences == []
    assert not comparison.equal
    assert {unknown.resource for unknown in comparison.unknown} == {"groups", "groups.members", "groups.owners"}
    assert {unknown.reason for unknown in comparison.unknown} == {
        "in B: not read (forbidden), so its records are those of an earlier snapshot"
    }
    assert compare(world, first, second, resources=["users"])[1].equal


def test_objects_that_graph_refused_are_unknown_and_the_others_are_compared(world: EngineWorld) -> None:
    for one in ("a", "b"):
        world.directory.put("applications", f"applications/{one}")
    first = back_up(world)
    for one in ("a", "b"):
        world.directory.put("applications.owners", f"applications/{one}/owners/{ANA}")
    world.directory.refused_ids["applications.owners"] = ["a"]
    world.run_job()
    differences, comparison = compare(world, first, latest(world))
    assert [each.key for each in differences] == [f"applications/b/owners/{ANA}"]
    (unknown,) = comparison.unknown
    assert (unknown.resource, unknown.objects) == ("applications.owners", ["a"])


def test_a_refusal_reaches_a_comparison_within_a_lease(world: EngineWorld) -> None:
    first = latest(world)
    world.directory.put("users", "users/new")
    second = back_up(world)
    with pytest.raises(KeyRefused), compared(world.context, world.tenant, first, second, Scope()) as comparison:
        refused = threading.Event()
        comparison._work.keys.on_end(refused.set)
        world.keys.trouble = REFUSED
        assert refused.wait(LEASE * 5)
        list(comparison.differences())
    assert (newest(world).state, newest(world).code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)


def test_a_scope_that_cannot_contain_any_record_is_refused(world: EngineWorld) -> None:
    refusals: list[tuple[dict[str, object], Code]] = [
        ({"properties": ["nonsense"]}, Code.WRONG_USE),
        ({"resources": ["nonsense"]}, Code.WRONG_USE),
        ({"resources": ["groups"], "ignored": ["userPrincipalName"]}, Code.WRONG_USE),
        ({"ids": ["no-such-object"]}, Code.NO_SUCH_OBJECT),
    ]
    for scope, code in refusals:
        with pytest.raises(Refuse) as caught:
            compare(world, "latest", "latest", **scope)
        assert caught.value.code is code


def test_an_object_that_did_not_change_may_be_named(world: EngineWorld) -> None:
    world.directory.put("servicePrincipals", "servicePrincipals/1")
    world.directory.put("servicePrincipals.appRoleAssignedTo", "servicePrincipals/1/appRoleAssignedTo/as")
    world.back_up()
    assert compare(world, "latest", "latest", ids=[ANA, "as"])[1].equal


def test_a_very_long_name_is_shortened_and_an_id_that_is_no_guid_has_one_too(world: EngineWorld) -> None:
    world.directory.put("users", f"users/{encode_id('é').decode()}", b'{"displayName":"%b"}' % (b"n" * 65_536))
    world.directory.put("groups", f"groups/{SALES}/members/{encode_id('é').decode()}")
    first = latest(world)
    second = back_up(world)
    (_, _, name), _ = shown_differences(world, first, second)
    assert name == f"Sales → {'n' * naming._LONGEST}…"
