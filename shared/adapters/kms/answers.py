"""What an answer of AWS KMS means: what to do next.

Decides by error code first, by key state second, never by message text alone. Only a refusal is a revocation: throttling,
time-outs and 5xx are trouble and are tried again. (AWS KMS API Reference; KMS developer guide, "Key states".)
"""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    UnknownEndpointError,
)

from shared.domain.errors import Alarm, Code, EntrakeepError, KeyRefused, KeyTrouble, Refuse

_TROUBLE = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "KeyUnavailableException",
        "DependencyTimeoutException",
        "KMSInternalException",
        "InternalFailure",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
DRY_RUN = "DryRunOperationException"
"""What KMS answers to a call that is not to be done, if it would have been."""
REFUSALS = frozenset({"AccessDeniedException", "DisabledException", "NotFoundException", "KMSInvalidStateException"})
"""Codes that speak of one key, without saying of which where a call names two."""
_CORRUPT = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken"})
_OWN_CREDENTIALS = frozenset(
    {
        "RequestExpired",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "IncompleteSignature",
        "OptInRequired",
        "RegionDisabledException",
        *EXPIRED,
    }
)
_NOT_SENT = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    NoRegionError,
    ParamValidationError,
    UnknownEndpointError,
)
_WAITING = frozenset({"Creating", "Updating"})
_STORE_TROUBLE = ("did not respond", "timed out", "cannot communicate", "unhealthy", "not interpret", "time out")
_BLOB_TROUBLE = ("ciphertext",)


def code_of(error: Exception) -> str:
    """The error code of an answer of AWS, without a prefix; empty if there was no answer."""
    if not isinstance(error, ClientError):
        return ""
    return error.response.get("Error", {}).get("Code", "").rpartition("#")[2]


def meaning(
    error: ClientError | BotoCoreError, arn: str, data_key_id: str, describe: Callable[[], dict[str, Any] | None]
) -> EntrakeepError:
    """What to do after an error of a call that uses a key.

    ``describe`` gives DescribeKey's metadata, or None if KMS refuses even that. It raises for any other trouble: a
    DescribeKey that is throttled or not answered says nothing about the key.
    """
    if isinstance(error, _NOT_SENT):
        return _misconfigured(f"AWS was not asked ({type(error).__name__})")
    if not isinstance(error, ClientError):
        return KeyTrouble(f"AWS KMS does not answer ({type(error).__name__}).")
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    if code in _TROUBLE or status >= 500:
        return KeyTrouble(f"AWS KMS is in trouble ({code}).")
    if code in _CORRUPT:
        return _corrupt(data_key_id, code)
    if code in _OWN_CREDENTIALS:
        return _misconfigured(f"AWS does not accept our credentials ({code})")
    if code == "DisabledException":
        return KeyRefused(arn, f"The KMS key {arn} is disabled. Its owner must enable it in AWS KMS.")
    if code == "NotFoundException":
        return KeyRefused(
            arn, f"The KMS key {arn} does not exist any more. What it wrapped cannot be opened.", unknown=True
        )
    if code == "AccessDeniedException":
        return _denied(error, arn)
    if code == "KMSInvalidStateException":
        return _by_state(error, arn, data_key_id, describe())
    return _misconfigured(f"AWS KMS answers {code} for {arn}")


def _denied(error: ClientError, arn: str) -> EntrakeepError:
    """A refusal whoever denied it: the words choose only who must act."""
    said = error.response.get("Error", {}).get("Message", "").lower()
    ours = ("identity-based policy", "permissions boundary", "session policy", "service control policy", "vpc endpoint")
    if any(words in said for words in ours):
        return KeyRefused(
            arn, f"Our own AWS permissions do not allow the KMS key {arn}. The operator must restore them."
        )
    return KeyRefused(
        arn,
        f"The policy of the KMS key {arn} does not let us use it. Its owner must restore the statement for Entrakeep.",
    )


def _by_state(error: ClientError, arn: str, data_key_id: str, key: dict[str, Any] | None) -> EntrakeepError:
    """KMSInvalidStateException says too little by itself: the key's state decides, in a custom key store the words."""
    if key is None:
        return KeyRefused(arn, f"AWS KMS does not let us use or see the KMS key {arn}. Its owner must restore access.")
    state = key.get("KeyState", "")
    if state in _WAITING:
        return KeyTrouble(f"The KMS key {arn} is being made or changed ({state}).")
    if state in ("PendingDeletion", "PendingReplicaDeletion"):
        date = key.get("DeletionDate")
        before = f" before {date:%Y-%m-%d}" if date else ""
        return KeyRefused(
            arn, f"The KMS key {arn} is to be deleted. Its owner must cancel the deletion{before} and enable the key."
        )
    if state == "PendingImport":
        return KeyRefused(arn, f"The KMS key {arn} has no key material. Its owner must import it again.")
    if state == "Unavailable":
        return KeyRefused(arn, f"The key store of the KMS key {arn} is disconnected. Its owner must connect it.")
    said = error.response.get("Error", {}).get("Message", "").lower()
    if any(words in said for words in _BLOB_TROUBLE):
        return _corrupt(data_key_id, "KMSInvalidStateException")
    if any(words in said for words in _STORE_TROUBLE):
        return KeyTrouble(f"The external key store of the KMS key {arn} does not answer.")
    return KeyRefused(
        arn, f"The KMS key {arn} cannot be used in its present state ({state}). Its owner must mend that."
    )


def _corrupt(data_key_id: str, code: str) -> Alarm:
    return Alarm(
        Code.BLOB_DAMAGED,
        f"The wrapped data key {data_key_id} is not what AWS KMS made for this tenant and key ({code}).",
        data_key_id,
    )


def _misconfigured(what: str) -> Refuse:
    return Refuse(Code.KEY_MISCONFIGURED, f"{what}. The operator must mend the AWS settings.")


def silent() -> dict[str, Any] | None:
    """For ``describe``, where the key's state is not to be asked for."""
    return None
