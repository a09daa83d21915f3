"""The caller of a request: its account and principal, derived from the access key id.

Signatures are not checked. An access key id of twelve digits is the root of that account, with any secret. Every other
access key id must have been issued by the IAM or STS behind the gate.
"""

import re
from dataclasses import dataclass
from datetime import UTC, timedelta
from urllib.parse import parse_qs

from moto.iam.models import iam_backends
from moto.sts.models import AssumedRole, sts_backends

from simulator.aws.answers import Refused

_ACCOUNT = re.compile(r"\d{12}")
_PARTITION = "aws"
_NOT_KNOWN = {
    "kms": ("UnrecognizedClientException", 400),
    "s3": ("InvalidAccessKeyId", 403),
    "sts": ("InvalidClientTokenId", 403),
}
_EXPIRED = {"kms": ("ExpiredTokenException", 400), "s3": ("ExpiredToken", 400), "sts": ("ExpiredToken", 403)}


@dataclass(frozen=True)
class Principal:
    """The caller of a request."""

    account: str
    arn: str
    """The ARN that GetCallerIdentity returns."""
    policy_arn: str
    """The value of `aws:PrincipalArn`: for a session, the ARN of its role."""
    user_id: str
    kind: str
    """The value of `aws:PrincipalType`."""


@dataclass(frozen=True)
class Scope:
    """The credential scope of a signature: access key id, Region and service."""

    access_key: str
    region: str
    service: str


def scope_of(authorization: str, query: str) -> Scope | None:
    """Read the Credential of an Authorization header or a presigned query. Return None if the request is not signed."""
    match = re.search(r"Credential=([^,\s]+)", authorization)
    credential = match.group(1) if match else parse_qs(query).get("X-Amz-Credential", [""])[0]
    parts = credential.split("/")
    if len(parts) != 5:
        return None
    return Scope(access_key=parts[0], region=parts[2], service=parts[3].lower())


def principal_of(scope: Scope, now: float) -> Principal:
    """Return the owner of the access key. Raises Refused for an unknown key or an expired session."""
    key = scope.access_key
    if _ACCOUNT.fullmatch(key):
        return _root(key)
    for session in _sessions():
        if session.access_key_id == key:
            if session.expiration.replace(tzinfo=UTC).timestamp() <= now:
                code, status = _EXPIRED.get(scope.service, _EXPIRED["sts"])
                raise Refused(code, "The security token included in the request is expired", status)
            return Principal(session.account_id, session.arn, session.role_arn, session.user_id, "AssumedRole")
    for account, iam in list(iam_backends.items()):
        user = iam[_PARTITION].get_user_from_access_key_id(key)
        if user is not None:
            return Principal(account, user.arn, user.arn, user.id, "User")
    code, status = _NOT_KNOWN.get(scope.service, _NOT_KNOWN["sts"])
    raise Refused(code, "The security token included in the request is invalid.", status)


def shift_expiry(offset: float, existing: set[str]) -> None:
    """Make sessions that are not `existing` expire by the simulated clock, which is `offset` seconds ahead of moto's."""
    for session in _sessions():
        if session.access_key_id not in existing:
            session.expiration += timedelta(seconds=offset)


def sessions_known() -> set[str]:
    """Return the access key ids of all sessions that STS has issued."""
    return {session.access_key_id for session in _sessions()}


def _sessions() -> list[AssumedRole]:
    partitions = [partitions[_PARTITION] for partitions in list(sts_backends.values())]
    return [session for backend in partitions for session in backend.assumed_roles]


def _root(account: str) -> Principal:
    arn = f"arn:{_PARTITION}:iam::{account}:root"
    return Principal(account, arn, arn, account, "Account")
