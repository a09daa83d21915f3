"""The console on PostgreSQL: set-up, a backup watched live, and a key of one's own."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.hands import Mouse
from tests.browser.key_page import agree, check, expect_enabled, expect_valid, open_dialog
from tests.browser.persons import Person, signed_in
from tests.browser.stack import Stack
from tests.browser.watched import Visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

POSTGRESQL = True
HAND = Mouse()


def test_a_tenant_is_backed_up_and_takes_a_key_of_its_own_on_postgresql(
    stack: Stack, visiting: Visit, ana: Person
) -> None:
    stack.connect("contoso")
    stack.run("key", "allow", "contoso")
    arn = stack.new_customer_key("contoso")
    with signed_in(visiting, ana, passkeys=True) as page:
        page.goto("/t/contoso")
        HAND.press(page, "Back up now")
        expect(page).to_have_url(re.compile("/t/contoso/jobs/"))
        expect(page.get_by_role("main")).to_contain_text("succeeded", timeout=90_000)
        open_dialog(page, HAND, "contoso")
        check(page, HAND, arn)
        expect_valid(page)
        agree(page, HAND)
        expect_enabled(page, "contoso", arn)
        for path in ("/fleet", "/t/contoso", "/t/contoso/snapshots", "/jobs", "/audit", "/people", "/me"):
            response = page.goto(path)
            assert response is not None
            assert response.status == 200, path
