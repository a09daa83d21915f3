from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulator.aws.s3 import S3Call, s3_call
from tests.simulator.aws.running import REGION, STRANGER, Aws


def bucket(aws: Aws, name: str) -> Any:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return s3


def test_one_of_many_concurrent_writers_with_if_none_match_wins(aws: Aws) -> None:
    s3 = bucket(aws, "contended")

    def put(writer: int) -> str:
        try:
            s3.put_object(Bucket="contended", Key="commit", Body=str(writer), IfNoneMatch="*")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "won"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(put, range(24)))
    assert answers.count("won") == 1
    assert set(answers) <= {"won", "PreconditionFailed"}
    winner = s3.get_object(Bucket="contended", Key="commit")["Body"].read()
    assert winner.decode() == str(answers.index("won"))


def test_objects_of_another_account_are_inaccessible(aws: Aws) -> None:
    s3 = bucket(aws, "private")
    s3.put_object(Bucket="private", Key="a", Body=b"x")
    with pytest.raises(ClientError) as refused:
        aws.client("s3", STRANGER).get_object(Bucket="private", Key="a")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_multipart_range_list_and_delete_work(aws: Aws) -> None:
    s3 = bucket(aws, "whole")
    upload = s3.create_multipart_upload(Bucket="whole", Key="p/é +%")["UploadId"]
    parts = []
    for number, body in enumerate((b"a" * (5 << 20), b"b" * 100), start=1):
        put = {"Bucket": "whole", "Key": "p/é +%", "UploadId": upload, "PartNumber": number}
        parts.append({"PartNumber": number, "ETag": s3.upload_part(**put, Body=body)["ETag"]})
    s3.complete_multipart_upload(Bucket="whole", Key="p/é +%", UploadId=upload, MultipartUpload={"Parts": parts})
    answer = s3.get_object(Bucket="whole", Key="p/é +%", Range=f"bytes={(5 << 20) - 2}-{(5 << 20) + 1}")
    assert answer["Body"].read() == b"aabb"
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="whole", Prefix="p/")["Contents"]] == ["p/é +%"]
    s3.delete_object(Bucket="whole", Key="p/é +%")
    assert s3.list_objects_v2(Bucket="whole")["KeyCount"] == 0
    counted = {each["action"] for each in aws.control("GET", "requests")}
    assert counted >= {
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
        "ListObjectsV2",
        "DeleteObject",
    }


@pytest.mark.parametrize(
    ("method", "path", "query", "action"),
    [
        ("GET", "/", "", "ListBuckets"),
        ("PUT", "/b", "", "CreateBucket"),
        ("HEAD", "/b", "", "HeadBucket"),
        ("GET", "/b/", "list-type=2&prefix=x", "ListObjectsV2"),
        ("GET", "/b", "prefix=x", "ListObjects"),
        ("GET", "/b", "location", "GetBucketLocation"),
        ("POST", "/b", "delete", "DeleteObjects"),
        ("PUT", "/b/k/l", "", "PutObject"),
        ("PUT", "/b/k", "tagging", "PutObjectTagging"),
        ("POST", "/b/k", "uploads", "CreateMultipartUpload"),
        ("PUT", "/b/k", "uploadId=1&partNumber=1", "UploadPart"),
        ("DELETE", "/b/k", "uploadId=1", "AbortMultipartUpload"),
        ("GET", "/b/k", "", "GetObject"),
        ("DELETE", "/b/k", "", "DeleteObject"),
    ],
)
def test_requests_are_named_as_in_the_api_reference(method: str, path: str, query: str, action: str) -> None:
    assert s3_call(method, path, query, copies=False).action == action


def test_a_copy_is_distinguished_from_a_put() -> None:
    assert s3_call("PUT", "/b/k/l", "", copies=True) == S3Call("CopyObject", "b", "k/l")
