"""Decide what to do about an answer of AWS KMS, by the table.

Only a refusal is a revocation: throttling, time-outs and 5xx are trouble and are retried.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from shared.adapters.kms.refusals import INVALID_STATE
from shared.adapters.kms.row import UNSEEN, Kind, Received, Responsible, Row
from shared.adapters.kms.table import EXPIRED, row_of
from shared.domain.errors import Alarm, Code, EntrakeepError, KeyRefused, KeyTrouble, Refuse
from shared.domain.key_states import before

__all__ = ["DRY_RUN", "EXPIRED", "REFUSALS", "code_of", "meaning", "silent"]

DRY_RUN = "DryRunOperationException"
"""The code with which KMS answers a dry run that would have succeeded."""
REFUSALS = frozenset({"AccessDeniedException", "DisabledException", "NotFoundException", "KMSInvalidStateException"})
"""Codes about one key. Where a call names two keys, they do not say which."""
NONSENSE = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""Errors that botocore raises on an answer that is not from AWS, because it does not validate answers."""


def code_of(error: Exception) -> str:
    """Return the error code of an answer of AWS, without a prefix; empty if there was no answer."""
    if not isinstance(error, ClientError):
        return ""
    return error.response.get("Error", {}).get("Code", "").rpartition("#")[2]


def silent() -> dict[str, Any] | None:
    """Return None. Passed for ``describe`` where the key's state must not be requested."""
    return None


def meaning(
    error: Exception,
    arn: str,
    data_key_id: str,
    describe: Callable[[], dict[str, Any] | None],
    denied_ours: Callable[[], bool] = lambda: False,
) -> EntrakeepError:
    """Return what to raise after an error of a call that uses a key: one of botocore's, or of ``NONSENSE``.

    - ``describe`` returns DescribeKey's metadata, or None if KMS refuses even that. It raises for any other trouble,
      because a DescribeKey that is throttled or unanswered says nothing about the key.
    - ``denied_ours`` returns True if the operator's own key is denied as well. It is called where KMS does not say who
      denied.
    """
    key: dict[str, Any] | None = {}
    received = _received(error)
    if INVALID_STATE in received.names and received.status < 500:
        key = describe()
        received = replace(received, state=UNSEEN if key is None else key.get("KeyState", ""))
    row = row_of(received)
    if row.doubtful and denied_ours():
        row = row_of(replace(received, ours=True))
    date = (key or {}).get("DeletionDate")
    sentence = row.sentence.format(
        arn=arn,
        code=code_of(error) or type(error).__name__,
        action=_permission(error),
        state=received.state,
        before=before(date),
        data_key=data_key_id,
    )
    return _as_error(row, sentence, arn, data_key_id)


def _permission(error: Exception) -> str:
    """Return the permission that a policy must allow for the call.

    For ReEncrypt it is a wildcard: ReEncryptFrom on one key and ReEncryptTo on the other.
    """
    operation = error.operation_name if isinstance(error, ClientError) else ""
    return "ReEncrypt*" if operation == "ReEncrypt" else operation


def _received(error: Exception) -> Received:
    """Return what the table needs to know of an error."""
    if not isinstance(error, ClientError):
        return Received(names=frozenset(kind.__name__ for kind in type(error).__mro__))
    return Received(
        names=frozenset({code_of(error)}),
        status=error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400),
        text=error.response.get("Error", {}).get("Message", "").lower(),
    )


def _as_error(row: Row, sentence: str, arn: str, data_key_id: str) -> EntrakeepError:
    """Return the row's error with this sentence."""
    match row.kind:
        case Kind.REVOKED:
            return KeyRefused(arn, sentence, unknown=row.unknown, ours=row.responsible is Responsible.OPERATOR)
        case Kind.MISCONFIGURED:
            return Refuse(Code.KEY_MISCONFIGURED, sentence)
        case Kind.TROUBLE:
            return KeyTrouble(sentence)
        case Kind.CORRUPT:
            return Alarm(Code.BLOB_DAMAGED, sentence, data_key_id)
