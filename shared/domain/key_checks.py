"""The checks of a key that a tenant may change to: their names, and how long their result is valid. Rules without I/O."""

from datetime import datetime, timedelta

from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, JobKind, JobState, KeyChecks
from shared.domain.model import KeyMode, Tenant

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
REPEATED = ("form", "region", "seen", "kind", "state", "make", "open", "into", "out-of")
"""Names of the checks that are repeated before a tenant is switched to the key."""
VALID_FOR = timedelta(minutes=15)
"""How long after its end a check permits the change to its key."""


def checked_key(check: Job, tenant_id: str, now: datetime, arn: str | None = None) -> str:
    """Return the key's own ARN from a check that permits the change to it now. An alias could be moved to another key.

    ``arn`` is the key that the person was shown, if any. Raise Refuse ``NO_SUCH_JOB`` for a check of another tenant,
    ``BUSY`` for one that has not ended, and ``KEY_INVALID`` for one that failed, is too old, or is of another key.
    """
    if check.tenant_id != tenant_id:
        raise Refuse(Code.NO_SUCH_JOB, f"This tenant has no job {check.job_id}. Check the key again.")
    detail = check.detail
    if not isinstance(detail, KeyChecks):
        raise Refuse(Code.KEY_INVALID, "The job did not check a new key. Check the key first.")
    if not check.state.ended or check.finished_at is None:
        raise Refuse(Code.BUSY, "The check of the key has not ended yet. Wait for its end.")
    if check.state is not JobState.SUCCEEDED or detail.key is None:
        raise Refuse(Code.KEY_INVALID, "The key has not passed its checks: check it again.")
    if arn is not None and arn != detail.key.arn:
        raise Refuse(
            Code.KEY_INVALID, f"The check is of another key: {detail.key.arn}. Check the key that you want to use."
        )
    if (age := now - check.finished_at) > VALID_FOR:
        minutes = age // timedelta(minutes=1)
        raise Refuse(
            Code.KEY_INVALID,
            f"The check ended {minutes:,} minutes ago, and is valid for {VALID_FOR // timedelta(minutes=1)}. "
            "Nothing was changed. Check the key again.",
        )
    return detail.key.arn


def running_check(check: Job) -> str | None:
    """Return the name of the check that is under way, or ended the job without a result; None if all were made."""
    made = check.detail.checks if isinstance(check.detail, KeyChecks) else []
    if len(made) == len(CHECKS) or any(each.outcome == "failed" for each in made):
        return None
    return CHECKS[len(made)]


def check_may_change(tenant: Tenant, kind: JobKind, arn: str, *, allowed: bool, done: bool = False) -> None:
    """Raise Refuse unless a job of this kind may change the tenant to the key ``arn``.

    ``allowed``: the operator has allowed an own key. ``done``: every data key is under the tenant's current key already. A
    change to the current key that is not done may be resumed.
    """
    name, own_key = tenant.name, tenant.key_mode is KeyMode.CUSTOMER
    if not own_key and kind is JobKind.KEY_UPDATE:
        sentence = f"{name} has no key of its own yet; give it one with 'entrakeep key enable {name}'."
        raise Refuse(Code.WRONG_USE, sentence)
    if not own_key and not allowed:
        sentence = (
            f"{name} may not have a key of its own yet: ask the operator of this installation to run "
            f"'entrakeep key allow {name}'."
        )
        raise Refuse(Code.KEY_NOT_ALLOWED, sentence)
    if own_key and arn == tenant.key_arn and done:
        raise Refuse(Code.WRONG_USE, f"{name} has this key already, and every data key is under it.")
    if own_key and arn != tenant.key_arn and kind is JobKind.KEY_ENABLE:
        sentence = f"{name} has a key of its own; change to another one with 'entrakeep key update {name}'."
        raise Refuse(Code.WRONG_USE, sentence)
