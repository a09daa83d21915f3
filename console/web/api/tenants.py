"""Endpoints about the fleet, tenants, snapshots and connections."""

from collections.abc import Iterator
from itertools import islice

from console.documents.completeness import completeness
from console.documents.fleet import protection_document, sums_document
from console.documents.jobs import RequestedJob
from console.documents.snapshots import snapshot_document
from console.documents.tenants import CheckedDocument, tenant_document
from console.web.api.queries import FleetQuery, Paging
from console.web.api.table import Answer, Call, tenant_of
from shared.domain.access import Action
from shared.domain.jobs import JobKind, TenantChecks
from shared.engine.requests.fleet import FleetFilter, fleet_page, fleet_trend, protection_of_tenant, protections
from shared.engine.requests.jobs import request_tenant_check
from shared.ports.catalog.queries import JobFilter, SnapshotFilter, TenantFilter, TenantOverview

_LAST_CHECKS = 3
"""Checks that are looked at: the last one that ended, and those that have not."""


def fleet(call: Call) -> Answer:
    """Return how well each tenant is protected, the worst first."""
    query: FleetQuery = call.query
    wanted = FleetFilter(
        states=frozenset(query.state),
        keys=frozenset(query.key),
        name=query.search,
        after=query.after,
        limit=query.limit,
    )
    page = fleet_page(call.catalog, wanted, call.now)
    return Answer(document=[protection_document(entry) for entry in page.entries], after=page.following)


def summary(call: Call) -> Answer:
    """Return the sums over all tenants."""
    sums = fleet_page(call.catalog, FleetFilter(limit=1), call.now).sums
    return Answer(document=sums_document(sums, fleet_trend(call.catalog, call.now)))


def every(call: Call) -> Answer:
    """Return the tenants that the token sees, newest first."""
    query: Paging = call.query
    listed = list(islice(_visible(call, query.after), query.limit + 1))
    shown = listed[: query.limit]
    protection = protections(call.catalog, call.now, [each.tenant.tenant_id for each in shown])
    documents = [tenant_document(each, protection.get(each.tenant.tenant_id), call.now) for each in shown]
    return Answer(document=documents, after=shown[-1].tenant.name if len(listed) > query.limit else None)


def one(call: Call) -> Answer:
    """Return a tenant: its ids, its schedule, its last snapshot and its key."""
    tenant_id = call.of_tenant.tenant_id
    overview = call.catalog.queries().tenant(call.of_tenant.name)
    return Answer(document=tenant_document(overview, protection_of_tenant(call.catalog, tenant_id, call.now), call.now))


def snapshots(call: Call) -> Answer:
    """Return a tenant's snapshots, newest first, and what each of them lacks."""
    query: Paging = call.query
    wanted = SnapshotFilter(tenant_id=call.of_tenant.tenant_id, after=query.after, limit=query.limit + 1)
    listed = call.catalog.queries().snapshots(wanted)
    documents = [snapshot_document(each, call.of_tenant.name) for each in listed[: query.limit]]
    return Answer(document=documents, after=documents[-1].id if len(listed) > query.limit else None)


def snapshot(call: Call) -> Answer:
    """Return a snapshot by its id, or as ``latest``."""
    row = call.catalog.tenant(call.of_tenant.tenant_id).snapshots.get(call.path["snapshot"])
    return Answer(document=snapshot_document(row, call.of_tenant.name))


def report(call: Call) -> Answer:
    """Return what a snapshot has of each resource, and what to do about what it lacks."""
    row = call.catalog.tenant(call.of_tenant.tenant_id).snapshots.get(call.path["snapshot"])
    return Answer(document=completeness(row))


def connection(call: Call) -> Answer:
    """Return what Graph let the reading application do with each resource at the last check; nothing before the first."""
    wanted = JobFilter(tenant_id=call.of_tenant.tenant_id, kinds=(JobKind.TENANT_CHECK,), limit=_LAST_CHECKS)
    ended = (job.detail for job, _ in call.catalog.queries().jobs(wanted) if job.state.ended)
    checks = next((detail for detail in ended if isinstance(detail, TenantChecks)), None)
    documents = [
        CheckedDocument(
            resource=each.resource, answer=each.answer, permission=each.permission, detail=each.detail or None
        )
        for each in (checks.reading if checks else ())
    ]
    return Answer(document=documents)


def check_connection(call: Call) -> Answer:
    """Request a check of the tenant's applications. If one is queued or running, return that one."""
    requested = request_tenant_check(call.catalog, call.actor, call.of_tenant.name)
    return Answer(document=RequestedJob(job=requested.job.job_id))


def _visible(call: Call, after: str | None) -> Iterator[TenantOverview]:
    """Yield the tenants that the token sees, newest first. Raise Refuse ``NO_SUCH_TENANT`` for an unknown mark."""
    token = call.use.token
    if token.tenant is not None:
        if after is None and call.use.covers(token.tenant_id, call.now):
            yield call.catalog.queries().tenant(token.tenant)
        return
    wanted = TenantFilter(after=None if after is None else tenant_of(call.catalog, after, call.use, call.now))
    while page := call.catalog.queries().tenants(wanted):
        yield from (each for each in page if call.use.may(Action.TENANT_SEE, each.tenant.tenant_id, call.now))
        wanted = TenantFilter(after=page[-1].tenant)
