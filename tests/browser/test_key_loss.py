"""Keys that change and go: an update during a backup with a killed worker, a revocation on every page, and its end."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import Mouse
from tests.browser.key_page import CHECKS_SECONDS, address, confirm, connected
from tests.browser.persons import Person, signed_in
from tests.browser.stack import Stack, until
from tests.browser.watched import Visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

SETTINGS = {"ENTRAKEEP_KEY_PROBE_SECONDS": "5"}
HAND = Mouse()
_PAGES = ("", "/snapshots", "/jobs", "/schedule", "/audit", "/settings/key-management", "/settings/connection")


def _under_own_key(stack: Stack, name: str) -> str:
    """Connect a tenant under a key of its owner. Return the key's ARN."""
    connected(stack, name)
    arn = stack.new_customer_key(name)
    stack.run("key", "enable", name, "--arn", arn, "--accept-terms", "--wait")
    return arn


def test_a_key_is_changed_during_a_backup_while_the_worker_is_killed_twice(
    stack: Stack, visiting: Visit, ana: Person
) -> None:
    first, second = _under_own_key(stack, "changing"), stack.new_customer_key("changing")
    stack.run("backup", "changing")
    with signed_in(visiting, ana, passkeys=True) as page:
        main = page.get_by_role("main")
        page.goto(address("changing"))
        HAND.press(page, "Update KMS Key ARN")
        HAND.type(page, "KMS key ARN", second)
        stack.forget_confirmations()
        HAND.press(page, "Save")
        confirm(page, HAND)
        for _ in range(2):
            stack.kill_and_wait("worker")
        until(lambda: _text(page, "changing").count(second), "the new key is shown", CHECKS_SECONDS + 60, pause=1)
        until(lambda: "may be disabled" in _text(page, "changing"), "the old key is free", CHECKS_SECONDS + 60, pause=1)
        expect(main).to_contain_text(first)
    stack.owner.disable(first)
    stack.backup("changing")
    assert stack.document("key", "show", "changing")["arn"] == second


def _text(page: Page, tenant: str) -> str:
    page.goto(address(tenant))
    return page.get_by_role("main").inner_text()


def test_a_revoked_key_is_said_on_every_page_of_the_tenant_and_on_no_other_until_it_answers_again(
    stack: Stack, visiting: Visit, ana: Person
) -> None:
    arn = _under_own_key(stack, "revoked")
    connected(stack, "other")
    stack.owner.disable(arn)
    until(lambda: stack.document("key", "show", "revoked")["state"] == "revoked", "the probe sees it")
    with signed_in(visiting, ana, passkeys=True) as page:
        for path in _PAGES:
            page.goto(f"/t/revoked{path}")
            banner = page.locator(".banner.held")
            expect(banner).to_contain_text("revoked")
            page.goto(f"/t/other{path}")
            expect(banner).to_have_count(0)
        page.goto("/t/revoked")
        backup = page.get_by_role("button", name="Back up now")
        expect(backup).to_be_disabled()
        page.goto(address("revoked"))
        expect(page.get_by_role("main")).to_contain_text(re.compile("enable", re.IGNORECASE))
        stack.owner.enable(arn)
        HAND.press(page, "Check now")
        until(lambda: stack.document("key", "show", "revoked")["state"] == "ok", "the key answers again")
        page.goto("/t/revoked")
        expect(page.locator(".banner.held")).to_have_count(0)
        expect(page.get_by_role("button", name="Back up now")).to_be_enabled()


def test_a_key_that_will_be_deleted_is_warned_of_with_the_date(stack: Stack, visiting: Visit, ana: Person) -> None:
    arn = _under_own_key(stack, "doomed")
    stack.owner.schedule_deletion(arn)
    until(lambda: stack.document("key", "show", "doomed")["state"] == "revoked", "the probe sees it")
    with signed_in(visiting, ana, passkeys=True) as page:
        page.goto(address("doomed"))
        expect(page.get_by_role("main")).to_contain_text("cancel the deletion before 20")
