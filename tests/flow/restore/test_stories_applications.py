"""Restores of applications that went wrong in other products, and what happens here."""

import pytest

from shared.adapters.graph.children_shape import EXPANDED
from tests.contract.catalog.world import new_id
from tests.flow.restore.story import Json, Story, hindrances, ids

pytestmark = pytest.mark.flow
EXACT = ("--conflict", "overwrite", "--links", "exact")


def secret(name: str) -> Json:
    return {"displayName": name, "keyId": new_id(), "hint": name, "endDateTime": "2031-01-01T00:00:00Z"}


def test_owners_that_the_snapshot_does_not_hold_stay(story: Story) -> None:
    owners = [story.user(f"owner-{n}") for n in range(EXPANDED)]  # Graph shows fewer of them with the application
    application, other = story.application("Before"), story.application("Other")
    for each in (application, other):
        story.link("applications", each, "owners", *owners)
    story.fault("status", "GET", f"/applications/{application}/owners", status=403, times=1000)
    snapshot = story.backup(partial=True)
    story.graph.clear_faults()
    story.update("applications", application, displayName="After")

    report = story.restore(snapshot, *ids(application), *EXACT)

    assert story.one("applications", id=application)["displayName"] == "Before"
    assert set(story.all(f"applications/{application}/owners")) == set(owners)
    assert story.writes() == [("PATCH", "applications/{id}", 1)]
    assert report["not_restored"] == 1
    assert hindrances(story.plan_of(report), "not_held").keys() == {f"applications/{application}/owners"}


def test_secret_that_was_added_after_the_snapshot_stays(story: Story) -> None:
    old, new = secret("k1"), secret("k2")
    application = story.application("Before", passwordCredentials=[old])
    snapshot = story.backup()
    story.update("applications", application, displayName="After", passwordCredentials=[new])

    report = story.restore(snapshot, *ids(application), *EXACT)

    values = story.one("applications", id=application)
    assert (values["displayName"], values["passwordCredentials"]) == ("Before", [new])
    assert story.writes() == [("PATCH", "applications/{id}", 1)]
    plan = story.plan_of(report)
    assert "k1" in hindrances(plan, "impossible")[f"applications/{application}"]["reason"]
    assert any("k2" in note for note in plan["notes"])
