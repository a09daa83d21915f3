"""The pages of the fleet and of a tenant: every state, filters, pages, refreshes, and what a role may ask for."""

import re

import pytest

from shared.domain.access import Grant, Role
from shared.domain.errors import Code
from shared.domain.freshness import Freshness
from shared.domain.jobs import JobKind, Origin
from shared.domain.people import Identity
from tests.contract.catalog.fleets import fleet_of_all_states
from tests.contract.catalog.world import new_id
from tests.contract.console.queries import fetched
from tests.contract.console.served import Console

LABELS = {Freshness.NEVER: "never complete", Freshness.UNSCHEDULED: "no schedule"}


@pytest.fixture(scope="module", autouse=True)
def _fleet(console: Console) -> None:
    fleet_of_all_states(console.world)


def rows(text: str) -> list[str]:
    """Return the tenants in the table, in their order."""
    return re.findall(r'<th scope="row"><a href="/t/([^"]+)">', text)


def test_the_fleet_shows_every_state_in_words_and_the_worst_first(console: Console) -> None:
    text = console.as_("operator").get("/fleet").text
    assert rows(text) == [state.value for state in Freshness]
    for state in Freshness:
        assert f"<span>{LABELS.get(state, state.value)}</span>" in text
    assert "its owner must give access back" in text
    assert re.search(r'<p class="big">1 <span class="quiet of">of 7</span>', text)
    assert re.search(r'<p class="big">1 revoked</p>', text)
    assert "entrakeep tenant list" in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=unwell", ["held", "overdue", "never", "late"]),
        ("state=late", ["late"]),
        ("key=unwell", ["held"]),
        ("search=EV", ["never"]),
        ("unverified=yes&state=fresh", ["fresh"]),
        ("search=nothing", []),
    ],
)
def test_a_filter_is_part_of_the_address(console: Console, query: str, expected: list[str]) -> None:
    text = console.as_("operator").get(f"/fleet?{query}").text
    assert rows(text) == expected
    assert ("No tenant fits" in text) is not expected or not expected


@pytest.mark.parametrize("query", ["state=good", "key=nothing", "after=removed"])
def test_an_unknown_filter_or_mark_is_refused_in_a_sentence(console: Console, query: str) -> None:
    answer = console.as_("operator").get(f"/fleet?{query}")
    assert answer.status_code == 400
    assert Code.WRONG_USE in answer.text


def test_the_fleet_refreshes_only_when_something_has_changed(console: Console) -> None:
    browser = console.as_("operator")
    first = browser.get("/fleet?state=fresh", headers={"hx-request": "true"})
    assert "<html" not in first.text
    assert 'id="live"' in first.text
    tag = {"hx-request": "true", "hx-ptag": first.headers["hx-ptag"]}
    again = browser.get("/fleet?state=fresh", headers=tag)
    assert (again.status_code, again.text) in ((304, ""), (200, again.text))
    console.world.catalog.tenant(console.world.catalog.find("fresh").tenant_id).jobs.request(
        JobKind.SWEEP, origin=Origin.SCHEDULE
    )
    changed = browser.get("/fleet?state=fresh", headers={**tag, "hx-ptag": again.headers["hx-ptag"]})
    assert changed.status_code == 200
    assert "prune" in changed.text or "sweep" in changed.text


def test_the_fleet_belongs_to_operators(console: Console) -> None:
    assert console.as_("admin", "fresh").get("/fleet").status_code == 403


@pytest.mark.parametrize("state", Freshness)
def test_the_overview_shows_each_state(console: Console, state: Freshness) -> None:
    text = console.as_("viewer", state.value).get(f"/t/{state.value}").text
    assert f"<span>{LABELS.get(state, state.value)}</span>" in text
    assert ("Never backed up" in text) is (state is Freshness.NEVER)
    assert ("is revoked" in text) is (state is Freshness.HELD)


def test_the_overview_offers_what_the_role_may_ask_for(console: Console) -> None:
    assert 'action="/t/fresh/backup"' in console.as_("restorer", "fresh").get("/t/fresh").text
    assert 'action="/t/fresh/backup"' not in console.as_("viewer", "fresh").get("/t/fresh").text
    held = console.as_("operator").get("/t/held").text
    assert re.search(r'action="/t/held/backup"><button type="submit" class="primary" disabled', held)
    assert "need the key, which is revoked" in held


def test_the_overview_says_what_is_not_ready(console: Console) -> None:
    console.world.add("unready")
    text = console.as_("viewer", "unready").get("/t/unready").text
    assert "No application may restore" in text
    assert "Nobody may restore" in text


def points(console: Console, name: str) -> str:
    """Return the list of what is ready, as text."""
    text = console.as_("auditor", name).get(f"/t/{name}").text
    match = re.search(r'<ul class="list points">(.*?)</ul>', text, re.DOTALL)
    assert match is not None
    return re.sub(r"<[^>]+>", " ", match[1])


def test_readiness_asks_for_two_who_may_restore_and_a_way_in_beside_the_directory(console: Console) -> None:
    people, catalog = console.world.catalog.people(), console.world.catalog

    def restorer(tenant: str, handle: str) -> str:
        tenant_id, person_id = catalog.find(tenant).tenant_id, new_id()
        people.add(person_id, handle, grants=[Grant(role=Role.RESTORER, tenant_id=tenant_id)])
        return person_id

    for name in ("one", "two", "inside"):
        console.world.add(name)
    restorer("one", "ines")
    for handle in ("iris", "ivo"):
        restorer("two", handle)
    directory = catalog.find("inside").directory_id
    for handle in ("ida", "igor"):
        catalog.ways().add(restorer("inside", handle), Identity(authority=directory, subject=handle))
    assert "Only one person may restore" in points(console, "one")
    assert "2 people may restore" in points(console, "two")
    assert "All who may restore sign in through the directory" not in points(console, "two")
    assert "All who may restore sign in through the directory" in points(console, "inside")
    assert "no break-glass person" in points(console, "inside")


def test_the_overview_says_what_a_running_job_does(console: Console) -> None:
    tenant = console.world.add("running")
    job = console.world.planned(tenant)
    tenant.claims.finish(console.world.claim(tenant, job, "users"))
    text = fetched(console.as_("viewer", "running"), "/t/running")
    assert "Backup: Reading the directory: 1 of 2 streams done" in text
    assert f'href="/t/running/jobs/{job.job_id}"' in text
