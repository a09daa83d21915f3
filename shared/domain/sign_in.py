"""When what a tenant signs in with expires: its client secret or its certificate."""

from datetime import datetime, timedelta

from shared.domain.model import Tenant

SOON = timedelta(days=30)
"""How long before it expires people are warned."""


def expires_soon(tenant: Tenant, now: datetime) -> bool:
    """Return whether it has expired, or does within ``SOON``. Nobody may have said when."""
    return tenant.sign_in_expires_at is not None and tenant.sign_in_expires_at < now + SOON


def expiry_sentence(tenant: Tenant, now: datetime) -> str | None:
    """Return the warning, or None if there is nothing to warn of."""
    at = tenant.sign_in_expires_at
    if at is None or not expires_soon(tenant, now):
        return None
    when = "has expired" if at <= now else "expires"
    return (
        f"The client secret or certificate of {tenant.name} {when} on {at:%Y-%m-%d}: make another, "
        f"and give it with 'entrakeep tenant update {tenant.name}'."
    )
