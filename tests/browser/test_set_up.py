"""From ``up`` to the first backup: the code of the terminal, a passkey, printed codes, the directory, the backup."""

import re
import shlex

import pytest
from playwright.sync_api import Page, expect

from tests.browser.persons import set_up, signed_in
from tests.browser.stack import Stack
from tests.browser.watched import Visit
from tests.parts import CLIENT, DIRECTORY

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

GRAPH_OPTIONS = ("--users", "20", "--groups", "3")


def test_the_first_person_comes_from_the_terminal_to_a_backup(stack: Stack, visiting: Visit) -> None:
    with visiting(passkeys=True) as page:
        page.goto("/")
        expect(page).to_have_url(re.compile("/sign-in"))
        page.get_by_role("link", name="Set up this installation").click()
        page.get_by_label("Code from the terminal").fill("1-AAAA-BBBB")
        page.get_by_role("button", name="Next").click()
        expect(page.get_by_role("main")).to_contain_text("entrakeep people code")
        ana = set_up(stack, page)
        _keep_codes(page, ana.codes)
        _connect(stack, page)
        page.get_by_role("link", name="Next").click()
        page.get_by_role("button", name=re.compile("[Bb]ack ?up")).first.click()
        expect(page.get_by_role("main")).to_contain_text(re.compile("succeeded|complete"), timeout=60_000)
        ana.keep_passkey(page)
    assert stack.document("snapshots", "contoso")
    with signed_in(visiting, ana, passkeys=True) as page:
        expect(page.get_by_role("link", name="contoso").first).to_be_visible()
    with visiting() as page:
        page.goto("/set-up")
        expect(page.get_by_label("Code from the terminal")).to_have_count(0)


def _keep_codes(page: Page, codes: list[str]) -> None:
    """Type one of the codes, as the page demands. A wrong one is refused beside its field."""
    assert len(codes) == 10
    page.get_by_label("I have the codes on paper").check()
    page.get_by_label("Type one of them").fill("1-AAAA-AAAA")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_label("Type one of them")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Type one of them").fill(codes[4])
    page.get_by_role("button", name="Next").click()


def _connect(stack: Stack, page: Page) -> None:
    """Fill in the directory, and run the command that the page writes, on the host."""
    page.get_by_label("Name of the tenant").fill("contoso")
    page.get_by_label("Directory (tenant) ID").fill(DIRECTORY)
    page.get_by_label("Application (client) ID").fill(CLIENT)
    page.get_by_role("button", name="Write the command").click()
    commands = page.locator("pre").all_inner_texts()
    (line,) = [text for text in commands if "tenant add" in text]
    words = shlex.split(line)
    assert words[0] == "entrakeep"
    (stack.folder / "secret.txt").symlink_to(stack.folder / "secret")
    stack.run(*words[1:])
    expect(page.get_by_text("contoso is connected")).to_be_visible()
