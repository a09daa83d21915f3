"""Every answer of AWS KMS and its meaning."""

from datetime import UTC, datetime
from typing import Any

import botocore.exceptions
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from shared.adapters.blobs.s3.row import Received as S3Received
from shared.adapters.blobs.s3.table import row_of as s3_row
from shared.adapters.kms import AwsKeys, meaning
from shared.adapters.kms.row import Received as KmsReceived
from shared.adapters.kms.table import row_of as kms_row
from shared.aws import BAD_SETTINGS, NO_CREDENTIALS
from shared.domain.errors import Alarm, Code, EntrakeepError, KeyRefused, KeyTrouble, Refuse

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"
WHEN = datetime(2026, 12, 1, tzinfo=UTC)
R, T, C, M = KeyRefused, KeyTrouble, Alarm, Refuse


def answer(code: str, status: int = 400, message: str = "canary") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "Decrypt",
    )


def error_for(error: ClientError | BotoCoreError, key: dict[str, Any] | None = None) -> EntrakeepError:
    return meaning(error, ARN, "data-key", lambda: key)


@pytest.mark.parametrize(
    ("code", "status", "kind", "sentence"),
    [
        ("AccessDeniedException", 400, R, "restore the statement"),
        ("DisabledException", 400, R, "must enable it"),
        ("NotFoundException", 400, R, "does not exist any more"),
        ("KMSInvalidStateException", 400, R, "restore access"),
        ("ThrottlingException", 400, T, "ThrottlingException"),
        ("KeyUnavailableException", 500, T, "in trouble"),
        ("DependencyTimeoutException", 503, T, "in trouble"),
        ("KMSInternalException", 500, T, "in trouble"),
        ("InternalFailure", 500, T, "in trouble"),
        ("ServiceUnavailable", 503, T, "in trouble"),
        ("NeverHeardOf", 502, T, "NeverHeardOf"),
        ("NeverHeardOf", 400, M, "NeverHeardOf"),
        ("InvalidCiphertextException", 400, C, "data-key"),
        ("IncorrectKeyException", 400, C, "data-key"),
        ("com.amazonaws.kms#DisabledException", 400, R, "must enable it"),
        ("ValidationException", 400, M, "ValidationException"),
        ("InvalidKeyUsageException", 400, M, "InvalidKeyUsageException"),
        ("InvalidArnException", 400, M, "InvalidArnException"),
        ("LimitExceededException", 400, M, "LimitExceededException"),
        ("UnrecognizedClientException", 400, M, "credentials"),
        ("InvalidSignatureException", 403, M, "credentials"),
        ("ExpiredTokenException", 400, M, "credentials"),
        ("RequestExpired", 400, M, "credentials"),
    ],
)
def test_an_answer_determines_the_next_action(
    code: str, status: int, kind: type[EntrakeepError], sentence: str
) -> None:
    error = error_for(answer(code, status))
    assert type(error) is kind
    assert sentence in error.message
    assert "canary" not in error.message


@pytest.mark.parametrize(
    ("key", "message", "kind", "sentence"),
    [
        ({"KeyState": "PendingDeletion", "DeletionDate": WHEN}, "", R, "cancel the deletion before 2026-12-01"),
        ({"KeyState": "PendingReplicaDeletion"}, "", R, "cancel the deletion and"),
        ({"KeyState": "PendingImport"}, "", R, "import it again"),
        ({"KeyState": "Unavailable"}, "", R, "must connect it"),
        ({"KeyState": "Creating"}, "", T, "Creating"),
        ({"KeyState": "Updating"}, "", T, "Updating"),
        ({"KeyState": "Enabled"}, "The external key store proxy did not respond in time", T, "does not answer"),
        ({"KeyState": "Enabled"}, "The ciphertext is corrupted, missing, or otherwise invalid", C, "data-key"),
        ({"KeyState": "Enabled"}, "The external key is not enabled", R, "must fix this"),
    ],
)
def test_an_invalid_state_error_is_decided_by_the_key_state(
    key: dict[str, Any], message: str, kind: type[EntrakeepError], sentence: str
) -> None:
    error = error_for(answer("KMSInvalidStateException", message=message), key)
    assert type(error) is kind
    assert sentence in error.message


@pytest.mark.parametrize("policy", ["identity-based policy", "a permissions boundary", "service control policy"])
def test_a_denial_by_our_own_policy_still_fails_closed_and_names_the_operator(policy: str) -> None:
    error = error_for(answer("AccessDeniedException", message=f"because no {policy} allows it"))
    assert type(error) is KeyRefused
    assert "operator" in error.message


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://kms.invalid"),
        ConnectTimeoutError(endpoint_url="https://kms.invalid"),
        ReadTimeoutError(endpoint_url="https://kms.invalid"),
    ],
)
def test_a_broken_network_is_never_a_revocation(error: BotoCoreError) -> None:
    assert type(error_for(error)) is KeyTrouble


def test_missing_credentials_are_for_the_operator_to_fix() -> None:
    error = error_for(NoCredentialsError())
    assert error.code is Code.KEY_MISCONFIGURED


@pytest.mark.parametrize("lease", [2.0, 5.0, 60.0])
def test_both_attempts_fit_into_half_a_lease(lease: float) -> None:
    config = AwsKeys(lease)._config
    assert 2 * (config.connect_timeout + config.read_timeout) <= lease / 2 + 1e-9  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*NO_CREDENTIALS, *BAD_SETTINGS])
def test_an_error_before_sending_is_for_the_operator_to_fix_in_kms_and_s3(name: str) -> None:
    kind = getattr(botocore.exceptions, name)
    assert issubclass(kind, BotoCoreError)
    names = frozenset(each.__name__ for each in kind.__mro__)
    assert kms_row(KmsReceived(names=names)).name == "not-sent"
    assert s3_row(S3Received(names=names)).name == ("no-credentials" if name in NO_CREDENTIALS else "not-sent")


def test_a_malformed_region_setting_is_misconfiguration_and_no_trouble() -> None:
    with pytest.raises(Refuse) as refused:
        AwsKeys(60.0, region="eu central 1").caller()
    assert refused.value.code is Code.KEY_MISCONFIGURED
    assert "InvalidRegionError" in refused.value.message
