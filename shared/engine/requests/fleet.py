"""Requests about the fleet: a page of tenants, the worst first, the sums over all of them, and one tenant's RPO."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache

import msgspec

from shared.domain.errors import Code, Refuse
from shared.domain.freshness import Freshness, freshness, rpo_target
from shared.domain.key_health import KeyCondition
from shared.domain.limits import LIMITS
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.fleet import CompleteOn, FleetRow, TenantStatus, Timeline

_WITHOUT_DEMAND = frozenset({Freshness.PAUSED, Freshness.UNSCHEDULED})
"""States of tenants that need no new snapshot, as somebody decided."""


class KeyWord(StrEnum):
    """The state of a tenant's KMS key as the fleet shows it. The members are in order, the worst first."""

    REVOKED = "revoked"
    """KMS refuses a key that the tenant needs."""
    DAMAGED = "damaged"
    """A data key that KMS wrapped for the tenant no longer opens."""
    MISCONFIGURED = "misconfigured"
    """The operator or the tenant's administrator must change a setting or credential."""
    UNREACHABLE = "unreachable"
    """KMS does not answer."""
    WARNS = "warns"
    """KMS answers, and something will stop backups unless somebody acts."""
    UPDATING = "updating"
    """Data keys are being moved to another KMS key."""
    OK = "ok"
    """KMS opens the tenant's data keys."""


class FleetFilter(msgspec.Struct, frozen=True, kw_only=True):
    """The tenants to list."""

    states: frozenset[Freshness] = frozenset()
    """Only tenants in one of these states; empty for all."""
    keys: frozenset[KeyWord] = frozenset()
    """Only tenants whose key is in one of these states; empty for all."""
    unverified: bool = False
    """Only tenants without a full verify."""
    name: str = ""
    """Only tenants whose name contains this text, without case."""
    after: str | None = None
    """The name of the last tenant of the previous page; None for the first page."""
    limit: int = LIMITS.fleet_page
    """The number of tenants of a page, at most ``Limits.fleet_page_most``."""


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """How well a tenant is protected now."""

    status: TenantStatus
    state: Freshness
    rpo: timedelta | None
    """The age of the newest complete snapshot, counted from the begin of its backup; None without one."""
    target: timedelta | None
    """The longest RPO that is in order; None without a schedule that is due some day."""
    key: KeyWord


class FleetEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the fleet."""

    protection: Protection
    row: FleetRow


class FleetSums(msgspec.Struct, frozen=True, kw_only=True):
    """The sums over all tenants, whatever the filter."""

    tenants: int
    states: dict[Freshness, int]
    """The number of tenants in each state."""
    keys: dict[KeyWord, int]
    """The number of tenants whose key is in each state."""
    worst: Protection | None
    """The tenant in the worst state, and of these the one with the highest RPO. None if no tenant has an RPO to judge."""
    verified: int
    """The number of tenants with a full verify."""
    oldest_verify: datetime | None
    """When the oldest of their last full verifies ended."""


class FleetPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the fleet."""

    entries: list[FleetEntry]
    matching: int
    """The number of tenants that pass the filter."""
    following: str | None
    """``after`` for the next page; None on the last page."""
    sums: FleetSums


def fleet_page(
    catalog: Catalog, wanted: FleetFilter, now: datetime, tenant_ids: Collection[str] | None = None
) -> FleetPage:
    """Return a page of the fleet, the worst tenants first. ``tenant_ids`` are those to see, None for all.

    Raise Refuse ``WRONG_USE`` if ``after`` names no tenant that may be seen, or ``limit`` is out of range.
    """
    if not 1 <= wanted.limit <= LIMITS.fleet_page_most:
        raise Refuse(Code.WRONG_USE, f"A page has 1 to {LIMITS.fleet_page_most} tenants.")
    fleet = catalog.fleet()
    every = sorted(_protections(fleet.statuses(tenant_ids), now), key=_order)
    matching = [each for each in every if _passes(each, wanted)]
    remaining = matching if wanted.after is None else _following(matching, _position(every, wanted.after))
    page = remaining[: wanted.limit]
    rows = fleet.rows([each.status.tenant_id for each in page])
    entries = [
        FleetEntry(protection=each, row=rows[each.status.tenant_id]) for each in page if each.status.tenant_id in rows
    ]
    return FleetPage(
        entries=entries,
        matching=len(matching),
        following=page[-1].status.name if len(remaining) > len(page) else None,
        sums=_sums(every),
    )


def fleet_trend(catalog: Catalog, now: datetime, tenant_ids: Collection[str] | None = None) -> list[CompleteOn]:
    """Return how many tenants got a complete snapshot on each of the last 14 days, the oldest first."""
    today = now.astimezone(UTC).date()
    return catalog.fleet().trend(today - timedelta(days=LIMITS.trend_days - 1), today, tenant_ids)


def protections(catalog: Catalog, now: datetime, tenant_ids: Collection[str] | None = None) -> dict[str, Protection]:
    """Return how well each tenant is protected, by tenant id: all tenants, or those named."""
    return {each.status.tenant_id: each for each in _protections(catalog.fleet().statuses(tenant_ids), now)}


def protection_of_tenant(catalog: Catalog, tenant_id: str, now: datetime) -> Protection:
    """Return how well one tenant is protected. Raise Refuse ``NO_SUCH_TENANT`` if it was removed."""
    for protection in _protections(catalog.fleet().statuses([tenant_id]), now):
        return protection
    raise Refuse(Code.NO_SUCH_TENANT, "This tenant was removed.")


def recent_timeline(catalog: Catalog, tenant_id: str, now: datetime, days: int = LIMITS.rpo_days) -> Timeline:
    """Return the tenant's snapshots of the last days. The first day is whole."""
    return catalog.fleet().timeline(tenant_id, _first_day(now, days))


def rpo_history(timeline: Timeline, now: datetime, days: int = LIMITS.rpo_days) -> list[tuple[date, timedelta | None]]:
    """Return the highest RPO of each of the last days, the oldest first: None before the first complete snapshot."""
    begins = [moment.begun_at for moment in timeline.moments if moment.complete]
    starts = [_first_day(now, days) + timedelta(days=n) for n in range(days)]
    return [(start.date(), _highest_rpo(begins, start, min(now, start + timedelta(days=1)))) for start in starts]


def _first_day(now: datetime, days: int) -> datetime:
    """Return the begin of the first of the last ``days`` days, of which today is the last. Days are those of UTC."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)


def _protections(statuses: Iterable[TenantStatus], now: datetime) -> Iterator[Protection]:
    """Yield how well each of these tenants is protected now. Many have the same schedule, so each target is computed once."""
    target_of = cache(lambda cron, timezone: rpo_target(cron, timezone, now))
    for status in statuses:
        has_schedule = status.cron is not None and status.timezone is not None
        yield _protection(status, target_of(status.cron, status.timezone) if has_schedule else None, now)


def _protection(status: TenantStatus, target: timedelta | None, now: datetime) -> Protection:
    """Return how well a tenant with this target is protected now."""
    rpo = None if status.begun_at is None else max(timedelta(0), now - status.begun_at)
    state = freshness(rpo=rpo, target=target, paused=status.paused, refused=status.refused_since is not None)
    return Protection(status=status, state=state, rpo=rpo, target=target, key=_key_word(status))


_CONDITIONS = {
    KeyCondition.DAMAGED: KeyWord.DAMAGED,
    KeyCondition.MISCONFIGURED: KeyWord.MISCONFIGURED,
    KeyCondition.UNREACHABLE: KeyWord.UNREACHABLE,
}


def _key_word(status: TenantStatus) -> KeyWord:
    """Return the state of the tenant's key. Only a remembered refusal makes it revoked, whatever the last probe saw."""
    if status.refused_since is not None:
        return KeyWord.REVOKED
    if status.condition in _CONDITIONS:
        return _CONDITIONS[status.condition]
    if status.warnings:
        return KeyWord.WARNS
    return KeyWord.UPDATING if status.updating else KeyWord.OK


def _order(protection: Protection) -> tuple[int, float, str]:
    """Return the place among all tenants: by state, then the highest RPO first, then by name."""
    begun_at = protection.status.begun_at
    return (protection.state.rank, 0.0 if begun_at is None else begun_at.timestamp(), protection.status.name)


def _position(every: Sequence[Protection], name: str) -> tuple[int, float, str]:
    """Return the place of the tenant with this name. Raise Refuse ``WRONG_USE`` if it does not exist."""
    for each in every:
        if each.status.name == name:
            return _order(each)
    raise Refuse(Code.WRONG_USE, "The mark of the page names no tenant: begin with the first page again.")


def _following(matching: Sequence[Protection], position: tuple[int, float, str]) -> list[Protection]:
    """Return the tenants whose place is after ``position``."""
    return [each for each in matching if _order(each) > position]


def _passes(protection: Protection, wanted: FleetFilter) -> bool:
    """Return True if the tenant passes the filter."""
    return (
        (not wanted.states or protection.state in wanted.states)
        and (not wanted.keys or protection.key in wanted.keys)
        and not (wanted.unverified and protection.status.verified_at is not None)
        and wanted.name.casefold() in protection.status.name.casefold()
    )


def _sums(every: Sequence[Protection]) -> FleetSums:
    """Return the sums over all tenants, which come in their order."""
    states, keys = Counter(each.state for each in every), Counter(each.key for each in every)
    verified = [each.status.verified_at for each in every if each.status.verified_at is not None]
    scheduled = (each for each in every if each.rpo is not None and each.state not in _WITHOUT_DEMAND)
    return FleetSums(
        tenants=len(every),
        states={state: states[state] for state in Freshness},
        keys={key: keys[key] for key in KeyWord},
        worst=next(scheduled, None),
        verified=len(verified),
        oldest_verify=min(verified, default=None),
    )


def _highest_rpo(begins: Sequence[datetime], start: datetime, end: datetime) -> timedelta | None:
    """Return the highest RPO between two times, or None if there was no complete snapshot yet."""
    before = [time for time in begins if time <= start]
    within = [time for time in begins if start < time < end]
    times = ([before[-1]] if before else []) + within
    if not times:
        return None
    return max(later - earlier for earlier, later in zip(times, [*times[1:], end], strict=True))
