"""A fleet of 1,000 tenants: worst first, paged, filtered, light enough, and usable by keyboard."""

import gzip
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.fleet import seed_fleet
from console.web.visitor import COOKIE
from shared.domain.access import Role
from tests.browser.accessible import assert_accessible
from tests.browser.watched import Complaints, visit
from tests.contract.console.served import Console, served_console

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_TENANTS, _ROWS = 1_000, 20_000
_MOST_BYTES, _MOST_ELEMENTS = 40_000, 1_500


@pytest.fixture(scope="module")
def console(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("fleet")
    with served_console(folder) as console:
        seed_fleet(f"sqlite:///{folder}/catalog.sqlite3", _TENANTS, _ROWS)
        yield console


@pytest.fixture
def page(chromium: Browser, console: Console) -> Iterator[Page]:
    """Yield the browser of an operator."""
    cookie = console.as_(Role.OPERATOR).headers["cookie"].partition("=")[2]
    complaints = Complaints((console.url,))
    with visit(chromium, console.url, complaints, set()) as page:
        # Playwright gives cookies a domain, which a cookie with the prefix __Host- must not have.
        own = {"name": COOKIE, "value": cookie, "url": "https://localhost/", "path": "/", "secure": True}
        page.context.new_cdp_session(page).send("Network.setCookie", own)
        yield page
    complaints.check()


def _names(page: Page) -> list[str]:
    """Return the tenants of the table, in its order."""
    return page.locator("tbody th a").all_inner_texts()


def test_the_worst_tenants_come_first_and_each_is_on_one_page(page: Page) -> None:
    page.goto("/fleet")
    states = page.locator("tbody tr td:first-child").all_inner_texts()
    assert len(states) == 50
    assert set(states[:20]) == {"held"}
    seen = _names(page)
    for _ in range(_TENANTS // 50 - 1):
        with page.expect_navigation():
            page.get_by_role("link", name="Next page").click()
        seen += _names(page)
    expect(page.get_by_role("link", name="Next page")).to_have_count(0)
    assert len(seen) == len(set(seen)) == _TENANTS
    assert page.locator("tbody tr td:first-child").last.inner_text() == "fresh"


def test_a_page_of_fifty_tenants_is_light_and_accessible(page: Page) -> None:
    with page.expect_response("**/fleet") as caught:
        page.goto("/fleet")
    assert len(gzip.compress(caught.value.body())) <= _MOST_BYTES
    assert page.evaluate("document.querySelectorAll('*').length") <= _MOST_ELEMENTS
    assert_accessible(page)


def test_a_tenant_is_reached_by_keyboard_from_the_search(page: Page) -> None:
    page.goto("/fleet")
    name = _names(page)[40]
    page.keyboard.press("/")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(page.locator("tbody th a")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{page.url.partition('/fleet')[0]}/t/{name}")


def test_a_refresh_keeps_the_focus_and_the_row(page: Page) -> None:
    page.goto("/fleet")
    link = page.locator("tbody th a").nth(7)
    link.focus()
    name = link.inner_text()
    with page.expect_response(lambda response: "hx-request" in response.request.headers, timeout=40_000):
        pass
    assert page.evaluate("document.activeElement.innerText") == name
