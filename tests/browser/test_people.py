"""People: invited in the browser, lent a role that ends by itself, signed out by an operator; and the life of a token."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessible import assert_accessible
from tests.browser.hands import Mouse
from tests.browser.key_page import confirm
from tests.browser.persons import Person, accepted, invited, signed_in
from tests.browser.stack import Stack, until
from tests.browser.watched import Visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

HAND = Mouse()


@pytest.fixture(scope="module")
def contoso(stack: Stack) -> str:
    stack.connect("contoso", stack.graph.add_directory(objects=10))
    return "contoso"


def test_a_person_is_invited_in_the_browser_and_gets_the_roles_that_were_ticked(
    stack: Stack, visiting: Visit, ana: Person, contoso: str
) -> None:
    with signed_in(visiting, ana, passkeys=True) as page:
        page.goto(f"/t/{contoso}/people")
        _add(page, "<b>bob", "viewer")
        expect(page.get_by_label("Handle")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Handle")).to_have_value("<b>bob")
        _add(page, "bob", "viewer")
        link = page.locator("pre").first.inner_text().strip()
        assert_accessible(page)
    bob = accepted(stack, visiting, "bob", link)
    with signed_in(visiting, bob, passkeys=True) as page:
        page.goto(f"/t/{contoso}")
        expect(page.get_by_role("heading", name=contoso)).to_be_visible()
        expect(page.get_by_role("button", name="Back up now")).to_have_count(0)
    with visiting(passkeys=True) as page:
        page.goto(link)
        expect(page.get_by_role("main")).to_contain_text("was used")


def _add(page: Page, handle: str, role: str) -> None:
    if not page.get_by_label("Handle").is_visible():
        page.get_by_text("Add a person", exact=True).click()
    page.get_by_label("Handle").fill(handle)
    page.get_by_role("checkbox", name=role, exact=True).check()
    HAND.press(page, "Add")


def test_a_lent_role_ends_by_itself_and_the_tenant_is_then_unknown(
    stack: Stack, visiting: Visit, ana: Person, contoso: str
) -> None:
    end = datetime.now(UTC) + timedelta(seconds=25)
    eve = invited(
        stack, visiting, "eve", "--role", "viewer", "--tenant", contoso, "--until", end.strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    with signed_in(visiting, eve, passkeys=True) as page:
        until(lambda: datetime.now(UTC) > end, "the role has ended", 40)
        page.goto(f"/t/{contoso}")
        ended = page.get_by_role("main").inner_text()
        page.goto("/t/nothing")
        assert page.get_by_role("main").inner_text() == ended


def test_an_operator_ends_the_sign_ins_of_a_person_at_once(
    stack: Stack, visiting: Visit, ana: Person, contoso: str
) -> None:
    dan = invited(stack, visiting, "dan", "--role", "viewer", "--tenant", contoso)
    with signed_in(visiting, ana, passkeys=True) as page, signed_in(visiting, dan, passkeys=True) as of_dan:
        page.goto("/people/dan")
        stack.forget_confirmations()
        HAND.press(page, "End all sign-ins")
        confirm(page, HAND)
        of_dan.goto(f"/t/{contoso}")
        expect(of_dan).to_have_url(re.compile("/sign-in"))


def test_a_token_is_shown_once_and_ended(stack: Stack, visiting: Visit, ana: Person) -> None:
    with signed_in(visiting, ana, passkeys=True) as page:
        page.goto("/me/tokens")
        page.get_by_label("Name").fill("reader")
        page.get_by_role("checkbox", name="fleet.see").check()
        HAND.press(page, "Make the token")
        token = page.locator("pre").first.inner_text().strip()
        assert token.startswith("ek1_")
        stack.secrets.add(token)
        HAND.press(page, "Done")
        assert token not in page.content()
        expect(page.get_by_role("row", name=re.compile("reader"))).to_be_visible()
        HAND.press(page, "End the token reader")
        expect(page.get_by_role("row", name=re.compile("reader"))).to_have_count(0)
