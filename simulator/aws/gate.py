"""The gate: every request is identified, checked against the scripted faults, answered and counted."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from simulator.aws.answers import Answer, Refused, from_kms, from_sts, refusal
from simulator.aws.clock import Clock
from simulator.aws.control import Control, Counted, Requests
from simulator.aws.credentials import Principal, Scope, principal_of, scope_of, sessions_known, shift_expiry
from simulator.aws.faults import Faults, Target
from simulator.aws.keys import Key, Keys
from simulator.aws.kms_call import KmsCall, check_enabled
from simulator.aws.kms_manage import OPERATIONS as MANAGE
from simulator.aws.kms_use import OPERATIONS as USE
from simulator.aws.kms_use import sealing_key
from simulator.aws.moto_backend import Environ, Moto
from simulator.aws.s3 import ObjectLocks, S3Call, s3_call

_OPERATIONS = {**USE, **MANAGE}
_KEY_NAMES = ("KeyId", "DestinationKeyId", "TargetKeyId")
_IN_EVERY_STATE = frozenset(
    {"GetKeyRotationStatus", "ListKeyPolicies", "ListResourceTags", "TagResource", "UntagResource"}
)
_NOT_SIMULATED = frozenset({"CreateGrant", "ImportKeyMaterial", "UpdatePrimaryRegion"})
"""Operations refused because moto would accept them without changing the gate's own state."""


class Dropped(Exception):
    """A fault requires that the connection is reset instead of answered."""


@dataclass(frozen=True)
class Request:
    """An HTTP request whose body has been read completely."""

    environ: Environ
    method: str
    path: str
    query: str
    body: bytes


@dataclass(frozen=True)
class Call:
    """A signed request with its service and action. `params` is filled for KMS, `s3` for S3."""

    request: Request
    scope: Scope
    action: str
    params: Mapping[str, Any]
    s3: S3Call | None


class Gate:
    """The handler of all requests. Its state is in memory; it may be called from any thread."""

    def __init__(self) -> None:
        clock = Clock()
        self._clock = clock
        self.keys = Keys(clock)
        self._faults = Faults()
        self._requests = Requests()
        self._control = Control(clock, self._faults, self._requests, self.keys)
        self._moto = Moto()
        self._locks = ObjectLocks()
        self._sts_lock = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """Answer one request. Raises Dropped if a fault requires a reset of the connection."""
        if request.path.startswith("/_sim/"):
            return self._control.answer(request.method, request.path, request.body)
        scope = scope_of(request.environ.get("HTTP_AUTHORIZATION", ""), request.query)
        if scope is None:
            missing = Refused("MissingAuthenticationToken", "The request is not signed.", 403)
            return refusal("s3", missing, head=request.method == "HEAD")
        account = scope.access_key if scope.access_key.isdigit() else ""
        action = ""
        try:
            call = _identified(request, scope)
            action = call.action
            principal = principal_of(scope, self._clock.now())
            account = principal.account
            answer = self._apply_fault(call, account) or self._answer(call, principal)
        except Refused as refused:
            answer = refusal(scope.service, refused, head=request.method == "HEAD")
        except Dropped:
            self._requests.count(Counted(scope.service, action, account, "dropped"))
            raise
        self._requests.count(Counted(scope.service, action, account, answer.code))
        return answer

    def _apply_fault(self, call: Call, account: str) -> Answer | None:
        target = Target(call.scope.service, call.action, account, self._names(call, account))
        fault = self._faults.hit(target)
        if fault is None:
            return None
        if fault.what == "drop":
            raise Dropped
        if fault.what == "slow":
            time.sleep(fault.seconds)
            return None
        raise Refused(fault.code, fault.message, fault.status)

    def _names(self, call: Call, account: str) -> set[str]:
        """Return every name by which a fault may match this call's keys."""
        if call.s3 is not None:
            return {call.s3.key}
        caller = Principal(account, "", "", "", "")
        kms = KmsCall(self.keys, caller, call.scope.region, call.action, call.params)
        requested = {
            call.params[name] for name in (*_KEY_NAMES, "SourceKeyId") if isinstance(call.params.get(name), str)
        }
        names = set(requested)
        keys: list[Key] = []
        for name in requested:
            try:
                keys.append(self.keys.resolve(name, kms.place))
            except Refused:
                continue
        if call.action in ("Decrypt", "ReEncrypt"):
            try:
                blob = kms.octets("CiphertextBlob", 6144)
                keys.append(sealing_key(kms, blob, "SourceKeyId" if call.action == "ReEncrypt" else "KeyId"))
            except Refused:
                pass
        for key in keys:
            names |= {key.id, key.arn}
        return names

    def _answer(self, call: Call, principal: Principal) -> Answer:
        if call.scope.service == "kms":
            return self._kms(call, principal)
        if call.scope.service == "sts" and call.action == "GetCallerIdentity":
            fields = {"Arn": principal.arn, "UserId": principal.user_id, "Account": principal.account}
            return from_sts(call.action, fields)
        if call.s3 is not None:
            return self._s3(call, call.s3, principal.account)
        if call.scope.service == "sts":
            with self._sts_lock:
                known = sessions_known()
                answer = self._moto.answer(call.request.environ, call.request.body, principal.account)
                shift_expiry(self._clock.offset, known)
                return answer
        return self._moto.answer(call.request.environ, call.request.body, principal.account)

    def _s3(self, call: Call, s3: S3Call, account: str) -> Answer:
        # moto lets every account use every bucket, and bucket policies are not simulated: only the owner may.
        if s3.action != "CreateBucket" and self._moto.owner_of(s3.bucket) not in (None, account):
            raise Refused("AccessDenied", "Access Denied", 403)
        if call.request.method in ("GET", "HEAD"):
            return self._moto.answer(call.request.environ, call.request.body, account)
        with self._locks.lock(s3):
            return self._moto.answer(call.request.environ, call.request.body, account)

    def _kms(self, call: Call, principal: Principal) -> Answer:
        kms = KmsCall(self.keys, principal, call.scope.region, call.action, call.params)
        operation = _OPERATIONS.get(call.action)
        if operation is not None:
            return from_kms(operation(kms))
        if call.action in _NOT_SIMULATED:
            raise Refused("UnsupportedOperationException", f"{call.action} is not simulated.")
        params, owner = dict(call.params), principal.account
        if "KeyId" in params:
            key = kms.key()
            kms.may(key)
            if call.action not in _IN_EVERY_STATE:
                check_enabled(key)
            self._moto.introduce(key)
            params["KeyId"], owner = key.id, key.account
        return self._moto.answer(call.request.environ, json.dumps(params).encode(), owner)


def _identified(request: Request, scope: Scope) -> Call:
    if scope.service == "kms":
        action = request.environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        try:
            params = json.loads(request.body or b"{}")
        except ValueError:
            params = None
        if not isinstance(params, dict) or not action:
            raise Refused("SerializationException", "The request is not KMS JSON.")
        return Call(request, scope, action, params, None)
    if scope.service == "s3":
        copies = "HTTP_X_AMZ_COPY_SOURCE" in request.environ
        s3 = s3_call(request.method, request.path, request.query, copies=copies)
        return Call(request, scope, s3.action, {}, s3)
    form = parse_qs(request.body.decode("utf-8", "replace") or request.query)
    return Call(request, scope, form.get("Action", [""])[0], {}, None)
