"""Tenants in each state of protection."""

from datetime import UTC, datetime
from itertools import pairwise

import msgspec

from shared.domain.errors import Answer
from shared.domain.freshness import Freshness
from shared.domain.jobs import Job, JobState
from shared.domain.model import ResourceReport, Schedule, Snapshot
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import ARN, World, snapshot

HOURLY = Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=datetime(2030, 1, 1, tzinfo=UTC))
HOUR = 3600.0


def now() -> datetime:
    return datetime.now(UTC)


def backed_up(world: World, tenant: TenantCatalog, *, complete: bool = True) -> tuple[Job, Snapshot]:
    """Commit a backup as of now. Return its job and its snapshot."""
    job, claim = world.to_commit(tenant)
    report = ResourceReport(resource="users", answer=Answer.WHOLE if complete else Answer.FORBIDDEN, records=2)
    made = snapshot(job, complete=complete, created_at=now(), resources=[report])
    tenant.claims.commit(claim, made, [], JobState.SUCCEEDED, None)
    return tenant.jobs.get(job.job_id), made


def fleet_of_all_states(world: World) -> None:
    """Add a tenant in each state, with the name of the state."""
    tenants = {state: world.add(state) for state in Freshness}
    hours_ago = {9: ("paused", "unscheduled"), 3: ("overdue",), 2: ("late",), 0: ("held", "fresh")}
    for hours, following in pairwise([*hours_ago, 0]):
        for state in hours_ago[hours]:
            backed_up(world, tenants[Freshness(state)])
        world.pass_time((hours - following) * HOUR)
    for state, tenant in tenants.items():
        if state is not Freshness.UNSCHEDULED:
            tenant.schedules.set(msgspec.structs.replace(HOURLY, paused=state is Freshness.PAUSED))
    tenants[Freshness.HELD].keys.refuse(ARN, "Disabled.")
