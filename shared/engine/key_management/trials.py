"""Try out in KMS what backups and key changes need of a key. Data keys that are created for it are discarded."""

import hmac
import time
import uuid
from collections.abc import Callable
from typing import TypeVar

from shared.domain.deadline import Deadline
from shared.domain.errors import Alarm, Code, KeyRefused, Refuse
from shared.domain.model import Purpose, Tenant, encryption_context
from shared.engine.context import Context
from shared.engine.keys.retrying import retry_kms
from shared.ports.keys import FreshKey

_T = TypeVar("_T")
_UNFIT = "The key does not open what it wrapped itself. Do not use it; tell your operator."
_NO_DECRYPT = "kms:Decrypt is missing. Without it backups could be written and never read."


class Trials:
    """Trials of one key for one tenant. Each raises Refuse if it fails, and KeyTrouble if KMS stays in trouble."""

    def __init__(self, context: Context, tenant: Tenant, check_claim: Callable[[], None]) -> None:
        """Prepare trials. ``check_claim`` raises if the step's claim has ended."""
        self.request_ids: list[str] = []
        """AWS request ids of the calls, for the owner's CloudTrail."""
        self._context = context
        self._tenant = tenant
        self._check_claim = check_claim
        self._encryption = encryption_context(tenant.tenant_id, Purpose.ENABLE_CHECK)
        self._fresh: FreshKey | None = None

    def retry(self, call: Callable[[], _T]) -> _T:
        """Return the result of ``call``, retried for a short time while KMS is in trouble."""
        deadline = self._context.deadline(min(self._context.limits.check_retry_seconds, self._context.lease_seconds))
        return retry_kms(call, deadline, self._check_claim)

    def pause(self, deadline: Deadline) -> None:
        """Wait for a moment, but not beyond the deadline. Raise what ended the claim."""
        self._check_claim()
        time.sleep(min(self._context.limits.key_ready_look_seconds, deadline.remaining))

    def add_request_id(self, request_id: str | None) -> None:
        """Keep a request id, if there is one."""
        if request_id:
            self.request_ids.append(request_id)

    def current_key(self) -> None:
        """Try the tenant's current KMS key, to prove our own access to AWS KMS.

        The provider key would not prove it, because a tenant with an own key does not need it.
        """
        current_arn = self._tenant.key_arn
        self.retry(lambda: self._context.keys.probe(current_arn, self._encryption))

    def make(self, arn: str) -> None:
        """Create a data key under ``arn``, which the other trials use."""
        try:
            fresh = self.retry(lambda: self._context.keys.generate(arn, self._encryption))
        except KeyRefused:
            account = self._context.keys.caller().account
            raise invalid(
                f"Account {account} may see the key but not use it: kms:GenerateDataKey is missing, or its condition does "
                f"not allow tenant={self._tenant.tenant_id}."
            ) from None
        self.add_request_id(fresh.request_id)
        if fresh.arn != arn:
            raise invalid(f"KMS wraps under {fresh.arn}, although the request named {arn}. Give the first ARN.")
        self._fresh = fresh

    def open(self) -> None:
        """Open the created data key."""
        fresh = self._fresh_key()
        self._check_opens(fresh, fresh.wrapped, fresh.arn)

    def bound(self) -> str | None:
        """Return a warning if the policy does not bind the key to this tenant.

        Raise Refuse if the key even decrypts one tenant's data key under another tenant's encryption context.
        """
        fresh, other = self._fresh_key(), {**self._encryption, "tenant": str(uuid.uuid4())}
        try:
            self.retry(lambda: self._context.keys.decrypt(fresh.arn, fresh.wrapped, other, "check"))
        except KeyRefused:
            return None
        except Alarm:
            return (
                "The policy does not bind the key to this tenant; that of 'entrakeep key policy' does: with it, what was "
                "wrapped for one tenant is refused to all others by AWS itself."
            )
        raise invalid("The key opens for one tenant what was wrapped for another. Do not use it; tell your operator.")

    def into(self, target: str) -> None:
        """Move a data key from the tenant's current key to the key ``target``, and open it there."""
        source = self._tenant.key_arn
        try:
            fresh = self.retry(lambda: self._context.keys.generate(source, self._encryption))
            moved = self._reencrypt(fresh, target)
        except KeyRefused as refusal:
            if refusal.arn == target:
                raise invalid("kms:ReEncryptTo is missing: existing backups cannot be moved under your key.") from None
            raise self.move_refused() from None
        self._check_opens(fresh, moved, target)

    def move_refused(self) -> Refuse:
        """Return the error to raise if the current key refuses to re-encrypt. It says who must allow that."""
        source = self._tenant.key_arn
        if source == self._context.provider_key:
            remedy = "The operator must add kms:ReEncryptFrom to its policy and to the workers' permissions."
            return Refuse(
                Code.KEY_MISCONFIGURED, f"The data keys cannot be moved away from the operator's key {source}. {remedy}"
            )
        remedy = (
            "Its owner must enable it, and allow kms:GenerateDataKey and kms:ReEncryptFrom as 'entrakeep key policy' "
            "shows."
        )
        return Refuse(
            Code.KEY_ACCESS_REVOKED, f"The data keys cannot be moved away from the current key {source}. {remedy}"
        )

    def out_of(self) -> None:
        """Move the created data key out of its key, and back into it."""
        fresh = self._fresh_key()
        try:
            self._reencrypt(fresh, fresh.arn)
        except KeyRefused:
            raise invalid("kms:ReEncryptFrom is missing: you could never change to another key.") from None

    def steady(self, arn: str) -> None:
        """Repeat ``make`` and ``open`` after a wait, because AWS spreads a new permission gradually."""
        deadline = self._context.deadline(self._context.limits.key_steady_seconds)
        while not deadline.over:
            self.pause(deadline)
        try:
            self.make(arn)
            self.open()
        except Refuse:
            raise invalid(
                "The permission comes and goes; AWS may still be spreading the change. Try again in five minutes."
            ) from None

    def _check_opens(self, fresh: FreshKey, wrapped: bytes, arn: str) -> None:
        """Raise Refuse unless ``wrapped``, which the key ``arn`` wraps, opens to the data key ``fresh``."""
        try:
            opened = self.retry(lambda: self._context.keys.decrypt(arn, wrapped, self._encryption, "check"))
        except KeyRefused:
            raise invalid(_NO_DECRYPT) from None
        except Alarm:
            raise invalid(_UNFIT) from None
        if not hmac.compare_digest(opened.reveal(), fresh.plaintext.reveal()):
            raise invalid(_UNFIT)

    def _reencrypt(self, fresh: FreshKey, to_arn: str) -> bytes:
        """Return the data key re-encrypted under ``to_arn``. Raise KeyRefused, or Refuse if the key is unfit."""
        keys = self._context.keys
        try:
            moved = self.retry(lambda: keys.reencrypt(fresh.arn, fresh.wrapped, self._encryption, to_arn, "check"))
        except Alarm:
            raise invalid(_UNFIT) from None
        self.add_request_id(moved.request_id)
        return moved.wrapped

    def _fresh_key(self) -> FreshKey:
        assert self._fresh is not None, "'make' comes first"
        return self._fresh


def invalid(sentence: str) -> Refuse:
    """Return the error of a check that the key does not pass."""
    return Refuse(Code.KEY_INVALID, sentence)
