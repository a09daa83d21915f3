"""AWS KMS as the key service: the calls that are made, and how long they may take."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared import aws
from shared.adapters.kms.answers import DRY_RUN, EXPIRED, NONSENSE, REFUSALS, code_of, meaning, silent
from shared.adapters.kms.refusals import ACCESS_DENIED
from shared.domain.errors import Alarm, EntrakeepError, KeyRefused
from shared.domain.secret import Secret
from shared.ports.keys import Caller, FreshKey, KeyDescription, Wrapping

_T = TypeVar("_T")


class AwsKeys:
    """Wraps and unwraps data keys with AWS KMS; a client for each Region, chosen by the key's ARN."""

    def __init__(self, lease_seconds: float, provider_key: str = "", region: str | None = None) -> None:
        """Time-outs are chosen so that both attempts of a call fit into half a lease of ``lease_seconds``.

        ``provider_key`` is the operator's own key: where another one is denied, it tells whether all are. ``region`` is for
        what is asked without a key; None leaves it to boto3.
        """
        attempt = lease_seconds / 4
        self._config = Config(
            connect_timeout=min(2.0, attempt * 2 / 7),
            read_timeout=min(5.0, attempt * 5 / 7),
            tcp_keepalive=True,
            max_pool_connections=20,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
        # Beside a call that was answered: it adds words to a refusal, and must not keep the lease from ending.
        self._aside = self._config.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
        self._provider_key = provider_key
        self._region = region
        self._session: boto3.session.Session | None = None
        self._clients: dict[tuple[str, bool], Any] = {}
        self._lock = threading.Lock()

    def generate(self, arn: str, context: dict[str, str]) -> FreshKey:
        def make(kms: Any) -> FreshKey:
            answer = kms.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context)
            return FreshKey(Secret(answer["Plaintext"]), answer["CiphertextBlob"], answer["KeyId"], _request_id(answer))

        return self._call(arn, "", context, make)

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        def unwrap(kms: Any) -> Secret:
            answer = kms.decrypt(KeyId=arn, CiphertextBlob=wrapped, EncryptionContext=context)
            return Secret(answer["Plaintext"])

        return self._call(arn, data_key_id, context, unwrap)

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

        return self._call(arn, data_key_id, context, wrap, refusing)

    def describe(self, arn: str) -> KeyDescription:
        return self._call(arn, "", {}, lambda kms: _description(kms.describe_key(KeyId=arn)))

    def probe(self, arn: str, context: dict[str, str]) -> None:
        self._call(arn, "", context, lambda kms: _dry_birth(kms, arn, context))

    def probe_reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> None:
        def ask(kms: Any) -> None:
            _dry(
                lambda: kms.re_encrypt(
                    SourceKeyId=arn,
                    CiphertextBlob=wrapped,
                    SourceEncryptionContext=context,
                    DestinationKeyId=arn,
                    DestinationEncryptionContext=context,
                    DryRun=True,
                )
            )

        self._call(arn, data_key_id, context, ask)

    def caller(self) -> Caller:
        try:
            session = aws.session(self._region)
            answer = session.client("sts", config=self._config).get_caller_identity()
        except (ClientError, BotoCoreError) as error:
            raise meaning(error, "", "", silent) from None
        return Caller(answer["Account"], principal_of(answer["Arn"]))

    def _refusing(self, error: ClientError, arn: str, wrapped: bytes, context: dict[str, str], to_arn: str) -> str:
        """Which of the two keys of a ReEncrypt it was that KMS refused.

        KMS answers with one code for either. The one that we take from is asked again, alone, by a Decrypt that is not
        done; if it may be used, the permission that the message names tells; if it names none, whether that key would
        give away at all.
        """
        if self._refused(
            arn, context, lambda kms: kms.decrypt, KeyId=arn, CiphertextBlob=wrapped, EncryptionContext=context
        ):
            return arn
        said = error.response.get("Error", {}).get("Message", "").lower()
        if "reencryptfrom" in said or "reencryptto" in said:
            return arn if "reencryptfrom" in said else to_arn
        within = {"SourceKeyId": arn, "CiphertextBlob": wrapped, "SourceEncryptionContext": context}
        to_itself = {"DestinationKeyId": arn, "DestinationEncryptionContext": context}
        return arn if self._refused(arn, context, lambda kms: kms.re_encrypt, **within, **to_itself) else to_arn

    def _refused(
        self, arn: str, context: dict[str, str], operation: Callable[[Any], Callable[..., object]], **parameters: Any
    ) -> bool:
        """Whether a call that is not to be done would be refused. Raises what keeps KMS from telling."""
        try:
            self._call(arn, "", context, lambda kms: _dry(lambda: operation(kms)(**parameters, DryRun=True)))
        except KeyRefused:
            return True
        except Alarm:
            pass  # the key opens what it is asked to: this is about something else
        return False

    def _call(
        self,
        arn: str,
        data_key_id: str,
        context: dict[str, str],
        call: Callable[[Any], _T],
        refusing: Callable[[ClientError], str] | None = None,
    ) -> _T:
        """What ``call`` returns, made with a client of the key's Region. ``refusing``: which key an error is about."""
        begun = time.monotonic()
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
                raise self._meant(error, about, data_key_id, context, begun) from None
            except NONSENSE as error:
                raise self._meant(error, arn, data_key_id, context, begun) from None
        raise AssertionError("a loop of two always returns or raises")

    def _meant(
        self, error: Exception, arn: str, data_key_id: str, context: dict[str, str], begun: float
    ) -> EntrakeepError:
        found = meaning(error, arn, data_key_id, lambda: self._describe(arn), lambda: self._denied_ours(arn, context))
        if isinstance(found, KeyRefused):
            found.begun = begun
        return found

    def _denied_ours(self, arn: str, context: dict[str, str]) -> bool:
        """Whether the operator's own key is denied to the same credentials too: then it is not the other key's owner's doing.

        Not asked without a context, as a policy that is bound to contexts denies that in any case.
        """
        ours = self._provider_key
        if ours in ("", arn) or not context:
            return False
        try:
            _dry_birth(self._client(ours, aside=True), ours, context)
        except ClientError as error:
            return code_of(error) == ACCESS_DENIED
        except (BotoCoreError, *NONSENSE):
            return False
        return False

    def _client(self, arn: str, *, aside: bool = False) -> Any:
        region = arn.split(":")[3]
        with self._lock:
            if (region, aside) not in self._clients:
                self._session = self._session or aws.session(self._region)
                config = self._aside if aside else self._config
                self._clients[region, aside] = self._session.client("kms", region_name=region, config=config)
            return self._clients[region, aside]

    def _forget(self, arn: str) -> None:
        region = arn.split(":")[3]
        with self._lock:
            self._session = None
            for aside in (False, True):
                self._clients.pop((region, aside), None)

    def _describe(self, arn: str) -> dict[str, Any] | None:
        try:
            metadata: dict[str, Any] = self._client(arn).describe_key(KeyId=arn)["KeyMetadata"]
        except (ClientError, BotoCoreError) as error:
            found = meaning(error, arn, "", silent)
            if isinstance(found, KeyRefused):
                return None
            raise found from None
        return metadata


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


def _dry_birth(kms: Any, arn: str, context: dict[str, str]) -> None:
    """Asks whether a data key might be made; makes none."""
    _dry(lambda: kms.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context, DryRun=True))


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
