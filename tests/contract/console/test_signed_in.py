"""Who is asked to sign in, who sees which tenant, and what an unknown tenant looks like."""

from datetime import UTC, datetime, timedelta

import pytest

from console.web.visitor import COOKIE
from shared.engine.access.sign_in import hash_of
from tests.contract.console.served import Console


@pytest.fixture(scope="module", autouse=True)
def _tenants(console: Console) -> None:
    for name in ("acme", "other"):
        console.world.add(name)


def test_the_first_page_leads_to_where_work_begins(console: Console) -> None:
    assert console.nobody().get("/").headers["location"] == "/sign-in"
    assert console.as_("operator").get("/").headers["location"] == "/fleet"
    assert console.as_("viewer", "acme").get("/").headers["location"] == "/t/acme"


def test_a_page_asks_whom_nobody_knows_to_sign_in_and_comes_back(console: Console) -> None:
    answer = console.nobody().get("/tenants", params={"search": "a"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?return=%2Ftenants%3Fsearch%3Da")


def test_a_person_sees_the_granted_tenants_alone(console: Console) -> None:
    assert "other" not in console.as_("viewer", "acme").get("/tenants").text
    both = console.as_("operator").get("/tenants").text
    assert 'href="/t/acme"' in both
    assert 'href="/t/other"' in both


def test_a_sign_in_ends_after_its_time_without_requests(console: Console) -> None:
    browser = console.as_("operator")
    assert browser.get("/tenants").status_code == 200
    cookie = browser.headers["cookie"].removeprefix(f"{COOKIE}=")
    console.world.catalog.sign_ins().note_seen(hash_of(cookie), datetime.now(UTC) - timedelta(minutes=31))
    assert browser.get("/tenants").status_code == 303


def test_probes_write_no_line_into_the_log_and_pages_do(console: Console, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="entrakeep.web"):
        console.nobody().get("/healthz")
        console.nobody().get("/help")
    assert [record.getMessage().split()[1] for record in caplog.records if record.name == "entrakeep.web"] == ["/help"]
