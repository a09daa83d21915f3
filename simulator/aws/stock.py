"""What an account has from the beginning: a KMS key with an ARN known beforehand, and an empty bucket."""

import re

from moto.s3.exceptions import InvalidBucketName
from moto.s3.models import s3_backends

from simulator.aws.gate import Gate
from simulator.aws.keys import Key, default_policy
from simulator.aws.policy import parse_policy

_KEY = re.compile(r"arn:aws:kms:([a-z0-9-]+):(\d{12}):key/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def stock(gate: Gate, arn: str, bucket: str | None) -> None:
    """Make the symmetric key of this ARN and, for its account and Region, the bucket. ValueError says what is wrong."""
    found = _KEY.fullmatch(arn)
    if found is None:
        raise ValueError(f"{arn} is not the ARN of a KMS key")
    region, account, key_id = found.groups()
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
