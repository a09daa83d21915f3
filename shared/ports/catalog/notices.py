"""Notice targets, their deliveries, and the keys to which targets are sealed. Times are the database's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from shared.domain.notices import Notice, Target


class InstallationKey(msgspec.Struct, frozen=True, kw_only=True):
    """A data key of the installation, and the pair of keys that it protects."""

    data_key_id: str
    arn: str
    """The KMS key that wrapped it."""
    wrapped: bytes
    recipient: str
    """The public half: whoever has it can seal, and cannot open."""
    identity: bytes
    """The private half, sealed under the data key."""
    created_at: datetime


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """The public half of an installation key."""

    data_key_id: str
    recipient: str


class SealedTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A target with its sealed address and secret."""

    target: Target
    data_key_id: str
    data: bytes


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A notice on its way to one target."""

    delivery_id: str
    target_id: str
    notice: str
    tenant: str | None
    """The name of the tenant that it is about."""
    made_at: datetime
    tries: int
    tried_at: datetime | None = None
    next_try_at: datetime | None = None
    """None once it is delivered or given up."""
    delivered_at: datetime | None = None
    outcome: str | None = None
    """The outcome of the last try, in words of Entrakeep."""

    @property
    def state(self) -> str:
        """Return ``delivered``, ``waiting`` or ``failed``."""
        if self.delivered_at is not None:
            return "delivered"
        return "failed" if self.next_try_at is None else "waiting"


class DueDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery to try now."""

    delivery_id: str
    target: SealedTarget
    notice: Notice
    tries: int
    """The number of this try, which also fences it."""


class NoticeTargets(Protocol):
    """Targets of one tenant, or of the installation."""

    def all(self) -> list[Target]:
        """Return the targets, by name."""

    def find(self, name: str) -> Target:
        """Return the target with this name or id. Raise Refuse ``NO_SUCH_TARGET``."""

    def add(self, sealed: SealedTarget) -> None:
        """Store a target, and append the audit event.

        Raise Refuse ``WRONG_USE`` if the name exists or there are too many targets, ``NO_SUCH_TENANT``.
        """

    def remove(self, target_id: str) -> None:
        """Remove a target and its deliveries, and append the audit event. Raise Refuse ``NO_SUCH_TARGET``."""

    def test(self, target_id: str) -> str:
        """Queue a test before the target's other deliveries. Return its id. Raise Refuse ``NO_SUCH_TARGET``."""

    def deliveries(self, limit: int) -> list[Delivery]:
        """Return the newest deliveries of each target, at most ``limit`` for each, newest first."""

    def delivery(self, delivery_id: str) -> Delivery:
        """Return a delivery. Raise Refuse ``NO_SUCH_TARGET`` if its target was removed."""


class NoticeDeliveries(Protocol):
    """The deliveries of all targets, for the process that delivers them."""

    def address(self, most: int) -> int:
        """Turn up to ``most`` queued notices into deliveries to each target that wants them. Return how many there were.

        Notices older than a target are not for that target.
        """

    def take(self, most: int, seconds: float, *, retries: bool, without: Sequence[str] = ()) -> list[DueDelivery]:
        """Take up to ``most`` due deliveries, each for ``seconds``: first tries, or those that have failed before.

        For each target it is the oldest one that was not delivered, and a test before all others. Targets in
        ``without`` are left out. Deliveries older than a day are given up.
        """

    def mark_delivered(self, due: DueDelivery, outcome: str) -> None:
        """Store that the target took the notice, and make its other deliveries due."""

    def mark_failed(self, due: DueDelivery, outcome: str, after: float | None) -> None:
        """Store that the target did not take it. The delivery is due again after some seconds; with None it is given up."""


class InstallationKeys(Protocol):
    """The data keys of the installation."""

    def recipient(self) -> Recipient | None:
        """Return the public half of the newest key, to which new targets are sealed. Needs no right to read sealed rows."""

    def newest(self) -> InstallationKey | None:
        """Return the newest key."""

    def get(self, data_key_id: str) -> InstallationKey | None:
        """Return a key."""

    def add(self, key: InstallationKey) -> None:
        """Store a key."""
