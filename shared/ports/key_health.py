"""The Catalog's side of key health: whose turn it is to be probed, how the keys are, and who is still to be told.

As in ``catalog``: one transaction a method, and the same errors. Times are the database's.
"""

from typing import Protocol

import msgspec

from shared.domain.backup_health import BackupEvent
from shared.domain.errors import Code
from shared.domain.key_health import KeyCondition, KeyEvent, KeyHealth, KeyWarning


class ProbeTurn(msgspec.Struct, frozen=True, kw_only=True):
    """The right to probe a tenant's key once. ``number`` fences it: a later turn takes it away."""

    tenant_id: str
    number: int


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe leaves: how the key is held to be now, what was ``found`` this time, and the warnings of a closer look,
    None if there was none."""

    arn: str
    condition: KeyCondition
    code: Code | None
    message: str
    found: KeyCondition
    warnings: list[KeyWarning] | None = None


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """An event to be told to the outside. ``tries`` counts this one, and fences it."""

    tenant_id: str
    tenant: str
    event: KeyEvent | BackupEvent
    tries: int


class Health(Protocol):
    """Of one tenant."""

    def get(self) -> KeyHealth:
        """Of a tenant that was never probed: ok, under its present key, since it was added. Raises Refuse
        ``NO_SUCH_TENANT``."""
        ...

    def history(self, limit: int = 50) -> list[KeyEvent]:
        """Newest first. No more than 50 are kept."""
        ...

    def look_again(self) -> None:
        """The next probe is due at once, and takes a closer look."""
        ...

    def note(self, turn: ProbeTurn, noted: Noted, *, next_in: float, tell: bool) -> KeyEvent | None:
        """The outcome of a probe; the next one is due after so many seconds. If condition or warnings are others than they
        were, that is an event, which is returned, and which is to be told if ``tell``. A turn that is over notes nothing."""
        ...


class Probes(Protocol):
    """Of all tenants."""

    def take(self, every: float, most: int, seconds: float) -> list[ProbeTurn]:
        """Turns that are due, ``most`` at most, the longest due first: compare-and-swap, so that of any number of callers
        one gets each. A turn of which nothing is noted comes again after so many ``seconds``. A tenant's first is due
        ``every`` seconds after it was added."""
        ...

    def to_tell(self, most: int, seconds: float) -> list[Telling]:
        """Events whose telling is due: of each tenant the oldest about its key, and about its backups, that was not told.
        None is offered again within so many ``seconds``, unless ``not_told``. After a day nobody wants to hear of it."""
        ...

    def told(self, telling: Telling, outcome: str) -> None:
        """The other side has taken it."""
        ...

    def not_told(self, telling: Telling, outcome: str, after: float) -> None:
        """It is due again after so many seconds."""
        ...
