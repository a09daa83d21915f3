"""Settings > Enterprise Key Management, used by the words that its users know."""

import re

from playwright.sync_api import Error, Page, expect

from tests.browser.hands import Hand
from tests.browser.stack import Stack, until

CHECKS_SECONDS = 150
"""A key is checked twice, ten seconds apart."""


def address(tenant: str) -> str:
    """Return the path of a tenant's page."""
    return f"/t/{tenant}/settings/key-management"


def connected(stack: Stack, name: str, *, allowed: bool = True) -> str:
    """Connect a new directory as a tenant, with a backup. Return the tenant's name."""
    stack.connect(name, stack.graph.add_directory(objects=10))
    stack.backup(name)
    if allowed:
        stack.run("key", "allow", name)
    return name


def open_dialog(page: Page, hand: Hand, tenant: str) -> None:
    """Open the dialog in which an ARN is entered."""
    page.goto(address(tenant))
    hand.press(page, "Enable Enterprise Key Management")
    expect(page.get_by_role("heading", name="Update KMS key ARN")).to_be_visible()


def check(page: Page, hand: Hand, arn: str) -> None:
    """Enter an ARN and have it checked, also after another one that failed."""
    if not page.get_by_role("textbox", name="KMS key ARN").is_visible():
        hand.press(page, "Another ARN")
    hand.type(page, "KMS key ARN", arn)
    hand.press(page, "Next")


def expect_valid(page: Page) -> None:
    """Wait until all checks have passed."""
    expect(page.get_by_role("main")).to_contain_text("The key is valid", timeout=CHECKS_SECONDS * 1000)


def agree(page: Page, hand: Hand) -> None:
    """Save, and agree to the terms."""
    hand.press(page, "Save")
    hand.press(page, "Continue")
    expect(page.get_by_role("main")).to_contain_text(re.compile("version [0-9]+", re.IGNORECASE))
    hand.press(page, "Yes, I Agree")


def confirm(page: Page, hand: Hand) -> None:
    """Confirm with the passkey, as the console demands minutes after the sign-in, and wait until the form has gone on."""
    asked = page.get_by_role("heading", name="Confirm that it is you")
    expect(asked).to_be_visible()
    hand.press(page, "Confirm with a passkey")
    expect(asked).to_be_hidden(timeout=30_000)  # another page opened before would end the ceremony


def expect_enabled(page: Page, tenant: str, arn: str) -> None:
    """Wait until the page says that the key is enabled, with its ARN."""

    def shown() -> bool:
        try:
            page.goto(address(tenant))
        except Error:  # the form that was just sent leads to a page of its own
            return False
        text = page.get_by_role("main").inner_text()
        return bool(re.search(r"External Cloud Key Management\W+Enabled", text)) and arn in text

    until(shown, "External Cloud Key Management is Enabled", CHECKS_SECONDS, pause=1)
