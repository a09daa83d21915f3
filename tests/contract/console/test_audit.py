"""Pages of audit trails: filters, verification, and an export whose bytes are those of the command line."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from shared.domain.audit import Action
from shared.ports.catalog.tenant import TenantCatalog
from tests.commands import Commands
from tests.contract.catalog.test_audit import execute_past_triggers
from tests.contract.console.served import Browser, Console, served_console


@pytest.fixture
def acme(console: Console, request: pytest.FixtureRequest) -> TenantCatalog:
    """Return a tenant of the test's own, with six events. Each role that is granted in it adds one."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[-40:].strip("-")
    acme = console.world.add(name)
    for actor, action in (
        ("person:ana", Action.DOWNLOAD_BEGUN),
        ("person:ana", Action.DOWNLOAD_ENDED),
        ("token:ci", Action.BACKUP_ASKED),
        ("schedule", Action.VERIFY_ASKED),
        ('<b onclick="x">', Action.BROWSE_BEGUN),
    ):
        console.world.catalog.as_actor(actor).tenant(acme.tenant_id).audit.append(action, called="{{7*7}}")
    return acme


def path_of(acme: TenantCatalog) -> str:
    return f"/t/{acme.tenant().name}/audit"


def auditor(console: Console, acme: TenantCatalog) -> Browser:
    return console.as_("auditor", acme.tenant().name)


def numbers(browser: Browser, path: str, **query: str) -> list[int]:
    answer = browser.get(path, params=query or None)
    assert answer.status_code == 200, answer.text
    return [
        int(each.replace(",", "")) for each in re.findall(r'<th scope="row" class="number">([\d,]+)</th>', answer.text)
    ]


def tamper(console: Console, acme: TenantCatalog, *statements: str) -> None:
    """Change the tenant's trail as somebody who owns the database. ``OF_TENANT`` stands for the condition."""
    condition = f"tenant_id = '{acme.tenant_id}'"
    execute_past_triggers(console.world, *(each.replace("OF_TENANT", condition) for each in statements))


def test_events_are_filtered_by_who_what_and_when(console: Console, acme: TenantCatalog) -> None:
    browser, path = auditor(console, acme), path_of(acme)
    today, tomorrow = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}" for days in (0, 1))
    assert numbers(browser, path) == [7, 6, 5, 4, 3, 2, 1]
    assert numbers(browser, path, who="person:ana") == [3, 2]
    assert numbers(browser, path, what="download.*") == [3, 2]
    assert numbers(browser, path, what="download.begun") == [2]
    assert numbers(browser, path, who="token:ci", what="download.*") == []
    assert numbers(browser, path, since=tomorrow) == []
    assert numbers(browser, path, since=today, until=today) in ([7, 6, 5, 4, 3, 2, 1], [])  # [] only at midnight
    for query in (
        {"since": "yesterday"},
        {"until": "2026-13-01"},
        {"below": "-1"},
        {"below": "x"},
        {"below": "9" * 40},
    ):
        assert browser.get(path, params=query).status_code == 400


def test_pages_of_events_are_linked_and_keep_the_filter(console: Console, acme: TenantCatalog) -> None:
    for _ in range(60):
        acme.audit.append(Action.COMPARE_BEGUN)
    browser = auditor(console, acme)
    first = browser.get(path_of(acme), params={"what": "compare.begun"}).text
    (following,) = re.findall(r'href="([^"]+)" rel="next"', first)
    assert numbers(browser, following.replace("&amp;", "&")) == list(range(16, 6, -1))


def test_text_in_events_cannot_break_the_page(console: Console, acme: TenantCatalog) -> None:
    answer = auditor(console, acme).get(path_of(acme)).text
    assert "<b onclick" not in answer
    assert "{{7*7}}" in answer


def test_a_trail_that_fits_is_verified_and_what_was_not_looked_at_is_said(
    console: Console, acme: TenantCatalog
) -> None:
    answer = auditor(console, acme).get(f"{path_of(acme)}/verify").text
    assert "Verified 7 events" in answer
    assert "has no access to the store" in answer
    assert f"entrakeep audit verify {acme.tenant().name}" in answer


def test_a_changed_trail_shows_the_first_event_that_does_not_fit(console: Console, acme: TenantCatalog) -> None:
    tamper(console, acme, "UPDATE audit_events SET line = replace(line, 'ci', 'xx') WHERE OF_TENANT AND number = 4")
    answer = auditor(console, acme).get(f"{path_of(acme)}/verify").text
    assert "event 4 is not what it was when its hash was made" in answer
    assert "3 events before it fit" in answer


def test_events_that_were_cut_off_are_noticed(console: Console, acme: TenantCatalog) -> None:
    acme.audit.note_anchored(6)
    browser = auditor(console, acme)
    tamper(console, acme, "DELETE FROM audit_events WHERE OF_TENANT AND number > 4")
    assert "somebody has changed the database" in browser.get(path_of(acme)).text
    newest = "(SELECT hash FROM audit_events WHERE OF_TENANT AND number = 4)"
    tamper(console, acme, f"UPDATE audit_heads SET number = 4, hash = {newest} WHERE OF_TENANT")
    assert "event 5 is missing, although its hash is in the store" in browser.get(f"{path_of(acme)}/verify").text


def test_an_event_that_cannot_be_read_does_not_hide_the_others(console: Console, acme: TenantCatalog) -> None:
    tamper(console, acme, "UPDATE audit_events SET line = 'x' WHERE OF_TENANT AND number = 4")
    browser = auditor(console, acme)
    assert numbers(browser, path_of(acme)) == [7, 6, 5, 4, 3, 2, 1]
    assert "cannot be read" in browser.get(path_of(acme)).text


def test_what_a_rebuild_reports_as_lost_is_shown(console: Console, acme: TenantCatalog) -> None:
    browser, head = auditor(console, acme), acme.audit.head()
    assert head is not None
    tamper(console, acme, "DELETE FROM audit_events WHERE OF_TENANT AND number > 3")
    acme.audit.resume(head)
    answer = browser.get(f"{path_of(acme)}/verify").text
    assert "Verified 4 events" in answer
    assert "Events 4 to 7 are lost" in answer


def test_an_export_has_the_bytes_of_the_command_line(tmp_path: Path) -> None:
    with served_console(tmp_path) as console:
        acme = console.world.add("acme")
        for _ in range(2100):
            acme.audit.append(Action.BROWSE_BEGUN, records=1)
        environment = {"ENTRAKEEP_HOME": str(tmp_path), "ENTRAKEEP_DATABASE_URL": console.world.owner_url}
        commands = Commands(tmp_path, environment)
        operator = console.as_("operator")
        for path, word in (("/t/acme/audit", "acme"), ("/audit", "--installation")):
            exported = operator.get(f"{path}/export")
            assert exported.content == commands.run("audit", "export", word, "-o", "-")[0]
            assert exported.content.count(b"\n") > (2000 if word == "acme" else 1)
            assert exported.headers["content-disposition"].startswith("attachment; filename=")
            assert exported.headers["cache-control"] == "no-store"


def test_an_export_of_a_broken_trail_is_cut_off_and_not_ended(console: Console, acme: TenantCatalog) -> None:
    tamper(console, acme, "UPDATE audit_events SET line = 'x' WHERE OF_TENANT AND number = 4")
    with pytest.raises(httpx.RemoteProtocolError):
        auditor(console, acme).get(f"{path_of(acme)}/export")


def test_only_those_who_audit_see_a_trail(console: Console, acme: TenantCatalog) -> None:
    name = acme.tenant().name
    for role in ("keys", "restorer", "viewer"):
        for rest in ("", "/verify", "/export"):
            assert console.as_(role, name).get(path_of(acme) + rest).status_code == 403
    for rest in ("", "/verify", "/export"):
        assert console.as_("admin", name).get(f"/audit{rest}").status_code == 403
        assert console.as_("operator").get(f"/audit{rest}").status_code == 200
        assert console.as_("operator").get(path_of(acme) + rest).status_code == 200
