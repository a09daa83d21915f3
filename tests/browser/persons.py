"""People with passkeys. A person's passkey goes with them from browser to browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.stack import Stack
from tests.browser.watched import Visit

PASSWORD = "canary horse battery staple"


@dataclass
class Person:
    """Somebody who signs in with a passkey."""

    handle: str
    passkey: dict[str, Any] = field(default_factory=dict, repr=False)
    codes: list[str] = field(default_factory=list, repr=False)
    """Printed one-time codes that are not used yet."""

    def keep_passkey(self, page: Page) -> None:
        """Keep the passkey of this browser, with its counter."""
        (credential,) = page.context.credentials.get()
        self.passkey = dict(credential)

    def bring_passkey(self, page: Page) -> None:
        """Put the passkey into this browser."""
        names = {"id": "id", "userHandle": "user_handle", "privateKey": "private_key", "publicKey": "public_key"}
        known = {argument: self.passkey[name] for name, argument in names.items()}
        page.context.credentials.create(self.passkey["rpId"], sign_count=self.passkey["signCount"], **known)
        page.context.credentials.install()

    def type_password(self, page: Page, path: str = "") -> None:
        """Fill in the password and the next one-time code, on the page at ``path`` or on this one."""
        if path:
            page.goto(path)
        if not page.get_by_label("Password").is_visible():
            page.locator("summary").filter(has_text="password and a code").click()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("One-time code").fill(self.codes.pop(0))
        if path:
            page.get_by_label("Handle").fill(self.handle)


def set_up(stack: Stack, page: Page, handle: str = "ana") -> Person:
    """Let the first person in, by the code that ``up`` printed. The browser needs passkeys, and is signed in afterwards."""
    page.goto("/set-up")
    page.get_by_label("Code from the terminal").fill(stack.code())
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Handle").first.fill(handle)
    page.get_by_role("button", name="Make a passkey").click()
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Make ten codes").click()
    person = Person(handle, codes=_shown_codes(page))
    person.keep_passkey(page)
    stack.secrets |= {PASSWORD, *person.codes, person.passkey["privateKey"]}
    return person


def invited(stack: Stack, visiting: Visit, handle: str, *words: str) -> Person:
    """Add a person with a command, and let them make a passkey."""
    return accepted(stack, visiting, handle, stack.document("people", "add", handle, *words)["link"])


def accepted(stack: Stack, visiting: Visit, handle: str, link: str) -> Person:
    """Let a person open the link of an invitation, and make a passkey."""
    person = Person(handle)
    with visiting(passkeys=True) as page:
        page.goto(link)
        page.get_by_role("button", name="Make a passkey").click()
        expect(page.get_by_role("link", name=handle)).to_be_visible()
        person.keep_passkey(page)
    stack.secrets |= {link.partition("#")[2], person.passkey["privateKey"]}
    return person


@contextmanager
def signed_in(visiting: Visit, person: Person, **options: bool) -> Iterator[Page]:
    """Yield a browser of its own in which the person has signed in with the passkey."""
    with visiting(**options) as page:
        person.bring_passkey(page)
        page.goto("/sign-in")
        page.get_by_role("button", name="Sign in with a passkey").click()
        try:
            expect(page.get_by_role("link", name=person.handle)).to_be_visible()
            yield page
        finally:
            # A passkey whose counter goes back may be a copy, and is refused.
            person.keep_passkey(page)


def with_password(stack: Stack, visiting: Visit, handle: str, *words: str) -> Person:
    """Invite a person with a command, and let them choose a password, without JavaScript."""
    person = Person(handle)
    link = stack.document("people", "add", handle, *words)["link"]
    with visiting(scripts=False) as page:
        page.goto(link)
        page.get_by_label("Code of the invitation").fill(link.partition("#")[2])
        page.get_by_role("button", name="Go on").first.click()
        page.get_by_text("Use a password and printed codes").click()
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").last.click()
        person.codes = _shown_codes(page)
    stack.secrets |= {PASSWORD, link.partition("#")[2], *person.codes}
    return person


def _shown_codes(page: Page) -> list[str]:
    """Return the ten codes that the page shows once."""
    expect(page.get_by_label("Type one of them")).to_be_visible(timeout=30_000)
    codes = page.locator(".snippet pre").first.inner_text().split()
    assert len(codes) == 10
    return codes
