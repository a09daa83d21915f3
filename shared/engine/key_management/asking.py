"""Asking for a change of a tenant's KMS key: who may, what is agreed to first, and the job that does it."""

from shared.domain.arns import PRINCIPAL, account_of, check_form, region_of
from shared.domain.errors import Code, Refuse
from shared.domain.model import Asked, Job, JobKind, KeyMode, Tenant
from shared.engine.context import Context
from shared.engine.key_management.policy import Policy, key_policy
from shared.engine.key_management.terms import present_terms
from shared.ports.catalog import TenantCatalog
from shared.ports.keys import Caller


def check_may_enable(catalog: TenantCatalog, tenant: Tenant, arn: str) -> None:
    """Raises Refuse ``KEY_INVALID`` for what is no ARN, ``WRONG_USE`` if the tenant has another key of its own already,
    ``KEY_NOT_ALLOWED`` saying whom to ask if it may not have one."""
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
    """Raises Refuse ``KEY_INVALID`` for what is no ARN, ``WRONG_USE`` if the tenant has no key of its own yet."""
    check_form(arn)
    if tenant.key_mode is KeyMode.PROVIDER:
        sentence = f"{tenant.name} has no key of its own yet; give it one with 'entrakeep key enable {tenant.name}'."
        raise Refuse(Code.WRONG_USE, sentence)


def policy_for(context: Context, tenant: Tenant, arn: str | None, principal: str | None = None) -> Policy:
    """What the owner of the key must allow for this tenant. ``principal`` are the workers, if they are not who asks;
    raises Refuse ``WRONG_USE`` if it is no role or user, and what AWS raises."""
    if arn is not None:
        check_form(arn)
    caller = context.keys.caller() if principal is None else Caller(account_of(f"{principal}:::::"), principal)
    if not PRINCIPAL.fullmatch(caller.principal):
        raise Refuse(Code.WRONG_USE, "--principal takes the ARN of a role or user: arn:aws:iam::ACCOUNT:role/NAME.")
    return key_policy(caller, tenant.tenant_id, region_of(tenant.key_arn), arn)


def ask_check(catalog: TenantCatalog, arn: str) -> Job:
    """A worker checks the key, with the workers' own credentials; the job's detail tells each check as it passes."""
    return catalog.jobs.ask(JobKind.KEY_CHECK, asked=Asked.HAND, detail={"arn": arn})[0]


def checked_arn(check: Job) -> str:
    """The key's own ARN, as a check that passed found it: an alias may be made to point elsewhere."""
    return str(check.detail["key"]["arn"])


def ask_enable(catalog: TenantCatalog, arn: str, by: str) -> Job:
    """Notes that ``by`` agrees to the present terms for this key, and asks for the change to it."""
    terms = present_terms()
    catalog.customer_keys.accept(by=by, version=terms.version, sha256=terms.sha256, arn=arn)
    return catalog.jobs.ask(JobKind.KEY_ENABLE, asked=Asked.HAND, detail={"arn": arn})[0]


def ask_update(catalog: TenantCatalog, arn: str) -> Job:
    """Asks for the change to another key of the tenant's own."""
    return catalog.jobs.ask(JobKind.KEY_UPDATE, asked=Asked.HAND, detail={"arn": arn})[0]
