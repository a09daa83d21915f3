"""AWS sessions, and botocore's errors before a request is sent, for the adapters that use AWS."""

import functools
from typing import Any

import boto3
import botocore.session

NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError")
"""Names of botocore's errors if there are no credentials. Nothing was sent."""
BAD_SETTINGS = (
    "CredentialRetrievalError",
    "NoRegionError",
    "InvalidRegionError",
    "ParamValidationError",
    "UnknownEndpointError",
    "ProfileNotFound",
    "ConfigNotFound",
    "ConfigParseError",
    "SSOError",
    "TokenRetrievalError",
    "NoAuthTokenError",
)
"""Names of botocore's errors if the AWS settings of this process are incomplete or malformed. Nothing was sent."""


def session(region: str | None) -> boto3.session.Session:
    """Return a new session in this Region, or in the Region that AWS's own rules choose if it is None.

    Credentials are chosen by AWS's own rules too.
    """
    core = botocore.session.Session()
    core.register_component("data_loader", _models())
    return boto3.session.Session(botocore_session=core, region_name=region)


@functools.cache
def _models() -> Any:
    """Return botocore's loader of service models.

    It is loaded once a process, because loading takes longer than everything else about a client.
    """
    return botocore.session.Session().get_component("data_loader")
