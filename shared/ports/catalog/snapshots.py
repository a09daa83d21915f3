"""The snapshots of one tenant, and the runs that they are made of."""

from typing import Protocol

from shared.domain.model import RunRef, Snapshot


class Snapshots(Protocol):
    """The snapshots of one tenant."""

    def all(self) -> list[Snapshot]:
        """Return the snapshots, newest first, without those that retention is deleting."""

    def get(self, snapshot: str) -> Snapshot:
        """Return the snapshot with this id, or the newest for ``latest``. Raise Refuse ``NO_SUCH_SNAPSHOT``."""

    def going(self) -> set[str]:
        """Return the ids of the snapshots that retention is deleting and that still have a row."""

    def runs(self, snapshot_id: str) -> list[RunRef]:
        """Return the snapshot's runs with their blob names, by stream, oldest first."""
