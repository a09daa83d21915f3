"""Restores of Conditional Access that went wrong in other products, and what happens here."""

import pytest

from tests.flow.restore.story import Story, for_all, hindrances, ids, result

pytestmark = pytest.mark.flow
REPORT_ONLY = "enabledForReportingButNotEnforced"


def test_policy_is_written_with_all_of_its_exclusions_or_not_at_all(story: Story) -> None:
    user, member, newcomer = (story.user(name) for name in ("user", "member", "newcomer"))
    group = story.group("Emergency")
    story.members(group, member)
    block = {"operator": "OR", "builtInControls": ["block"]}
    excluding = for_all(excludeUsers=[user], excludeGroups=[group])
    policy = story.policy("Block", excluding, grantControls=block)
    other = story.policy("Other", for_all(excludeUsers=[member], excludeGroups=[group]))
    snapshot = story.backup()
    story.purge("conditionalAccessPolicies", policy)
    story.purge("groups", group)
    story.delete("users", user)
    more = for_all(excludeUsers=[member, newcomer], excludeGroups=[])
    story.update("conditionalAccessPolicies", other, conditions=more)

    plan = story.plan(snapshot, *ids(policy, other))
    assert plan["operations"] == []
    refused = hindrances(plan, "unresolved")
    assert refused.keys() == {f"conditionalAccessPolicies/{each}" for each in (policy, other)}
    reason = refused[f"conditionalAccessPolicies/{policy}"]["reason"]
    assert "'Emergency'" in reason
    assert "'user (" in reason
    assert f"--id {user}" in reason
    assert f"--id {group}" in reason

    report = story.restore(snapshot, *ids(policy, user, group))
    new_group = result(report, f"groups/{group}")["new_id"]
    assert user in story.all("users")
    assert set(story.all(f"groups/{new_group}/members")) == {member}
    new = story.one("conditionalAccessPolicies", displayName="Block")
    assert new["state"] == REPORT_ONLY
    users = new["conditions"]["users"]
    assert (users["excludeUsers"], users["excludeGroups"]) == ([user], [new_group])
    assert story.all("conditionalAccessPolicies")[other]["conditions"] == more


def test_policy_waits_until_graph_knows_its_new_locations(story: Story) -> None:
    ranges = [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "192.0.2.0/24"}]
    office = story.create(
        "namedLocations",
        **{"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": "Office"},
        isTrusted=True,
        ipRanges=ranges,
    )
    country = story.create(
        "namedLocations",
        **{"@odata.type": "#microsoft.graph.countryNamedLocation", "displayName": "Country"},
        countriesAndRegions=["DE"],
        includeUnknownCountriesAndRegions=False,
    )
    locations = {"includeLocations": ["All"], "excludeLocations": [office, country]}
    policy = story.policy("Abroad", {**for_all(), "locations": locations})
    snapshot = story.backup()
    story.purge("conditionalAccessPolicies", policy)
    story.purge("namedLocations", office, country)
    story.graph.post("lag", {"get": 3.0})

    report = story.restore(snapshot, *ids(policy, office, country))

    new_ids = [result(report, f"namedLocations/{each}", "create")["new_id"] for each in (office, country)]
    new = story.one("conditionalAccessPolicies", displayName="Abroad")
    assert new["conditions"]["locations"]["excludeLocations"] == new_ids
    assert story.all("namedLocations").keys() == set(new_ids)
    assert story.all("namedLocations")[new_ids[0]]["isTrusted"] is True
    assert (story.created("namedLocations"), story.created("conditionalAccessPolicies")) == (2, 1)
    assert story.graph.count("/v1.0/identity/conditionalAccess/policies", status=400) >= 1
