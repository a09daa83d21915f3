"""AWS KMS as the key service.

Decides by error code first, by key state second, never by message text alone. Only a refusal is a revocation: throttling,
time-outs and 5xx are trouble and are tried again. (AWS KMS API Reference; KMS developer guide, "Key states".)
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import boto3
import botocore.session
from botocore.config import Config
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
from shared.domain.secret import Secret
from shared.ports.keys import FreshKey

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
_CORRUPT = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
_EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken"})
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
        *_EXPIRED,
    }
)
_T = TypeVar("_T")
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


class AwsKeys:
    """Wraps and unwraps data keys with AWS KMS; a client for each Region, chosen by the key's ARN."""

    def __init__(self, lease_seconds: float) -> None:
        """Time-outs are chosen so that both attempts of a call fit into half a lease of ``lease_seconds``."""
        attempt = lease_seconds / 4
        self._config = Config(
            connect_timeout=min(2.0, attempt * 2 / 7),
            read_timeout=min(5.0, attempt * 5 / 7),
            tcp_keepalive=True,
            max_pool_connections=20,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def generate(self, arn: str, context: dict[str, str]) -> FreshKey:
        def make(kms: Any) -> FreshKey:
            answer = kms.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context)
            return FreshKey(Secret(answer["Plaintext"]), answer["CiphertextBlob"], answer["KeyId"])

        return self._call(arn, "", make)

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        def unwrap(kms: Any) -> Secret:
            answer = kms.decrypt(KeyId=arn, CiphertextBlob=wrapped, EncryptionContext=context)
            return Secret(answer["Plaintext"])

        return self._call(arn, data_key_id, unwrap)

    def account(self) -> str:
        try:
            client = _session().client("sts", config=self._config)
            account: str = client.get_caller_identity()["Account"]
        except (ClientError, BotoCoreError) as error:
            raise meaning(error, "", "", _silent) from None
        return account

    def _call(self, arn: str, data_key_id: str, call: Callable[[Any], _T]) -> _T:
        for last in (False, True):
            try:
                return call(self._client(arn))
            except (ClientError, BotoCoreError) as error:
                if code_of(error) in _EXPIRED and not last:
                    self._forget(arn)
                    continue
                raise meaning(error, arn, data_key_id, lambda: self._describe(arn)) from None
            except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
                # What answers there is not KMS, or not in its senses: botocore reads it without looking.
                raise KeyTrouble(f"AWS KMS answers what it should not ({type(error).__name__}).") from None
        raise AssertionError("a loop of two always returns or raises")

    def _client(self, arn: str) -> Any:
        region = arn.split(":")[3]
        with self._lock:
            if region not in self._clients:
                self._clients[region] = _session().client("kms", region_name=region, config=self._config)
            return self._clients[region]

    def _forget(self, arn: str) -> None:
        with self._lock:
            self._clients.pop(arn.split(":")[3], None)

    def _describe(self, arn: str) -> dict[str, Any] | None:
        try:
            metadata: dict[str, Any] = self._client(arn).describe_key(KeyId=arn)["KeyMetadata"]
        except (ClientError, BotoCoreError) as error:
            found = meaning(error, arn, "", _silent)
            if isinstance(found, KeyRefused):
                return None
            raise found from None
        return metadata


def _session() -> boto3.session.Session:
    """A session that takes its Region from ``AWS_REGION`` too, which boto3 alone does not read."""
    region = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)
    return boto3.session.Session(botocore_session=botocore.session.Session(session_vars={"region": region}))


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


def _silent() -> dict[str, Any] | None:
    return None
