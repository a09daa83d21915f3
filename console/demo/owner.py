"""The owner of the KMS key, at work in AWS: makes it, disables it, enables it again. Entrakeep itself can do none of it."""

import os
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

ACCOUNT = "111122223333"
"""The AWS account of the demo: the simulator takes an access key id of twelve digits for the account."""
SECRET = "simulated"  # noqa: S105 - any will do
REGION = "eu-central-1"
BUCKET = "entrakeep-demo"


class KeyOwner:
    """Somebody with every right in the account, on the AWS simulator at ``url``. Methods raise what boto3 raises."""

    def __init__(self, url: str) -> None:
        self._kms, self._s3 = (_client(service, url) for service in ("kms", "s3"))
        self.arn = ""

    def make_key(self) -> str:
        """Make a key; its ARN."""
        self.arn = self._kms.create_key(Description="Entrakeep demo")["KeyMetadata"]["Arn"]
        return self.arn

    def make_bucket(self) -> None:
        """Make the bucket that blobs are stored in."""
        self._s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def disable(self) -> None:
        """Disable the key: KMS refuses every use of it from now on."""
        self._kms.disable_key(KeyId=self.arn)

    def enable(self) -> None:
        """Enable the key again."""
        self._kms.enable_key(KeyId=self.arn)


def _client(service: str, url: str) -> Any:
    """A client that takes nothing from this machine's own AWS settings: no profile, no file, no proxy."""
    unset = (None, None, None, None)
    nowhere = (None, None, os.devnull, None)
    session = botocore.session.Session(
        session_vars={"profile": unset, "config_file": nowhere, "credentials_file": nowhere}
    )
    return boto3.session.Session(
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key=SECRET,
        region_name=REGION,
        botocore_session=session,
    ).client(service, endpoint_url=url, config=Config(proxies={}))  # type: ignore[call-overload]
