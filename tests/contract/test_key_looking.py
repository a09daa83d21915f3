"""A closer look at a key, against a KMS that refuses as AWS does: what shrinks is seen while data keys still open."""

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


class Owned:
    """A tenant's own key in its owner's account, a data key that it wraps, and what its owner does with it."""

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
        own = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
        ours = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [own, ours]})
        self.kms.put_key_policy(KeyId=self.arn, PolicyName="default", Policy=policy)

    def look(self, held: KeyCondition = KeyCondition.OK) -> list[str] | None:
        found = find_warnings(self.keys, NOW, self.tenant, self.wrapped, held)
        return None if found is None else [warning.warning for warning in found]


@pytest.fixture
def owned(aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch) -> Owned:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    given = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": REGION}
    for name, value in (given | {"AWS_ENDPOINT_URL_KMS": aws.url}).items():
        monkeypatch.setenv(name, value)
    aws.clear_faults()
    return Owned(aws)


def test_of_a_key_that_may_be_used_for_everything_nothing_is_warned(owned: Owned) -> None:
    assert owned.look() == []


@pytest.mark.parametrize(
    ("taken", "warnings"),
    [
        ("kms:GenerateDataKey", ["no-new-data-keys"]),
        ("kms:ReEncryptFrom", ["no-way-out"]),
        ("kms:ReEncryptTo", ["no-way-out"]),
        ("kms:DescribeKey", []),
    ],
)
def test_a_policy_that_shrinks_is_seen_while_data_keys_still_open(
    owned: Owned, taken: str, warnings: list[str]
) -> None:
    owned.allow(*(action for action in ALL if action != taken))
    assert owned.look() == warnings
    assert owned.keys.decrypt(owned.arn, owned.wrapped.wrapped, owned.wrapped.context, "d").reveal()


def test_a_look_makes_no_data_key(owned: Owned) -> None:
    owned.aws.post("reset-counters")
    owned.look()
    rows = {row["action"]: row["code"] for row in owned.aws.get("requests") if row["service"] == "kms"}
    assert rows.keys() == {"DescribeKey", "GenerateDataKey", "ReEncrypt"}
    assert (rows["GenerateDataKey"], rows["ReEncrypt"]) == ("DryRunOperationException", "DryRunOperationException")


def test_of_a_key_that_is_refused_only_its_state_is_looked_at(owned: Owned) -> None:
    owned.kms.disable_key(KeyId=owned.arn)
    assert owned.look(KeyCondition.REVOKED) == ["disabled"]
    owned.kms.schedule_key_deletion(KeyId=owned.arn, PendingWindowInDays=7)
    (warning,) = find_warnings(owned.keys, NOW, owned.tenant, owned.wrapped, KeyCondition.REVOKED) or []
    assert (warning.warning, warning.at is not None) == ("deletion", True)
    with pytest.raises(KeyRefused):
        owned.keys.probe(owned.arn, owned.wrapped.context)


def test_a_kms_in_trouble_says_nothing(owned: Owned) -> None:
    owned.aws.fault(
        {
            "match": {"service": "kms", "action": "ReEncrypt"},
            "what": "error",
            "code": "ThrottlingException",
            "status": 400,
        }
    )
    assert owned.look() is None
