"""Notices: how somebody outside hears at once that a key has changed, or that backups fail."""

from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.backup_health import BackupState
from shared.domain.errors import Code
from shared.domain.key_health import KeyCondition


class Noticed(msgspec.Struct, frozen=True, kw_only=True):
    """A warning as it is told."""

    warning: str
    message: str
    at: datetime | None


class Notice(msgspec.Struct, frozen=True, kw_only=True, tag_field="about", tag="key"):
    """What is told of an event about a tenant's KMS key. ``event`` is its number within the tenant, among those about its
    key: a notice that comes twice has the same."""

    tenant: str
    tenant_id: str
    event: int
    state: KeyCondition
    code: Code | None
    message: str
    arn: str
    at: datetime
    warnings: list[Noticed]


class BackupNotice(msgspec.Struct, frozen=True, kw_only=True, tag_field="about", tag="backup"):
    """What is told of an event about a tenant's backups. ``event`` is numbered among those."""

    tenant: str
    tenant_id: str
    event: int
    state: BackupState
    code: Code | None
    message: str
    job: str | None
    at: datetime


class NotTaken(Exception):
    """The other side did not take a notice. ``outcome`` is a word of ours for what happened; never what it said."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Notices(Protocol):
    def send(self, notice: Notice | BackupNotice) -> str:
        """Returns once the other side has taken it: a word for that. Blocks for some seconds at most; may be called from any
        thread. Raises ``NotTaken``."""
        ...
