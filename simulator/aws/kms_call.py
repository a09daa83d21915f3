"""One KMS call: its parameters, its keys, and the checks that every operation makes first.

Order of the checks: parameters, existence of the key, permission, state, usage, ciphertext.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.aws.answers import Refused
from simulator.aws.credentials import Principal
from simulator.aws.keys import Key, Keys, Place
from simulator.aws.policy import Request, Statement, Verdict, evaluate

CROSS_ACCOUNT = frozenset(
    {
        "CreateGrant",
        "Decrypt",
        "DescribeKey",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "GetKeyRotationStatus",
        "GetPublicKey",
        "ListGrants",
        "ReEncrypt",
        "RetireGrant",
        "RevokeGrant",
        "Sign",
        "Verify",
        "VerifyMac",
    }
)
"""Operations that may use a key of another account. All others may not, whatever the key policy allows."""


@dataclass(frozen=True)
class KmsCall:
    """The caller, the Region, the operation's name and its parameters as sent."""

    keys: Keys
    principal: Principal
    region: str
    action: str
    params: Mapping[str, Any]

    @property
    def place(self) -> Place:
        """Return the caller's account and the Region of the call."""
        return self.principal.account, self.region

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string parameter. Raises Refused (ValidationException) if it is missing or not a string."""
        value = self.params.get(name, default)
        if not isinstance(value, str) or not value:
            raise invalid(f"Value at '{name}' must not be null")
        return value

    def octets(self, name: str, most: int) -> bytes:
        """Decode a base64 parameter of 1 to `most` bytes. Raises Refused (ValidationException)."""
        try:
            value = base64.b64decode(self.text(name), validate=True)
        except binascii.Error:
            raise invalid(f"Value at '{name}' is not base64") from None
        if not 1 <= len(value) <= most:
            raise invalid(f"Value at '{name}' failed to satisfy constraint: length between 1 and {most}")
        return value

    def context(self, name: str = "EncryptionContext") -> dict[str, str]:
        """Return an encryption context. Raises Refused (ValidationException) unless it maps strings to strings."""
        value = self.params.get(name) or {}
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise invalid(f"Value at '{name}' must map strings to strings")
        return value

    def key(self, name: str = "KeyId") -> Key:
        """Return the key that a parameter names. Raises Refused if it does not exist or belongs to another account."""
        key = self.keys.resolve(self.text(name), self.place)
        if key.account != self.principal.account and self.action not in CROSS_ACCOUNT:
            raise denied(self, key, self.action, explicit=False)
        return key

    def may(self, key: Key, action: str | None = None, context: Mapping[str, str] | None = None) -> None:
        """Check that the key's policy allows `action`, by default the operation itself. Raises Refused."""
        call = as_request(self, key.arn, action or self.action, context or {})
        verdict = evaluate(key.statements, call)
        if verdict is not Verdict.ALLOWED:
            raise denied(self, key, action or self.action, explicit=verdict is Verdict.DENIED)

    def stop_if_dry(self) -> None:
        """Raise Refused (DryRunOperationException) if the call is a dry run."""
        if self.params.get("DryRun") is True:
            raise Refused("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")


def invalid(message: str) -> Refused:
    """Return a ValidationException for a parameter."""
    return Refused("ValidationException", f"1 validation error detected: {message}")


def invalid_state(key: Key) -> Refused:
    """Return a KMSInvalidStateException for an operation that the key's state does not allow."""
    return Refused("KMSInvalidStateException", f"{key.arn} is in state {key.state}, which this request does not allow.")


def check_enabled(key: Key) -> None:
    """Check that a key is enabled. Raises Refused."""
    if key.state == "Disabled":
        raise Refused("DisabledException", f"{key.arn} is disabled.")
    if key.state != "Enabled":
        raise invalid_state(key)


def check_usable(key: Key) -> None:
    """Check that a key can encrypt and decrypt: enabled, symmetric, of the right usage. Raises Refused."""
    check_enabled(key)
    if key.spec != "SYMMETRIC_DEFAULT" or key.usage != "ENCRYPT_DECRYPT":
        raise Refused("InvalidKeyUsageException", f"{key.arn} key usage is {key.usage}, key spec {key.spec}.")


def denied(call: KmsCall, key: Key, action: str, *, explicit: bool) -> Refused:
    """Return an AccessDeniedException with AWS's message. Another account learns no reason."""
    start = f"User: {call.principal.arn} is not authorized to perform: kms:{action} on "
    if key.account != call.principal.account:
        why = (
            "this resource because the resource does not exist in this Region, no resource-based policies allow "
            "access, or a resource-based policy explicitly denies access"
        )
    elif explicit:
        why = f"resource: {key.arn} with an explicit deny in a resource-based policy"
    else:
        why = f"resource: {key.arn} because no resource-based policy allows the kms:{action} action"
    return Refused("AccessDeniedException", start + why)


def check_not_locked_out(call: KmsCall, statements: tuple[Statement, ...], resource: str) -> None:
    """Check that the caller could still change the policy. Raises Refused (MalformedPolicyDocumentException)."""
    if call.params.get("BypassPolicyLockoutSafetyCheck") is True:
        return
    if evaluate(statements, as_request(call, resource, "PutKeyPolicy", {})) is not Verdict.ALLOWED:
        message = "The new key policy will not allow you to update the key policy in the future."
        raise Refused("MalformedPolicyDocumentException", message)


def as_request(call: KmsCall, resource: str, action: str, context: Mapping[str, str]) -> Request:
    """Return the call in the form that a key policy evaluates."""
    caller = call.principal
    facts: dict[str, list[str]] = {
        "aws:principalarn": [caller.policy_arn],
        "aws:principalaccount": [caller.account],
        "aws:principaltype": [caller.kind],
        "aws:requestedregion": [call.region],
        "kms:calleraccount": [caller.account],
    }
    if context:
        facts["kms:encryptioncontextkeys"] = list(context)
    facts.update({f"kms:encryptioncontext:{name.lower()}": [value] for name, value in context.items()})
    names = {caller.arn, caller.policy_arn, caller.account, f"arn:aws:iam::{caller.account}:root"}
    return Request(frozenset(names), f"kms:{action}", resource, facts)
