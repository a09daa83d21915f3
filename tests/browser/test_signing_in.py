"""Microsoft's sign-in by invitation, each bad ID token, and the ways in while the provider is down."""

import re

import pytest
from playwright.sync_api import Page, expect

from simulator.graph.sign_in.bad_tokens import KINDS
from tests.browser.persons import Person, signed_in, with_password
from tests.browser.stack import Stack, until
from tests.browser.watched import Complaints, Visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

BOB = {"oid": "bbbbbbbb-0000-4000-8000-000000000001", "name": "Bob", "handle": "bob"}
EVE = {"oid": "eeeeeeee-0000-4000-8000-000000000001", "name": "Eve", "handle": "eve"}


@pytest.fixture(scope="module")
def bob(ana: Person, stack: Stack, visiting: Visit) -> dict[str, str]:
    """Return a person of the directory who accepted an invitation."""
    for person in (BOB, EVE):
        stack.graph.post("people", person)
    link = stack.document("people", "add", "bob", "--role", "operator")["link"]
    stack.secrets.add(link.partition("#")[2])
    with visiting() as page:
        page.goto(link)
        page.get_by_role("link", name=re.compile("Use ")).click()
        page.get_by_role("link", name="Bob").click()
        expect(page.get_by_role("link", name="bob")).to_be_visible()
    return BOB


def _sign_in(page: Page, name: str) -> None:
    page.goto("/sign-in")
    page.get_by_role("link", name=re.compile("Sign in with")).click()
    page.get_by_role("link", name=name, exact=True).click()


def test_an_invited_person_signs_in_through_microsoft(visiting: Visit, bob: dict[str, str]) -> None:
    with visiting() as page:
        _sign_in(page, "Bob")
        expect(page.get_by_role("link", name="bob")).to_be_visible()


def test_somebody_of_the_directory_who_was_not_invited_does_not_get_in(visiting: Visit, bob: dict[str, str]) -> None:
    with visiting() as page:
        _sign_in(page, "Eve")
        expect(page.get_by_role("alert").or_(page.locator(".notice.bad"))).to_be_visible()
        page.goto("/fleet")
        expect(page).to_have_url(re.compile("/sign-in"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "old-sign-in"])
def test_a_bad_id_token_signs_nobody_in(stack: Stack, visiting: Visit, bob: dict[str, str], kind: str) -> None:
    stack.graph.post("tokens", {"bad": kind})
    with visiting() as page:
        _sign_in(page, "Bob")
        expect(page.locator(".notice.bad")).to_be_visible()
        assert stack.graph.get("tokens") == []
        page.goto("/fleet")
        expect(page).to_have_url(re.compile("/sign-in"))


def test_while_the_provider_is_down_a_passkey_and_break_glass_still_let_people_in_and_everybody_is_told(
    stack: Stack, visiting: Visit, complaints: Complaints, ana: Person, bob: dict[str, str]
) -> None:
    safe = with_password(stack, visiting, "safe", "--role", "operator", "--break-glass")
    stack.graph.fault({"match": {"path": "/oauth2/v2.0/token"}, "what": "status", "status": 503, "times": 100})
    complaints.expect("answer 503")
    with visiting() as page:
        _sign_in(page, "Bob")
        expect(page.locator(".notice.bad")).to_contain_text("provider")
        expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
        safe.type_password(page, "/sign-in")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("link", name="safe")).to_be_visible()
    with signed_in(visiting, ana, passkeys=True) as page:
        banner = page.locator(".banner").filter(has_text="Break-glass was used")
        until(lambda: page.reload() and banner.is_visible(), "everybody is told", 90, pause=2)
    stack.graph.clear_faults()
