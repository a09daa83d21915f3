"""AWS KMS over HTTP: the requests, their time limits, and which answers are refusals.

The server returns the answers that each test scripts, in the form of the KMS API Reference. It checks nothing itself.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.adapters.kms import AwsKeys
from shared.domain.errors import Code, KeyRefused, KeyTrouble, Refuse

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"
CONTEXT = {"tenant": "a-tenant", "purpose": "backup"}
PLAIN, WRAPPED = b"k" * 32, b"wrapped"
LEASE = 4.0
DECRYPTED = (200, {"Plaintext": base64.b64encode(PLAIN).decode(), "KeyId": ARN})
GENERATED = (200, {**DECRYPTED[1], "CiphertextBlob": base64.b64encode(WRAPPED).decode()})
HANG: tuple[int, dict[str, Any]] = (0, {"hang": True})
DROP: tuple[int, dict[str, Any]] = (0, {})


def refusal(code: str, status: int = 400) -> tuple[int, dict[str, Any]]:
    return status, {"__type": code, "message": "canary"}


class Scripted(ThreadingHTTPServer):
    """Returns each action's answers in turn and repeats the last; records the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.closing = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        action = self.headers["X-Amz-Target"].rpartition(".")[2]
        self.server.requests.append((action, json.loads(body)))
        answers = self.server.answers[action]
        status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if status == 0:
            if answer:
                self.server.closing.wait(60)
            self.close_connection = True
            return
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    server = Scripted()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    yield server
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


def decrypt() -> bytes:
    return AwsKeys(LEASE).decrypt(ARN, WRAPPED, CONTEXT, "data-key").reveal()


def test_generate_sends_the_arn_and_the_encryption_context(kms: Scripted) -> None:
    kms.answers["GenerateDataKey"] = [GENERATED]
    fresh = AwsKeys(LEASE).generate(ARN, CONTEXT)
    assert (fresh.plaintext.reveal(), fresh.wrapped, fresh.arn) == (PLAIN, WRAPPED, ARN)
    assert kms.requests == [("GenerateDataKey", {"KeyId": ARN, "KeySpec": "AES_256", "EncryptionContext": CONTEXT})]


def test_decrypt_always_names_the_key(kms: Scripted) -> None:
    kms.answers["Decrypt"] = [DECRYPTED]
    assert decrypt() == PLAIN
    sent = {"KeyId": ARN, "CiphertextBlob": base64.b64encode(WRAPPED).decode(), "EncryptionContext": CONTEXT}
    assert kms.requests == [("Decrypt", sent)]


@pytest.mark.parametrize(
    "answer",
    [DROP, HANG, refusal("KMSInternalException", 500), refusal("ThrottlingException"), refusal("Unheard", 503)],
    ids=["drop", "hang", "broken", "throttled", "unheard"],
)
def test_trouble_is_not_a_refusal_and_is_reported_within_half_a_lease(
    kms: Scripted, answer: tuple[int, dict[str, Any]]
) -> None:
    kms.answers["Decrypt"] = [answer]
    began = time.monotonic()
    with pytest.raises(KeyTrouble):
        decrypt()
    assert time.monotonic() - began < LEASE / 2 + 1.5  # botocore's own pause between its two attempts is at most 1 s
    assert len(kms.requests) == 2


@pytest.mark.parametrize("answer", [DROP, refusal("KMSInternalException", 500)], ids=["drop", "broken"])
def test_passing_trouble_is_retried_without_an_error(kms: Scripted, answer: tuple[int, dict[str, Any]]) -> None:
    kms.answers["Decrypt"] = [answer, DECRYPTED]
    assert decrypt() == PLAIN


def test_a_key_pending_deletion_is_refused_with_its_deletion_date(kms: Scripted) -> None:
    kms.answers["Decrypt"] = [refusal("KMSInvalidStateException")]
    metadata = {"KeyId": ARN, "KeyState": "PendingDeletion", "DeletionDate": 1796083200.0}
    kms.answers["DescribeKey"] = [(200, {"KeyMetadata": metadata})]
    with pytest.raises(KeyRefused, match="cancel the deletion before 2026-12-01"):
        decrypt()


def test_an_invalid_key_state_without_describe_permission_is_a_refusal(kms: Scripted) -> None:
    kms.answers["Decrypt"] = [refusal("KMSInvalidStateException")]
    kms.answers["DescribeKey"] = [refusal("AccessDeniedException")]
    with pytest.raises(KeyRefused, match="restore access"):
        decrypt()


@pytest.mark.parametrize("answer", [DROP, HANG, refusal("ThrottlingException"), refusal("KMSInternalException", 500)])
def test_an_unreadable_key_state_during_kms_trouble_is_not_a_refusal(
    kms: Scripted, answer: tuple[int, dict[str, Any]]
) -> None:
    kms.answers["Decrypt"] = [refusal("KMSInvalidStateException")]
    kms.answers["DescribeKey"] = [answer]
    with pytest.raises(KeyTrouble):
        decrypt()


PROVIDER = "arn:aws:kms:eu-central-1:999988887777:key/0f3e5a3c-7c1e-4a3d-9a44-000000000002"
CROSS_ACCOUNT_DENIAL = (
    400,
    {"__type": "AccessDeniedException", "message": "the resource does not exist in this Region, or no …"},
)
"""The answer of AWS to another account, whichever side denies the call."""


@pytest.mark.parametrize(
    ("provider_answer", "operator"),
    [
        (refusal("DryRunOperationException"), False),
        (refusal("AccessDeniedException"), True),
        (refusal("DisabledException"), False),
        (refusal("ThrottlingException"), False),
        (HANG, False),
        (DROP, False),
    ],
    ids=["allowed", "denied", "disabled", "throttled", "hang", "drop"],
)
def test_the_provider_key_decides_whether_the_owner_or_the_operator_must_act(
    kms: Scripted, provider_answer: tuple[int, dict[str, Any]], operator: bool
) -> None:
    kms.answers["Decrypt"], kms.answers["GenerateDataKey"] = [CROSS_ACCOUNT_DENIAL], [provider_answer]
    began = time.monotonic()
    with pytest.raises(KeyRefused, match="The operator must" if operator else "Its owner must") as refused:
        AwsKeys(LEASE, PROVIDER).decrypt(ARN, WRAPPED, CONTEXT, "data-key")
    assert time.monotonic() - began < LEASE
    assert (refused.value.arn, refused.value.ours) == (ARN, operator)
    dry = {"KeyId": PROVIDER, "KeySpec": "AES_256", "EncryptionContext": CONTEXT, "DryRun": True}
    assert [sent for action, sent in kms.requests if action == "GenerateDataKey"] == [dry]


@pytest.mark.parametrize(
    ("arn", "answer"),
    [
        (PROVIDER, CROSS_ACCOUNT_DENIAL),
        (ARN, (400, {"__type": "AccessDeniedException", "message": "because no identity-based policy allows it"})),
        (ARN, refusal("DisabledException")),
    ],
    ids=["our own key", "it is told", "no denial"],
)
def test_the_provider_key_is_not_tried_if_the_denial_is_conclusive(
    kms: Scripted, arn: str, answer: tuple[int, dict[str, Any]]
) -> None:
    kms.answers["Decrypt"] = [answer]
    with pytest.raises(KeyRefused):
        AwsKeys(LEASE, PROVIDER).decrypt(arn, WRAPPED, CONTEXT, "data-key")
    assert [action for action, _ in kms.requests] == ["Decrypt"]


def test_an_expired_token_is_renewed_once(kms: Scripted) -> None:
    kms.answers["Decrypt"] = [refusal("ExpiredTokenException"), DECRYPTED]
    assert decrypt() == PLAIN


def test_a_token_that_stays_expired_is_reported_as_misconfiguration(kms: Scripted) -> None:
    kms.answers["Decrypt"] = [refusal("ExpiredTokenException")]
    with pytest.raises(Refuse) as refused:
        decrypt()
    assert refused.value.code is Code.KEY_MISCONFIGURED
    assert len(kms.requests) == 2


def test_no_request_is_sent_without_credentials(kms: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Refuse) as refused:
        decrypt()
    assert refused.value.code is Code.KEY_MISCONFIGURED
    assert kms.requests == []
