"""Every row of the table of what AWS KMS answers, brought about at a KMS over HTTP: in earnest, or scripted."""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.adapters.kms import AwsKeys
from shared.adapters.kms.row import Kind
from shared.adapters.kms.table import ROWS
from shared.domain.errors import Code, EntrakeepError, KeyRefused
from tests.parts import REGION, AwsSimulator, free_port

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "111122223333",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_CONFIG_FILE": "/nonexistent",
}
USES = ("Decrypt", "GenerateDataKey", "ReEncrypt")


class Kms(AwsKeys):
    """The key service, with a way to KMS that can be changed while it is at work.

    ``met``: the code of every error that it raised, and whether the operator must act. ``then`` is told how many they are, by
    whoever met one, once KMS was asked all that is asked about it.
    """

    def __init__(self, seconds: float, aws: AwsSimulator, provider_key: str, patch: pytest.MonkeyPatch) -> None:
        super().__init__(seconds, provider_key, REGION)
        self.met: list[tuple[Code, bool]] = []
        self.then: Callable[[int], None] = lambda _: None
        endpoints = {f"AWS_ENDPOINT_URL_{service}": aws.url for service in ("KMS", "STS")}
        self.aws, self._own, self._patch = aws, {**ENVIRONMENT, **endpoints}, patch
        self.go()

    def go(self, **environment: str) -> None:
        """From now on with the usual environment and this; what is empty is not there."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            self._patch.delenv(name)
        for name, value in {**self._own, **environment}.items():
            if value:
                self._patch.setenv(name, value)
        with self._lock:
            self._session = None
            self._clients.clear()

    def _call(self, *what: Any) -> Any:
        try:
            return super()._call(*what)
        except EntrakeepError as error:
            self.met.append((error.code, isinstance(error, KeyRefused) and error.ours))
            self.then(len(self.met))
            raise


@dataclass
class Scene:
    """Where a case takes place: KMS, the way to it, and the tenant's key."""

    aws: AwsSimulator
    kms: Kms
    arn: str
    nonsense: str
    """The URL of something that is not KMS."""

    @property
    def owner(self) -> Any:
        return self.aws.client("kms")

    def deny(self, *actions: str) -> None:
        """A policy that denies, beside the one that allows the owner everything."""
        allow = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"}
        deny = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": list(actions), "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [allow, *([deny] if actions else [])]}
        self.owner.put_key_policy(KeyId=self.arn, PolicyName="default", Policy=json.dumps(policy))

    def state(self, state: str) -> None:
        self.aws.post("key-state", {"key": self.arn, "state": state})

    def relieve(self) -> None:
        """As if nothing had been, unless the key is gone."""
        self.aws.clear_faults()
        self.kms.go()
        self.state("Enabled")
        self.deny()


Case = Callable[[Scene], None]


def says(code: str, message: str = "", status: int = 400) -> Case:
    """KMS says this whenever the tenant's key is used."""

    def case(scene: Scene) -> None:
        error = {"what": "error", "code": code, "message": message, "status": status}
        scene.aws.fault(*({"match": {"service": "kms", "action": use, "key": scene.arn}, **error} for use in USES))

    return case


def is_in(state: str) -> Case:
    return lambda scene: scene.state(state)


def goes(**environment: str) -> Case:
    return lambda scene: scene.kms.go(**environment)


def denied(scene: Scene) -> None:
    scene.deny("kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")


def denied_everywhere(scene: Scene) -> None:
    denied(scene)
    match = {"service": "kms", "key": scene.kms._provider_key}
    scene.aws.fault({"match": match, "what": "error", "code": "AccessDeniedException", "status": 400})


def gone(scene: Scene) -> None:
    scene.owner.schedule_key_deletion(KeyId=scene.arn, PendingWindowInDays=7)
    scene.aws.post("clock", {"advance_days": 8})


def unseen(scene: Scene) -> None:
    scene.deny("kms:DescribeKey")
    scene.state("Unavailable")


def disabled_by_state(scene: Scene) -> None:
    scene.owner.disable_key(KeyId=scene.arn)
    says("KMSInvalidStateException")(scene)


def faulty(**fault: Any) -> Case:
    return lambda scene: scene.aws.fault({"match": {"service": "kms", "key": scene.arn}, **fault})


STATE = "KMSInvalidStateException"
CASES: dict[str, tuple[Case, ...]] = {
    "throttled": (says("ThrottlingException", "Rate exceeded"),),
    "inside-kms": (says("KeyUnavailableException", status=500),),
    "any-5xx": (says("NeverHeardOf", status=502),),
    "tls": (lambda scene: scene.kms.go(AWS_ENDPOINT_URL_KMS=scene.aws.url.replace("http:", "https:")),),
    "not-kms": (lambda scene: scene.kms.go(AWS_ENDPOINT_URL_KMS=scene.nonsense),),
    "invalid-ciphertext": (says("InvalidCiphertextException"),),
    "incorrect-key": (says("IncorrectKeyException"),),
    "store-ciphertext": (says(STATE, "The ciphertext is corrupted, missing, or otherwise invalid."),),
    "signature": (says("InvalidSignatureException"), says("RequestExpired")),
    "access-key": (goes(AWS_ACCESS_KEY_ID="AKIAUNKNOWNUNKNOWN00"),),
    "session-ended": (says("ExpiredTokenException"),),
    "no-credentials-sent": (says("MissingAuthenticationTokenException"),),
    "not-enabled": (says("OptInRequired", status=403),),
    "role": (says("AccessDenied", status=403),),
    "not-sent": (goes(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""), goes(AWS_PROFILE="none")),
    "arn": (says("InvalidArnException"),),
    "kind-of-key": (says("InvalidKeyUsageException"), says("UnsupportedOperationException")),
    "grant": (says("InvalidGrantTokenException"),),
    "limit": (says("LimitExceededException"),),
    "validation": (says("ValidationException"),),
    "denied-by-our-permissions": (says("AccessDeniedException", "because no identity-based policy allows it"),),
    "denied-by-our-organization": (says("AccessDeniedException", "an explicit deny in a service control policy"),),
    "denied-by-their-organization": (says("AccessDeniedException", "an explicit deny in a resource control policy"),),
    "denied-everywhere": (denied_everywhere,),
    "denied": (denied,),
    "disabled": (lambda scene: scene.owner.disable_key(KeyId=scene.arn),),
    "gone": (gone,),
    "unseen": (unseen,),
    "to-be-deleted": (lambda scene: scene.owner.schedule_key_deletion(KeyId=scene.arn, PendingWindowInDays=7),),
    "no-material": (is_in("PendingImport"),),
    "disconnected": (is_in("Unavailable"),),
    "disabled-by-state": (disabled_by_state,),
    "changing": (is_in("Creating"),),
    "store-silent": (says(STATE, "The external key store proxy did not respond to the request in time."),),
    "external-key": (says(STATE, "The external key is not enabled."),),
    "state": (says(STATE, "Not now."),),
    "network": (
        faulty(what="drop"),
        faulty(what="slow", seconds=4.0),
        lambda scene: scene.kms.go(AWS_ENDPOINT_URL_KMS=f"http://127.0.0.1:{free_port()}"),
    ),
    "any-4xx": (says("NeverHeardOf"),),
}


def cases(kind: Kind) -> pytest.MarkDecorator:
    """All cases of the rows of a kind, from the table itself: a row without a case is an error."""
    found = [(row, case, n) for row in ROWS if row.kind is kind for n, case in enumerate(CASES[row.name], 1)]
    ids = [f"{row.name}-{n}" if len(CASES[row.name]) > 1 else row.name for row, _, n in found]
    return pytest.mark.parametrize(("row", "case"), [each[:2] for each in found], ids=ids)


class _Nonsense(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b'["x"')

    def log_message(self, *_: object) -> None:
        pass


class Nonsense:
    """Something that answers, and is not KMS."""

    def __enter__(self) -> str:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Nonsense)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
