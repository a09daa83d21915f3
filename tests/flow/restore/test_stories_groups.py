"""Restores of groups and users that went wrong in other products, and what happens here."""

import pytest

from tests.flow.restore.story import DOMAIN, Story, hindrances, ids, result, steps

pytestmark = pytest.mark.flow


def test_purged_group_comes_back_once_although_graph_refuses_a_property(story: Story) -> None:
    *people, boss = [story.user(f"user-{n}") for n in range(4)]
    read_only = {
        "createdByAppId": boss,
        "createdDateTime": "2026-01-01T00:00:00Z",
        "renewedDateTime": "2026-01-01T00:00:00Z",
        "securityIdentifier": "S-1-12-1",
        "proxyAddresses": [],
    }
    group = story.group("Sales", description="Those who sell", preferredLanguage="de", **read_only)
    story.members(group, *people)
    story.link("groups", group, "owners", boss)
    snapshot = story.backup()
    story.purge("groups", group)
    story.graph.post("quirks", {"read_only": ["groups.preferredLanguage"]})

    report = story.restore(snapshot, *ids(group), state="succeeded_with_warnings")

    creation = result(report, f"groups/{group}")
    assert (creation["state"], creation["properties"]) == ("partly", ["preferredLanguage"])
    assert {each["state"] for each in report["results"][1:]} == {"done"}
    new = story.one("groups", displayName="Sales")
    assert (new["id"], new["description"], new["mailNickname"]) == (creation["new_id"], "Those who sell", "Sales")
    assert set(story.all(f"groups/{new['id']}/members")) == set(people)
    assert set(story.all(f"groups/{new['id']}/owners")) == {boss}
    assert story.created("groups") == 1
    again = story.plan(snapshot)
    assert again["operations"] == []
    assert [each["properties"] for each in hindrances(again, "known").values()] == [["preferredLanguage"]]


def test_group_of_a_lost_answer_is_identified_by_its_mark_and_not_by_its_name(story: Story) -> None:
    anna, ben = story.user("anna"), story.user("ben")
    first = story.group("Sales", mailNickname="sales")
    second = story.group("Sales ", mailNickname="sales")
    story.members(first, anna)
    story.members(second, ben)
    snapshot = story.backup()
    third = story.group("Sales", mailNickname="sales")
    story.delete("groups", third)
    story.purge("groups", second)
    before = story.all("groups")
    story.fault("drop-after", "POST", "/v1.0/groups$")

    report = story.restore(snapshot, *ids(second))

    new_id = result(report, f"groups/{second}")["new_id"]
    after = story.all("groups")
    new = after.pop(new_id)
    assert (new["displayName"], new["mailNickname"]) == ("Sales ", "sales")
    assert set(story.all(f"groups/{new_id}/members")) == {ben}
    assert after == before
    assert set(story.all(f"groups/{first}/members")) == {anna}
    assert story.created("groups") == 1


def test_account_whose_sign_in_name_is_taken_comes_back_only_under_a_new_name(story: Story) -> None:
    name = f"u@{DOMAIN}"
    user, other = story.user("u", department="Sales"), story.user("other")
    team = story.group("Team")
    story.members(team, user, other)
    snapshot = story.backup()
    story.delete("users", user, other)
    newcomer = story.user("newcomer", userPrincipalName=name)
    its_values = story.all("users")[newcomer]

    plan = story.plan(snapshot, *ids(user))
    assert plan["operations"] == []
    choice = hindrances(plan, "choice")[f"users/{user}"]["reason"]
    assert newcomer in choice
    assert "--new-name" in choice

    report = story.restore(snapshot, "--deleted-since", snapshot)
    assert set(story.all("users")) == {other, newcomer}
    assert report["not_restored"] == 1

    story.restore(snapshot, *ids(user), "--new-name", f"{user}=u2@{DOMAIN}")
    users = story.all("users")
    assert users[newcomer] == its_values
    assert (users[user]["userPrincipalName"], users[user]["department"]) == (f"u2@{DOMAIN}", "Sales")
    assert set(story.all(f"groups/{team}/members")) == {user, other}
    assert story.created("users") == 0


def test_restore_writes_what_was_chosen_and_nothing_else(story: Story) -> None:
    first, second = story.policy("First"), story.policy("Second")
    group, user = story.group("Group", description="A"), story.user("user", department="A", jobTitle="A")
    snapshot = story.backup()
    story.purge("conditionalAccessPolicies", first)
    story.update("conditionalAccessPolicies", second, displayName="Other")
    story.update("groups", group, description="B")
    story.update("users", user, department="B")

    report = story.restore(snapshot, *ids(first))
    assert story.writes() == [("POST", "identity/conditionalAccess/policies", 1)]
    assert report["operations"] == 1

    story.update("users", user, jobTitle="C")
    story.update("groups", group, displayName="Renamed")
    report = story.restore(snapshot, *ids(user), "--property", "department")
    assert story.writes() == [("PATCH", "users/{id}", 1)]
    assert steps(story.plan_of(report)) == [("patch", f"users/{user}")]
    changed = story.all("users")[user]
    assert (changed["department"], changed["jobTitle"]) == ("A", "C")
    values = story.all("groups")[group]
    assert (values["description"], values["displayName"]) == ("B", "Renamed")
    assert story.all("conditionalAccessPolicies")[second]["displayName"] == "Other"
