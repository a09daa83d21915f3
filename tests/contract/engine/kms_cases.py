"""A case for every row of the table of AWS KMS answers, made by a KMS over HTTP: by real state or by a scripted error."""

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
    """The key service, with a connection to KMS that can be changed while it works.

    ``errors``: the code of every error that it raised, and whether the operator must act. ``on_error`` receives their number
    after each error, once all calls that examine the error were made.
    """

    def __init__(self, seconds: float, aws: AwsSimulator, provider_key: str, patch: pytest.MonkeyPatch) -> None:
        super().__init__(seconds, provider_key, REGION)
        self.errors: list[tuple[Code, bool]] = []
        self.on_error: Callable[[int], None] = lambda _: None
        endpoints = {f"AWS_ENDPOINT_URL_{service}": aws.url for service in ("KMS", "STS")}
        self.aws, self._own, self._patch = aws, {**ENVIRONMENT, **endpoints}, patch
        self._used: dict[str, str] = {}
        self.use_environment()

    def use_environment(self, **environment: str) -> None:
        """Use the usual environment with these changes from now on; an empty value removes its variable."""
        wanted = {**self._own, **environment}
        if wanted == self._used:
            return  # new clients cost more than most cases
        self._used = wanted
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            self._patch.delenv(name)
        for name, value in wanted.items():
            if value:
                self._patch.setenv(name, value)
        with self._lock:
            self._session = None
            self._clients.clear()

    def _call(self, *arguments: Any) -> Any:
        try:
            return super()._call(*arguments)
        except EntrakeepError as error:
            self.errors.append((error.code, isinstance(error, KeyRefused) and error.ours))
            self.on_error(len(self.errors))
            raise


@dataclass
class Scene:
    """The parts of a case: KMS, the connection to it, and the tenant's key."""

    aws: AwsSimulator
    kms: Kms
    arn: str
    nonsense: str
    """The URL of something that is not KMS."""

    @property
    def owner(self) -> Any:
        return self.aws.client("kms")

    def deny(self, *actions: str) -> None:
        """Set a key policy that denies these actions and allows the owner the rest."""
        allow = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"}
        deny = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": list(actions), "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [allow, *([deny] if actions else [])]}
        self.owner.put_key_policy(KeyId=self.arn, PolicyName="default", Policy=json.dumps(policy))

    def state(self, state: str) -> None:
        self.aws.post("key-state", {"key": self.arn, "state": state})

    def recover(self) -> None:
        """Undo the case, unless the key was deleted."""
        self.aws.clear_faults()
        self.kms.use_environment()
        self.state("Enabled")
        self.deny()


Case = Callable[[Scene], None]


def kms_error(code: str, message: str = "", status: int = 400) -> Case:
    """Return a case in which KMS answers each use of the tenant's key with this error."""

    def case(scene: Scene) -> None:
        error = {"what": "error", "code": code, "message": message, "status": status}
        scene.aws.fault(*({"match": {"service": "kms", "action": use, "key": scene.arn}, **error} for use in USES))

    return case


def key_state(state: str) -> Case:
    return lambda scene: scene.state(state)


def with_environment(**environment: str) -> Case:
    return lambda scene: scene.kms.use_environment(**environment)


def deny_use(scene: Scene) -> None:
    scene.deny("kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")


def deny_everywhere(scene: Scene) -> None:
    deny_use(scene)
    match = {"service": "kms", "key": scene.kms._provider_key}
    scene.aws.fault({"match": match, "what": "error", "code": "AccessDeniedException", "status": 400})


def delete_key(scene: Scene) -> None:
    scene.owner.schedule_key_deletion(KeyId=scene.arn, PendingWindowInDays=7)
    scene.aws.post("clock", {"advance_days": 8})


def hide_key(scene: Scene) -> None:
    scene.deny("kms:DescribeKey")
    scene.state("Unavailable")


def disable_by_state(scene: Scene) -> None:
    scene.owner.disable_key(KeyId=scene.arn)
    kms_error("KMSInvalidStateException")(scene)


def kms_fault(**fault: Any) -> Case:
    return lambda scene: scene.aws.fault({"match": {"service": "kms", "key": scene.arn}, **fault})


STATE = "KMSInvalidStateException"
CASES: dict[str, tuple[Case, ...]] = {
    "throttled": (kms_error("ThrottlingException", "Rate exceeded"),),
    "inside-kms": (kms_error("KeyUnavailableException", status=500),),
    "any-5xx": (kms_error("NeverHeardOf", status=502),),
    "tls": (lambda scene: scene.kms.use_environment(AWS_ENDPOINT_URL_KMS=scene.aws.url.replace("http:", "https:")),),
    "not-kms": (lambda scene: scene.kms.use_environment(AWS_ENDPOINT_URL_KMS=scene.nonsense),),
    "invalid-ciphertext": (kms_error("InvalidCiphertextException"),),
    "incorrect-key": (kms_error("IncorrectKeyException"),),
    "store-ciphertext": (kms_error(STATE, "The ciphertext is corrupted, missing, or otherwise invalid."),),
    "signature": (kms_error("InvalidSignatureException"), kms_error("RequestExpired")),
    "access-key": (with_environment(AWS_ACCESS_KEY_ID="AKIAUNKNOWNUNKNOWN00"),),
    "session-ended": (kms_error("ExpiredTokenException"),),
    "no-credentials-sent": (kms_error("MissingAuthenticationTokenException"),),
    "not-enabled": (kms_error("OptInRequired", status=403),),
    "role": (kms_error("AccessDenied", status=403),),
    "not-sent": (
        with_environment(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""),
        with_environment(AWS_PROFILE="none"),
    ),
    "arn": (kms_error("InvalidArnException"),),
    "kind-of-key": (kms_error("InvalidKeyUsageException"), kms_error("UnsupportedOperationException")),
    "grant": (kms_error("InvalidGrantTokenException"),),
    "limit": (kms_error("LimitExceededException"),),
    "validation": (kms_error("ValidationException"),),
    "denied-by-our-permissions": (kms_error("AccessDeniedException", "because no identity-based policy allows it"),),
    "denied-by-our-organization": (kms_error("AccessDeniedException", "an explicit deny in a service control policy"),),
    "denied-by-their-organization": (
        kms_error("AccessDeniedException", "an explicit deny in a resource control policy"),
    ),
    "denied-everywhere": (deny_everywhere,),
    "denied": (deny_use,),
    "disabled": (lambda scene: scene.owner.disable_key(KeyId=scene.arn),),
    "gone": (delete_key,),
    "unseen": (hide_key,),
    "to-be-deleted": (lambda scene: scene.owner.schedule_key_deletion(KeyId=scene.arn, PendingWindowInDays=7),),
    "no-material": (key_state("PendingImport"),),
    "disconnected": (key_state("Unavailable"),),
    "disabled-by-state": (disable_by_state,),
    "changing": (key_state("Creating"),),
    "store-silent": (kms_error(STATE, "The external key store proxy did not respond to the request in time."),),
    "external-key": (kms_error(STATE, "The external key is not enabled."),),
    "state": (kms_error(STATE, "Not now."),),
    "network": (
        kms_fault(what="drop"),
        kms_fault(what="slow", seconds=4.0),
        lambda scene: scene.kms.use_environment(AWS_ENDPOINT_URL_KMS=f"http://127.0.0.1:{free_port()}"),
    ),
    "any-4xx": (kms_error("NeverHeardOf"),),
}


def cases(kind: Kind) -> pytest.MarkDecorator:
    """Parametrise a test by all cases of the rows of a kind. Raise KeyError for a row without a case."""
    pairs = [(row, case, n) for row in ROWS if row.kind is kind for n, case in enumerate(CASES[row.name], 1)]
    ids = [f"{row.name}-{n}" if len(CASES[row.name]) > 1 else row.name for row, _, n in pairs]
    return pytest.mark.parametrize(("row", "case"), [each[:2] for each in pairs], ids=ids)


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
    """A server that answers but is not KMS."""

    def __enter__(self) -> str:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Nonsense)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
