"""The key story by keyboard alone, without JavaScript, and at 320 px."""

import pytest
from playwright.sync_api import expect

from tests.browser.hands import Hand, Keyboard, Mouse
from tests.browser.key_page import agree, check, confirm, connected, expect_enabled, expect_valid, open_dialog
from tests.browser.persons import Person, signed_in, with_password
from tests.browser.stack import Stack
from tests.browser.watched import Visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("name", "hand", "narrow"), [("keyboard", Keyboard(), False), ("narrow", Mouse(), True)])
def test_a_key_is_enabled_by_keyboard_alone_and_on_a_small_screen(
    stack: Stack, visiting: Visit, ana: Person, name: str, hand: Hand, narrow: bool
) -> None:
    connected(stack, name)
    arn = stack.new_customer_key(name)
    with signed_in(visiting, ana, passkeys=True, narrow=narrow) as page:
        open_dialog(page, hand, name)
        check(page, hand, arn)
        expect_valid(page)
        stack.forget_confirmations()
        agree(page, hand)
        confirm(page, hand)
        expect_enabled(page, name, arn)


def test_a_key_is_enabled_without_javascript(stack: Stack, visiting: Visit, ana: Person) -> None:
    name, hand = connected(stack, "plain"), Mouse()
    arn = stack.new_customer_key(name)
    bob = with_password(stack, visiting, "bob", "--role", "keys", "--tenant", name)
    with visiting(scripts=False) as page:
        bob.type_password(page, "/sign-in")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("link", name="bob")).to_be_visible()
        open_dialog(page, hand, name)
        check(page, hand, arn)
        expect_valid(page)
        stack.forget_confirmations()
        agree(page, hand)
        expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
        bob.type_password(page)
        page.get_by_role("button", name="Confirm", exact=True).click()
        expect(page.get_by_role("heading", name="Confirm that it is you")).to_have_count(0)
        expect_enabled(page, name, arn)
