"""Two ways to use a page: with a mouse, and by keyboard alone."""

from typing import Protocol

from playwright.sync_api import Error, Page

from tests.browser.accessible import focused

_MOST_TABS = 120


class Hand(Protocol):
    """Presses buttons and links, and types into fields, by the names that people see."""

    def press(self, page: Page, name: str) -> None:
        """Press the button, or follow the link, with this name."""

    def type(self, page: Page, label: str, text: str) -> None:
        """Replace the text of the field with this label."""


class Mouse:
    """Clicks. Playwright refuses what is hidden, covered or disabled."""

    def press(self, page: Page, name: str) -> None:
        """Click the button or the link."""
        page.get_by_role("button", name=name, exact=True).or_(
            page.get_by_role("link", name=name, exact=True)
        ).first.click()

    def type(self, page: Page, label: str, text: str) -> None:
        """Click into the field and type."""
        page.get_by_label(label).and_(page.locator("input, textarea")).first.fill(text)


class Keyboard:
    """Goes from element to element with Tab, as somebody does who sees where the focus is."""

    def press(self, page: Page, name: str) -> None:
        """Go to the button or the link, and press Enter."""
        self._reach(page, name)
        page.keyboard.press("Enter")
        page.wait_for_load_state()

    def type(self, page: Page, label: str, text: str) -> None:
        """Go to the field and type."""
        self._reach(page, label)
        page.keyboard.press("Control+A")
        page.keyboard.type(text)

    @staticmethod
    def _reach(page: Page, name: str) -> None:
        """Press Tab until the element with this name has the focus."""
        passed = []
        for _ in range(_MOST_TABS):
            try:
                passed.append(focused(page))
            except Error:  # the page was just replaced by another one
                page.wait_for_load_state()
                continue
            if passed[-1] == name:
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {name!r}, only {list(dict.fromkeys(passed))}")
