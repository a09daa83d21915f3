"""The owner of a tenant's KMS keys, in an account of their own."""

import json
from collections.abc import Iterable
from typing import Any

from tests.parts import AwsSimulator

OWNER = "444455556666"


class KeyOwner:
    """What the owner does in AWS. Entrakeep can do none of it."""

    def __init__(self, aws: AwsSimulator) -> None:
        self._kms = aws.client("kms", OWNER)

    def new_key(self, statements: Iterable[dict[str, Any]] = (), **kind: Any) -> str:
        """Create a key whose policy has these statements beside those of its administrators. Return its ARN."""
        arn: str = self._kms.create_key(**kind)["KeyMetadata"]["Arn"]
        self.paste(arn, statements)
        return arn

    def paste(self, arn: str, statements: Iterable[dict[str, Any]]) -> None:
        """Add statements to a key's policy."""
        policy = json.loads(self._kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
        policy["Statement"] += statements
        self._kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=json.dumps(policy))

    def alias(self, name: str, arn: str) -> str:
        """Give a key an alias. Return the alias's ARN."""
        self._kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=arn)
        return f"{arn.partition(':key/')[0]}:alias/{name}"

    def disable(self, arn: str) -> None:
        """Disable a key."""
        self._kms.disable_key(KeyId=arn)

    def enable(self, arn: str) -> None:
        """Enable a key."""
        self._kms.enable_key(KeyId=arn)

    def schedule_deletion(self, arn: str) -> None:
        """Schedule a key's deletion in seven days."""
        self._kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)

    def cancel_deletion(self, arn: str) -> None:
        """Cancel a key's deletion. KMS leaves the key disabled."""
        self._kms.cancel_key_deletion(KeyId=arn)
