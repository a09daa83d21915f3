"""The page of the fleet: how well all tenants are protected, the worst first."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from console.documents.fleet import ProtectionDocument, protection_document
from console.documents.words import counted, duration
from console.web import commands
from console.web.addresses import address
from console.web.page import Page
from shared.domain.access import Action
from shared.domain.errors import Code, Refuse
from shared.domain.freshness import Freshness
from shared.engine.requests.fleet import (
    FleetEntry,
    FleetFilter,
    FleetSums,
    KeyWord,
    fleet_page,
    fleet_trend,
)
from shared.ports.catalog.fleet import CompleteOn

if TYPE_CHECKING:
    from console.web.page import Ask

_E = TypeVar("_E", bound=StrEnum)
UNWELL = "unwell"
"""The value of a filter for all states that need somebody."""
_STATES: Mapping[str, frozenset[Freshness]] = {
    "": frozenset(),
    UNWELL: frozenset({Freshness.HELD, Freshness.OVERDUE, Freshness.NEVER, Freshness.LATE}),
    **{state.value: frozenset({state}) for state in Freshness},
}
_KEYS: Mapping[str, frozenset[KeyWord]] = {
    "": frozenset(),
    UNWELL: frozenset(KeyWord) - {KeyWord.OK, KeyWord.UPDATING},
    **{word.value: frozenset({word}) for word in KeyWord},
}
_SHOWN_AS = {Freshness.NEVER: ("overdue", "never complete"), Freshness.UNSCHEDULED: ("paused", "no schedule")}
"""The word whose icon and colour a state has, and what it is called, where that differs from its own name."""


class Row(NamedTuple):
    """A row of the table."""

    entry: FleetEntry
    document: ProtectionDocument
    state: tuple[str, str | None]
    rpo: str | None
    lacking: str | None
    """How many resources the newest snapshot lacks, in words; None if it is complete."""


class Tiles(NamedTuple):
    """The sums in words."""

    worst: str | None
    worst_tenant: str | None
    worst_target: str | None
    worst_state: tuple[str, str | None] | None
    fresh: int
    tenants: int
    keys: list[tuple[str, int]]
    """The states of keys that need somebody, with the number of tenants."""
    never_verified: int
    oldest_verify: datetime | None
    trend: list[tuple[float, str, str]]
    """Bars: height, kind and title."""


def show(ask: "Ask") -> Page:
    """Show a page of the fleet."""
    query = ask.query
    wanted = FleetFilter(
        states=_chosen(_STATES, query.text("state")),
        keys=_chosen(_KEYS, query.text("key")),
        unverified=query.flag("unverified"),
        name=query.text("search"),
        after=query.text("after") or None,
    )
    page = fleet_page(ask.catalog, wanted, ask.now)
    filters = {name: query.text(name) for name in ("search", "state", "key", "unverified") if query.text(name)}
    trend = ask.front.kept.get("trend", ask.front.clock.monotonic(), lambda: fleet_trend(ask.catalog, ask.now))
    values = {
        "path": "/fleet",
        "address": address("/fleet", {**filters, "after": wanted.after or ""}),
        "rows": [row_of(entry) for entry in page.entries],
        "matching": page.matching,
        "tiles": _tiles(page.sums, trend),
        "filters": {"search": "", "state": "", "key": "", "unverified": "", **filters},
        "narrow": bool(filters),
        "next": address("/fleet", {**filters, "after": page.following}) if page.following else None,
        "first": address("/fleet", filters) if wanted.after else None,
        "states": [("", "All"), (UNWELL, "not well"), *((each.value, label_of(each)) for each in Freshness)],
        "keys": [("", "All"), (UNWELL, "not well"), *((each.value, each.value) for each in KeyWord)],
        "line": commands.list_tenants(),
        "add_line": commands.add_tenant("NAME", "DIRECTORY-ID", "CLIENT-ID", secret_file="FILE"),  # noqa: S106
        "may_add": ask.visitor.may(Action.TENANT_ADD),
    }
    return Page(template="fleet/list.html", values=values, fragment="live", polled=True)


def row_of(entry: FleetEntry) -> Row:
    """Return the row of a tenant."""
    newest, rpo = entry.row.newest, entry.protection.rpo
    lacking = None if newest is None or newest.complete else f"lacks {len(newest.lacking)}"
    return Row(
        entry=entry,
        document=protection_document(entry),
        state=shown_as(entry.protection.state),
        rpo=None if rpo is None else duration(rpo),
        lacking=lacking,
    )


def shown_as(state: Freshness) -> tuple[str, str | None]:
    """Return the word whose icon and colour a state has, and its label, None for the word itself."""
    return _SHOWN_AS.get(state, (state.value, None))


def label_of(state: Freshness) -> str:
    """Return what a state is called."""
    word, label = shown_as(state)
    return label or word


def _chosen(options: Mapping[str, frozenset[_E]], text: str) -> frozenset[_E]:
    """Return the members that a filter names. Raise Refuse ``WRONG_USE``."""
    if text not in options:
        raise Refuse(Code.WRONG_USE, "The filter has no such value. Begin at the list's first page.")
    return options[text]


def _tiles(sums: FleetSums, trend: Sequence[CompleteOn]) -> Tiles:
    """Return the sums in words."""
    worst = sums.worst
    return Tiles(
        worst=duration(worst.rpo) if worst and worst.rpo is not None else None,
        worst_tenant=worst.status.name if worst else None,
        worst_target=_target(worst.target) if worst else None,
        worst_state=shown_as(worst.state) if worst else None,
        fresh=sums.states[Freshness.FRESH],
        tenants=sums.tenants,
        keys=[(key.value, sums.keys[key]) for key in KeyWord if key in _KEYS[UNWELL] and sums.keys[key]],
        never_verified=sums.tenants - sums.verified,
        oldest_verify=sums.oldest_verify,
        trend=_bars(trend, sums.tenants),
    )


def _target(target: timedelta | None) -> str | None:
    return None if target is None else duration(target)


def _bars(trend: Sequence[CompleteOn], tenants: int) -> list[tuple[float, str, str]]:
    """Return a bar for each day: how many of today's tenants got a complete snapshot on it."""
    most = max([tenants, *(each.tenants for each in trend), 1])
    return [
        (
            each.tenants / most,
            "running",
            f"{each.day:%d %b}: {counted(each.tenants, 'tenant')} with a complete snapshot",
        )
        for each in trend
    ]
