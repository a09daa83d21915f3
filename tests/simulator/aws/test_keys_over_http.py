import json
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from tests.simulator.aws.running import OWNER, STRANGER, Aws

CONTEXT = {"tenant": "t-1"}


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


def new_key(kms: Any, **given: Any) -> str:
    return str(kms.create_key(**given)["KeyMetadata"]["Arn"])


def policy(*statements: dict[str, Any]) -> str:
    admin = {"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [admin, *statements]})


def test_a_scheduled_deletion_happens_when_the_clock_reaches_it(aws: Aws) -> None:
    kms = aws.client("kms")
    arn = new_key(kms)
    kms.create_alias(AliasName="alias/ends", TargetKeyId=arn)
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    aws.control("POST", "clock", {"advance_days": 6})
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    aws.control("POST", "clock", {"advance_days": 2})
    assert code_of(lambda: kms.describe_key(KeyId=arn)) == "NotFoundException"
    assert code_of(lambda: kms.generate_data_key(KeyId="alias/ends", KeySpec="AES_256")) == "NotFoundException"
    assert arn not in [key["KeyArn"] for key in kms.list_keys()["Keys"]]


def test_every_operation_accepts_every_name_of_a_key(aws: Aws) -> None:
    kms = aws.client("kms")
    arn = new_key(kms)
    kms.create_alias(AliasName="alias/named", TargetKeyId=arn)
    alias_arn = arn.replace("key/" + arn.split("/")[1], "alias/named")
    for name in (arn, arn.split("/")[1], "alias/named", alias_arn):
        kms.disable_key(KeyId=name)
        kms.enable_key(KeyId=name)
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == arn
        assert kms.generate_data_key(KeyId=name, KeySpec="AES_256")["KeyId"] == arn
        assert json.loads(kms.get_key_policy(KeyId=name)["Policy"])["Statement"]


def test_a_deny_in_the_key_policy_applies_at_once_to_the_owner_too(aws: Aws) -> None:
    kms = aws.client("kms")
    arn = new_key(kms)
    deny = {"Effect": "Deny", "Principal": "*", "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "*"}
    kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=policy(deny))
    assert code_of(lambda: kms.generate_data_key(KeyId=arn, KeySpec="AES_256")) == "AccessDeniedException"
    kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=policy())
    assert kms.generate_data_key(KeyId=arn, KeySpec="AES_256")["KeyId"] == arn


def test_a_policy_that_locks_its_writer_out_is_refused(aws: Aws) -> None:
    kms = aws.client("kms")
    empty = json.dumps({"Statement": []})
    put = {"KeyId": new_key(kms), "PolicyName": "default", "Policy": empty}
    assert code_of(lambda: kms.put_key_policy(**put)) == "MalformedPolicyDocumentException"
    kms.put_key_policy(**put, BypassPolicyLockoutSafetyCheck=True)


def test_a_role_is_limited_by_its_arn_and_by_the_context(aws: Aws) -> None:
    role = f"arn:aws:iam::{STRANGER}:role/worker"
    use = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": "*",
        "Condition": {
            "ArnEquals": {"aws:PrincipalArn": role},
            "StringEquals": {"kms:EncryptionContext:tenant": "t-1"},
            "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant", "purpose"]},
        },
    }
    arn = new_key(aws.client("kms"), Policy=policy(use))
    session = aws.client("sts", STRANGER).assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    credentials = {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }
    worker = aws.client("kms", **credentials)
    assert aws.client("sts", **credentials).get_caller_identity()["Arn"].endswith(":assumed-role/worker/session")
    assert worker.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=CONTEXT)["KeyId"] == arn
    requests = [(worker, {"tenant": "t-2"}), (worker, {**CONTEXT, "x": "y"}), (aws.client("kms", STRANGER), CONTEXT)]
    for client, context in requests:
        asking = {"KeyId": arn, "KeySpec": "AES_256", "EncryptionContext": context}
        assert code_of(lambda c=client, a=asking: c.generate_data_key(**a)) == "AccessDeniedException"  # type: ignore[misc]
    aws.control("POST", "clock", {"advance_days": 1})
    assert code_of(lambda: worker.describe_key(KeyId=arn)) == "ExpiredTokenException"


def test_a_foreign_account_cannot_learn_whether_a_key_exists(aws: Aws) -> None:
    kms, stranger = aws.client("kms"), aws.client("kms", STRANGER)
    arn = new_key(kms)
    absent = arn[:-1] + ("0" if arn[-1] != "0" else "1")
    assert code_of(lambda: stranger.describe_key(KeyId=arn)) == "AccessDeniedException"
    assert code_of(lambda: stranger.describe_key(KeyId=absent)) == "AccessDeniedException"


def test_every_service_refuses_an_access_key_that_was_never_issued(aws: Aws) -> None:
    unknown = {"account": "AKIAUNKNOWNUNKNOWN00"}
    assert code_of(lambda: aws.client("kms", **unknown).list_keys()) == "UnrecognizedClientException"
    assert code_of(lambda: aws.client("sts", **unknown).get_caller_identity()) == "InvalidClientTokenId"
    assert code_of(lambda: aws.client("s3", **unknown).list_buckets()) == "InvalidAccessKeyId"


def test_an_access_key_of_a_user_acts_as_its_account(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="ada")
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    user = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    assert aws.client("sts", **user).get_caller_identity()["Arn"] == f"arn:aws:iam::{OWNER}:user/ada"
    assert aws.client("kms", **user).create_key()["KeyMetadata"]["AWSAccountId"] == OWNER


def test_an_aws_managed_key_says_so_and_allows_no_use(aws: Aws) -> None:
    kms = aws.client("kms")
    metadata = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert metadata["KeyManager"] == "AWS"
    assert code_of(lambda: kms.generate_data_key(KeyId=metadata["Arn"], KeySpec="AES_256")) == "AccessDeniedException"


def test_replicas_have_their_own_states(aws: Aws) -> None:
    kms, other = aws.client("kms"), aws.client("kms", region="eu-west-1")
    primary = kms.create_key(MultiRegion=True)["KeyMetadata"]
    replica = kms.replicate_key(KeyId=primary["KeyId"], ReplicaRegion="eu-west-1")["ReplicaKeyMetadata"]
    assert replica["KeyId"] == primary["KeyId"]
    kms.disable_key(KeyId=primary["Arn"])
    assert code_of(lambda: kms.generate_data_key(KeyId=primary["Arn"], KeySpec="AES_256")) == "DisabledException"
    assert other.generate_data_key(KeyId=replica["Arn"], KeySpec="AES_256")["KeyId"] == replica["Arn"]


@pytest.mark.parametrize("state", ["Unavailable", "PendingImport", "PendingReplicaDeletion", "Creating"])
def test_a_key_can_be_put_in_a_state_that_no_call_leads_to(aws: Aws, state: str) -> None:
    kms = aws.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    aws.control("POST", "key-state", {"key": arn, "state": state})
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == state
    with pytest.raises(ClientError, match="KMSInvalidStateException"):
        kms.generate_data_key(KeyId=arn, KeySpec="AES_256")
    aws.control("POST", "key-state", {"key": arn, "state": "Enabled"})
    kms.generate_data_key(KeyId=arn, KeySpec="AES_256")


def test_a_key_that_is_put_in_the_state_enabled_is_not_deleted_later(aws: Aws) -> None:
    kms = aws.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    aws.control("POST", "key-state", {"key": arn, "state": "Enabled"})
    aws.control("POST", "clock", {"advance_days": 8})
    kms.generate_data_key(KeyId=arn, KeySpec="AES_256")


@pytest.mark.parametrize("posted", [[], {"key": "x", "state": "Enabled"}, {"key": f"{'a:' * 5}b", "state": "Gone"}])
def test_an_unknown_state_or_an_unknown_key_is_refused(aws: Aws, posted: object) -> None:
    with pytest.raises(HTTPError) as refused:
        aws.control("POST", "key-state", posted)
    assert refused.value.code == 400
    refused.value.close()


def test_operations_outside_the_gate_are_forwarded_to_moto(aws: Aws) -> None:
    kms = aws.client("kms")
    arn = new_key(kms)
    kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "team", "TagValue": "a"}])
    assert kms.list_resource_tags(KeyId=arn)["Tags"] == [{"TagKey": "team", "TagValue": "a"}]
    signer = new_key(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    signed = {"KeyId": signer, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**signed)["Signature"]
    assert kms.verify(**signed, Signature=signature)["SignatureValid"] is True
    kms.disable_key(KeyId=signer)
    assert code_of(lambda: kms.sign(**signed)) == "DisabledException"


def test_a_grant_without_effect_is_refused(aws: Aws) -> None:
    kms = aws.client("kms")
    grant = {"KeyId": new_key(kms), "GranteePrincipal": f"arn:aws:iam::{STRANGER}:root", "Operations": ["Decrypt"]}
    assert code_of(lambda: kms.create_grant(**grant)) == "UnsupportedOperationException"
