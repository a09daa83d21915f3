"""Two fifths of a directory are deleted. One restore brings them back, although workers are killed and answers are lost."""

import random
from typing import Any

import pytest

from shared.domain.resources import RESOURCES
from shared.ports.observer import Point
from tests.flow.points import Plan, Points
from tests.flow.restore.story import Json, Story, for_all, hindrances
from tests.flow.stack import Stack

pytestmark = pytest.mark.flow

OBJECTS = 250
KILLS = (
    Plan(point=Point.WRITE_ANSWERED, step="write", nth=3),
    Plan(point=Point.CREATION_INTENDED, step="write", nth=2),
    Plan(point=Point.CREATION_RECORDED, step="write", nth=3),
)
LOST_ANSWERS: tuple[Json, ...] = (
    {"method": "POST", "path": r"/\$batch$", "skip": 2, "times": 2},
    {"method": "POST", "path": "/restore$", "skip": 3},
    {"method": "POST", "path": "/users$", "skip": 5, "times": 3},
    {"method": "POST", "path": "/groups$", "skip": 1, "times": 2},
    {"method": "PATCH", "path": "/groups/", "skip": 1},
    {"method": "PATCH", "path": "/policies/"},
)
SHOWN = ("displayName", "department", "jobTitle", "accountEnabled", "usageLocation")


def test_directory_comes_back_exactly_although_workers_are_killed_and_answers_are_lost(stack: Stack) -> None:
    chance = random.Random(1)
    with Story(stack, OBJECTS) as story:
        drop_impossible_members(story)
        synchronised = leave_one_synchronised(story)
        users, groups = sorted(story.all("users").keys() - {synchronised}), sorted(story.all("groups"))
        excluded = {"excludeUsers": chance.sample(users, 3), "excludeGroups": chance.sample(groups, 3)}
        policies = [story.policy(f"Policy {n}", for_all(**excluded)) for n in range(4)]
        snapshot = story.backup()
        before = picture(story)
        purged = delete_two_fifths(story, {"users": users, "groups": groups}, chance)
        story.purge("users", synchronised)
        for policy in policies[:2]:
            story.update("conditionalAccessPolicies", policy, displayName="Off", conditions=for_all())
        for fault in LOST_ANSWERS:
            story.fault("drop-after", **fault)
        points = Points(stack.home, story.tenant.tenant_id)
        points.plan(*KILLS)

        story.restore(snapshot)

        assert len(points.struck()) == len(KILLS)
        assert sum(fault["fired"] for fault in story.graph.get("faults")) == 10
        assert {path: story.created(path) for path in purged} == {path: len(ids) for path, ids in purged.items()}
        lost = before["users"].keys() - picture(story)["users"].keys()
        assert len(lost) == 1
        assert differences(without(before, lost), picture(story)) == {}
        again = story.plan(snapshot)
        assert again["operations"] == []
        assert "synchronised from on-premises" in hindrances(again, "impossible")[f"users/{synchronised}"]["reason"]
        assert all(synchronised in each["key"] + each["reason"] for each in again["impossible"])
        comparison = story.compare(snapshot, again["live"])
        assert comparison["added"] == []
        assert all(synchronised in key for key in comparison["removed"])
        assert written_differently(comparison) == []


def delete_two_fifths(story: Story, ids: dict[str, list[str]], chance: random.Random) -> dict[str, list[str]]:
    """Delete two fifths of these objects, half of them for good, and of the other groups' members.

    Return the ids of the objects that were deleted for good.
    """
    lost = {path: two_fifths(objects, chance) for path, objects in ids.items()}
    purged = {path: objects[: len(objects) // 2] for path, objects in lost.items()}
    for group in sorted({*ids["groups"]} - {*lost["groups"]}):
        members = two_fifths(sorted(story.all(f"groups/{group}/members")), chance)
        story.graph.change(*(("delete", f"groups/{group}/members/{each}") for each in members))
    for path, objects in lost.items():
        story.delete(path, *objects)
        story.graph.change(*(("purge", f"{path}/{each}") for each in purged[path]))
    return purged


def two_fifths(objects: list[str], chance: random.Random) -> list[str]:
    return chance.sample(objects, len(objects) * 2 // 5)


def drop_impossible_members(story: Story) -> None:
    """Remove generated members that Graph would not have taken: those of Microsoft 365 groups that are no users."""
    for group, values in story.all("groups").items():
        if "Unified" in values["groupTypes"]:
            members = story.all(f"groups/{group}/members").values()
            others = [each["id"] for each in members if each["@odata.type"] != "#microsoft.graph.user"]
            story.graph.change(*(("delete", f"groups/{group}/members/{each}") for each in others))


def leave_one_synchronised(story: Story) -> str:
    """Make all generated users but one cloud users, which a restore may write. Return the id of that one."""
    first, *others = (each["id"] for each in story.all("users").values() if each.get("onPremisesSyncEnabled"))
    for user in others:
        story.update("users", user, onPremisesSyncEnabled=None, onPremisesImmutableId=None)
    return str(first)


def picture(story: Story) -> dict[str, dict[str, Any]]:
    """Return users, groups and policies by their names, with names in place of ids."""
    users, groups = story.all("users"), story.all("groups")
    names = {each["id"]: each["userPrincipalName"] for each in users.values()}
    names |= {each["id"]: each["displayName"] for each in groups.values()}

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: named(each) for name, each in value.items() if each not in (None, [])}
        if isinstance(value, list):
            return sorted(map(named, value), key=str)
        return names.get(value, value)

    def linked(path: str) -> list[str]:
        return sorted(names.get(each, each) for each in story.all(path))

    return {
        "users": {names[each]: named([values.get(name) for name in SHOWN]) for each, values in users.items()},
        "managers": {names[each]: linked(f"users/{each}/manager") for each in users},
        "members": {names[each]: linked(f"groups/{each}/members") for each in groups},
        "owners": {names[each]: linked(f"groups/{each}/owners") for each in groups},
        "policies": {
            each["displayName"]: named(each["conditions"]) for each in story.all("conditionalAccessPolicies").values()
        },
    }


def differences(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> dict[tuple[str, str], Any]:
    """Return what differs between two pictures, by section and name."""
    return {
        (section, name): (before[section].get(name), after[section].get(name))
        for section in before
        for name in {**before[section], **after[section]}
        if before[section].get(name) != after[section].get(name)
    }


def written_differently(comparison: Json) -> list[Json]:
    """Return the changed values that a restore writes. Empty values and missing ones are equal."""
    changes = []
    for each in comparison["changed"]:
        restoring = RESOURCES[".".join(each["key"].split("/")[::2])].restoring
        assert restoring is not None
        written = {*restoring.writable, *restoring.create_only}
        values = {name: pair for name, pair in each["properties"].items() if name.partition(".")[0] in written}
        if not all(is_blank(value) for pair in values.values() for value in pair):
            changes.append(each)
    return changes


def is_blank(value: Any) -> bool:
    return value in (None, [], {}, "") or (isinstance(value, dict) and all(map(is_blank, value.values())))


def without(value: Any, names: set[str]) -> Any:
    """Return a picture without these users."""
    if isinstance(value, dict):
        return {name: without(each, names) for name, each in value.items() if name not in names}
    return [without(each, names) for each in value if str(each) not in names] if isinstance(value, list) else value
