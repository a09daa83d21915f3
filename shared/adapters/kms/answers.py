"""What an answer of AWS KMS means: what to do next. The table decides.

Only a refusal is a revocation: throttling, time-outs and 5xx are trouble and are tried again.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from shared.adapters.kms.refusals import INVALID_STATE
from shared.adapters.kms.row import UNSEEN, Kind, Row, Told, Who
from shared.adapters.kms.table import EXPIRED, row_of
from shared.domain.errors import Alarm, Code, EntrakeepError, KeyRefused, KeyTrouble, Refuse

__all__ = ["DRY_RUN", "EXPIRED", "REFUSALS", "code_of", "meaning", "silent"]

DRY_RUN = "DryRunOperationException"
"""What KMS answers to a call that is not to be done, if it would have been."""
REFUSALS = frozenset({"AccessDeniedException", "DisabledException", "NotFoundException", "KMSInvalidStateException"})
"""Codes that speak of one key, without saying of which where a call names two."""
NONSENSE = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What botocore, which reads without looking, meets in an answer that is not one of AWS."""


def code_of(error: Exception) -> str:
    """The error code of an answer of AWS, without a prefix; empty if there was no answer."""
    if not isinstance(error, ClientError):
        return ""
    return error.response.get("Error", {}).get("Code", "").rpartition("#")[2]


def silent() -> dict[str, Any] | None:
    """For ``describe``, where the key's state is not to be asked for."""
    return None


def meaning(
    error: Exception,
    arn: str,
    data_key_id: str,
    describe: Callable[[], dict[str, Any] | None],
    denied_ours: Callable[[], bool] = lambda: False,
) -> EntrakeepError:
    """What to do after an error of a call that uses a key: one of botocore's, or of ``NONSENSE``.

    ``describe`` gives DescribeKey's metadata, or None if KMS refuses even that. It raises for any other trouble: a
    DescribeKey that is throttled or not answered says nothing about the key. ``denied_ours`` looks whether the operator's
    own key is denied as well, and is called where who denied is not told.
    """
    key: dict[str, Any] | None = {}
    told = _told(error)
    if INVALID_STATE in told.names and told.status < 500:
        key = describe()
        told = replace(told, state=UNSEEN if key is None else key.get("KeyState", ""))
    row = row_of(told)
    if row.doubtful and denied_ours():
        row = row_of(replace(told, ours=True))
    date = (key or {}).get("DeletionDate")
    sentence = row.sentence.format(
        arn=arn,
        code=code_of(error) or type(error).__name__,
        action=_permission(error),
        state=told.state,
        before=f" before {date:%Y-%m-%d}" if date else "",
        data_key=data_key_id,
    )
    return _as_error(row, sentence, arn, data_key_id)


def _permission(error: Exception) -> str:
    """What a policy must allow for the call. (For ReEncrypt that is ReEncryptFrom the one and ReEncryptTo the other key.)"""
    operation = error.operation_name if isinstance(error, ClientError) else ""
    return "ReEncrypt*" if operation == "ReEncrypt" else operation


def _told(error: Exception) -> Told:
    if not isinstance(error, ClientError):
        return Told(names=frozenset(kind.__name__ for kind in type(error).__mro__))
    return Told(
        names=frozenset({code_of(error)}),
        status=error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400),
        said=error.response.get("Error", {}).get("Message", "").lower(),
    )


def _as_error(row: Row, sentence: str, arn: str, data_key_id: str) -> EntrakeepError:
    match row.kind:
        case Kind.REVOKED:
            return KeyRefused(arn, sentence, unknown=row.unknown, ours=row.who is Who.OPERATOR)
        case Kind.MISCONFIGURED:
            return Refuse(Code.KEY_MISCONFIGURED, sentence)
        case Kind.TROUBLE:
            return KeyTrouble(sentence)
        case Kind.CORRUPT:
            return Alarm(Code.BLOB_DAMAGED, sentence, data_key_id)
