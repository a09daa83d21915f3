"""Plans, results and entries of the id map for tests of the catalog."""

from datetime import UTC, datetime, timedelta

from shared.domain.jobs import Claim, JobKind, StepPlan
from shared.domain.restore.id_map import EntryState, MapEntry
from shared.ports.catalog.restores import OperationResult, OperationState, PlanRow, PlanState, SealedPassword
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import World, new_id, sealed

RESTORE = (StepPlan(phase=1, name="check"),)


def restoring(world: World, tenant: TenantCatalog) -> Claim:
    """Return the claim on the first step of a restore."""
    return world.claim(tenant, world.planned(tenant, RESTORE, kind=JobKind.RESTORE), "check")


def plan_row(job_id: str, *, lasts: timedelta = timedelta(hours=24), plan_id: str | None = None) -> PlanRow:
    now = datetime.now(UTC)
    return PlanRow(
        plan_id=plan_id or new_id(),
        job_id=job_id,
        snapshot_id=new_id(),
        live_id=new_id(),
        state=PlanState.READY,
        created_at=now,
        expires_at=now + lasts,
        sha256="b" * 64,
        operations=3,
        impossible=1,
        reason="ticket 17",
    )


def entry(old_id: str, current_id: str | None = None, *, mark: str = "m-1") -> MapEntry:
    return MapEntry(
        old_id=old_id,
        first_id=old_id,
        current_id=current_id,
        resource="users",
        state=EntryState.INTENDED if current_id is None else EntryState.CREATED,
        job_id=new_id(),
        mark=mark,
    )


def result(number: int, state: OperationState = OperationState.DONE) -> OperationResult:
    return OperationResult(number=number, state=state, request_id="r", at=datetime.now(UTC), detail=sealed())


def fill_restores(world: World, tenant: TenantCatalog) -> None:
    """Add a row to every table of restores, and end the job."""
    claim = restoring(world, tenant)
    tenant.restores.add_plan(claim, plan_row(claim.job_id), [sealed()])
    tenant.restores.intend(claim, [entry(new_id())])
    tenant.restores.add_results(claim, [result(1)])
    tenant.restores.keep_passwords(claim, [SealedPassword(number=1, sealed=sealed())])
    tenant.claims.finish(claim)
