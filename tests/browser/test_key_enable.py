"""A customer brings a key as the vendor's article tells it: not activated, copied, pasted, checked, agreed, enabled."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessible import assert_accessible
from tests.browser.hands import Mouse
from tests.browser.key_page import (
    address,
    agree,
    check,
    confirm,
    connected,
    expect_enabled,
    expect_valid,
    open_dialog,
)
from tests.browser.persons import Person, signed_in
from tests.browser.stack import Stack
from tests.browser.watched import Visit
from tests.parts import ACCOUNT, REGION

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

HAND = Mouse()


def test_without_activation_the_page_names_whom_to_ask_and_has_no_field(
    stack: Stack, visiting: Visit, ana: Person
) -> None:
    name = connected(stack, "inactive", allowed=False)
    with signed_in(visiting, ana, passkeys=True) as page:
        page.goto(address(name))
        main = page.get_by_role("main")
        expect(main.get_by_role("heading", name="Enterprise Key Management")).to_be_visible()
        expect(main).to_contain_text(re.compile("operator", re.IGNORECASE))
        expect(main.get_by_role("textbox")).to_have_count(0)
        expect(main.get_by_role("button", name="Enable Enterprise Key Management")).to_have_count(0)
        assert_accessible(page)
        stack.run("key", "allow", name)
        page.goto(address(name))
        expect(main).to_contain_text(re.compile(r"External Cloud Key Management\W*Not enabled"))
        expect(main.get_by_role("link", name="Enable Enterprise Key Management")).to_be_visible()


def test_the_account_is_copied_the_policy_is_pasted_and_a_key_is_enabled_once_each_wrong_one_is_mended(
    stack: Stack, visiting: Visit, ana: Person
) -> None:
    name = connected(stack, "contoso")
    with signed_in(visiting, ana, passkeys=True) as page:
        page.goto(address(name))
        assert _copied(page, "account") == ACCOUNT
        statements = _policy(page)
        good = stack.owner.new_key(statements)
        open_dialog(page, HAND, name)
        for arn, check_name, sentence in _wrong_keys(stack, statements, good):
            check(page, HAND, arn)
            expect(page.get_by_role("main")).to_contain_text(sentence, timeout=60_000)
            assert stack.document("key", "show", name)["mode"] == "provider", check_name
            if check_name == "make":
                assert_accessible(page)
        check(page, HAND, f"  {stack.owner.alias('backup', good)}\n")
        expect_valid(page)
        expect(page.get_by_role("main")).to_contain_text(good)
        assert_accessible(page)
        stack.forget_confirmations()
        agree(page, HAND)
        confirm(page, HAND)
        expect_enabled(page, name, good)
        assert_accessible(page)
    shown = stack.document("key", "show", name)
    assert (shown["mode"], shown["arn"]) == ("customer", good)


def _copied(page: Page, what: str) -> str:
    """Press the copy button of this name. Return the clipboard."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name=re.compile(f"Copy.*{what}", re.IGNORECASE)).first.click()
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def _policy(page: Page) -> list[dict[str, object]]:
    """Return the statements that the page shows for the key's policy."""
    texts = [text for text in page.locator("pre").all_text_contents() if '"Statement"' in text or '"Sid"' in text]
    parsed = json.loads(texts[0])
    return parsed["Statement"] if isinstance(parsed, dict) else parsed


def _wrong_keys(stack: Stack, statements: list[dict[str, object]], good: str) -> list[tuple[str, str, str]]:
    """Return ARNs that fail, each with its check and a part of the sentence that says why."""
    owner = stack.owner
    disabled = owner.new_key(statements)
    owner.disable(disabled)

    def without(action: str) -> str:
        text = json.dumps(statements)
        return owner.new_key(json.loads(text.replace(f'"kms:{action}"', '"kms:ListAliases"')))

    return [
        ("https://contoso.vault.azure.net/keys/backup/1", "form", "AWS KMS"),
        (good.replace(REGION, "us-east-1"), "region", "us-east-1"),
        (owner.new_key(), "seen", f"account {ACCOUNT}"),
        (owner.new_key(statements, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT"), "kind", "RSA_2048"),
        (disabled, "state", "is disabled"),
        (without("GenerateDataKey"), "make", "kms:GenerateDataKey is missing"),
        (without("Decrypt"), "open", "kms:Decrypt is missing"),
        (without("ReEncryptTo"), "into", "kms:ReEncryptTo is missing"),
        (without("ReEncryptFrom"), "out-of", "kms:ReEncryptFrom is missing"),
    ]
