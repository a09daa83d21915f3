"""Requests about a tenant's KMS key: allow one of its own, check it, enable it, change it.

A key is changed in two requests. The first checks the new key in a job of the workers. After it has succeeded, and after the
user has agreed to the terms for a first key, the second one requests the change. The change makes every check again.
"""

from collections.abc import Sequence
from typing import NamedTuple

from shared.domain.arns import PRINCIPAL, account_of, check_form, region_of
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, JobKind, JobState, KeyChangeProgress, KeyChecks, Origin
from shared.domain.key_health import KeyEvent, KeyHealth
from shared.domain.model import KeyMode, Tenant
from shared.domain.trust import Untrusted
from shared.engine.context import Context
from shared.engine.key_management.policy import Policy, key_policy
from shared.engine.key_management.terms import present_terms
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


def key_overview(catalog: Catalog, name: str) -> KeyOverview:
    """Return what is known about a tenant's KMS key. Do not call KMS. Raise Refuse ``NO_SUCH_TENANT``."""
    tenant = catalog.find(name)
    handle = catalog.tenant(tenant.tenant_id)
    health = handle.health
    return KeyOverview(tenant, handle.keys.state(), health.get(), health.history(), handle.upkeep.untrusted())


def allow_key(catalog: Catalog, actor: str, name: str) -> None:
    """Allow the tenant to have a KMS key of its own. Raise Refuse ``NO_SUCH_TENANT``."""
    _handle(catalog, actor, name).customer_keys.allow()


def check_key(catalog: Catalog, actor: str, name: str) -> Job:
    """Request a job in which a worker uses the tenant's current key once. Raise Refuse ``NO_SUCH_TENANT``."""
    return _handle(catalog, actor, name).jobs.request(JobKind.KEY_CHECK, origin=Origin.HAND)[0]


def check_key_to_enable(catalog: Catalog, actor: str, name: str, arn: str) -> Job:
    """Request a job in which a worker checks the tenant's first own key. The job's detail lists each check.

    Raise Refuse ``NO_SUCH_TENANT``; ``KEY_INVALID``: the text is not an ARN; ``WRONG_USE``: the tenant has another key of its
    own already; ``KEY_NOT_ALLOWED``: the operator has not allowed it, and the message says whom to ask.
    """
    handle = _handle(catalog, actor, name)
    _check_may_enable(handle, handle.tenant(), arn)
    return _request_validation(handle, arn)


def check_key_to_update(catalog: Catalog, actor: str, name: str, arn: str) -> Job:
    """Request a job in which a worker checks the tenant's next own key. The job's detail lists each check.

    Raise Refuse ``NO_SUCH_TENANT``; ``KEY_INVALID``: the text is not an ARN; ``WRONG_USE``: the tenant has no key of its own.
    """
    handle = _handle(catalog, actor, name)
    check_form(arn)
    if handle.tenant().key_mode is KeyMode.PROVIDER:
        sentence = f"{name} has no key of its own yet; give it one with 'entrakeep key enable {name}'."
        raise Refuse(Code.WRONG_USE, sentence)
    return _request_validation(handle, arn)


def enable_key(catalog: Catalog, actor: str, check: Job) -> Job:
    """Record that ``actor`` agrees to the present terms, and request the change to the key that ``check`` found valid.

    ``check`` is the job of ``check_key_to_enable`` after it has ended.
    """
    return request_enable(catalog.as_actor(actor).tenant(check.tenant_id), _checked_arn(check), actor)


def update_key(catalog: Catalog, actor: str, check: Job) -> Job:
    """Request the change to the key that ``check`` found valid: the job of ``check_key_to_update`` after it has ended."""
    return request_update(catalog.as_actor(actor).tenant(check.tenant_id), _checked_arn(check))


def policy_for(context: Context, tenant: Tenant, arn: str | None, principal: str | None = None) -> Policy:
    """Return the key policy that the key's owner must add for this tenant.

    ``principal`` is the ARN of the workers' role or user; by default, that of the calling process. Raises Refuse
    ``WRONG_USE`` if it is neither a role nor a user, and what AWS raises.
    """
    if arn is not None:
        check_form(arn)
    caller = context.keys.caller() if principal is None else Caller(account_of(f"{principal}:::::"), principal)
    if not PRINCIPAL.fullmatch(caller.principal):
        raise Refuse(Code.WRONG_USE, "--principal takes the ARN of a role or user: arn:aws:iam::ACCOUNT:role/NAME.")
    return key_policy(caller, tenant.tenant_id, region_of(tenant.key_arn), arn)


def request_enable(catalog: TenantCatalog, arn: str, actor: str) -> Job:
    """Record that ``actor`` accepts the present terms for this key, and create the job that changes to it."""
    terms = present_terms()
    catalog.customer_keys.accept(actor=actor, version=terms.version, sha256=terms.sha256, arn=arn)
    return catalog.jobs.request(JobKind.KEY_ENABLE, origin=Origin.HAND, detail=KeyChangeProgress(arn=arn))[0]


def request_update(catalog: TenantCatalog, arn: str) -> Job:
    """Create the job that changes from one of the tenant's own keys to another."""
    return catalog.jobs.request(JobKind.KEY_UPDATE, origin=Origin.HAND, detail=KeyChangeProgress(arn=arn))[0]


def _handle(catalog: Catalog, actor: str, name: str) -> TenantCatalog:
    """Return the tenant's handle, with ``actor`` as the one whom audit events name. Raise Refuse ``NO_SUCH_TENANT``."""
    return catalog.as_actor(actor).tenant(catalog.find(name).tenant_id)


def _check_may_enable(catalog: TenantCatalog, tenant: Tenant, arn: str) -> None:
    """Raise Refuse unless the tenant may change to its first own key, or the change to ``arn`` may be resumed."""
    check_form(arn)
    if tenant.key_mode is KeyMode.CUSTOMER:
        if arn == tenant.key_arn:
            return
        sentence = (
            f"{tenant.name} has a key of its own; change to another one with 'entrakeep key update {tenant.name}'."
        )
        raise Refuse(Code.WRONG_USE, sentence)
    if catalog.customer_keys.allowed() is None:
        raise Refuse(
            Code.KEY_NOT_ALLOWED,
            f"{tenant.name} may not have a key of its own yet: ask the operator of this installation to run "
            f"'entrakeep key allow {tenant.name}'.",
        )


def _request_validation(catalog: TenantCatalog, arn: str) -> Job:
    """Create the job in which a worker checks the key with its own credentials."""
    return catalog.jobs.request(JobKind.KEY_CHECK, origin=Origin.HAND, detail=KeyChecks(arn=arn))[0]


def _checked_arn(check: Job) -> str:
    """Return the key's own ARN from a check that passed. An alias could be changed later to name another key.

    Raise Refuse ``KEY_INVALID`` if the check did not pass.
    """
    key = check.detail.key if isinstance(check.detail, KeyChecks) else None
    if check.state is not JobState.SUCCEEDED or key is None:
        raise Refuse(Code.KEY_INVALID, "The key has not passed its checks: check it again.")
    return key.arn
