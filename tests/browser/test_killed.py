"""SIGKILL of the console, the worker and beat between two steps of a dialog: nothing is lost, nothing is asked twice."""

import pytest
from playwright.sync_api import expect

from tests.browser.hands import Mouse
from tests.browser.key_page import check, confirm, connected, expect_enabled, expect_valid, open_dialog
from tests.browser.persons import Person, signed_in
from tests.browser.stack import Stack
from tests.browser.watched import Complaints, Visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

HAND = Mouse()
_WHILE_AWAY = (
    "ERR_CONNECTION_REFUSED",
    "ERR_CONNECTION_RESET",
    "ERR_EMPTY_RESPONSE",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
    "Failed to fetch",
    "network error",
)
"""What a page that refreshes itself says while the console is away."""


@pytest.mark.parametrize("part", ["web", "worker", "beat"])
def test_a_key_is_enabled_once_although_a_process_is_killed_in_each_dialog(
    stack: Stack, visiting: Visit, complaints: Complaints, ana: Person, part: str
) -> None:
    complaints.expect(*_WHILE_AWAY)
    name = connected(stack, f"killed-{part}")
    arn = stack.new_customer_key(name)
    with signed_in(visiting, ana, passkeys=True) as page:
        open_dialog(page, HAND, name)
        stack.kill_and_wait(part)
        check(page, HAND, arn)
        stack.kill_and_wait(part)
        page.reload()
        expect_valid(page)
        stack.forget_confirmations()
        HAND.press(page, "Save")
        HAND.press(page, "Continue")
        HAND.press(page, "Yes, I Agree")
        expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
        stack.kill_and_wait(part)
        confirm(page, HAND)
        expect_enabled(page, name, arn)
    kinds = [job["kind"] for job in stack.document("jobs", "list", "--tenant", name)]
    assert kinds.count("key-enable") == 1
    assert kinds.count("key-check") == 1


@pytest.mark.parametrize("part", ["web", "worker", "beat"])
def test_a_backup_that_was_asked_for_ends_once_although_a_process_is_killed(
    stack: Stack, visiting: Visit, complaints: Complaints, ana: Person, part: str
) -> None:
    complaints.expect(*_WHILE_AWAY)
    name = f"backup-{part}"
    stack.connect(name, stack.graph.add_directory(objects=10))
    with signed_in(visiting, ana, passkeys=True) as page:
        page.goto(f"/t/{name}")
        HAND.press(page, "Back up now")
        stack.kill_and_wait(part)
        page.goto(f"/t/{name}/jobs")
        page.get_by_role("link", name="backup", exact=True).first.click()
        expect(page.get_by_role("main")).to_contain_text("succeeded", timeout=90_000)
    assert [job["state"] for job in stack.document("jobs", "list", "--tenant", name)] == ["succeeded"]
