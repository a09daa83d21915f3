"""What becomes of a tenant's backups, as far as somebody outside wants to hear of it at once."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.errors import Code


class BackupState(StrEnum):
    FAILED = "failed"
    LATE = "late"
    """A scheduled backup has not ended well within an hour of its time."""
    RECOVERED = "recovered"
    """A backup has made a snapshot, after one that failed or was late."""
    EXPIRING = "expiring"
    """The client secret or certificate of the tenant expires soon, or has expired: backups will fail."""


class BackupEvent(msgspec.Struct, frozen=True, kw_only=True):
    """That the state of a tenant's backups changed, or that another one failed. Numbered within the tenant."""

    number: int
    at: datetime
    state: BackupState
    job_id: str | None
    code: Code | None
    message: str
