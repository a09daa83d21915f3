"""The health of a tenant's backups, as far as notices report it to the outside."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.errors import Code


class BackupState(StrEnum):
    """The state that an event about backups reports."""

    FAILED = "failed"
    """A backup has failed."""
    LATE = "late"
    """A scheduled backup has not succeeded within an hour of its time."""
    RECOVERED = "recovered"
    """A backup has made a snapshot, after one that failed or was late."""
    EXPIRING = "expiring"
    """The tenant's client secret or certificate expires soon, or has expired: backups will fail."""


class BackupEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A change of the state of a tenant's backups, or another failure."""

    number: int
    """The number among the tenant's backup events."""
    at: datetime
    state: BackupState
    job_id: str | None
    code: Code | None
    message: str
