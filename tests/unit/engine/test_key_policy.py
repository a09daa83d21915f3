"""The displayed policy, evaluated like AWS; the names of keys; the terms."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.arns import account_of, check_form, region_of
from shared.domain.errors import Code, Refuse
from shared.engine.key_management import terms as terms_module
from shared.engine.key_management.policy import key_policy
from shared.engine.key_management.terms import present_terms
from shared.ports.keys import Caller
from simulator.aws.policy import Request, Verdict, evaluate, parse_policy
from tests.pages import TOP

ROLE, STRANGER = "arn:aws:iam::111122223333:role/workers", "arn:aws:iam::111122223333:role/others"
TENANT = "0b9e1c6e-0d6c-4b57-8f0c-6a1f3f2d7c11"
ARN = "arn:aws:kms:eu-central-1:444455556666:key/0f3e5a3c-7c1e-4a3d-9a44-5d2f4b1c8e07"
POLICY = key_policy([Caller("111122223333", ROLE)], TENANT, "eu-central-1", ARN)
USES = {"kms:GenerateDataKey", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"}


def allowed(principal: str, action: str, context: dict[str, str] | None) -> bool:
    facts = {"aws:principalarn": [principal]}
    if context is not None:
        facts["kms:encryptioncontextkeys"] = list(context)
        facts |= {f"kms:encryptioncontext:{name}": [value] for name, value in context.items()}
    request = Request(frozenset({principal, "arn:aws:iam::111122223333:root"}), action, ARN, facts)
    return evaluate(parse_policy(json.dumps({"Statement": POLICY.statements})), request) is Verdict.ALLOWED


@pytest.mark.parametrize("action", sorted(USES))
def test_the_policy_allows_each_use_only_to_the_workers_and_for_this_tenant(action: str) -> None:
    context = {"tenant": TENANT, "purpose": "backup"}
    assert allowed(ROLE, action, context)
    assert not allowed(STRANGER, action, context)
    assert not allowed("arn:aws:iam::444455556666:role/workers", action, context)
    assert not allowed(ROLE, action, None)
    assert not allowed(ROLE, action, {**context, "tenant": "another"})
    assert not allowed(ROLE, action, {**context, "more": "x"})


@given(st.sampled_from(["Encrypt", "CreateGrant", "PutKeyPolicy", "ScheduleKeyDeletion", "DisableKey", "GetKeyPolicy"]))
def test_the_policy_allows_nothing_else(action: str) -> None:
    assert not allowed(ROLE, f"kms:{action}", {"tenant": TENANT, "purpose": "backup"})
    assert allowed(ROLE, "kms:DescribeKey", None)
    assert not allowed(STRANGER, "kms:DescribeKey", None)


def test_every_text_to_paste_contains_both_statements() -> None:
    look, use = POLICY.statements
    for text in (POLICY.cli, POLICY.cloudformation, POLICY.terraform):
        for statement in (look, use):
            assert json_in(text, statement["Sid"]) == statement
        assert text.count("kms:ReEncryptFrom") == 1
    assert POLICY.account == "111122223333"
    assert ARN in POLICY.cli
    assert ARN in POLICY.console
    assert "KEY-ID" in key_policy([Caller("1" * 12, ROLE)], TENANT, "eu-central-1", None).cli


def test_terraform_sets_the_provider_region_and_protects_the_key_from_destruction() -> None:
    text = key_policy([Caller("1" * 12, ROLE)], TENANT, "eu-west-3", None).terraform
    assert re.search(r'provider "aws" \{\n  region = "eu-west-3"\n\}', text)
    assert 'source  = "hashicorp/aws"' in text
    assert "prevent_destroy = true" in text
    assert text.count("{") == text.count("}")


def json_in(text: str, sid: str) -> Any:
    """Return the JSON object that contains this Sid."""
    match = re.search(rf'"Sid": "{sid}"', text)
    assert match is not None
    start = text.rindex("{", 0, match.start())
    return json.JSONDecoder().raw_decode(text[start:])[0]


@pytest.mark.parametrize(
    "arn",
    [
        ARN,
        "arn:aws-us-gov:kms:us-gov-west-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        "arn:aws:kms:eu-central-1:444455556666:key/mrk-0f3e5a3c-7c1e-4a3d-9a44-5d2f4b1c8e07",
        "arn:aws:kms:eu-central-1:444455556666:alias/our/backups",
    ],
)
def test_arns_of_keys_and_aliases_are_accepted(arn: str) -> None:
    check_form(arn)
    assert (region_of(arn)[2], account_of(arn)) == ("-", "444455556666")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("https://contoso.vault.azure.net/keys/k/0123", "Azure"),
        ("https://contoso.managedhsm.azure.net/keys/k", "Azure"),
        ("/subscriptions/x/resourceGroups/y/providers/Microsoft.KeyVault/vaults/z", "Azure"),
        ("projects/p/locations/global/keyRings/r/cryptoKeys/k", "Google"),
        ("gcp-kms://projects/p/locations/l/keyRings/r/cryptoKeys/k", "Google"),
        (ARN + " ", "not the ARN"),
        (ARN[:-1], "not the ARN"),
        (ARN.replace(":kms:", ":s3:"), "not the ARN"),
        ("0f3e5a3c-7c1e-4a3d-9a44-5d2f4b1c8e07", "not the ARN"),
        ("alias/backups", "not the ARN"),
    ],
)
def test_text_that_is_no_arn_of_an_aws_kms_key_is_refused_by_name(text: str, sentence: str) -> None:
    with pytest.raises(Refuse, match=sentence) as caught:
        check_form(text)
    assert caught.value.code is Code.KEY_INVALID


@given(st.text())
def test_random_text_is_never_accepted_as_an_arn(text: str) -> None:
    if not text.startswith("arn:aws"):
        with pytest.raises(Refuse):
            check_form(text)


TERMS_DIGESTS = {
    "1": "a47c611f4e48f091d155ac9b429ff2b671059f048da621545cc2c8a69dbe9c01",
    "2": "40bb0ad6bc28d49055918d09de786f736095077d0be75a833b62b13d5fbc791c",
}
"""Digests of every version, as stored with each acceptance. A digest never changes: a new text is a new version."""


def test_the_terms_state_the_irreversible_effects_and_their_digest_identifies_the_text() -> None:
    terms = present_terms()
    assert terms.version == list(TERMS_DIGESTS)[-1]
    assert terms.sha256 == TERMS_DIGESTS[terms.version]
    assert terms.text.startswith(f"Terms of using a KMS key of your own (version {terms.version})\n")
    for words in ("no way back", "lost for ever", "dumps", "60 seconds", "reports that it is no longer needed"):
        assert words in " ".join(terms.text.split())


def test_the_text_of_every_accepted_version_stays_readable() -> None:
    folder = Path(terms_module.__file__).parent
    digests = {file.stem: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("terms-*.txt")}
    assert digests == {f"terms-{version}": digest for version, digest in TERMS_DIGESTS.items()}


def test_the_page_for_key_owners_links_to_the_text_of_every_version() -> None:
    page = (TOP / "docs" / "keys.md").read_text()
    for version in TERMS_DIGESTS:
        assert f"](../shared/engine/key_management/terms-{version}.txt)" in page
