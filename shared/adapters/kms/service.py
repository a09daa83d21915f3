"""AWS KMS as the key service: the calls that are made, and how long they may take."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.kms.answers import DRY_RUN, EXPIRED, REFUSALS, code_of, meaning, silent
from shared.domain.errors import Alarm, KeyRefused, KeyTrouble
from shared.domain.secret import Secret
from shared.ports.keys import Caller, FreshKey, KeyDescription, Wrapping

_T = TypeVar("_T")


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
            return FreshKey(Secret(answer["Plaintext"]), answer["CiphertextBlob"], answer["KeyId"], _request_id(answer))

        return self._call(arn, "", make)

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        def unwrap(kms: Any) -> Secret:
            answer = kms.decrypt(KeyId=arn, CiphertextBlob=wrapped, EncryptionContext=context)
            return Secret(answer["Plaintext"])

        return self._call(arn, data_key_id, unwrap)

    def reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], to_arn: str, data_key_id: str) -> Wrapping:
        def wrap(kms: Any) -> Wrapping:
            answer = kms.re_encrypt(
                SourceKeyId=arn,
                CiphertextBlob=wrapped,
                SourceEncryptionContext=context,
                DestinationKeyId=to_arn,
                DestinationEncryptionContext=context,
            )
            return Wrapping(answer["CiphertextBlob"], answer["KeyId"], _request_id(answer))

        def refusing(error: ClientError) -> str:
            return self._refusing(error, arn, wrapped, context, to_arn)

        return self._call(arn, data_key_id, wrap, refusing)

    def describe(self, arn: str) -> KeyDescription:
        return self._call(arn, "", lambda kms: _description(kms.describe_key(KeyId=arn)))

    def probe(self, arn: str, context: dict[str, str]) -> None:
        def ask(kms: Any) -> None:
            _dry(lambda: kms.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context, DryRun=True))

        self._call(arn, "", ask)

    def caller(self) -> Caller:
        try:
            answer = _session().client("sts", config=self._config).get_caller_identity()
        except (ClientError, BotoCoreError) as error:
            raise meaning(error, "", "", silent) from None
        return Caller(answer["Account"], principal_of(answer["Arn"]))

    def _refusing(self, error: ClientError, arn: str, wrapped: bytes, context: dict[str, str], to_arn: str) -> str:
        """Which of the two keys of a ReEncrypt it was that KMS refused.

        KMS answers with one code for either. The one that we take from is asked again, alone, by a Decrypt that is not
        done; if it may be used, the permission that the message names tells; if it names none, whether that key would
        give away at all.
        """
        if self._refused(arn, lambda kms: kms.decrypt, KeyId=arn, CiphertextBlob=wrapped, EncryptionContext=context):
            return arn
        said = error.response.get("Error", {}).get("Message", "").lower()
        if "reencryptfrom" in said or "reencryptto" in said:
            return arn if "reencryptfrom" in said else to_arn
        within = {"SourceKeyId": arn, "CiphertextBlob": wrapped, "SourceEncryptionContext": context}
        to_itself = {"DestinationKeyId": arn, "DestinationEncryptionContext": context}
        return arn if self._refused(arn, lambda kms: kms.re_encrypt, **within, **to_itself) else to_arn

    def _refused(self, arn: str, operation: Callable[[Any], Callable[..., object]], **parameters: Any) -> bool:
        """Whether a call that is not to be done would be refused. Raises what keeps KMS from telling."""
        try:
            self._call(arn, "", lambda kms: _dry(lambda: operation(kms)(**parameters, DryRun=True)))
        except KeyRefused:
            return True
        except Alarm:
            pass  # the key opens what it is asked to: this is about something else
        return False

    def _call(
        self,
        arn: str,
        data_key_id: str,
        call: Callable[[Any], _T],
        refusing: Callable[[ClientError], str] | None = None,
    ) -> _T:
        """What ``call`` returns, made with a client of the key's Region. ``refusing``: which key an error is about."""
        for last in (False, True):
            try:
                return call(self._client(arn))
            except (ClientError, BotoCoreError) as error:
                if code_of(error) in EXPIRED and not last:
                    self._forget(arn)
                    continue
                about = arn
                if refusing is not None and isinstance(error, ClientError) and code_of(error) in REFUSALS:
                    about = refusing(error)
                raise meaning(error, about, data_key_id, lambda about=about: self._describe(about)) from None  # type: ignore[misc]
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
            found = meaning(error, arn, "", silent)
            if isinstance(found, KeyRefused):
                return None
            raise found from None
        return metadata


def _session() -> boto3.session.Session:
    """A session that takes its Region from ``AWS_REGION`` too, which boto3 alone does not read."""
    region = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)
    return boto3.session.Session(botocore_session=botocore.session.Session(session_vars={"region": region}))


def _request_id(answer: Any) -> str | None:
    found: str | None = answer.get("ResponseMetadata", {}).get("RequestId")
    return found


def _dry(call: Callable[[], object]) -> None:
    """Makes a call that is not to be done: that it would have been is told by an exception."""
    try:
        call()
    except ClientError as error:
        if code_of(error) != DRY_RUN:
            raise


def _description(answer: Any) -> KeyDescription:
    key = answer["KeyMetadata"]
    family = key.get("MultiRegionConfiguration") or {}
    related = [each["Arn"] for each in (family.get("PrimaryKey"), *family.get("ReplicaKeys", [])) if each]
    return KeyDescription(
        arn=key["Arn"],
        state=key.get("KeyState", ""),
        manager=key.get("KeyManager", ""),
        spec=key.get("KeySpec", ""),
        usage=key.get("KeyUsage", ""),
        origin=key.get("Origin", ""),
        related=related,
        deletion=key.get("DeletionDate"),
        material_expires=key.get("ValidTo"),
        request_id=_request_id(answer),
    )


def principal_of(caller: str) -> str:
    """The principal that ``aws:PrincipalArn`` names for a caller as STS tells it: of a role's session, the role."""
    parts = caller.split(":", 5)
    kind, _, name = parts[-1].partition("/")
    if kind != "assumed-role":
        return caller
    return ":".join([*parts[:2], "iam", *parts[3:5], f"role/{name.rpartition('/')[0]}"])
