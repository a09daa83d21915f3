"""Sessions of AWS, for the adapters that talk to it."""

import functools
from typing import Any

import boto3
import botocore.session


def session(region: str | None) -> boto3.session.Session:
    """A new session in this Region, or where the AWS way says if it is None. Credentials come the AWS way too."""
    made = botocore.session.Session()
    made.register_component("data_loader", _models())
    return boto3.session.Session(botocore_session=made, region_name=region)


@functools.cache
def _models() -> Any:
    """What botocore knows of AWS's services. It is read once a process, which takes longer than all else about a client."""
    return botocore.session.Session().get_component("data_loader")
