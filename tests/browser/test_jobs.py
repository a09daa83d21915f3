"""Backups asked for in the browser: watched live, cancelled, retried, refused a permission, and asked for once."""

import re
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.browser.hands import Mouse
from tests.browser.persons import Person, signed_in
from tests.browser.stack import Stack
from tests.browser.watched import Visit
from tests.parts import CLIENT, SECRET

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

GRAPH_OPTIONS = ("--users", "40", "--groups", "5")
HAND = Mouse()
_SLOW = {"match": {"path": "/v1.0/users/delta"}, "what": "slow", "seconds": 30, "times": 5}


def test_a_backup_is_asked_for_with_one_click_watched_cancelled_and_retried_without_a_reload(
    stack: Stack, visiting: Visit, ana: Person
) -> None:
    stack.connect("contoso")
    stack.graph.fault(_SLOW)
    with signed_in(visiting, ana, passkeys=True) as page:
        main = page.get_by_role("main")
        page.goto("/t/contoso")
        HAND.press(page, "Back up now")
        expect(page).to_have_url(re.compile("/t/contoso/jobs/[0-9a-f-]{36}"))
        expect(main).to_contain_text("running", timeout=30_000)
        HAND.press(page, "Cancel")
        expect(main).to_contain_text("cancelled", timeout=60_000)
        stack.graph.clear_faults()
        HAND.press(page, "Retry")
        page.evaluate("window.never_reloaded = true")
        expect(main).to_contain_text("succeeded", timeout=60_000)
        assert page.evaluate("window.never_reloaded")
        states = [job["state"] for job in stack.document("jobs", "list", "--tenant", "contoso")]
        assert states == ["succeeded", "cancelled"]


def test_a_form_that_is_sent_twice_asks_for_one_backup(stack: Stack, visiting: Visit, ana: Person) -> None:
    stack.connect("twice", stack.graph.add_directory(objects=10))
    with signed_in(visiting, ana, passkeys=True) as page:
        page.goto("/t/twice")
        page.get_by_role("button", name="Back up now").first.dblclick()
        expect(page).to_have_url(re.compile("/t/twice/jobs/"))
        expect(page.get_by_role("main")).to_contain_text("succeeded", timeout=60_000)
    assert len(stack.document("jobs", "list", "--tenant", "twice")) == 1


def test_a_forbidden_resource_is_named_with_the_permission_to_grant_and_checked_again(
    stack: Stack, visiting: Visit, ana: Person
) -> None:
    directory = stack.graph.add_directory(objects=10)
    stack.connect("short", directory)
    app = {"client_id": CLIENT, "secret": SECRET, "permissions": ["Directory.Read.All"]}
    with closing(stack.graph.directory(directory)) as graph, signed_in(visiting, ana, passkeys=True) as page:
        graph.post("apps", app)
        stack.backup("short")
        main = page.get_by_role("main")
        page.goto("/t/short")
        HAND.press(page, "Completeness report")
        expect(main).to_contain_text("conditionalAccessPolicies")
        expect(main).to_contain_text("Policy.Read.All")
        graph.post("apps", {**app, "permissions": ["Directory.Read.All", "Policy.Read.All"]})
        page.goto("/t/short/settings/connection")
        page.get_by_role("button", name=re.compile("Check")).first.click()
        row = main.get_by_role("row", name=re.compile(r"^conditionalAccessPolicies "))
        expect(row).to_contain_text(re.compile("ok|whole|ready|granted", re.IGNORECASE), timeout=60_000)
