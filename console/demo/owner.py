"""The owner of the KMS key, who creates, disables and enables it in AWS. Entrakeep itself cannot do any of this."""

import os
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

ACCOUNT = "111122223333"
"""The AWS account of the demo. The simulator uses an access key id of twelve digits as the account."""
SECRET = "simulated"  # noqa: S105 - the simulator accepts any
REGION = "eu-central-1"
BUCKET = "entrakeep-demo"


class KeyOwner:
    """An administrator of the account on the AWS simulator at ``url``. Methods raise boto3's exceptions."""

    def __init__(self, url: str) -> None:
        self._kms, self._s3 = (_client(service, url) for service in ("kms", "s3"))
        self.arn = ""

    def make_key(self) -> str:
        """Create a key. Return its ARN."""
        self.arn = self._kms.create_key(Description="Entrakeep demo")["KeyMetadata"]["Arn"]
        return self.arn

    def make_bucket(self) -> None:
        """Create the bucket for blobs."""
        self._s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def disable(self) -> None:
        """Disable the key. From now on KMS refuses every use of it."""
        self._kms.disable_key(KeyId=self.arn)

    def enable(self) -> None:
        """Enable the key again."""
        self._kms.enable_key(KeyId=self.arn)


def _client(service: str, url: str) -> Any:
    """Return a client that ignores this machine's AWS settings: profiles, files and proxies."""
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
