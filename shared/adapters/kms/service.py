"""Call AWS KMS as the key service, and limit how long calls may take."""

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
from shared.domain.kms_key import KeyDescription
from shared.domain.secret import Secret
from shared.ports.keys import Caller, FreshKey, Wrapping

_T = TypeVar("_T")


class AwsKeys:
    """Wrap and unwrap data keys with AWS KMS. The key's ARN chooses the client of its Region."""

    def __init__(self, lease_seconds: float, provider_key: str = "", region: str | None = None) -> None:
        """Set time-outs so that both attempts of a call fit into half a lease of ``lease_seconds``.

        - ``provider_key`` is the operator's own key. It is tried when another key is denied, to learn whether all are.
        - ``region`` is for calls without a key; None leaves the choice to boto3.
        """
        attempt = lease_seconds / 4
        self._config = Config(
            connect_timeout=min(2.0, attempt * 2 / 7),
            read_timeout=min(5.0, attempt * 5 / 7),
            tcp_keepalive=True,
            max_pool_connections=20,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
        # For calls that only add words to a refusal: one attempt, so that they do not delay the end of the lease.
        self._aside = self._config.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
        self._provider_key = provider_key
        self._region = region
        self._session: boto3.session.Session | None = None
        self._clients: dict[tuple[str, bool], Any] = {}
        self._lock = threading.Lock()

    def generate(self, arn: str, context: dict[str, str]) -> FreshKey:
        """Return a new data key (32 bytes) in plaintext and wrapped by the key."""

        def make(kms: Any) -> FreshKey:
            answer = kms.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context)
            return FreshKey(Secret(answer["Plaintext"]), answer["CiphertextBlob"], answer["KeyId"], _request_id(answer))

        return self._call(arn, "", context, make)

    def decrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> Secret:
        """Return the plaintext of a wrapped data key."""

        def unwrap(kms: Any) -> Secret:
            answer = kms.decrypt(KeyId=arn, CiphertextBlob=wrapped, EncryptionContext=context)
            return Secret(answer["Plaintext"])

        return self._call(arn, data_key_id, context, unwrap)

    def reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], to_arn: str, data_key_id: str) -> Wrapping:
        """Return the data key wrapped by the key ``to_arn``. KMS never shows its plaintext."""

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
            return self._refused_key(error, arn, wrapped, context, to_arn)

        return self._call(arn, data_key_id, context, wrap, refusing)

    def describe(self, arn: str) -> KeyDescription:
        """Return what DescribeKey reports of the key."""
        return self._call(arn, "", {}, lambda kms: _description(kms.describe_key(KeyId=arn)))

    def probe(self, arn: str, context: dict[str, str]) -> None:
        """Check by a dry run that the key could make a data key. Raises as the real call would."""
        self._call(arn, "", context, lambda kms: _dry_generate(kms, arn, context))

    def probe_reencrypt(self, arn: str, wrapped: bytes, context: dict[str, str], data_key_id: str) -> None:
        """Check by a dry run that the key could re-wrap this data key under itself. Raises as the real call would."""

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
        """Return the AWS account and principal of the credentials, by STS GetCallerIdentity."""
        try:
            session = aws.session(self._region)
            answer = session.client("sts", config=self._config).get_caller_identity()
        except (ClientError, BotoCoreError) as error:
            raise meaning(error, "", "", silent) from None
        return Caller(answer["Account"], principal_of(answer["Arn"]))

    def _refused_key(self, error: ClientError, arn: str, wrapped: bytes, context: dict[str, str], to_arn: str) -> str:
        """Return which of the two keys of a ReEncrypt KMS refused.

        KMS answers with one code for either key. First a dry-run Decrypt tries the source key. If that is allowed, the
        permission in the message decides. If the message names none, a dry run that re-wraps under the source key
        itself decides.
        """
        if self._refused(
            arn, context, lambda kms: kms.decrypt, KeyId=arn, CiphertextBlob=wrapped, EncryptionContext=context
        ):
            return arn
        message = error.response.get("Error", {}).get("Message", "").lower()
        if "reencryptfrom" in message or "reencryptto" in message:
            return arn if "reencryptfrom" in message else to_arn
        within = {"SourceKeyId": arn, "CiphertextBlob": wrapped, "SourceEncryptionContext": context}
        to_itself = {"DestinationKeyId": arn, "DestinationEncryptionContext": context}
        return arn if self._refused(arn, context, lambda kms: kms.re_encrypt, **within, **to_itself) else to_arn

    def _refused(
        self, arn: str, context: dict[str, str], operation: Callable[[Any], Callable[..., object]], **parameters: Any
    ) -> bool:
        """Return True if a dry run would be refused. Raises the trouble that keeps KMS from answering."""
        try:
            self._call(arn, "", context, lambda kms: _dry(lambda: operation(kms)(**parameters, DryRun=True)))
        except KeyRefused:
            return True
        except Alarm:
            pass  # the key may be used; the alarm is about the wrapped data key
        return False

    def _call(
        self,
        arn: str,
        data_key_id: str,
        context: dict[str, str],
        call: Callable[[Any], _T],
        refusing: Callable[[ClientError], str] | None = None,
    ) -> _T:
        """Return what ``call`` returns with a client of the key's Region.

        Fresh credentials are taken once if those in use have expired. ``refusing`` returns which key an error is about.
        """
        started_at = time.monotonic()
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
                raise self._error_for(error, about, data_key_id, context, started_at) from None
            except NONSENSE as error:
                raise self._error_for(error, arn, data_key_id, context, started_at) from None
        raise AssertionError("a loop of two always returns or raises")

    def _error_for(
        self, error: Exception, arn: str, data_key_id: str, context: dict[str, str], started_at: float
    ) -> EntrakeepError:
        """Return the error to raise, with the start of the refused call in a KeyRefused."""
        reason = meaning(error, arn, data_key_id, lambda: self._describe(arn), lambda: self._denied_ours(arn, context))
        if isinstance(reason, KeyRefused):
            reason.started_at = started_at
        return reason

    def _denied_ours(self, arn: str, context: dict[str, str]) -> bool:
        """Return True if the same credentials are denied the operator's own key too: then the key's owner is not the cause.

        Without a context nothing is tried, because a policy bound to contexts denies such a call in any case.
        """
        ours = self._provider_key
        if ours in ("", arn) or not context:
            return False
        try:
            _dry_generate(self._client(ours, aside=True), ours, context)
        except ClientError as error:
            return code_of(error) == ACCESS_DENIED
        except (BotoCoreError, *NONSENSE):
            return False
        return False

    def _client(self, arn: str, *, aside: bool = False) -> Any:
        """Return the client of the key's Region. ``aside`` selects the one with a single attempt."""
        region = arn.split(":")[3]
        with self._lock:
            if (region, aside) not in self._clients:
                self._session = self._session or aws.session(self._region)
                config = self._aside if aside else self._config
                self._clients[region, aside] = self._session.client("kms", region_name=region, config=config)
            return self._clients[region, aside]

    def _forget(self, arn: str) -> None:
        """Drop the session and the Region's clients, so that fresh credentials are taken."""
        region = arn.split(":")[3]
        with self._lock:
            self._session = None
            for aside in (False, True):
                self._clients.pop((region, aside), None)

    def _describe(self, arn: str) -> dict[str, Any] | None:
        """Return DescribeKey's metadata, or None if KMS refuses it. Raises other trouble."""
        try:
            metadata: dict[str, Any] = self._client(arn).describe_key(KeyId=arn)["KeyMetadata"]
        except (ClientError, BotoCoreError) as error:
            reason = meaning(error, arn, "", silent)
            if isinstance(reason, KeyRefused):
                return None
            raise reason from None
        return metadata


def _request_id(answer: Any) -> str | None:
    """Return the request id of an answer, or None."""
    request_id: str | None = answer.get("ResponseMetadata", {}).get("RequestId")
    return request_id


def _dry(call: Callable[[], object]) -> None:
    """Make a dry run. KMS reports its success by an exception, which is suppressed."""
    try:
        call()
    except ClientError as error:
        if code_of(error) != DRY_RUN:
            raise


def _dry_generate(kms: Any, arn: str, context: dict[str, str]) -> None:
    """Check by a dry run that a data key could be made."""
    _dry(lambda: kms.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context, DryRun=True))


def _description(answer: Any) -> KeyDescription:
    """Return the key's description from DescribeKey's answer."""
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
    """Return the principal that ``aws:PrincipalArn`` names for a caller of STS: for a role's session, the role."""
    parts = caller.split(":", 5)
    kind, _, name = parts[-1].partition("/")
    if kind != "assumed-role":
        return caller
    return ":".join([*parts[:2], "iam", *parts[3:5], f"role/{name.rpartition('/')[0]}"])
