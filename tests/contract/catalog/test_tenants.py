"""Tenants, and their isolation: the handle of one tenant never reaches another tenant's rows."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.adapters.catalog.schema import AUDIT, metadata
from shared.domain.errors import Alarm, ClaimLost, Code, Refuse
from shared.domain.jobs import JobKind, JobState, Origin
from shared.domain.model import CredentialKind, KeyMode, Purpose, Schedule, Tenant
from shared.domain.trust import Untrusted
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.catalog.upkeep import BucketContents
from tests.accepted import accept
from tests.contract.catalog.granting import fill_rights
from tests.contract.catalog.restoring import fill_restores
from tests.contract.catalog.world import ARN, NOW, REVOKED, World, checkpoint, data_key, new_id, run, sealed, snapshot

SCHEDULE = Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=NOW)


def test_a_tenant_is_found_by_name_with_its_key_and_credential(world: World, acme: TenantCatalog) -> None:
    row = world.catalog.find("acme")
    assert row == acme.tenant()
    assert (row.created_at, row.key_mode, row.key_arn, row.key_epoch) == (NOW, KeyMode.PROVIDER, ARN, 1)
    secrets = acme.keys.find(Purpose.SECRETS, None)
    assert secrets is not None
    assert secrets.context == {"tenant": acme.tenant_id, "purpose": "secrets"}
    _, stored = acme.keys.credential()
    assert stored is not None
    assert stored.data == b"acme"


def test_tenants_are_listed_newest_first(world: World) -> None:
    for number, name in enumerate(("b", "c", "a")):
        tenant_id = new_id()
        tenant = Tenant(
            tenant_id=tenant_id,
            name=name,
            directory_id=new_id(),
            client_id=new_id(),
            created_at=NOW + timedelta(seconds=number),
            key_mode=KeyMode.PROVIDER,
            key_arn=ARN,
            key_epoch=1,
        )
        world.catalog.add_tenant(tenant, data_key(tenant_id, Purpose.SECRETS), CredentialKind.SECRET, sealed())
    assert [tenant.name for tenant in world.catalog.tenants()] == ["a", "c", "b"]


@pytest.mark.postgresql
def test_a_duplicate_name_is_refused_and_leaves_no_rows(world: World, acme: TenantCatalog) -> None:
    with pytest.raises(Refuse) as caught:
        world.add("acme")
    assert caught.value.code is Code.TENANT_EXISTS
    assert [world.count(table) for table in ("tenants", "data_keys", "secrets")] == [1, 1, 1]


def test_calls_for_an_unknown_tenant_are_refused(world: World) -> None:
    ghost = world.catalog.tenant(new_id())
    calls: list[Callable[[], object]] = [
        lambda: world.catalog.find("nobody"),
        ghost.tenant,
        lambda: ghost.jobs.request(JobKind.BACKUP, origin=Origin.HAND),
        lambda: ghost.keys.add(data_key(ghost.tenant_id)),
        lambda: ghost.schedules.set(SCHEDULE),
        lambda: ghost.update(client_id=new_id(), kind=CredentialKind.SECRET, sealed=sealed()),
    ]
    for call in calls:
        with pytest.raises(Refuse) as caught:
            call()
        assert caught.value.code is Code.NO_SUCH_TENANT
    assert ghost.keys.refuse(ARN, "No.") == 0


def test_update_replaces_application_and_credential_together(world: World, acme: TenantCatalog) -> None:
    client_id, secret = new_id(), sealed(b"fresh")
    acme.update(client_id=client_id, kind=CredentialKind.SECRET, sealed=secret, expires_at=NOW)
    assert acme.tenant().client_id == client_id
    assert acme.tenant().sign_in_expires_at == NOW
    assert acme.keys.credential() == (CredentialKind.SECRET, secret)
    acme.update(client_id=client_id, kind=CredentialKind.SECRET, sealed=secret)
    assert acme.tenant().sign_in_expires_at is None  # the previous secret's expiry does not apply to the new secret


@pytest.mark.postgresql
def test_a_schedule_can_be_replaced(acme: TenantCatalog) -> None:
    assert acme.schedules.get() is None
    acme.schedules.set(SCHEDULE)
    assert acme.schedules.get() == SCHEDULE
    paused = Schedule(cron="5 4 * * *", timezone="Europe/Berlin", paused=True, next_due=None)
    acme.schedules.set(paused)
    assert acme.schedules.get() == paused


def fill(world: World, tenant: TenantCatalog) -> None:
    """Add a row to every table of the tenant."""
    fill_restores(world, tenant)
    fill_rights(world, tenant)
    world.backed_up(tenant, run(new_id()))
    tenant.schedules.set(SCHEDULE)
    tenant.keys.refuse(ARN, "No.")
    world.probed(tenant, REVOKED)
    accept(tenant, ARN)
    tenant.upkeep.note_untrusted([Untrusted(arn=ARN, data_keys=1, manifests=0)])
    world.catalog.overview().add_usage({tenant.tenant_id: {"kms_calls": 1}}, {})
    tenant.claims.fail(world.claim(tenant, world.planned(tenant), "users"), Code.GRAPH_FORBIDDEN, "No.")
    job = world.planned(tenant)
    claim = world.claim(tenant, job, "users")
    tenant.claims.checkpoint(claim, checkpoint(run=run(job.job_id)), [])
    tenant.claims.note_attempt(claim, new_id())
    tenant.upkeep.restore(
        BucketContents(tenant=tenant.tenant(), data_keys=[], snapshots=[], uncommitted={}, jobs={new_id()})
    )
    tables = [table.name for table in metadata.tables.values() if "tenant_id" in table.c]
    assert [table for table in tables if not world.count(table, tenant)] == ["withheld_directories"]


@pytest.mark.postgresql
def test_remove_deletes_every_row_of_one_tenant_except_its_audit_trail(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    fill(world, acme)
    fill(world, other)
    tables = [table.name for table in metadata.tables.values() if "tenant_id" in table.c]
    before = {table: world.count(table, other) for table in tables}
    acme.remove()
    assert {table for table in tables if world.count(table, acme)} == AUDIT
    assert {table: world.count(table, other) for table in tables} == before
    acme.remove()


def test_a_running_step_of_a_removed_tenant_loses_its_claim(world: World, acme: TenantCatalog) -> None:
    job, claim = world.to_commit(acme)
    acme.remove()
    with pytest.raises(ClaimLost):
        acme.claims.renew(claim)
    with pytest.raises((ClaimLost, Refuse)):
        acme.claims.commit(claim, snapshot(job), [], JobState.SUCCEEDED, None)


def test_a_handle_never_reaches_the_rows_of_another_tenant(
    world: World, acme: TenantCatalog, other: TenantCatalog
) -> None:
    new_snapshot = world.backed_up(acme)
    job = world.planned(acme)
    step = acme.jobs.steps(job.job_id)[0]
    key = acme.keys.add(data_key(acme.tenant_id, job_id=job.job_id))
    claim = world.claim(acme, job, "users")
    acme.claims.checkpoint(claim, checkpoint(), [])

    assert (other.jobs.recent(), other.snapshots.all(), other.jobs.steps(job.job_id)) == ([], [], [])
    assert other.keys.find(Purpose.BACKUP, job.job_id) is None
    assert other.claims.claim(job.job_id, step.step_id, "w/1", 30) is None
    assert other.claims.release_claim("w/1") == 0
    assert other.claims.checkpoints(claim, step_only=False) == []
    calls: list[Callable[[], object]] = [
        lambda: other.jobs.get(job.job_id),
        lambda: other.jobs.cancel(job.job_id),
        lambda: other.snapshots.get(new_snapshot.snapshot_id),
        lambda: other.snapshots.get("latest"),
        lambda: other.jobs.request(JobKind.VERIFY, origin=Origin.HAND, snapshot=new_snapshot.snapshot_id),
        lambda: other.jobs.begin_foreground(JobKind.DOWNLOAD, new_snapshot.snapshot_id, "download", 30),
        lambda: other.keys.get(key.data_key_id),
        lambda: other.claims.renew(claim),
        lambda: other.claims.checkpoint(claim, checkpoint(), []),
        lambda: other.claims.finish(claim),
    ]
    for call in calls:
        with pytest.raises((Refuse, Alarm, ClaimLost)):
            call()
    assert not acme.claims.renew(claim).cancel
