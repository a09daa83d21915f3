"""Every page, filled: no violation of axe in both themes and at both widths, nothing scrolls sideways, nothing complains."""

import pytest

from console.web.routes import ROUTES
from tests.browser.accessible import assert_accessible
from tests.browser.filled import GRAPH_OPTIONS, fill
from tests.browser.persons import set_up
from tests.browser.stack import Stack
from tests.browser.walk import addresses
from tests.browser.watched import Visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

__all__ = ["GRAPH_OPTIONS"]


def test_every_page_is_accessible_in_both_themes_and_at_both_widths(stack: Stack, visiting: Visit) -> None:
    wrong = []
    with visiting(passkeys=True) as page:
        set_up(stack, page)
        fill(stack)
        seen = 0
        for address in addresses(stack):
            response = page.goto(address.path)
            assert response is not None
            seen += 1
            if response.status != 200:
                wrong.append(f"{address.path} answers {response.status}")
            try:
                assert_accessible(page)
            except AssertionError as error:
                wrong.append(str(error))
    assert seen > 10
    assert not wrong, "\n".join(wrong)


def test_the_walk_visits_a_page_of_every_section() -> None:
    assert {route.path.split("/")[1] for route in ROUTES} >= {"help", "t", "fleet", "me", "people", "audit", "sign-in"}
