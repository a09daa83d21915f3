"""Requests to change a tenant's KMS key: the permission, the terms to accept first, and the job that does it."""

from shared.domain.arns import PRINCIPAL, account_of, check_form, region_of
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import Job, JobKind, Origin
from shared.domain.model import KeyMode, Tenant
from shared.engine.context import Context
from shared.engine.key_management.policy import Policy, key_policy
from shared.engine.key_management.terms import present_terms
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.keys import Caller


def check_may_enable(catalog: TenantCatalog, tenant: Tenant, arn: str) -> None:
    """Raise Refuse unless the tenant may change to its first own key.

    ``KEY_INVALID``: the text is not an ARN. ``WRONG_USE``: the tenant has another key of its own already.
    ``KEY_NOT_ALLOWED``: the operator has not allowed it; the message says whom to ask.
    """
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
            f"{tenant.name} may not have a key of its own yet: ask the operator of this installation to say "
            f"'entrakeep key allow {tenant.name}'.",
        )


def check_may_update(tenant: Tenant, arn: str) -> None:
    """Raise Refuse ``KEY_INVALID`` if the text is not an ARN, ``WRONG_USE`` if the tenant has no own key yet."""
    check_form(arn)
    if tenant.key_mode is KeyMode.PROVIDER:
        sentence = f"{tenant.name} has no key of its own yet; give it one with 'entrakeep key enable {tenant.name}'."
        raise Refuse(Code.WRONG_USE, sentence)


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


def request_check(catalog: TenantCatalog, arn: str) -> Job:
    """Create the job in which a worker checks the key with its own credentials. The job's detail lists each check."""
    return catalog.jobs.request(JobKind.KEY_CHECK, origin=Origin.HAND, detail={"arn": arn})[0]


def checked_arn(check: Job) -> str:
    """Return the key's own ARN from a check that passed. An alias could be changed later to name another key."""
    return str(check.detail["key"]["arn"])


def request_enable(catalog: TenantCatalog, arn: str, actor: str) -> Job:
    """Record that ``by`` accepts the present terms for this key, and create the job that changes to it."""
    terms = present_terms()
    catalog.customer_keys.accept(actor=actor, version=terms.version, sha256=terms.sha256, arn=arn)
    return catalog.jobs.request(JobKind.KEY_ENABLE, origin=Origin.HAND, detail={"arn": arn})[0]


def request_update(catalog: TenantCatalog, arn: str) -> Job:
    """Create the job that changes from one of the tenant's own keys to another."""
    return catalog.jobs.request(JobKind.KEY_UPDATE, origin=Origin.HAND, detail={"arn": arn})[0]
