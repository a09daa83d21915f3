"""The expiry of a tenant's client secret or certificate, and its missing restore identity."""

from datetime import datetime, timedelta

from shared.domain.errors import Code, Refuse
from shared.domain.model import Tenant

SOON = timedelta(days=30)
"""How long before the expiry people are warned."""
_REMINDERS = (timedelta(0), timedelta(days=1), timedelta(days=7), SOON)
"""How long before the expiry a notice is sent, each once."""


def _expires_soon(expires_at: datetime | None, now: datetime) -> bool:
    """Return True if a credential has expired or expires within ``SOON``; False if its expiry is not known."""
    return expires_at is not None and expires_at < now + SOON


def expiry_sentence(tenant: Tenant, now: datetime) -> str | None:
    """Return the warning about the credential that reads, or None if there is nothing to warn of."""
    expires_at = tenant.sign_in_expires_at
    if expires_at is None or not _expires_soon(expires_at, now):
        return None
    return (
        f"The client secret or certificate of {tenant.name} {_when(expires_at, now)}: make another, "
        f"and give it with 'entrakeep tenant update {tenant.name}'."
    )


def restore_expiry_sentence(tenant: Tenant, now: datetime) -> str | None:
    """Return the warning about the credential of the restore identity, or None if there is nothing to warn of."""
    expires_at = tenant.restore_expires_at
    if expires_at is None or not _expires_soon(expires_at, now):
        return None
    return (
        f"The client secret or certificate that restores {tenant.name} {_when(expires_at, now)}: make another, and give it "
        f"with 'entrakeep tenant update {tenant.name} --restore-client-secret-file FILE'."
    )


def _when(expires_at: datetime, now: datetime) -> str:
    return f"{'has expired' if expires_at <= now else 'expires'} on {expires_at:%Y-%m-%d}"


def no_restore_identity(name: str) -> Refuse:
    """Return the refusal to restore a tenant that has no application with rights to write."""
    sentence = (
        f"{name} has no restore identity, and the application that reads its directory cannot write. Register a second "
        f"application and add it: 'entrakeep tenant update {name} --restore-client-id GUID --restore-client-secret-file "
        "FILE'. docs/restore.md lists the permissions that it needs."
    )
    return Refuse(Code.NO_RESTORE_IDENTITY, sentence)


def reminded_since(expires_at: datetime, now: datetime) -> datetime | None:
    """Return when the newest reminder became due, or None if none is due yet."""
    times = (expires_at - before for before in _REMINDERS)
    return next((time for time in times if time <= now), None)
