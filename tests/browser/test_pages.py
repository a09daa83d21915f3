"""A filled installation: every page is accessible, and the top tasks take no more clicks than promised."""

import re

import pytest
from playwright.sync_api import Page, expect

from console.web.routes import ROUTES
from tests.browser.accessible import assert_accessible
from tests.browser.filled import FAILED, GRAPH_OPTIONS, NEW, OWN_KEY, REVOKED, SHORT, WELL, fill
from tests.browser.hands import Mouse
from tests.browser.key_page import address, agree, check, confirm, expect_enabled, expect_valid
from tests.browser.persons import Person, signed_in
from tests.browser.stack import Stack
from tests.browser.walk import DIALOG, addresses, unknown_parameters
from tests.browser.watched import Visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

__all__ = ["GRAPH_OPTIONS"]


class Counted(Mouse):
    """A mouse that counts its clicks."""

    def __init__(self) -> None:
        self.clicks = 0

    def press(self, page: Page, name: str) -> None:
        """Click, and count it."""
        self.clicks += 1
        super().press(page, name)


@pytest.fixture
def mouse() -> Counted:
    return Counted()


@pytest.fixture(scope="module")
def filled(stack: Stack, ana: Person) -> Person:
    """Return a person who may see everything that the installation is filled with."""
    fill(stack)
    return ana


def test_every_page_is_accessible_in_both_themes_and_at_both_widths(
    stack: Stack, visiting: Visit, filled: Person
) -> None:
    wrong, seen = [], 0
    with signed_in(visiting, filled, passkeys=True) as page:
        for place in addresses(stack):
            response = page.goto(place.path)
            assert response is not None
            seen += 1
            refused = (403,) if place.path == "/confirm" else (404, 409) if DIALOG.search(place.path) else ()
            if response.status not in (200, *refused):
                wrong.append(f"{place.path} answers {response.status}")
            try:
                assert_accessible(page)
            except AssertionError as error:
                wrong.append(str(error))
    assert seen > 10
    assert not wrong, "\n".join(wrong)


def test_the_walk_visits_a_page_of_every_section(stack: Stack, filled: Person) -> None:
    assert unknown_parameters(stack) == set()
    assert {route.path.split("/")[1] for route in ROUTES} >= {"help", "t", "fleet", "me", "people", "audit", "sign-in"}


def test_the_fleet_shows_which_tenants_are_not_well_without_a_click(visiting: Visit, filled: Person) -> None:
    with signed_in(visiting, filled, passkeys=True) as page:
        page.goto("/")
        expect(page).to_have_url(re.compile("/fleet$"))
        order = page.locator("tbody th a").all_inner_texts()
        assert order[0] == REVOKED
        assert set(order[1:4]) == {FAILED, NEW, SHORT}
        assert order[-1] == WELL
        expect(page.locator("tbody tr").filter(has_text=FAILED)).to_contain_text("GRAPH_SIGN_IN_FAILED")


def test_why_a_backup_failed_and_who_must_act_is_two_clicks_away(
    visiting: Visit, filled: Person, mouse: Counted
) -> None:
    with signed_in(visiting, filled, passkeys=True) as page:
        page.goto("/fleet")
        mouse.press(page, FAILED)
        mouse.press(page, "The backup that failed")
        expect(page.get_by_role("main")).to_contain_text("GRAPH_SIGN_IN_FAILED")
        expect(page.get_by_role("main")).to_contain_text("Who must act")
    assert mouse.clicks <= 2


def test_what_the_last_snapshot_lacks_and_why_is_one_click_away(
    visiting: Visit, filled: Person, mouse: Counted
) -> None:
    with signed_in(visiting, filled, passkeys=True) as page:
        page.goto(f"/t/{SHORT}")
        mouse.press(page, "Completeness report")
        expect(page.get_by_role("main")).to_contain_text("conditionalAccessPolicies")
        expect(page.get_by_role("main")).to_contain_text("Policy.Read.All")
    assert mouse.clicks <= 1


def test_whether_the_key_before_may_be_disabled_is_one_click_away(
    visiting: Visit, filled: Person, mouse: Counted
) -> None:
    with signed_in(visiting, filled, passkeys=True) as page:
        page.goto(f"/t/{OWN_KEY}")
        mouse.press(page, "Key management")
        expect(page.get_by_role("main")).to_contain_text("No data key is under the operator's key")
    assert mouse.clicks <= 1


def test_a_key_is_enabled_in_six_clicks(stack: Stack, visiting: Visit, filled: Person, mouse: Counted) -> None:
    arn = stack.new_customer_key(WELL)
    with signed_in(visiting, filled, passkeys=True) as page:
        page.goto(address(WELL))
        mouse.press(page, "Enable Enterprise Key Management")
        check(page, mouse, arn)
        expect_valid(page)
        stack.forget_confirmations()
        agree(page, mouse)
        confirm(page, mouse)
        expect_enabled(page, WELL, arn)
    assert mouse.clicks <= 6
