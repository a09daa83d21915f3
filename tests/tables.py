"""Other tables of resources than today's: smaller tables for quick cases, and those of other versions.

A case that runs in processes of its own uses a tenant with a small choice instead.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from shared.domain import resources
from shared.domain.jobs import KINDS, JobKind
from shared.domain.jobs.kinds import backup_phases
from shared.domain.resources import RESOURCES, STREAMS
from shared.domain.resources.choice import FAMILIES, Choice

FEW = ("users", "groups", "organization")
"""The streams that the directory of an ``EngineWorld`` fills. A backup of them costs half of one of all streams."""
APPLICATIONS = (*FEW, "applications", "applications.owners")
SMALL = (
    "users",
    "groups",
    "applications",
    "applications.owners",
    "servicePrincipals",
    "servicePrincipals.owners",
    "servicePrincipals.appRoleAssignedTo",
    "oauth2PermissionGrants",
    "conditionalAccessPolicies",
    "namedLocations",
    "authenticationContexts",
    "authenticationStrengthPolicies",
    "authenticationStrengthPolicies.combinationConfigurations",
    "termsOfUseAgreements",
    "administrativeUnits",
    "roleDefinitions",
    "roleAssignments",
    "organization",
)
"""Streams of each kind of reading and of restore, whose number does not grow with the table."""

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


def small() -> Choice:
    """Return the choice of the streams of ``SMALL``, so that a backup takes as long as before the table grew."""
    return Choice().changed(without=_left_out())


def small_options() -> list[str]:
    """Return the options of ``entrakeep tenant add`` that make the choice ``small``."""
    return [word for name in _left_out() for word in ("--without", name)]


def unknown_in(comparison: dict[str, Any]) -> list[str]:
    """Return the resources that a comparison does not know, without those that both snapshots leave out."""
    return [each["resource"] for each in comparison["unknown"] if each["reason"] != "in A and B: switched off"]


def _left_out() -> list[str]:
    """Return the families without a stream of ``SMALL``, and the other streams' resources in the remaining families."""
    streams = Choice().streams()
    kept = {RESOURCES[stream.resource].family for stream in streams if stream.name in SMALL}
    families = [family for family in FAMILIES if family not in kept]
    others = [
        stream.resource for stream in streams if stream.name not in SMALL and RESOURCES[stream.resource].family in kept
    ]
    return families + others
