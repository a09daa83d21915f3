"""The key service with two keys of two accounts, against a KMS that refuses as AWS does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.adapters.kms import AwsKeys
from shared.adapters.kms.service import principal_of
from shared.domain.errors import Alarm, KeyRefused, KeyTrouble
from tests.parts import ACCOUNT, REGION, AwsSimulator, aws_simulator

OWNER = "444455556666"
CONTEXT = {"tenant": "a-tenant", "purpose": "backup"}
USE = ["kms:DescribeKey", "kms:GenerateDataKey", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"]


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsSimulator]:
    with aws_simulator() as simulator:
        yield simulator


@pytest.fixture
def keys(aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch) -> AwsKeys:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    environment = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": REGION}
    for name, value in (environment | {f"AWS_ENDPOINT_URL_{service}": aws.url for service in ("KMS", "STS")}).items():
        monkeypatch.setenv(name, value)
    aws.clear_faults()
    return AwsKeys(60.0)


def allow(aws: AwsSimulator, arn: str, actions: list[str]) -> None:
    """Allow the provider's account only these actions with a key of the owner."""
    for_owner = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OWNER}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    for_provider = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": actions, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [for_owner, for_provider]})
    aws.client("kms", OWNER).put_key_policy(KeyId=arn, PolicyName="default", Policy=policy)


@pytest.fixture
def foreign(aws: AwsSimulator) -> str:
    """Create a key in another account that the provider's account may use."""
    arn: str = aws.client("kms", OWNER).create_key()["KeyMetadata"]["Arn"]
    allow(aws, arn, USE)
    return arn


@pytest.fixture
def own(aws: AwsSimulator) -> str:
    return aws.new_key()


def test_a_data_key_is_rewrapped_by_a_key_of_another_account_and_back(keys: AwsKeys, own: str, foreign: str) -> None:
    fresh = keys.generate(own, CONTEXT)
    moved = keys.reencrypt(own, fresh.wrapped, CONTEXT, foreign, "d")
    assert moved.arn == foreign
    assert keys.decrypt(foreign, moved.wrapped, CONTEXT, "d").reveal() == fresh.plaintext.reveal()
    with pytest.raises(Alarm):
        keys.decrypt(own, moved.wrapped, CONTEXT, "d")
    back = keys.reencrypt(foreign, moved.wrapped, CONTEXT, own, "d")
    assert keys.decrypt(own, back.wrapped, CONTEXT, "d").reveal() == fresh.plaintext.reveal()
    assert None not in (fresh.request_id, moved.request_id)


@pytest.mark.parametrize("context", [{"tenant": "b-tenant", "purpose": "backup"}, {"tenant": "a-tenant"}])
def test_a_data_key_with_another_context_is_not_rewrapped(
    keys: AwsKeys, own: str, foreign: str, context: dict[str, str]
) -> None:
    fresh = keys.generate(own, context)
    with pytest.raises(Alarm) as caught:
        keys.reencrypt(own, fresh.wrapped, CONTEXT, foreign, "the-data-key")
    assert caught.value.blob == "the-data-key"


@pytest.mark.parametrize("lacking", ["kms:ReEncryptFrom", "kms:Decrypt", "kms:ReEncryptTo", "disabled", "pending"])
@pytest.mark.parametrize("direction", ["from", "to"])
def test_a_reencrypt_refusal_names_the_refused_key(
    aws: AwsSimulator, keys: AwsKeys, own: str, foreign: str, lacking: str, direction: str
) -> None:
    arn, to_arn = (foreign, own) if direction == "from" else (own, foreign)
    wrapped = keys.generate(arn, CONTEXT).wrapped
    kms: Any = aws.client("kms", OWNER)
    if lacking == "disabled":
        kms.disable_key(KeyId=foreign)
    elif lacking == "pending":
        kms.schedule_key_deletion(KeyId=foreign, PendingWindowInDays=7)
    else:
        allow(aws, foreign, [action for action in USE if action != lacking])
    needed = {"from": "kms:ReEncryptFrom", "to": "kms:ReEncryptTo"}[direction]
    if lacking.startswith("kms:") and lacking != needed:
        assert keys.reencrypt(arn, wrapped, CONTEXT, to_arn, "d").arn == to_arn
        return
    with pytest.raises(KeyRefused) as caught:
        keys.reencrypt(arn, wrapped, CONTEXT, to_arn, "d")
    assert caught.value.arn == foreign
    assert foreign in caught.value.message


def test_reencrypt_trouble_is_not_a_refusal_of_either_key(
    aws: AwsSimulator, keys: AwsKeys, own: str, foreign: str
) -> None:
    wrapped = keys.generate(own, CONTEXT).wrapped
    match = {"service": "kms", "action": "ReEncrypt"}
    aws.fault({"match": match, "times": 2, "what": "error", "code": "ThrottlingException", "status": 400})
    with pytest.raises(KeyTrouble):
        keys.reencrypt(own, wrapped, CONTEXT, foreign, "d")


def test_an_alias_is_described_by_the_arn_of_its_key(aws: AwsSimulator, keys: AwsKeys, foreign: str) -> None:
    aws.client("kms", OWNER).create_alias(AliasName="alias/backups", TargetKeyId=foreign)
    alias = f"arn:aws:kms:{REGION}:{OWNER}:alias/backups"
    description = keys.describe(alias)
    assert (description.arn, description.state, description.manager) == (foreign, "Enabled", "CUSTOMER")
    assert (description.spec, description.usage, description.origin, description.related) == (
        "SYMMETRIC_DEFAULT",
        "ENCRYPT_DECRYPT",
        "AWS_KMS",
        [],
    )
    assert keys.describe(foreign).arn == foreign
    aws.client("kms", OWNER).delete_alias(AliasName="alias/backups")


def test_a_key_is_described_in_every_state_and_with_its_other_regions(aws: AwsSimulator, keys: AwsKeys) -> None:
    kms: Any = aws.client("kms")
    arn = kms.create_key(MultiRegion=True)["KeyMetadata"]["Arn"]
    kms.replicate_key(KeyId=arn, ReplicaRegion="eu-west-1")
    kms.schedule_key_deletion(KeyId=aws.new_key(), PendingWindowInDays=7)
    assert keys.describe(arn).related == [arn, arn.replace(REGION, "eu-west-1")]
    other = aws.new_key()
    kms.schedule_key_deletion(KeyId=other, PendingWindowInDays=7)
    description = keys.describe(other)
    assert description.state == "PendingDeletion"
    assert description.deletion is not None


def test_describe_without_permission_is_refused(aws: AwsSimulator, keys: AwsKeys, foreign: str) -> None:
    allow(aws, foreign, ["kms:Decrypt"])
    with pytest.raises(KeyRefused):
        keys.describe(foreign)


def test_a_probe_succeeds_on_an_enabled_key_and_is_refused_on_a_disabled_key(
    aws: AwsSimulator, keys: AwsKeys, own: str
) -> None:
    keys.probe(own, CONTEXT)
    aws.client("kms").disable_key(KeyId=own)
    with pytest.raises(KeyRefused):
        keys.probe(own, CONTEXT)


def test_the_caller_is_reported_as_a_key_policy_names_it(keys: AwsKeys) -> None:
    assert keys.caller().account == ACCOUNT
    assert keys.caller().principal == f"arn:aws:iam::{ACCOUNT}:root"


@pytest.mark.parametrize(
    ("caller", "principal"),
    [
        ("arn:aws:sts::1:assumed-role/workers/i-0f", "arn:aws:iam::1:role/workers"),
        ("arn:aws-cn:sts::1:assumed-role/workers/i-0f", "arn:aws-cn:iam::1:role/workers"),
        ("arn:aws:iam::1:user/ops/entrakeep", "arn:aws:iam::1:user/ops/entrakeep"),
        ("arn:aws:iam::1:root", "arn:aws:iam::1:root"),
    ],
)
def test_the_principal_of_a_role_session_is_its_role(caller: str, principal: str) -> None:
    assert principal_of(caller) == principal
