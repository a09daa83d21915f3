"""The rules of a change of a tenant's key: which check permits it, and which tenant may change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from shared.domain.arns import check_form, clean_arn
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Check, Job, JobKind, JobState, KeyAnswer, KeyChecks, Origin
from shared.domain.key_checks import CHECKS, REPEATED, VALID_FOR, check_may_change, checked_key, running_check
from shared.domain.kms_key import KeyDescription
from shared.domain.model import KeyMode, Tenant

ENDED = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ARN = "arn:aws:kms:eu-central-1:444455556666:key/0f3e5a3c-7c1e-4a3d-9a44-5d2f4b1c8e07"
OTHER = "arn:aws:kms:eu-central-1:444455556666:key/5d2f4b1c-8e07-4a3d-9a44-0f3e5a3c7c1e"
ALIAS = "arn:aws:kms:eu-central-1:444455556666:alias/backup"
KEY = KeyDescription(
    arn=ARN, state="Enabled", manager="CUSTOMER", spec="SYMMETRIC_DEFAULT", usage="ENCRYPT_DECRYPT", origin="AWS_KMS"
)
PASSED = Job(
    job_id="c1",
    tenant_id="t1",
    kind=JobKind.KEY_CHECK,
    state=JobState.SUCCEEDED,
    origin=Origin.HAND,
    created_at=ENDED - timedelta(seconds=12),
    finished_at=ENDED,
    detail=KeyChecks(arn=ALIAS, key=KEY),
)
PROVIDER = Tenant(
    tenant_id="t1",
    name="contoso",
    directory_id="d",
    client_id="c",
    created_at=ENDED,
    key_mode=KeyMode.PROVIDER,
    key_arn="arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000000",
    key_epoch=1,
)
OWN = msgspec.structs.replace(PROVIDER, key_mode=KeyMode.CUSTOMER, key_arn=ARN)


def refusal(call: Any, *arguments: Any, **options: Any) -> tuple[Code, str]:
    with pytest.raises(Refuse) as caught:
        call(*arguments, **options)
    return caught.value.code, caught.value.message


def test_a_check_permits_the_change_to_the_keys_own_arn_for_fifteen_minutes() -> None:
    assert checked_key(PASSED, "t1", ENDED + VALID_FOR) == ARN
    assert checked_key(PASSED, "t1", ENDED, ARN) == ARN
    code, sentence = refusal(checked_key, PASSED, "t1", ENDED + timedelta(minutes=20))
    assert code is Code.KEY_INVALID
    assert "ended 20 minutes ago, and is valid for 15" in sentence


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"tenant_id": "t2"}, Code.NO_SUCH_JOB, "This tenant has no job c1"),
        ({"state": JobState.RUNNING, "finished_at": None}, Code.BUSY, "has not ended"),
        ({"state": JobState.FAILED}, Code.KEY_INVALID, "has not passed"),
        ({"state": JobState.CANCELLED}, Code.KEY_INVALID, "has not passed"),
        ({"detail": KeyChecks(arn=ARN)}, Code.KEY_INVALID, "has not passed"),
        ({"detail": KeyAnswer(state="ok")}, Code.KEY_INVALID, "did not check a new key"),
        ({"detail": None}, Code.KEY_INVALID, "did not check a new key"),
    ],
    ids=["foreign", "running", "failed", "cancelled", "unseen", "current key", "nothing"],
)
def test_no_other_job_permits_a_change(changes: dict[str, Any], code: Code, words: str) -> None:
    caught = refusal(checked_key, msgspec.structs.replace(PASSED, **changes), "t1", ENDED)
    assert caught[0] is code
    assert words in caught[1]


def test_a_check_of_another_key_than_the_one_shown_permits_nothing() -> None:
    code, sentence = refusal(checked_key, PASSED, "t1", ENDED, OTHER)
    assert (code, ARN in sentence) == (Code.KEY_INVALID, True)


def test_the_running_check_is_the_first_without_a_result() -> None:
    def with_checks(*outcomes: str) -> Job:
        made = [Check(check=name, outcome=outcome) for name, outcome in zip(CHECKS, outcomes, strict=False)]
        return msgspec.structs.replace(PASSED, detail=KeyChecks(arn=ARN, checks=made))

    assert running_check(with_checks()) == "form"
    assert running_check(with_checks("passed", "passed", "warned")) == "seen"
    assert running_check(with_checks("passed", "failed")) is None
    assert running_check(with_checks(*["passed"] * len(CHECKS))) is None


def test_the_repeated_checks_are_checks_in_the_same_order() -> None:
    assert [name for name in CHECKS if name in REPEATED] == list(REPEATED)
    assert len(CHECKS) == 14


@pytest.mark.parametrize(
    ("tenant", "kind", "arn", "allowed", "done", "code", "words"),
    [
        (PROVIDER, JobKind.KEY_ENABLE, ARN, False, False, Code.KEY_NOT_ALLOWED, "'entrakeep key allow contoso'"),
        (PROVIDER, JobKind.KEY_UPDATE, ARN, True, False, Code.WRONG_USE, "'entrakeep key enable contoso'"),
        (OWN, JobKind.KEY_ENABLE, OTHER, True, True, Code.WRONG_USE, "'entrakeep key update contoso'"),
        (OWN, JobKind.KEY_ENABLE, ARN, True, True, Code.WRONG_USE, "has this key already"),
        (OWN, JobKind.KEY_UPDATE, ARN, False, True, Code.WRONG_USE, "has this key already"),
    ],
)
def test_a_tenant_that_may_not_change_gets_a_sentence(
    tenant: Tenant, kind: JobKind, arn: str, allowed: bool, done: bool, code: Code, words: str
) -> None:
    caught = refusal(check_may_change, tenant, kind, arn, allowed=allowed, done=done)
    assert caught[0] is code
    assert words in caught[1]


@pytest.mark.parametrize(
    ("tenant", "kind", "arn", "allowed", "done"),
    [
        (PROVIDER, JobKind.KEY_ENABLE, ARN, True, False),
        (OWN, JobKind.KEY_UPDATE, OTHER, False, True),
        (OWN, JobKind.KEY_UPDATE, ARN, False, False),
        (OWN, JobKind.KEY_ENABLE, ARN, False, False),
    ],
    ids=["first", "next", "update resumed", "enable resumed"],
)
def test_a_change_is_possible(tenant: Tenant, kind: JobKind, arn: str, allowed: bool, done: bool) -> None:
    check_may_change(tenant, kind, arn, allowed=allowed, done=done)


@pytest.mark.parametrize(
    "copied",
    [f"  {ARN}\n", f"\t{ARN}\r\n", f"{ARN[:30]}\r\n    {ARN[30:]}", f"\ufeff{ARN}\u200b", f"\u00a0{ARN}\u2028", ARN],
    ids=["line break", "tab", "wrapped", "invisible", "no-break", "clean"],
)
def test_an_arn_is_taken_without_the_spaces_of_a_copied_text(copied: str) -> None:
    assert clean_arn(copied) == ARN
    check_form(clean_arn(copied))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://contoso.vault.azure.net/keys/backup/0", "Azure Key Vault"),
        (" HTTPS://contoso.managedhsm.azure.net/keys/b ", "Azure Key Vault"),
        ("/subscriptions/1/resourceGroups/r/providers/Microsoft.KeyVault/vaults/v/keys/k", "Azure Key Vault"),
        ("projects/p/locations/l/keyRings/r/cryptoKeys/k", "Google Cloud KMS"),
        ("gcp-kms://projects/p/locations/l/keyRings/r/cryptoKeys/k", "Google Cloud KMS"),
        ("//cloudkms.googleapis.com/projects/p/locations/l/keyRings/r/cryptoKeys/k", "Google Cloud KMS"),
        ("0f3e5a3c-7c1e-4a3d-9a44-5d2f4b1c8e07", "not the ARN of an AWS KMS key"),
        ("alias/backup", "not the ARN of an AWS KMS key"),
        (f"{ARN}{OTHER}", "not the ARN of an AWS KMS key"),
        ("arn:aws:iam::444455556666:role/backup", "not the ARN of an AWS KMS key"),
        ("x" * 10_000, "not the ARN of an AWS KMS key"),
        ("", "not the ARN of an AWS KMS key"),
    ],
)
def test_any_other_text_is_refused_by_name(text: str, words: str) -> None:
    code, sentence = refusal(check_form, clean_arn(text))
    assert code is Code.KEY_INVALID
    assert words in sentence
