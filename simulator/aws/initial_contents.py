"""Initial contents of an account: a KMS key with a predefined ARN, and an empty bucket."""

import re

from moto.s3.exceptions import InvalidBucketName
from moto.s3.models import s3_backends

from simulator.aws.gate import Gate
from simulator.aws.keys import Key, default_policy
from simulator.aws.policy import parse_policy

_KEY = re.compile(r"arn:aws:kms:([a-z0-9-]+):(\d{12}):key/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def create_initial_contents(gate: Gate, arn: str, bucket: str | None) -> None:
    """Create the symmetric key of this ARN and, in its account and Region, the bucket if one is named.

    Raises ValueError with a message for the user if the ARN or the bucket name is invalid.
    """
    match = _KEY.fullmatch(arn)
    if match is None:
        raise ValueError(f"{arn} is not the ARN of a KMS key")
    region, account, key_id = match.groups()
    policy = default_policy(account)
    gate.keys.add(
        Key(
            id=key_id,
            account=account,
            region=region,
            spec="SYMMETRIC_DEFAULT",
            usage="ENCRYPT_DECRYPT",
            origin="AWS_KMS",
            description="",
            created=gate.keys.clock.now(),
            policy=policy,
            statements=parse_policy(policy),
        )
    )
    if bucket is not None:
        try:
            s3_backends[account]["aws"].create_bucket(bucket, region)
        except InvalidBucketName:
            raise ValueError(f"{bucket} is not the name of a bucket") from None
