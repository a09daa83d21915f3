"""Inspection of a key, against a KMS that refuses as AWS does. Lost permissions are reported while data keys still open."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from shared.adapters.kms import AwsKeys
from shared.domain.errors import KeyRefused
from shared.domain.key_health import KeyCondition
from shared.domain.model import KeyMode, Purpose, Tenant, WrappedKey
from shared.engine.key_health.warnings import find_warnings
from tests.parts import ACCOUNT, REGION, AwsSimulator, aws_simulator

OWNER = "444455556666"
ALL = ["kms:DescribeKey", "kms:GenerateDataKey", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsSimulator]:
    with aws_simulator() as simulator:
        yield simulator


class CustomerKey:
    """A customer key in its owner's account, a data key that it wraps, and the owner's actions."""

    def __init__(self, aws: AwsSimulator) -> None:
        self.aws, self.kms, self.keys = aws, aws.client("kms", OWNER), AwsKeys(60.0)
        self.arn: str = self.kms.create_key()["KeyMetadata"]["Arn"]
        self.allow(*ALL)
        context = {"tenant": "t", "purpose": "secrets"}
        self.wrapped = WrappedKey(
            data_key_id="d" * 64,
            purpose=Purpose.SECRETS,
            arn=self.arn,
            generation=1,
            key_epoch=1,
            context=context,
            wrapped=self.keys.generate(self.arn, context).wrapped,
            created_at=NOW,
        )
        self.tenant = Tenant(
            tenant_id="t",
            name="acme",
            directory_id="d",
            client_id="c",
            created_at=NOW,
            key_mode=KeyMode.CUSTOMER,
            key_arn=self.arn,
            key_epoch=1,
        )

    def allow(self, *actions: str) -> None:
        root = {"AWS": f"arn:aws:iam::{OWNER}:root"}
        for_owner = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
        for_provider = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [for_owner, for_provider]})
        self.kms.put_key_policy(KeyId=self.arn, PolicyName="default", Policy=policy)

    def inspect(self, condition: KeyCondition = KeyCondition.OK) -> list[str] | None:
        warnings = find_warnings(self.keys, NOW, self.tenant, self.wrapped, condition)
        return None if warnings is None else [warning.warning for warning in warnings]


@pytest.fixture
def customer_key(aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch) -> CustomerKey:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    environment = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": REGION}
    for name, value in (environment | {"AWS_ENDPOINT_URL_KMS": aws.url}).items():
        monkeypatch.setenv(name, value)
    aws.clear_faults()
    return CustomerKey(aws)


def test_a_fully_usable_key_causes_no_warning(customer_key: CustomerKey) -> None:
    assert customer_key.inspect() == []


@pytest.mark.parametrize(
    ("removed_action", "warnings"),
    [
        ("kms:GenerateDataKey", ["no-new-data-keys"]),
        ("kms:ReEncryptFrom", ["no-way-out"]),
        ("kms:ReEncryptTo", ["no-way-out"]),
        ("kms:DescribeKey", []),
    ],
)
def test_a_reduced_key_policy_is_reported_while_data_keys_still_open(
    customer_key: CustomerKey, removed_action: str, warnings: list[str]
) -> None:
    customer_key.allow(*(action for action in ALL if action != removed_action))
    assert customer_key.inspect() == warnings
    assert customer_key.keys.decrypt(
        customer_key.arn, customer_key.wrapped.wrapped, customer_key.wrapped.context, "d"
    ).reveal()


def test_a_key_inspection_creates_no_data_key(customer_key: CustomerKey) -> None:
    customer_key.aws.post("reset-counters")
    customer_key.inspect()
    rows = {row["action"]: row["code"] for row in customer_key.aws.get("requests") if row["service"] == "kms"}
    assert rows.keys() == {"DescribeKey", "GenerateDataKey", "ReEncrypt"}
    assert (rows["GenerateDataKey"], rows["ReEncrypt"]) == ("DryRunOperationException", "DryRunOperationException")


def test_inspection_of_a_refused_key_reads_only_its_state(customer_key: CustomerKey) -> None:
    customer_key.kms.disable_key(KeyId=customer_key.arn)
    assert customer_key.inspect(KeyCondition.REVOKED) == ["disabled"]
    customer_key.kms.schedule_key_deletion(KeyId=customer_key.arn, PendingWindowInDays=7)
    (warning,) = (
        find_warnings(customer_key.keys, NOW, customer_key.tenant, customer_key.wrapped, KeyCondition.REVOKED) or []
    )
    assert (warning.warning, warning.at is not None) == ("deletion", True)
    with pytest.raises(KeyRefused):
        customer_key.keys.probe(customer_key.arn, customer_key.wrapped.context)


def test_inspection_returns_nothing_while_kms_is_in_trouble(customer_key: CustomerKey) -> None:
    customer_key.aws.fault(
        {
            "match": {"service": "kms", "action": "ReEncrypt"},
            "what": "error",
            "code": "ThrottlingException",
            "status": 400,
        }
    )
    assert customer_key.inspect() is None
