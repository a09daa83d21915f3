"""Other tables of resources than today's: smaller tables for quick cases, and those of other versions."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from shared.domain import resources
from shared.domain.jobs import KINDS, JobKind
from shared.domain.jobs.kinds import backup_phases
from shared.domain.resources import RESOURCES, STREAMS

FEW = ("users", "groups", "organization")
"""The streams that the directory of an ``EngineWorld`` fills. A backup of them costs half of one of all streams."""
APPLICATIONS = (*FEW, "applications", "applications.owners")
ALL = tuple(STREAMS)

Change = Callable[[pytest.MonkeyPatch], None]


@contextmanager
def table(change: Change) -> Iterator[None]:
    """Change the table of resources for a while, and with it the steps of a backup."""
    rows, streams = tuple(RESOURCES), tuple(STREAMS)
    try:
        with pytest.MonkeyPatch.context() as patch:
            change(patch)
            backup = msgspec.structs.replace(KINDS[JobKind.BACKUP], phases=backup_phases())
            patch.setitem(KINDS, JobKind.BACKUP, backup)
            yield
    finally:
        # The patch puts back at the end what it took away: the order is part of the table.
        for name in rows:
            RESOURCES[name] = RESOURCES.pop(name)
        for name in streams:
            STREAMS[name] = STREAMS.pop(name)


def only(streams: Collection[str]) -> Change:
    """Return the change that leaves these streams and their resources."""

    def change(patch: pytest.MonkeyPatch) -> None:
        for name, row in tuple(RESOURCES.items()):
            if row.stream not in streams:
                patch.delitem(resources.RESOURCES, name)
        for name in tuple(STREAMS):
            if name not in streams:
                patch.delitem(resources.STREAMS, name)

    return change
