"""Notices: messages to the outside when a key changes or backups fail."""

from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.backup_health import BackupState
from shared.domain.errors import Code
from shared.domain.key_health import KeyCondition
from shared.domain.notices import Notice as TargetNotice
from shared.domain.notices import TargetSecret


class NoticeWarning(msgspec.Struct, frozen=True, kw_only=True):
    """A warning in a notice."""

    warning: str
    message: str
    at: datetime | None


class Notice(msgspec.Struct, frozen=True, kw_only=True, tag_field="about", tag="key"):
    """The notice of an event about a tenant's KMS key."""

    tenant: str
    tenant_id: str
    event: int
    """The event's number among the tenant's key events. A repeated notice has the same number."""
    state: KeyCondition
    code: Code | None
    message: str
    arn: str
    at: datetime
    warnings: list[NoticeWarning]


class BackupNotice(msgspec.Struct, frozen=True, kw_only=True, tag_field="about", tag="backup"):
    """The notice of an event about a tenant's backups."""

    tenant: str
    tenant_id: str
    event: int
    """The event's number among the tenant's backup events. A repeated notice has the same number."""
    state: BackupState
    code: Code | None
    message: str
    job: str | None
    at: datetime


class NotTaken(Exception):
    """The receiver did not take a notice. ``outcome`` is our own word for what happened, never the receiver's text."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class NoticeSender(Protocol):
    """The sender of notices to targets."""

    def send(self, receiver: TargetSecret, notice: TargetNotice) -> str:
        """Send the notice. Return our word for the outcome when the receiver has taken it.

        May block for as long as the receiver keeps it waiting. May be called from any thread. Raise ``NotTaken``.
        """


class Notices(Protocol):
    """The sender of notices to the URL in the settings."""

    def send(self, notice: Notice | BackupNotice) -> str:
        """Send the notice. Return a word for the outcome when the receiver has taken it.

        Block for a few seconds at most. May be called from any thread. Raise ``NotTaken``.
        """
