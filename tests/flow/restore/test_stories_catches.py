"""Restores of which Graph keeps, ignores, refuses or loses a part."""

import pytest

from tests.flow.restore.story import Story, for_all, hindrances, ids, result
from tests.flow.stack import until

pytestmark = pytest.mark.flow
MINUTE = 1 / (24 * 60)
"""A minute in days."""
NAMING = "62375ab9-6b52-47ed-826b-58e47e0e304b"
"""The template of the settings of Microsoft 365 groups."""
UNIFIED = {"groupTypes": ["Unified"], "mailEnabled": True, "securityEnabled": False}


def test_owners_are_added_before_others_are_removed_and_the_last_one_stays(story: Story) -> None:
    anna, ben, vera = (story.user(name) for name in ("anna", "ben", "vera"))
    principal = story.create("servicePrincipals", appId="1b6c3f0a-0000-4000-8000-000000000001", displayName="SP")
    group, team = story.group("Group"), story.group("Team", **UNIFIED)
    story.link("groups", group, "owners", principal, kind="servicePrincipals")
    story.link("groups", team, "owners", anna, ben)
    story.members(team, anna)
    snapshot = story.backup()
    story.link("groups", group, "owners", vera)
    story.link("groups", team, "owners", vera)
    story.graph.change(*(("delete", f"groups/{team}/owners/{each}") for each in (anna, ben)))
    story.members(team, vera)

    report = story.restore(snapshot, *ids(group, team), "--links", "exact", state="succeeded_with_warnings")

    assert set(story.all(f"groups/{team}/owners")) == {anna, ben}
    assert set(story.all(f"groups/{team}/members")) == {anna}
    assert set(story.all(f"groups/{group}/owners")) == {principal, vera}
    kept = f"groups/{group}/owners/{vera}"
    assert [each["key"] for each in report["results"] if each["state"] != "done"] == [kept]
    assert "owner" in result(report, kept)["message"]
    assert story.graph.count("/v1.0/groups/{id}/owners/{id}/\\$ref", status=400) == 1
    again = story.plan(snapshot, *ids(group, team), "--links", "exact")
    assert again["operations"] == []
    assert hindrances(again, "known").keys() == {kept}


def test_value_that_graph_accepts_without_applying_it_is_no_success(story: Story) -> None:
    users = [story.user(f"user-{n}", department="A") for n in range(10)]
    snapshot = story.backup()
    for user in users:
        story.update("users", user, department="B")
    story.graph.post("quirks", {"without_effect": [f"users/{users[0]}.department"]})

    report = story.restore(snapshot, state="succeeded_with_warnings")

    kept = result(report, f"users/{users[0]}")
    assert (kept["state"], kept["properties"]) == ("not_applied", ["department"])
    departments = {each: values["department"] for each, values in story.all("users").items()}
    assert departments == {user: "B" if user == users[0] else "A" for user in users}
    assert story.writes() == [("PATCH", "users/{id}", 10)]
    again = story.plan(snapshot)
    assert again["operations"] == []
    assert hindrances(again, "known").keys() == {f"users/{users[0]}"}


def test_group_whose_rule_graph_refuses_is_not_created_and_what_depends_on_it_stays(story: Story) -> None:
    members, country = story.group("Members"), 'user.country -eq "DE"'
    rule = f"user.memberof -any (group.objectId -in ['{members}']) -and {country}"
    dynamic = {"groupTypes": ["DynamicMembership"], "membershipRuleProcessingState": "On"}
    gone = story.group("Gone", membershipRule=rule, **dynamic)
    changed = story.group("Changed", membershipRule=rule, **dynamic)
    other = story.group("Other")
    policy = story.policy("Policy", for_all(excludeGroups=[gone]))
    snapshot = story.backup()
    story.purge("groups", gone, other)
    story.update("groups", changed, membershipRule=country)
    before = story.all("conditionalAccessPolicies")

    report = story.restore(snapshot, state="succeeded_with_warnings")

    assert {each["displayName"] for each in story.all("groups").values()} == {"Members", "Changed", "Other"}
    refused = result(report, f"groups/{gone}", "create")
    assert refused["state"] == "failed"
    assert "memberOf" in refused["message"]
    assert rule in story.operation(report, refused["n"])["body"]["membershipRule"]
    assert result(report, f"conditionalAccessPolicies/{policy}")["code"] == "DEPENDS"
    assert story.all("conditionalAccessPolicies") == before
    assert result(report, f"groups/{other}")["state"] == "done"
    assert result(report, f"groups/{changed}")["state"] == "failed"
    assert story.all("groups")[changed]["membershipRule"] == country


def test_mark_that_comes_back_is_replaced_by_the_final_comparison(story: Story) -> None:
    naming = [{"name": "PrefixSuffixNamingRequirement", "value": "GRP_[GroupName]"}]
    story.create("groupSettings", templateId=NAMING, displayName="Group.Unified", values=naming)
    group = story.group("Security")
    team = story.group("GRP_Team", mailNickname="GRP_Team", **UNIFIED)
    application = story.application("Application", tags=["ours"])
    snapshot = story.backup()
    story.purge("groups", group, team)
    story.purge("applications", application)
    story.graph.post("quirks", {"lost_updates": {"within": 30, "readable": 0}})

    job_id = story.request(snapshot)
    for path in ("groups", "applications"):
        until(lambda path=path: story.graph.count(f"/v1.0/{path}/{{id}}", status=204), f"a mark in {path} is replaced")  # type: ignore[misc]
    story.graph.post("clock", {"advance_days": MINUTE})
    job = story.ended(job_id)

    assert job["state"] == "succeeded", story.report(job_id)["results"]
    nicknames = {each["displayName"]: each["mailNickname"] for each in story.all("groups").values()}
    assert nicknames == {"Security": "Security", "GRP_Team": "GRP_Team"}
    assert story.one("applications", displayName="Application")["tags"] == ["ours"]
    assert (story.created("groups"), story.created("applications")) == (2, 1)
    assert story.graph.count("/v1.0/groups/{id}", status=204) == 2
