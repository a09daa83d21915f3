"""Key health: due probes, the condition of keys, and notices to be sent. Times are the database's."""

from typing import Protocol

import msgspec

from shared.domain.backup_health import BackupEvent
from shared.domain.errors import Code
from shared.domain.key_health import KeyCondition, KeyEvent, KeyHealth, KeyWarning


class ProbeTurn(msgspec.Struct, frozen=True, kw_only=True):
    """The right to probe a tenant's key once."""

    tenant_id: str
    number: int
    """The fencing number: a later turn replaces this one."""


class ProbeOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a probe."""

    arn: str
    condition: KeyCondition
    """The condition to report from now on."""
    code: Code | None
    message: str
    result: KeyCondition
    """The condition that this probe got."""
    warnings: list[KeyWarning] | None = None
    """The warnings of a closer look; None if there was no closer look."""


class DueNotice(msgspec.Struct, frozen=True, kw_only=True):
    """An event to be sent as a notice."""

    tenant_id: str
    tenant: str
    event: KeyEvent | BackupEvent
    tries: int
    """The number of this attempt, which also fences it."""


class Health(Protocol):
    """The key health of one tenant."""

    def get(self) -> KeyHealth:
        """Return the health of the tenant's key. Raise Refuse ``NO_SUCH_TENANT``.

        For a tenant that was never probed: ok, under its current key, since it was added.
        """

    def history(self, limit: int = 50) -> list[KeyEvent]:
        """Return the key's events, newest first. The catalog keeps at most 50."""

    def look_again(self) -> None:
        """Make the next probe due at once, with a closer look."""

    def note(self, turn: ProbeTurn, outcome: ProbeOutcome, *, next_in: float, notify: bool) -> KeyEvent | None:
        """Store the outcome of a probe. Return the event if condition or warnings changed, otherwise None.

        The next probe is due after ``next_in`` seconds. The event is sent as a notice if ``notify``. A turn that is over
        stores nothing.
        """


class Probes(Protocol):
    """Probes and notices of all tenants."""

    def take(self, every: float, most: int, seconds: float) -> list[ProbeTurn]:
        """Take up to ``most`` due turns, the longest due first. Return them.

        Each turn goes to one of concurrent callers by compare-and-swap. A turn without an outcome is due again after
        ``seconds``. A tenant's first turn is due ``every`` seconds after it was added.
        """

    def due_notices(self, most: int, seconds: float) -> list[DueNotice]:
        """Return up to ``most`` events whose notice is due.

        For each tenant these are the oldest unsent event about its key and the oldest about its backups. An event is
        not returned again within ``seconds``, unless ``retry_delivery`` is called. After a day an event is no longer sent.
        """

    def mark_delivered(self, notice: DueNotice, outcome: str) -> None:
        """Store that the receiver took the notice."""

    def retry_delivery(self, notice: DueNotice, outcome: str, after: float) -> None:
        """Store that the receiver did not take the notice, and make it due again after ``after`` seconds."""
