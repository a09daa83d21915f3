"""Is this key fit to wrap a tenant's data keys? Fourteen checks in their order, by a worker, with the workers' own
credentials.

The first that fails stops. Each is told in the job's detail as it passes. Data keys that are made for a check are
thrown away.
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
from shared.engine.patience import patiently
from shared.engine.work import Work
from shared.ports.keys import FreshKey, KeyDescription

_T = TypeVar("_T")
_PATIENCE = 10.0
"""Seconds for which a check asks again while KMS is in trouble: somebody waits."""
_LOOK = 0.1


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A check that was made. ``outcome`` is ``passed``, ``warned`` or ``failed``; ``message`` what to know or to change."""

    check: str
    outcome: str
    message: str | None = None


class Checked(msgspec.Struct, kw_only=True):
    """What a key check says of a key, as far as it has come: the detail of its job."""

    arn: str
    checks: list[Check] = []
    key: KeyDescription | None = None
    request_ids: list[str] = []


def key_validation_step(work: Work) -> bool:
    """The checks of the key that the job names. The first that fails ends the job, with ``KEY_INVALID`` or what the
    failure is mapped to, naming the check. So does trouble: who asks wants to know how it is now, and not in six
    hours."""
    detail = work.catalog.jobs.get(work.claim.job_id).detail
    checking = Checking(work.context, work.catalog.tenant(), detail["arn"], work.hold.check)
    told = checking.told

    def tell() -> None:
        work.catalog.claims.tell(work.claim, msgspec.to_builtins(told))

    try:
        checking.run(CHECKS, tell)
    except (Refuse, KeyTrouble) as error:
        tell()
        work.catalog.claims.fail(work.claim, error.code, error.message)
        return False
    return work.catalog.claims.finish(work.claim, detail=msgspec.to_builtins(told))


def check_again(work: Work, tenant: Tenant, arn: str) -> None:
    """What may have changed since a key was checked, before a tenant is switched to it for good. Raises as the step fails."""
    Checking(work.context, tenant, arn, work.hold.check).run(AGAIN, lambda: None)


class Checking:
    """The checks of one key for one tenant. Each returns None, or what to know."""

    def __init__(self, context: Context, tenant: Tenant, arn: str, hold: Callable[[], None]) -> None:
        self.told = Checked(arn=arn)
        self._context = context
        self._tenant = tenant
        self._arn = arn
        self._hold = hold
        self._encryption = encryption_context(tenant.tenant_id, Purpose.ENABLE_CHECK)
        self._fresh: FreshKey | None = None

    def run(self, names: Sequence[str], tell: Callable[[], None]) -> None:
        """Makes the checks in order; ``tell`` is called after each. Raises Refuse for the first that fails, naming it, and
        KeyTrouble if KMS stays in trouble."""
        for name in names:
            self._hold()
            make: Callable[[], str | None] = getattr(self, f"_{name.replace('-', '_')}")
            try:
                message = make()
            except KeyTrouble:
                raise
            except Refuse as refusal:
                self.told.checks.append(Check(check=name, outcome="failed", message=refusal.message))
                raise Refuse(refusal.code, f"Check '{name}': {refusal.message}") from None
            self.told.checks.append(Check(check=name, outcome="warned" if message else "passed", message=message))
            tell()

    def _form(self) -> None:
        check_form(self._arn)

    def _region(self) -> None:
        ours, theirs = region_of(self._tenant.key_arn), region_of(self._arn)
        if ours != theirs:
            raise _invalid(
                f"The key is in {theirs}; your backups are wrapped in {ours}. KMS cannot move wrapped keys between Regions: "
                f"create the key (or a replica) in {ours}."
            )

    def _our_side(self) -> None:
        """The key that wraps the tenant now proves our access: a tenant with a key of its own needs no other."""
        present = self._tenant.key_arn
        try:
            self._patiently(lambda: self._context.keys.probe(present, self._encryption))
        except Refuse as refusal:
            if self._tenant.key_mode is KeyMode.CUSTOMER and isinstance(refusal, KeyRefused):
                raise self._nothing_moves_from(present) from None
            sentence = "Our own access to AWS KMS is broken; nothing was changed. Ask your operator."
            raise Refuse(Code.KEY_MISCONFIGURED, sentence) from None

    def _seen(self) -> None:
        account = self._context.keys.caller().account
        try:
            key = self._soon_there()
        except KeyRefused:
            raise _invalid(
                f"The key does not exist, or its policy does not let account {account} look at it. Paste the policy of "
                "'entrakeep key policy' into the key, wait a minute, try again."
            ) from None
        self.told.key = key
        self._note(key.request_id)

    def _kind(self) -> None:
        key = self._described()
        wrong = wrong_kind(key)
        if key.arn == self._context.provider_key:
            wrong = "The key is the operator's own; a key of the directory's owner is needed."
        if wrong:
            raise _invalid(wrong)

    def _state(self) -> None:
        wrong = wrong_state(self._described())
        if wrong:
            raise _invalid(wrong)

    def _warn(self) -> str | None:
        return matters_to_know(self._described()) or None

    def _make(self) -> None:
        key = self._described()
        try:
            fresh = self._patiently(lambda: self._context.keys.generate(key.arn, self._encryption))
        except KeyRefused:
            account = self._context.keys.caller().account
            raise _invalid(
                f"Account {account} may see the key but not use it: kms:GenerateDataKey is missing, or its condition does "
                f"not allow tenant={self._tenant.tenant_id}."
            ) from None
        self._note(fresh.request_id)
        if fresh.arn != key.arn:
            raise _invalid(f"KMS wraps under {fresh.arn} what is asked for under {key.arn}; give that ARN.")
        self._fresh = fresh

    def _open(self) -> None:
        fresh = self._made()
        missing = "kms:Decrypt is missing. Without it backups could be written and never read."
        self._opens(fresh, fresh.wrapped, missing)

    def _bound(self) -> str | None:
        fresh, other = self._made(), {**self._encryption, "tenant": str(uuid.uuid4())}
        try:
            self._patiently(lambda: self._context.keys.decrypt(fresh.arn, fresh.wrapped, other, "check"))
        except KeyRefused:
            return None
        except Alarm:
            return (
                "The policy does not bind the key to this tenant; that of 'entrakeep key policy' does: with it, what was "
                "wrapped for one tenant is refused to all others by AWS itself."
            )
        raise _invalid("The key opens for one tenant what was wrapped for another. Do not use it; tell your operator.")

    def _into(self) -> None:
        source, target = self._tenant.key_arn, self._described().arn
        try:
            fresh = self._patiently(lambda: self._context.keys.generate(source, self._encryption))
            moved = self._moved(fresh, target)
        except KeyRefused as refusal:
            if refusal.arn == target:
                raise _invalid("kms:ReEncryptTo is missing: existing backups cannot be moved under your key.") from None
            raise self._nothing_moves_from(source) from None
        self._opens(fresh, moved, "kms:Decrypt is missing. Without it backups could be written and never read.", target)

    def _nothing_moves_from(self, source: str) -> Refuse:
        if source == self._context.provider_key:
            who = "The operator must add kms:ReEncryptFrom to its policy and to the workers' permissions."
            return Refuse(Code.KEY_MISCONFIGURED, f"Nothing can be moved away from the operator's key {source}. {who}")
        who = "Its owner must enable it, and allow kms:GenerateDataKey and kms:ReEncryptFrom as 'entrakeep key policy' shows."
        return Refuse(Code.KEY_ACCESS_REVOKED, f"Nothing can be moved away from the present key {source}. {who}")

    def _out_of(self) -> None:
        fresh = self._made()
        try:
            self._moved(fresh, fresh.arn)
        except KeyRefused:
            raise _invalid("kms:ReEncryptFrom is missing: you could never change to another key.") from None

    def _steady(self) -> None:
        end = time.monotonic() + self._context.limits.key_steady_seconds
        while time.monotonic() < end:
            self._hold()
            time.sleep(min(_LOOK, max(0.0, end - time.monotonic())))
        try:
            self._make()
            self._open()
        except Refuse:
            raise _invalid(
                "The permission comes and goes; AWS may still be spreading the change. Try again in five minutes."
            ) from None

    def _record(self) -> None:
        """All of it stands in the job's detail."""

    def _opens(self, fresh: FreshKey, wrapped: bytes, missing: str, arn: str | None = None) -> None:
        """Raises Refuse unless ``wrapped`` opens to the data key that was made."""
        under = arn or fresh.arn
        try:
            found = self._patiently(lambda: self._context.keys.decrypt(under, wrapped, self._encryption, "check"))
        except KeyRefused:
            raise _invalid(missing) from None
        except Alarm:
            raise _invalid(UNFIT) from None
        if not hmac.compare_digest(found.reveal(), fresh.plaintext.reveal()):
            raise _invalid(UNFIT)

    def _moved(self, fresh: FreshKey, to_arn: str) -> bytes:
        keys = self._context.keys
        try:
            moved = self._patiently(lambda: keys.reencrypt(fresh.arn, fresh.wrapped, self._encryption, to_arn, "check"))
        except Alarm:
            raise _invalid(UNFIT) from None
        self._note(moved.request_id)
        return moved.wrapped

    def _described(self) -> KeyDescription:
        assert self.told.key is not None, "'seen' comes first"
        return self.told.key

    def _made(self) -> FreshKey:
        assert self._fresh is not None, "'make' comes first"
        return self._fresh

    def _soon_there(self) -> KeyDescription:
        """A key is unknown for some seconds after it was made."""
        end = time.monotonic() + self._context.limits.key_steady_seconds
        while True:
            try:
                return self._patiently(lambda: self._context.keys.describe(self._arn))
            except KeyRefused as refusal:
                if not refusal.unknown or time.monotonic() >= end:
                    raise
            self._hold()
            time.sleep(_LOOK)

    def _patiently(self, call: Callable[[], _T]) -> _T:
        return patiently(call, min(_PATIENCE, self._context.lease_seconds), self._hold)

    def _note(self, request_id: str | None) -> None:
        if request_id:
            self.told.request_ids.append(request_id)


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
"""In the order in which they are made."""
AGAIN = ("form", "region", "seen", "kind", "state", "make", "open", "into", "out-of")
"""Those that are made again before a tenant is switched to the key."""


def _invalid(sentence: str) -> Refuse:
    return Refuse(Code.KEY_INVALID, sentence)
