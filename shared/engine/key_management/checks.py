"""Check whether a key is fit to wrap a tenant's data keys.

A worker makes fourteen checks in order, with the workers' own credentials. The first failure ends them. The job's detail
lists each check once it is made. Data keys that are created for a check are discarded.
"""

from collections.abc import Callable, Sequence

from shared.domain.arns import check_form, region_of
from shared.domain.errors import Code, KeyRefused, KeyTrouble, Refuse
from shared.domain.jobs import Check, JobKind, KeyChangeProgress, KeyChecks
from shared.domain.key_checks import CHECKS, REPEATED
from shared.domain.kms_key import KeyDescription
from shared.domain.model import KeyMode, Tenant
from shared.engine.context import Context
from shared.engine.key_management.findings import matters_to_know, wrong_kind, wrong_state
from shared.engine.key_management.trials import Trials, invalid
from shared.engine.steps.work import Work


def key_validation_step(work: Work, request: KeyChecks) -> bool:
    """Check the key that the job names. Return whether the job goes on to a next step.

    The first failure ends the job with ``KEY_INVALID`` or the failure's own code, and a message that names the check. KMS
    trouble ends it too: the person who requested the check wants the present answer. If the person asked for it, the
    change to the key is requested as soon as all checks have passed.
    """
    validation = Validation(work.context, work.catalog.tenant(), request, work.claim_keeper.check)
    result = validation.result

    def report() -> None:
        work.catalog.claims.report_progress(work.claim, result)

    try:
        validation.run(CHECKS, report)
        _request_update(work, result)
    except (Refuse, KeyTrouble) as error:
        report()
        work.catalog.claims.fail(work.claim, error.code, error.message)
        return False
    return work.catalog.claims.finish(work.claim, detail=result)


def repeat_checks(work: Work, tenant: Tenant, arn: str) -> None:
    """Repeat the checks whose outcome may have changed, before a tenant is switched to the key for good.

    Raises Refuse for the first that fails, and KeyTrouble if KMS stays in trouble.
    """
    Validation(work.context, tenant, KeyChecks(arn=arn), work.claim_keeper.check).run(REPEATED, lambda: None)


def _request_update(work: Work, checked: KeyChecks) -> None:
    """Request the change to the key that passed its checks, if the person asked for that with the check.

    The change is requested before the check ends, so that a worker that is killed in between requests it again. The
    catalog creates one job for a check.
    """
    if checked.update_by is None or checked.key is None:
        return
    change = KeyChangeProgress(arn=checked.key.arn, check=work.claim.job_id, asked_by=checked.update_by)
    catalog = work.context.catalog.as_actor(checked.update_by).tenant(work.claim.tenant_id)
    catalog.customer_keys.request_change(JobKind.KEY_UPDATE, change, claim=work.claim)


class Validation:
    """The checks of one key for one tenant."""

    def __init__(self, context: Context, tenant: Tenant, request: KeyChecks, check_claim: Callable[[], None]) -> None:
        """Prepare to check the key of ``request``. ``check_claim`` raises if the step's claim has ended."""
        self._context = context
        self._tenant = tenant
        self._arn = request.arn
        self._check_claim = check_claim
        self._trials = Trials(context, tenant, check_claim)
        self.result = KeyChecks(arn=request.arn, update_by=request.update_by, request_ids=self._trials.request_ids)

    def run(self, names: Sequence[str], report: Callable[[], None]) -> None:
        """Make the checks in order. ``report`` is called after each that passes.

        Raises Refuse for the first that fails, naming it, and KeyTrouble if KMS stays in trouble.
        """
        for name in names:
            self._check_claim()
            try:
                warning = self._make(name)
            except KeyTrouble:
                raise
            except Refuse as refusal:
                self.result.checks.append(Check(check=name, outcome="failed", message=refusal.message))
                raise Refuse(refusal.code, f"Check '{name}': {refusal.message}") from None
            self.result.checks.append(Check(check=name, outcome="warned" if warning else "passed", message=warning))
            report()

    def _make(self, name: str) -> str | None:
        """Make one of ``CHECKS``. Return None, or a warning. Raise Refuse if it fails.

        The check "record" needs no code: the job's detail already has the results.
        """
        trials = self._trials
        match name:
            case "form":
                check_form(self._arn)
            case "region":
                self._check_region()
            case "our-side":
                self._check_our_side()
            case "seen":
                self._describe()
            case "kind":
                self._raise_if(wrong_kind(self._key, self._context.provider_key))
            case "state":
                self._raise_if(wrong_state(self._key))
            case "warn":
                return matters_to_know(self._key) or None
            case "make":
                trials.make(self._key.arn)
            case "open":
                trials.open()
            case "bound":
                return trials.bound()
            case "into":
                trials.into(self._key.arn)
            case "out-of":
                trials.out_of()
            case "steady":
                trials.steady(self._key.arn)
        return None

    def _raise_if(self, problem: str | None) -> None:
        if problem:
            raise invalid(problem)

    def _check_region(self) -> None:
        """Raise Refuse unless the key is in the Region of the tenant's current key."""
        own_region, key_region = region_of(self._tenant.key_arn), region_of(self._arn)
        if own_region != key_region:
            raise invalid(
                f"The key is in {key_region}; your backups are wrapped in {own_region}. KMS cannot move wrapped keys between "
                f"Regions: create the key (or a replica) in {own_region}."
            )

    def _check_our_side(self) -> None:
        """Raise Refuse unless the workers can use the tenant's current KMS key."""
        try:
            self._trials.current_key()
        except Refuse as refusal:
            if self._tenant.key_mode is KeyMode.CUSTOMER and isinstance(refusal, KeyRefused):
                raise self._trials.move_refused() from None
            sentence = "Our own access to AWS KMS is broken; nothing was changed. Ask your operator."
            raise Refuse(Code.KEY_MISCONFIGURED, sentence) from None

    def _describe(self) -> None:
        """Store the key's description in the result. Raise Refuse if KMS does not show the key."""
        account = self._context.keys.caller().account
        try:
            key = self._describe_new_key()
        except KeyRefused:
            raise invalid(
                f"The key does not exist, or its policy does not let account {account} look at it. Paste the policy of "
                "'entrakeep key policy' into the key, wait a minute, try again."
            ) from None
        self.result.key = key
        self._trials.add_request_id(key.request_id)

    def _describe_new_key(self) -> KeyDescription:
        """Return the key's description. Retry while KMS does not know the key: that takes some seconds for a new key."""
        deadline = self._context.deadline(self._context.limits.key_steady_seconds)
        while True:
            try:
                return self._trials.retry(lambda: self._context.keys.describe(self._arn))
            except KeyRefused as refusal:
                if not refusal.unknown or deadline.over:
                    raise
            self._trials.pause(deadline)

    @property
    def _key(self) -> KeyDescription:
        assert self.result.key is not None, "'seen' comes first"
        return self.result.key
