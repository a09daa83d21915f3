"""Check whether a key is fit to wrap a tenant's data keys.

A worker makes fourteen checks in order, with the workers' own credentials. The first failure ends them. The job's detail
lists each check once it is made. Data keys that are created for a check are discarded.
"""

import hmac
import time
import uuid
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from shared.domain.arns import check_form, region_of
from shared.domain.errors import Alarm, Code, KeyRefused, KeyTrouble, Refuse
from shared.domain.model import KeyMode, Purpose, Tenant, encryption_context
from shared.engine.context import Context
from shared.engine.key_management.findings import UNFIT, matters_to_know, wrong_kind, wrong_state
from shared.engine.keys.retrying import retry_kms
from shared.engine.steps.work import Work
from shared.ports.keys import FreshKey, KeyDescription

_T = TypeVar("_T")
_PATIENCE = 10.0
"""Seconds for which a check is retried while KMS is in trouble. It is short because a person waits."""
_LOOK = 0.1
"""Seconds between two tries while a key is not ready."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A check that was made."""

    check: str
    """The check's name, one of ``CHECKS``."""
    outcome: str
    """``passed``, ``warned`` or ``failed``."""
    message: str | None = None
    """What to know or to change."""


class Checked(msgspec.Struct, kw_only=True):
    """The result of a key check so far, stored as the detail of its job."""

    arn: str
    """The ARN to check, as it was given."""
    checks: list[Check] = []
    """The checks made so far."""
    key: KeyDescription | None = None
    """The answer of DescribeKey, None before check ``seen``."""
    request_ids: list[str] = []
    """AWS request ids of the calls to KMS, for the owner's CloudTrail."""


def key_validation_step(work: Work) -> bool:
    """Check the key that the job names. Return whether the job goes on to a next step.

    The first failure ends the job with ``KEY_INVALID`` or the failure's own code, and a message that names the check. KMS
    trouble ends it too: the person who requested the check wants the present answer.
    """
    detail = work.catalog.jobs.get(work.claim.job_id).detail
    checking = Checking(work.context, work.catalog.tenant(), detail["arn"], work.claim_keeper.check)
    result = checking.result

    def tell() -> None:
        work.catalog.claims.report_progress(work.claim, msgspec.to_builtins(result))

    try:
        checking.run(CHECKS, tell)
    except (Refuse, KeyTrouble) as error:
        tell()
        work.catalog.claims.fail(work.claim, error.code, error.message)
        return False
    return work.catalog.claims.finish(work.claim, detail=msgspec.to_builtins(result))


def check_again(work: Work, tenant: Tenant, arn: str) -> None:
    """Repeat the checks whose outcome may have changed, before a tenant is switched to the key for good.

    Raises Refuse for the first that fails, and KeyTrouble if KMS stays in trouble.
    """
    Checking(work.context, tenant, arn, work.claim_keeper.check).run(AGAIN, lambda: None)


class Checking:
    """The checks of one key for one tenant.

    Method ``_name`` makes the check ``name``. It returns None, or a warning.
    """

    def __init__(self, context: Context, tenant: Tenant, arn: str, hold: Callable[[], None]) -> None:
        """Prepare to check the key ``arn``. ``hold`` raises if the step's claim has ended."""
        self.result = Checked(arn=arn)
        self._context = context
        self._tenant = tenant
        self._arn = arn
        self._hold = hold
        self._encryption = encryption_context(tenant.tenant_id, Purpose.ENABLE_CHECK)
        self._fresh: FreshKey | None = None

    def run(self, names: Sequence[str], tell: Callable[[], None]) -> None:
        """Make the checks in order. ``tell`` is called after each that passes.

        Raises Refuse for the first that fails, naming it, and KeyTrouble if KMS stays in trouble.
        """
        for name in names:
            self._hold()
            make: Callable[[], str | None] = getattr(self, f"_{name.replace('-', '_')}")
            try:
                message = make()
            except KeyTrouble:
                raise
            except Refuse as refusal:
                self.result.checks.append(Check(check=name, outcome="failed", message=refusal.message))
                raise Refuse(refusal.code, f"Check '{name}': {refusal.message}") from None
            self.result.checks.append(Check(check=name, outcome="warned" if message else "passed", message=message))
            tell()

    def _form(self) -> None:
        check_form(self._arn)

    def _region(self) -> None:
        own_region, key_region = region_of(self._tenant.key_arn), region_of(self._arn)
        if own_region != key_region:
            raise _invalid(
                f"The key is in {key_region}; your backups are wrapped in {own_region}. KMS cannot move wrapped keys between "
                f"Regions: create the key (or a replica) in {own_region}."
            )

    def _our_side(self) -> None:
        """Raise Refuse unless the workers can use the tenant's current KMS key.

        That key proves our own access to AWS KMS. The provider key would not, because a tenant with an own key does not
        need it.
        """
        current_arn = self._tenant.key_arn
        try:
            self._retrying(lambda: self._context.keys.probe(current_arn, self._encryption))
        except Refuse as refusal:
            if self._tenant.key_mode is KeyMode.CUSTOMER and isinstance(refusal, KeyRefused):
                raise self._move_refused(current_arn) from None
            sentence = "Our own access to AWS KMS is broken; nothing was changed. Ask your operator."
            raise Refuse(Code.KEY_MISCONFIGURED, sentence) from None

    def _seen(self) -> None:
        account = self._context.keys.caller().account
        try:
            key = self._describe_new_key()
        except KeyRefused:
            raise _invalid(
                f"The key does not exist, or its policy does not let account {account} look at it. Paste the policy of "
                "'entrakeep key policy' into the key, wait a minute, try again."
            ) from None
        self.result.key = key
        self._add_request_id(key.request_id)

    def _kind(self) -> None:
        key = self._description()
        wrong = wrong_kind(key)
        if key.arn == self._context.provider_key:
            wrong = "The key is the operator's own; a key of the directory's owner is needed."
        if wrong:
            raise _invalid(wrong)

    def _state(self) -> None:
        wrong = wrong_state(self._description())
        if wrong:
            raise _invalid(wrong)

    def _warn(self) -> str | None:
        return matters_to_know(self._description()) or None

    def _make(self) -> None:
        key = self._description()
        try:
            fresh = self._retrying(lambda: self._context.keys.generate(key.arn, self._encryption))
        except KeyRefused:
            account = self._context.keys.caller().account
            raise _invalid(
                f"Account {account} may see the key but not use it: kms:GenerateDataKey is missing, or its condition does "
                f"not allow tenant={self._tenant.tenant_id}."
            ) from None
        self._add_request_id(fresh.request_id)
        if fresh.arn != key.arn:
            raise _invalid(f"KMS wraps under {fresh.arn} what is asked for under {key.arn}; give that ARN.")
        self._fresh = fresh

    def _open(self) -> None:
        fresh = self._fresh_key()
        missing = "kms:Decrypt is missing. Without it backups could be written and never read."
        self._check_opens(fresh, fresh.wrapped, missing)

    def _bound(self) -> str | None:
        """Return a warning if the policy does not bind the key to this tenant.

        Raise Refuse if the key even decrypts one tenant's data key under another tenant's encryption context.
        """
        fresh, other = self._fresh_key(), {**self._encryption, "tenant": str(uuid.uuid4())}
        try:
            self._retrying(lambda: self._context.keys.decrypt(fresh.arn, fresh.wrapped, other, "check"))
        except KeyRefused:
            return None
        except Alarm:
            return (
                "The policy does not bind the key to this tenant; that of 'entrakeep key policy' does: with it, what was "
                "wrapped for one tenant is refused to all others by AWS itself."
            )
        raise _invalid("The key opens for one tenant what was wrapped for another. Do not use it; tell your operator.")

    def _into(self) -> None:
        source, target = self._tenant.key_arn, self._description().arn
        try:
            fresh = self._retrying(lambda: self._context.keys.generate(source, self._encryption))
            moved = self._reencrypt(fresh, target)
        except KeyRefused as refusal:
            if refusal.arn == target:
                raise _invalid("kms:ReEncryptTo is missing: existing backups cannot be moved under your key.") from None
            raise self._move_refused(source) from None
        self._check_opens(
            fresh, moved, "kms:Decrypt is missing. Without it backups could be written and never read.", target
        )

    def _move_refused(self, source: str) -> Refuse:
        """Return the error to raise if the current key refuses to re-encrypt. It says who must allow that."""
        if source == self._context.provider_key:
            remedy = "The operator must add kms:ReEncryptFrom to its policy and to the workers' permissions."
            return Refuse(
                Code.KEY_MISCONFIGURED, f"Nothing can be moved away from the operator's key {source}. {remedy}"
            )
        remedy = (
            "Its owner must enable it, and allow kms:GenerateDataKey and kms:ReEncryptFrom as 'entrakeep key policy' "
            "shows."
        )
        return Refuse(Code.KEY_ACCESS_REVOKED, f"Nothing can be moved away from the present key {source}. {remedy}")

    def _out_of(self) -> None:
        fresh = self._fresh_key()
        try:
            self._reencrypt(fresh, fresh.arn)
        except KeyRefused:
            raise _invalid("kms:ReEncryptFrom is missing: you could never change to another key.") from None

    def _steady(self) -> None:
        """Raise Refuse unless ``make`` and ``open`` pass again after a wait: AWS spreads a new permission gradually."""
        deadline = self._context.deadline(self._context.limits.key_steady_seconds)
        while not deadline.over:
            self._hold()
            time.sleep(min(_LOOK, deadline.remaining))
        try:
            self._make()
            self._open()
        except Refuse:
            raise _invalid(
                "The permission comes and goes; AWS may still be spreading the change. Try again in five minutes."
            ) from None

    def _record(self) -> None:
        """Do nothing: the job's detail has the result already. The check lists that it is recorded."""

    def _check_opens(self, fresh: FreshKey, wrapped: bytes, missing: str, arn: str | None = None) -> None:
        """Raise Refuse unless ``wrapped`` opens to the data key ``fresh``.

        ``missing`` is the message if KMS refuses. ``arn`` is the key that wraps it, by default the key that made it.
        """
        wrapping_arn = arn or fresh.arn
        try:
            opened = self._retrying(
                lambda: self._context.keys.decrypt(wrapping_arn, wrapped, self._encryption, "check")
            )
        except KeyRefused:
            raise _invalid(missing) from None
        except Alarm:
            raise _invalid(UNFIT) from None
        if not hmac.compare_digest(opened.reveal(), fresh.plaintext.reveal()):
            raise _invalid(UNFIT)

    def _reencrypt(self, fresh: FreshKey, to_arn: str) -> bytes:
        """Return the data key re-encrypted under ``to_arn``. Raise KeyRefused, or Refuse if the key is unfit."""
        keys = self._context.keys
        try:
            moved = self._retrying(lambda: keys.reencrypt(fresh.arn, fresh.wrapped, self._encryption, to_arn, "check"))
        except Alarm:
            raise _invalid(UNFIT) from None
        self._add_request_id(moved.request_id)
        return moved.wrapped

    def _description(self) -> KeyDescription:
        assert self.result.key is not None, "'seen' comes first"
        return self.result.key

    def _fresh_key(self) -> FreshKey:
        assert self._fresh is not None, "'make' comes first"
        return self._fresh

    def _describe_new_key(self) -> KeyDescription:
        """Return the key's description. Retry while KMS does not know the key: that takes some seconds for a new key."""
        deadline = self._context.deadline(self._context.limits.key_steady_seconds)
        while True:
            try:
                return self._retrying(lambda: self._context.keys.describe(self._arn))
            except KeyRefused as refusal:
                if not refusal.unknown or deadline.over:
                    raise
            self._hold()
            time.sleep(_LOOK)

    def _retrying(self, call: Callable[[], _T]) -> _T:
        """Return the result of ``call``, retried for a short time while KMS is in trouble."""
        deadline = self._context.deadline(min(_PATIENCE, self._context.lease_seconds))
        return retry_kms(call, deadline, self._hold)

    def _add_request_id(self, request_id: str | None) -> None:
        if request_id:
            self.result.request_ids.append(request_id)


CHECKS = (
    "form",
    "region",
    "our-side",
    "seen",
    "kind",
    "state",
    "warn",
    "make",
    "open",
    "bound",
    "into",
    "out-of",
    "steady",
    "record",
)
"""Names of all checks, in order."""
AGAIN = ("form", "region", "seen", "kind", "state", "make", "open", "into", "out-of")
"""Names of the checks that are repeated before a tenant is switched to the key."""


def _invalid(sentence: str) -> Refuse:
    return Refuse(Code.KEY_INVALID, sentence)
