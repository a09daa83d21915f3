"""A KMS key as the key management service describes it."""

from datetime import datetime

import msgspec


class KeyDescription(msgspec.Struct, frozen=True, kw_only=True):
    """The service's description of a key, in the service's own words (DescribeKey)."""

    arn: str
    """The key's own ARN, even if the request named an alias."""
    state: str
    manager: str
    spec: str
    usage: str
    origin: str
    related: list[str] = []
    """The ARNs of all Regions of a multi-Region key; empty for any other key."""
    deletion: datetime | None = None
    """When the key will be deleted, if that is scheduled."""
    material_expires: datetime | None = None
    """When the imported key material expires, if it does."""
    request_id: str | None = None
