"""The metrics: the catalog's facts as Prometheus metric families."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from console.documents.keys import KeyStatus, key_state
from shared.domain.model import Tenant
from shared.engine.requests.lists import all_tenants
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.overview import Overview
from shared.ports.catalog.queries import TenantOverview
from shared.ports.observer import Usage

if TYPE_CHECKING:
    from prometheus_client.registry import Collector
else:
    Collector = object

_DAY = 86_400.0
_WHO = ("tenant", "tenant_id")
_USAGE = {
    Usage.GRAPH_REQUESTS: "Requests to Microsoft Graph for the tenant.",
    Usage.GRAPH_UNITS: "Resource units of Microsoft Graph that these requests cost.",
    Usage.GRAPH_THROTTLES: "Requests that Microsoft Graph throttled (429).",
    Usage.KMS_CALLS: "Calls to AWS KMS about the tenant's data keys, by workers and their probes.",
    Usage.KMS_REFUSALS: "Calls among them that AWS KMS refused.",
    Usage.KMS_TROUBLES: "Calls among them that AWS KMS did not answer, throttled or failed.",
}


def exposition(catalog: Catalog, now: datetime) -> bytes:
    """Return the metrics in Prometheus's text format. Raise EntrakeepError if the catalog does not answer."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected([*families(catalog, now)]))
    return generate_latest(registry)


def families(catalog: Catalog, now: datetime) -> Iterator[Metric]:
    """Yield every family with its samples."""
    overview = catalog.overview()
    tenants = sorted(all_tenants(catalog), key=lambda each: each.tenant.name)
    yield from backup_families(tenants, now)
    yield from work_families(overview, tenants)
    yield from process_families(overview, catalog.scheduler().last_tick(), now)
    yield from usage_families(overview, tenants)
    yield from key_families(tenants)


def backup_families(tenants: list[TenantOverview], now: datetime) -> Iterator[Metric]:
    """Yield, for each tenant, the ages of its snapshots and the result of its last backup."""
    taken = _gauge("backup_complete_timestamp_seconds", "When the newest complete snapshot was taken.")
    age = _gauge("backup_complete_age_seconds", "Age of the newest complete snapshot.")
    last = _gauge("backup_snapshot_timestamp_seconds", "When the newest snapshot was taken, complete or not.")
    result = _gauge("backup_last_result", "How the last backup ended: 1 for its state and code.", "state", "code")
    ended = _gauge("backup_last_result_timestamp_seconds", "When the last backup ended.")
    due = _gauge("backup_next_due_timestamp_seconds", "When the next backup is due; absent without a schedule.")
    for each in tenants:
        labels = _tenant_labels(each.tenant)
        if each.complete is not None:
            taken.add_metric(labels, _seconds(each.complete.created_at))
            age.add_metric(labels, max(0.0, round((now - each.complete.created_at).total_seconds(), 3)))
        if each.last is not None:
            last.add_metric(labels, _seconds(each.last.created_at))
        if each.result is not None:
            result.add_metric([*labels, each.result.state, each.result.code or ""], 1.0)
            ended.add_metric(labels, _seconds(each.result.finished_at))
        if each.schedule is not None and not each.schedule.paused and each.schedule.next_due is not None:
            due.add_metric(labels, _seconds(each.schedule.next_due))
    yield from (taken, age, last, result, ended, due)


def work_families(overview: Overview, tenants: list[TenantOverview]) -> Iterator[Metric]:
    """Yield the number of jobs by state and code, and the length of the queue."""
    names = {each.tenant.tenant_id: each.tenant.name for each in tenants}
    meaning = "Jobs that are queued or running, and jobs that were requested within a day, by state and code."
    jobs = _gauge("jobs", meaning, "kind", "state", "code")
    for each in overview.job_counts(_DAY):
        labels = [names.get(each.tenant_id, ""), each.tenant_id, each.kind, each.state, each.code or ""]
        jobs.add_metric(labels, each.count)
    queue = overview.queue()
    yield jobs
    yield GaugeMetricFamily("entrakeep_queue_jobs", "Jobs that wait for their start.", queue.jobs)
    yield GaugeMetricFamily("entrakeep_queue_steps", "Steps that a worker may take now or after a wait.", queue.steps)
    meaning = "Age of the oldest job that waits for its start; 0 without one."
    yield GaugeMetricFamily("entrakeep_queue_oldest_seconds", meaning, round(queue.oldest_seconds, 3))


def process_families(overview: Overview, last_tick: float | None, now: datetime) -> Iterator[Metric]:
    """Yield the ages of the last heartbeats of workers and beat."""
    seen = GaugeMetricFamily(
        "entrakeep_worker_seen_age_seconds", "Time since the worker was last seen.", labels=["worker"]
    )
    slots = GaugeMetricFamily("entrakeep_worker_slots", "Steps that the worker runs concurrently.", labels=["worker"])
    for each in overview.workers():
        seen.add_metric([each.worker], max(0.0, round((now - each.seen_at).total_seconds(), 3)))
        slots.add_metric([each.worker], each.slots)
    yield from (seen, slots)
    tick = GaugeMetricFamily(
        "entrakeep_beat_tick_age_seconds", "Time since beat last ticked; absent before its first tick."
    )
    if last_tick is not None:
        tick.add_metric([], round(last_tick, 3))
    yield tick


def usage_families(overview: Overview, tenants: list[TenantOverview]) -> Iterator[Metric]:
    """Yield each tenant's use of Microsoft Graph and AWS KMS."""
    totals = overview.usage()
    for name, meaning in _USAGE.items():
        family = CounterMetricFamily(f"entrakeep_{name}", meaning, labels=_WHO)
        for each in tenants:
            family.add_metric(_tenant_labels(each.tenant), totals.get(each.tenant.tenant_id, {}).get(name, 0))
        yield family


def key_families(tenants: list[TenantOverview]) -> Iterator[Metric]:
    """Yield the state of each tenant's KMS key, and the expiry of its sign-in."""
    state = _gauge("key_state", "Whether a tenant's KMS key is in this state: 1 for one of them, else 0.", "state")
    since = _gauge("key_since_timestamp_seconds", "When the key got into its state.")
    checked = _gauge("key_checked_timestamp_seconds", "When a probe last checked the key with KMS.")
    expires = _gauge("sign_in_expires_timestamp_seconds", "When the client secret or certificate expires, if known.")
    warning = _gauge(
        "key_warning", "1 for each warning of what will stop the tenant's backups unless somebody acts.", "warning"
    )
    for shown in tenants:
        tenant, health = shown.tenant, shown.health
        labels = _tenant_labels(tenant)
        current, began_at = key_state(tenant, shown.keys, health)
        for each in KeyStatus:
            state.add_metric([*labels, each], float(each == current))
        since.add_metric(labels, _seconds(began_at))
        if health.checked_at is not None:
            checked.add_metric(labels, _seconds(health.checked_at))
        if tenant.sign_in_expires_at is not None:
            expires.add_metric(labels, _seconds(tenant.sign_in_expires_at))
        for warned in health.warnings:
            warning.add_metric([*labels, warned.warning], 1.0)
    yield from (state, since, checked, warning, expires)


class _Collected(Collector):
    """A Prometheus collector of metrics that are computed already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        """Return the metrics."""
        return self._metrics


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    """Return an empty gauge with the tenant's labels and these."""
    return GaugeMetricFamily(f"entrakeep_{name}", meaning, labels=[*_WHO, *labels])


def _tenant_labels(tenant: Tenant) -> list[str]:
    """Return the values of the tenant's labels."""
    return [tenant.name, tenant.tenant_id]


def _seconds(time: datetime) -> float:
    """Return a time as Unix seconds, to the millisecond."""
    return round(time.timestamp(), 3)
