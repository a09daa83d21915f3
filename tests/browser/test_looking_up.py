"""What happened and what will: the timeline of snapshots, a schedule over both clock changes, and the audit trail."""

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect

from shared.domain.resources import RESOURCES
from tests.browser.hands import Mouse
from tests.browser.persons import Person, signed_in
from tests.browser.stack import Stack
from tests.browser.watched import Visit
from tests.parts import CLIENT, SECRET

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

HAND = Mouse()


@pytest.fixture(scope="module")
def contoso(stack: Stack) -> str:
    """Return a tenant with two snapshots, and before them a backup that failed."""
    directory = stack.graph.add_directory(objects=10)
    stack.connect("contoso", directory)
    app = {"client_id": CLIENT, "permissions": sorted({row.permission_read for row in RESOURCES.values()})}
    with closing(stack.graph.directory(directory)) as graph:
        graph.post("apps", {**app, "secret": "another-secret"})
        stack.run("backup", "contoso", "--wait", status=1)
        graph.post("apps", {**app, "secret": SECRET})
    stack.backup("contoso")
    stack.backup("contoso")
    return "contoso"


def test_the_timeline_shows_each_snapshot_and_the_gap_with_its_cause(
    visiting: Visit, ana: Person, contoso: str
) -> None:
    with signed_in(visiting, ana, passkeys=True) as page:
        page.goto(f"/t/{contoso}/snapshots")
        rows = page.locator("tbody tr").all_inner_texts()
        assert len(rows) == 3
        assert "GRAPH_SIGN_IN_FAILED" in rows[2]
        page.locator("tbody th a").first.click()
        page.wait_for_load_state()
        newest = page.url
        page.keyboard.press("[")
        expect(page).not_to_have_url(newest)
        expect(page.get_by_role("main")).to_contain_text("Completeness report")
        page.wait_for_load_state()
        page.keyboard.press("]")
        expect(page).to_have_url(newest)


def test_a_schedule_is_shown_in_words_over_both_clock_changes_saved_paused_and_resumed(
    stack: Stack, visiting: Visit, ana: Person, contoso: str
) -> None:
    with signed_in(visiting, ana, passkeys=True) as page:
        main = page.get_by_role("main")
        page.goto(f"/t/{contoso}/schedule")
        HAND.type(page, "Cron", "0 0 31 2 *")
        HAND.type(page, "Time zone", "Europe/Berlin")
        HAND.press(page, "Save")
        expect(page.get_by_label("Cron")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Cron")).to_have_value("0 0 31 2 *")
        HAND.type(page, "Cron", "30 2 * * *")
        HAND.press(page, "Show what it means")
        assert stack.document("schedule", "show", contoso) is None
        HAND.press(page, "Save")
        expect(main.locator(".checks li")).to_have_count(2)
        expect(main.locator(".checks")).to_contain_text("does not exist")
        expect(main.get_by_role("row")).to_have_count(11)
        HAND.press(page, "Pause")
        expect(main).to_contain_text(re.compile("Paused since .* by person:ana"))
        assert stack.document("schedule", "show", contoso)["paused"] is True
        HAND.press(page, "Resume")
        expect(main).to_contain_text("active")
        assert stack.document("schedule", "show", contoso)["cron"] == "30 2 * * *"


def test_the_audit_trail_is_filtered_exported_verified_and_shows_where_it_was_changed(
    stack: Stack, visiting: Visit, ana: Person, contoso: str
) -> None:
    with signed_in(visiting, ana, passkeys=True) as page:
        main = page.get_by_role("main")
        page.goto(f"/t/{contoso}/audit")
        page.get_by_label("Who").fill("person:ana")
        HAND.press(page, "Filter")
        actors = set(page.locator("tbody tr td:nth-child(3)").all_inner_texts())
        assert actors == {"person:ana"}
        page.goto(f"/t/{contoso}/audit")
        with page.expect_download() as caught:
            page.get_by_role("link", name="Export").click()
        exported = caught.value.path().read_text().splitlines()
        assert exported == stack.run("audit", "export", contoso, "-o", "-").splitlines()
        HAND.press(page, "Verify")
        expect(main).to_contain_text("each follows the one before it")
        with closing(sqlite3.connect(stack.home / "catalog.sqlite3")) as catalog, catalog:
            for (trigger,) in catalog.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                catalog.execute(f"DROP TRIGGER {trigger}")
            catalog.execute("UPDATE audit_events SET line = replace(line, 'person:ana', 'person:eve')")
        page.goto(f"/t/{contoso}/audit/verify")
        expect(main).to_contain_text(re.compile("The trail was changed: event [0-9]+"))
