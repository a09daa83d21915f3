import time
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from simulator.aws.faults import fault_of
from tests.simulator.aws.running import OWNER, STRANGER, Aws


def refused_with(call: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(ClientError) as refused:
        call()
    answer = refused.value.response
    return str(answer["Error"]["Code"]), int(answer["ResponseMetadata"]["HTTPStatusCode"])


def fired(aws: Aws) -> list[int]:
    return [fault["fired"] for fault in aws.control("GET", "faults")]


def throttled(**more: Any) -> dict[str, Any]:
    return {"what": "error", "code": "ThrottlingException", "status": 400, "message": "Rate exceeded", **more}


def test_an_error_skips_strikes_the_given_number_of_times_and_ends(aws: Aws) -> None:
    kms = aws.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    aws.control("POST", "faults", [throttled(match={"service": "kms", "action": "DescribeKey"}, skip=1, times=2)])
    kms.describe_key(KeyId=arn)
    for _ in range(2):
        assert refused_with(lambda: kms.describe_key(KeyId=arn)) == ("ThrottlingException", 400)
    kms.describe_key(KeyId=arn)
    assert fired(aws) == [2]


def test_a_fault_applies_to_a_key_under_all_its_names_and_to_no_other_key(aws: Aws) -> None:
    kms = aws.client("kms")
    arn, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    kms.create_alias(AliasName="alias/faulty", TargetKeyId=arn)
    blob = kms.generate_data_key(KeyId=arn, KeySpec="AES_256")["CiphertextBlob"]
    aws.control("POST", "faults", [throttled(match={"key": arn})])
    for call in (
        lambda: kms.describe_key(KeyId="alias/faulty"),
        lambda: kms.describe_key(KeyId=arn.split("/")[1]),
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other),
    ):
        assert refused_with(call)[0] == "ThrottlingException"
    kms.describe_key(KeyId=other)


def test_a_fault_applies_to_one_account_only(aws: Aws) -> None:
    aws.control("POST", "faults", [throttled(match={"account": OWNER})])
    assert refused_with(lambda: aws.client("kms").list_keys())[0] == "ThrottlingException"
    aws.client("kms", STRANGER).list_keys()


def test_an_s3_fault_is_xml_and_leaves_the_connection_usable(aws: Aws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="faults", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    slow_down = {"what": "error", "code": "SlowDown", "status": 503, "times": 1, "match": {"action": "PutObject"}}
    aws.control("POST", "faults", [slow_down])
    body = b"x" * 300_000
    assert refused_with(lambda: s3.put_object(Bucket="faults", Key="a", Body=body)) == ("SlowDown", 503)
    s3.put_object(Bucket="faults", Key="a", Body=body)
    assert s3.get_object(Bucket="faults", Key="a")["Body"].read() == body


def test_a_dropped_answer_is_a_reset_connection_and_changes_nothing(aws: Aws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="dropped", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    aws.control("POST", "faults", [{"what": "drop", "times": 1, "match": {"service": "s3", "key": "a"}}])
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)) as reset:
        s3.put_object(Bucket="dropped", Key="a", Body=b"x")
    assert "reset" in repr(reset.value.kwargs) or "aborted" in repr(reset.value.kwargs)
    assert refused_with(lambda: s3.head_object(Bucket="dropped", Key="a"))[1] == 404
    counted = {(each["action"], each["code"]) for each in aws.control("GET", "requests")}
    assert counted >= {("PutObject", "dropped"), ("HeadObject", "404")}


def test_a_slow_answer_is_late_and_correct(aws: Aws) -> None:
    kms = aws.client("kms")
    aws.control("POST", "faults", [{"what": "slow", "seconds": 0.3, "times": 1}])
    started = time.monotonic()
    assert "Keys" in kms.list_keys()
    assert time.monotonic() - started >= 0.3
    assert fired(aws) == [1]


def test_requests_are_counted_by_answer(aws: Aws) -> None:
    kms = aws.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=arn)
    for _ in range(3):
        assert refused_with(lambda: kms.generate_data_key(KeyId=arn, KeySpec="AES_256"))[0] == "DisabledException"
    expected = {
        "service": "kms",
        "action": "GenerateDataKey",
        "account": OWNER,
        "code": "DisabledException",
        "count": 3,
    }
    assert expected in aws.control("GET", "requests")
    aws.control("POST", "reset-counters")
    assert aws.control("GET", "requests") == []


@pytest.mark.parametrize(
    "raw",
    [
        1,
        {},
        {"what": "melt"},
        {"what": "drop", "often": 1},
        {"what": "drop", "match": {"path": "x"}},
        {"what": "drop", "match": {"key": 1}},
        {"what": "slow", "seconds": -1},
        {"what": "drop", "times": "2"},
    ],
)
def test_a_meaningless_fault_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match="fault"):
        fault_of(raw)


@pytest.mark.parametrize(
    ("method", "path", "value", "status"),
    [
        ("POST", "faults", {"what": "drop"}, 400),
        ("POST", "clock", {"advance_days": -1}, 400),
        ("POST", "clock", {"days": 1}, 400),
        ("GET", "nothing", None, 404),
    ],
)
def test_bad_control_requests_are_refused_with_one_sentence(
    aws: Aws, method: str, path: str, value: object, status: int
) -> None:
    with pytest.raises(HTTPError) as refused:
        aws.control(method, path, value)
    assert refused.value.code == status
    assert b"error" in refused.value.read()
