"""Requests about a tenant's KMS key: allow one of its own, check it, enable it, change it.

A key is changed in two requests. The first checks the new key in a job of the workers. After it has succeeded, and after the
user has agreed to the terms for a first key, the second one requests the change. The change makes every check again. All of
this needs SQL alone, so that the console, which holds no keys, does it like the command line.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.domain.arns import PRINCIPAL, account_of, check_form, clean_arn, region_of
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, JobKind, JobState, KeyChangeProgress, KeyChecks, Origin
from shared.domain.key_checks import check_may_change, checked_key
from shared.domain.key_health import KeyEvent, KeyHealth
from shared.domain.limits import LIMITS
from shared.domain.model import KeyMode, Tenant
from shared.domain.trust import Untrusted
from shared.engine.key_management.policy import Policy, key_policy
from shared.engine.key_management.terms import present_terms
from shared.engine.requests.jobs import retry_job
from shared.ports.catalog.customer_keys import AcceptedTerms, KeySummary
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.keys import KeyState
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.keys import Caller


class KeyOverview(NamedTuple):
    """A tenant's KMS key, as SQL knows it."""

    tenant: Tenant
    keys: KeyState
    health: KeyHealth
    history: Sequence[KeyEvent]
    untrusted: Sequence[Untrusted]
    """Data keys and manifests under other KMS keys that the last sweep or rebuild saw in the store."""
    summary: KeySummary
    """Permission, acceptance of the terms, and the latest checks and changes."""


def key_overview(catalog: Catalog, name: str) -> KeyOverview:
    """Return what is known about a tenant's KMS key. Do not call KMS. Raise Refuse ``NO_SUCH_TENANT``."""
    handle = catalog.tenant(catalog.find(name).tenant_id)
    health, summary = handle.health, handle.customer_keys.summary()
    return KeyOverview(summary.tenant, summary.keys, health.get(), health.history(), handle.upkeep.untrusted(), summary)


def allow_key(catalog: Catalog, actor: str, name: str) -> None:
    """Allow the tenant to have a KMS key of its own. Raise Refuse ``NO_SUCH_TENANT``."""
    _handle(catalog, actor, name).customer_keys.allow()


def disallow_key(catalog: Catalog, actor: str, name: str) -> bool:
    """Take the permission for an own KMS key back. Return False if the tenant had none.

    Raise Refuse ``NO_SUCH_TENANT``, and ``WRONG_USE`` if the tenant has a key of its own already.
    """
    return _handle(catalog, actor, name).customer_keys.disallow()


def check_key(catalog: Catalog, actor: str, name: str) -> Job:
    """Request a job in which a worker uses the tenant's current key once. Raise Refuse ``NO_SUCH_TENANT``."""
    return _handle(catalog, actor, name).jobs.request(JobKind.KEY_CHECK, origin=Origin.HAND)[0]


def check_key_to_enable(catalog: Catalog, actor: str, name: str, arn: str) -> Job:
    """Request a job in which a worker checks the tenant's first own key. The job's detail lists each check.

    Raise Refuse ``NO_SUCH_TENANT``; ``KEY_INVALID``: the text is not an ARN; ``WRONG_USE``: the tenant has another key of its
    own already; ``KEY_NOT_ALLOWED``: the operator has not allowed it, and the message says whom to ask.
    """
    return _request_check(_handle(catalog, actor, name), JobKind.KEY_ENABLE, KeyChecks(arn=clean_arn(arn)))


def check_key_to_update(catalog: Catalog, actor: str, name: str, arn: str) -> Job:
    """Request a job in which a worker checks the tenant's next own key. The job's detail lists each check.

    Raise Refuse ``NO_SUCH_TENANT``; ``KEY_INVALID``: the text is not an ARN; ``WRONG_USE``: the tenant has no key of its own.
    """
    return _request_check(_handle(catalog, actor, name), JobKind.KEY_UPDATE, KeyChecks(arn=clean_arn(arn)))


def rehearse_key(catalog: Catalog, actor: str, name: str, arn: str) -> Job:
    """Request a check of the tenant's first own key, or of its next one. It changes nothing.

    Raise Refuse as ``check_key_to_enable`` does.
    """
    own = catalog.find(name).key_mode is KeyMode.CUSTOMER
    return (check_key_to_update if own else check_key_to_enable)(catalog, actor, name, arn)


def check_and_update_key(catalog: Catalog, actor: str, name: str, arn: str) -> Job:
    """Request a check as ``check_key_to_update`` does. If it passes, its worker requests the change for ``actor``."""
    checks = KeyChecks(arn=clean_arn(arn), update_by=actor)
    return _request_check(_handle(catalog, actor, name), JobKind.KEY_UPDATE, checks)


def enable_key(catalog: Catalog, actor: str, name: str, check_id: str, now: datetime, arn: str | None = None) -> Job:
    """Record that ``actor`` agrees to the present terms, and request the change to the key that a check found valid.

    ``check_id`` is the job of ``check_key_to_enable``, and ``arn`` the key that the person was shown. Asked twice for one
    check, return the same job. Raise Refuse ``NO_SUCH_TENANT``, ``NO_SUCH_JOB``, ``BUSY``: the check has not ended, or
    another change goes on; ``KEY_INVALID``: the check does not permit the change, or no longer; ``KEY_NOT_ALLOWED``;
    ``WRONG_USE``.
    """
    handle = _handle(catalog, actor, name)
    return request_enable(handle, _checked_arn(handle, check_id, now, arn), actor, check_id)


def update_key(catalog: Catalog, actor: str, name: str, check_id: str, now: datetime) -> Job:
    """Request the change to the key that the check of ``check_key_to_update`` found valid. Raise as ``enable_key`` does."""
    handle = _handle(catalog, actor, name)
    return request_update(handle, _checked_arn(handle, check_id, now), actor, check_id)


def retry_change(catalog: Catalog, actor: str, name: str) -> Job:
    """Request the tenant's latest change of its key again, if it failed. Return the job, or the change that goes on.

    Raise Refuse ``NO_SUCH_TENANT``; ``WRONG_USE`` if no change has failed; and what ``retry_job`` raises.
    """
    latest = next(iter(catalog.tenant(catalog.find(name).tenant_id).customer_keys.summary().changes), None)
    if latest is None or latest.state is JobState.SUCCEEDED:
        raise Refuse(Code.WRONG_USE, f"No change of {name}'s key has failed. There is nothing to retry.")
    return retry_job(catalog, actor, latest.job_id).job if latest.state.ended else latest


def callers_of(catalog: Catalog, now: datetime) -> list[Caller]:
    """Return the identities under which the workers call AWS KMS, by principal. Empty if no worker has reported one.

    Workers that have been seen lately count; if there are none, the last one that was seen.
    """
    reported = [
        (worker.seen_at, Caller(worker.aws_account, worker.aws_principal))
        for worker in catalog.overview().workers()
        if worker.aws_account and worker.aws_principal
    ]
    since = now - timedelta(seconds=LIMITS.worker_seen_seconds)
    last = max((seen_at for seen_at, _ in reported), default=now)
    callers = {caller for seen_at, caller in reported if seen_at >= min(since, last)}
    return sorted(callers, key=lambda caller: caller.principal)


def policy_for(tenant: Tenant, workers: Sequence[Caller], arn: str | None = None) -> Policy:
    """Return the key policy that the key's owner must add for this tenant.

    ``workers``: the identities under which the workers call AWS KMS. Raise Refuse ``KEY_INVALID`` if ``arn`` is not the ARN
    of a KMS key, and ``KEY_MISCONFIGURED`` if no worker has reported its identity.
    """
    if arn is not None:
        check_form(arn := clean_arn(arn))
    if not workers:
        sentence = "No worker has reported yet which AWS principal it is. Start the stack with 'entrakeep up'."
        raise Refuse(Code.KEY_MISCONFIGURED, sentence)
    return key_policy(workers, tenant.tenant_id, region_of(tenant.key_arn), arn)


def caller_of(principal: str) -> Caller:
    """Return the identity of this role or user. Raise Refuse ``WRONG_USE`` if the ARN is of neither."""
    if not PRINCIPAL.fullmatch(principal):
        raise Refuse(Code.WRONG_USE, "--principal takes the ARN of a role or user: arn:aws:iam::ACCOUNT:role/NAME.")
    return Caller(account_of(principal), principal)


def request_enable(catalog: TenantCatalog, arn: str, actor: str, check_id: str | None = None) -> Job:
    """Record that ``actor`` accepts the present terms for this key, and create the job that changes to it."""
    terms = present_terms()
    accepted = AcceptedTerms(actor=actor, version=terms.version, sha256=terms.sha256)
    change = KeyChangeProgress(arn=arn, check=check_id, asked_by=actor)
    return catalog.customer_keys.request_change(JobKind.KEY_ENABLE, change, terms=accepted)[0]


def request_update(catalog: TenantCatalog, arn: str, actor: str, check_id: str | None = None) -> Job:
    """Create the job that changes from one of the tenant's own keys to another."""
    change = KeyChangeProgress(arn=arn, check=check_id, asked_by=actor)
    return catalog.customer_keys.request_change(JobKind.KEY_UPDATE, change)[0]


def _handle(catalog: Catalog, actor: str, name: str) -> TenantCatalog:
    """Return the tenant's handle, with ``actor`` as the one whom audit events name. Raise Refuse ``NO_SUCH_TENANT``."""
    return catalog.as_actor(actor).tenant(catalog.find(name).tenant_id)


def _request_check(catalog: TenantCatalog, kind: JobKind, checks: KeyChecks) -> Job:
    """Create the job in which a worker checks the key with its own credentials.

    Raise Refuse if the text is not an ARN, or the tenant may not change to the key by a job of this kind.
    """
    check_form(checks.arn)
    allowed = catalog.customer_keys.allowed() is not None
    check_may_change(catalog.tenant(), kind, checks.arn, allowed=allowed)
    return catalog.customer_keys.request_check(checks)[0]


def _checked_arn(catalog: TenantCatalog, check_id: str, now: datetime, arn: str | None = None) -> str:
    """Return the ARN of the key that a check of this tenant permits to change to now."""
    return checked_key(catalog.jobs.get(check_id), catalog.tenant_id, now, arn)
