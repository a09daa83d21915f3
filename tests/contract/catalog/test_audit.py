"""The audit trail in SQL: written in the transaction of the change, append-only, and one chain under concurrency."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from shared.domain.audit import INSTALLATION, Action, event_of, hash_of
from shared.domain.audit_chain import verify_chain
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import DamagedBlob, JobKind, JobState, Origin, RecordsShown, StepPlan, SweepResult, VerifyResult
from shared.domain.model import CredentialKind, Schedule
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.catalog.upkeep import BucketContents
from tests.contract.catalog.world import ARN, NOW, OTHER_ARN, VERIFY, World, data_key, new_id, sealed

SCHEDULE = Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=NOW)
PAUSED = Schedule(cron="0 * * * *", timezone="UTC", paused=True, next_due=None)
EventRow = tuple[str, dict[str, str], dict[str, object]]


def audited(tenant: TenantCatalog, after: int = 1) -> list[EventRow]:
    """Return action, subject and detail of a tenant's events, without its first event."""
    events = [event_of(entry) for entry in tenant.audit.entries(after)]
    return [(event.action, event.subject, event.detail) for event in events]


def is_intact(tenant: TenantCatalog) -> bool:
    return verify_chain(tenant.tenant_id, tenant.audit.entries(), [], tenant.audit.head()).fault is None


def tamper(world: World, *statements: str) -> None:
    """Execute statements directly, as the owner of the tables."""
    engine = create_engine(world.owner_url)
    with engine.begin() as connection:
        if not world.is_sqlite:
            connection.execute(text("SET LOCAL entrakeep.tenant = '*'"))
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_adding_updating_and_removing_a_tenant_is_audited_with_the_actor(world: World) -> None:
    world.catalog = world.catalog.as_actor("ana@desk")
    acme = world.add("acme")
    (first,) = acme.audit.entries()
    event = event_of(first)
    assert (event.number, event.tenant_id, event.actor, event.action) == (1, acme.tenant_id, "ana@desk", "tenant.added")
    tenant = acme.tenant()
    assert event.detail == {
        "name": "acme",
        "directory_id": tenant.directory_id,
        "client_id": tenant.client_id,
        "kind": "client-secret",
        "arn": ARN,
    }
    ben = world.catalog.as_actor("ben@desk").tenant(acme.tenant_id)
    ben.update(client_id=tenant.client_id, kind=CredentialKind.CERTIFICATE, sealed=sealed())
    ben.remove()
    assert [event_of(entry).actor for entry in acme.audit.entries()] == ["ana@desk", "ben@desk", "ben@desk"]
    assert audited(acme) == [
        ("credential.updated", {}, {"client_id": tenant.client_id, "kind": "certificate"}),
        ("tenant.removed", {}, {"name": "acme"}),
    ]
    assert is_intact(acme)


def test_schedule_changes_are_audited(world: World, acme: TenantCatalog) -> None:
    for schedule in (SCHEDULE, PAUSED, SCHEDULE, SCHEDULE):
        acme.schedules.set(schedule)
    assert [action for action, _, _ in audited(acme)] == [
        "schedule.set",
        "schedule.paused",
        "schedule.resumed",
        "schedule.set",
    ]
    assert audited(acme)[0][2] == {"cron": "0 * * * *", "timezone": "UTC"}
    (due,) = world.scheduler.due(NOW)
    world.scheduler.make_due(due, NOW, NOW)
    assert len(audited(acme)) == 4


def test_a_request_by_hand_is_audited_once(acme: TenantCatalog) -> None:
    job, _ = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND, full=True)
    acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    acme.jobs.cancel(job.job_id)
    acme.jobs.cancel(job.job_id)
    retry, _ = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND, full=True, retried=job.job_id)
    acme.jobs.request(JobKind.VERIFY, origin=Origin.SCHEDULE)
    assert audited(acme) == [
        ("backup.asked", {"job": job.job_id}, {"full": True}),
        ("job.cancelled", {"job": job.job_id}, {"kind": "backup", "state": "queued"}),
        ("job.retried", {"job": retry.job_id, "retried": job.job_id}, {"full": True}),
    ]


def test_a_comparison_names_and_pins_both_snapshots(world: World, acme: TenantCatalog) -> None:
    first, second = world.backed_up(acme).snapshot_id, world.backed_up(acme).snapshot_id
    before = len(acme.audit.entries())
    claim = acme.jobs.begin_foreground(JobKind.COMPARE, first, "compare", 30, [second])
    same = acme.jobs.begin_foreground(JobKind.COMPARE, first, "compare", 30, [first])
    assert audited(acme, before) == [
        ("compare.begun", {"job": claim.job_id, "snapshot": first, "other": second}, {}),
        ("compare.begun", {"job": same.job_id, "snapshot": first, "other": first}, {}),
    ]
    assert sorted(row["snapshot_id"] for row in world.rows("pins")) == sorted([first, second, first])
    with pytest.raises(Refuse) as refused:
        acme.jobs.begin_foreground(JobKind.COMPARE, first, "compare", 30, ["no-such-snapshot"])
    assert refused.value.code is Code.NO_SUCH_SNAPSHOT


def test_cancelling_a_running_job_is_audited_once(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme)
    world.claim(acme, job, "users")
    for _ in range(2):
        acme.jobs.cancel(job.job_id)
    cancelled = ("job.cancelled", {"job": job.job_id}, {"kind": "backup", "state": "running"})
    assert audited(acme)[1:] == [cancelled]


@pytest.mark.parametrize("kind", [JobKind.DOWNLOAD, JobKind.BROWSE, JobKind.COMPARE])
def test_a_download_or_browse_is_audited_at_its_start_and_its_end(
    world: World, acme: TenantCatalog, kind: JobKind
) -> None:
    snapshot = world.backed_up(acme).snapshot_id
    before = len(acme.audit.entries())
    good, bad = (acme.jobs.begin_foreground(kind, "latest", kind, 30) for _ in range(2))
    acme.claims.finish(good, detail=RecordsShown(records=7))
    acme.claims.fail(bad, Code.KEY_ACCESS_REVOKED, "No.", detail=RecordsShown(records=3))
    acme.jobs.begin_foreground(kind, snapshot, kind, 0)
    world.scheduler.expire(5)
    first, second, third, fourth, _, sixth = audited(acme, before)
    assert first == (f"{kind}.begun", {"job": good.job_id, "snapshot": snapshot}, {})
    assert second[0] == f"{kind}.begun"
    ended = {"job": good.job_id, "snapshot": snapshot}
    assert third == (f"{kind}.ended", ended, {"state": "succeeded", "code": None, "records": 7})
    assert fourth[2] == {"state": "failed", "code": "KEY_ACCESS_REVOKED", "records": 3}
    assert sixth[2] == {"state": "failed", "code": "INTERRUPTED"}
    assert event_of(acme.audit.recent(1)[0]).actor == "schedule"


def test_a_verify_is_audited_with_its_result(world: World, acme: TenantCatalog) -> None:
    job = world.planned(acme, VERIFY, kind=JobKind.VERIFY)
    claim = world.claim(acme, job, "verify")
    result = VerifyResult(snapshots=2, blobs=9, damaged=[DamagedBlob("b", None, "BLOB_MISSING")])
    acme.claims.fail(claim, Code.BLOB_DAMAGED, "No.", detail=result)
    assert audited(acme) == [
        ("verify.asked", {"job": job.job_id}, {"shallow": False}),
        (
            "verify.ended",
            {"job": job.job_id},
            {"state": "failed", "code": "BLOB_DAMAGED", "snapshots": 2, "blobs": 9, "damaged": 1},
        ),
    ]


@pytest.mark.parametrize("removed", [0, 3])
def test_a_sweep_is_audited_only_if_it_removed_blobs(world: World, acme: TenantCatalog, removed: int) -> None:
    job = world.planned(acme, (StepPlan(phase=1, name="prune"),), kind=JobKind.SWEEP, origin=Origin.SCHEDULE)
    acme.claims.finish(world.claim(acme, job, "prune"), detail=SweepResult(removed=removed))
    expected = [("sweep.removed", {"job": job.job_id}, {"removed": 3})] if removed else []
    assert audited(acme) == expected


def test_a_key_refusal_is_audited_once_and_its_end_once(world: World, acme: TenantCatalog) -> None:
    job, _ = acme.jobs.request(JobKind.KEY_CHECK, origin=Origin.HAND)
    acme.keys.allow(ARN)
    acme.keys.refuse(OTHER_ARN, "No.")
    for _ in range(3):
        acme.keys.refuse(ARN, "A sentence that does not belong in the trail.")
    for _ in range(2):
        acme.keys.allow(ARN)
    assert acme.jobs.get(job.job_id).state is JobState.FAILED
    assert audited(acme) == [("key.refused", {}, {"arn": ARN, "jobs": 1}), ("key.answered", {}, {"arn": ARN})]


def test_a_refused_request_is_not_audited(world: World, acme: TenantCatalog) -> None:
    before = acme.audit.head()
    with pytest.raises(Refuse):
        world.add("acme")
    with pytest.raises(Refuse):
        acme.jobs.begin_foreground(JobKind.DOWNLOAD, "latest", "download", 30)
    with pytest.raises(Refuse):
        acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND, snapshot="latest")
    assert acme.audit.head() == before
    assert world.count("audit_events", acme) == 1
    assert world.count("audit_events", world.catalog.tenant(INSTALLATION)) == 1


def test_append_adds_one_event_with_subject_and_detail(acme: TenantCatalog) -> None:
    head = acme.audit.append(Action.KEY_ANSWERED, {"job": "j"}, arn=ARN, again=True)
    assert acme.audit.head() == head
    assert audited(acme) == [("key.answered", {"job": "j"}, {"arn": ARN, "again": True})]


def test_append_is_refused_for_an_unknown_tenant(world: World) -> None:
    ghost = world.catalog.tenant(new_id())
    with pytest.raises(Refuse) as caught:
        ghost.audit.append(Action.KEY_ANSWERED)
    assert caught.value.code is Code.NO_SUCH_TENANT
    assert (ghost.audit.entries(), ghost.audit.recent(5), ghost.audit.head()) == ([], [], None)


def test_entries_are_paged_in_order_and_recent_entries_are_newest_first(
    acme: TenantCatalog, other: TenantCatalog
) -> None:
    for _ in range(5):
        acme.audit.append(Action.KEY_ANSWERED)
    assert [entry.number for entry in acme.audit.entries(2, limit=3)] == [3, 4, 5]
    assert [entry.number for entry in acme.audit.recent(2)] == [6, 5]
    assert [entry.number for entry in other.audit.entries()] == [1]


@pytest.mark.postgresql
def test_concurrent_appends_form_one_chain(world: World, acme: TenantCatalog, other: TenantCatalog) -> None:
    """Append, request and cancel from threads of several catalogs."""
    catalogs = [world.another().as_actor(f"w{n}") for n in range(3)]
    gate = threading.Barrier(6)

    def add(n: int) -> None:
        own_catalog = catalogs[n % 3].tenant((other if n >= 3 else acme).tenant_id)
        gate.wait()
        for _ in range(8):
            own_catalog.audit.append(Action.KEY_ANSWERED)
            job, _ = own_catalog.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
            own_catalog.jobs.cancel(job.job_id)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, range(6)))
    for tenant in (acme, other):
        assert len(tenant.audit.entries()) == 1 + 3 * 8 * 4
        assert is_intact(tenant)


@pytest.mark.postgresql
def test_concurrent_first_appends_form_one_chain(world: World, acme: TenantCatalog) -> None:
    """A tenant from before audit trails has no chain yet."""
    for _ in range(5):
        tenant = world.add(new_id())
        forget = [f"DELETE FROM audit_{table} WHERE tenant_id = '{tenant.tenant_id}'" for table in ("events", "heads")]
        execute_past_triggers(world, *forget)
        gate = threading.Barrier(4)

        def add(_: int, tenant: TenantCatalog = tenant, gate: threading.Barrier = gate) -> None:
            gate.wait()
            tenant.audit.append(Action.KEY_ANSWERED)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(add, range(4)))
        assert [entry.number for entry in tenant.audit.entries()] == [1, 2, 3, 4]
        assert is_intact(tenant)


TRIGGERS = ("audit_events_are_not_changed", "audit_events_are_not_removed")


def execute_past_triggers(world: World, *statements: str) -> None:
    """Execute the statements without the triggers that forbid them, and create the triggers again."""
    if not world.is_sqlite:
        tamper(world, *statements)
        return
    engine = create_engine(world.url)
    with engine.connect() as connection:
        find = text("SELECT sql FROM sqlite_master WHERE name = :name")
        triggers = [str(connection.execute(find, {"name": name}).scalar_one()) for name in TRIGGERS]
    engine.dispose()
    tamper(world, *(f"DROP TRIGGER {name}" for name in TRIGGERS), *statements, *triggers)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET line = '{}'",
        "UPDATE audit_events SET number = 7",
        "DELETE FROM audit_events",
        "DELETE FROM audit_events WHERE number = 2",
    ],
)
@pytest.mark.postgresql
def test_the_product_cannot_change_or_remove_an_event(world: World, acme: TenantCatalog, statement: str) -> None:
    acme.audit.append(Action.KEY_ANSWERED)
    before = acme.audit.entries()
    engine = create_engine(world.url)
    with pytest.raises(DatabaseError, match=r"never|permission denied"), engine.begin() as connection:
        if not world.is_sqlite:
            connection.execute(text("SET LOCAL entrakeep.tenant = '*'"))
        connection.execute(text(statement))
    engine.dispose()
    assert acme.audit.entries() == before


@pytest.mark.postgresql
def test_tampering_by_the_owner_of_the_tables_is_detected(world: World, acme: TenantCatalog) -> None:
    for _ in range(4):
        acme.audit.append(Action.KEY_ANSWERED)
    before, head = acme.audit.entries(), acme.audit.head()
    assert head is not None
    fields = {**json.loads(before[2].line), "actor": "nobody"}
    line = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    execute_past_triggers(world, f"UPDATE audit_events SET line = '{line}' WHERE number = 3".replace(":", "\\:"))
    fault = verify_chain(acme.tenant_id, acme.audit.entries(), []).fault
    assert fault is not None
    assert (fault.number, fault.reason) == (3, "is not what it was when its hash was made")
    execute_past_triggers(world, f"UPDATE audit_events SET hash = '{hash_of(line)}' WHERE number = 3")
    fault = verify_chain(acme.tenant_id, acme.audit.entries(), []).fault
    assert fault is not None
    assert (fault.number, fault.reason) == (4, "does not follow the one before it")
    execute_past_triggers(world, "DELETE FROM audit_events WHERE number >= 3", "UPDATE audit_heads SET number = 2")
    assert verify_chain(acme.tenant_id, acme.audit.entries(), []).fault is None
    fault = verify_chain(acme.tenant_id, acme.audit.entries(), [head]).fault
    assert fault is not None
    assert (fault.number, fault.reason) == (3, "is missing")


def test_the_trail_of_a_removed_tenant_is_found_by_its_name_and_its_id(world: World) -> None:
    first = world.add("acme")
    row = world.catalog.find_audited("acme")
    assert (row.tenant_id, row.name, row.removed) == (first.tenant_id, "acme", False)
    first.remove()
    assert world.catalog.find_audited("acme").removed
    second = world.add("acme")
    assert world.catalog.find_audited("acme").tenant_id == second.tenant_id
    second.remove()
    assert world.catalog.find_audited("acme").tenant_id == second.tenant_id
    assert world.catalog.find_audited(first.tenant_id).name == "acme"
    with pytest.raises(Refuse) as caught:
        world.catalog.find_audited("other")
    assert caught.value.code is Code.NO_SUCH_TENANT


@pytest.mark.postgresql
def test_a_rebuilt_tenant_continues_its_chain_after_the_anchored_head(world: World) -> None:
    lost = world.add("acme")
    for _ in range(3):
        lost.audit.append(Action.KEY_ANSWERED)
    tenant, head = lost.tenant(), lost.audit.head()
    assert head is not None
    lost.remove()
    execute_past_triggers(world, "DELETE FROM audit_events", "DELETE FROM audit_heads")
    key = data_key(tenant.tenant_id)
    whole = BucketContents(tenant=tenant, data_keys=[key], snapshots=[], uncommitted={}, jobs=set(), head=head)
    lost.upkeep.restore(whole)
    (entry,) = lost.audit.entries()
    event = event_of(entry)
    assert (event.number, event.previous, event.action) == (5, head.hash, "catalog.rebuilt")
    assert event.detail == {"snapshots": 0, "data_keys": 1, "head": 4, "head_hash": head.hash}
    assert verify_chain(tenant.tenant_id, [entry], [head]).lost == [(1, 4)]
    lost.upkeep.restore(whole)
    assert [each.number for each in lost.audit.entries()] == [5, 6]
    assert verify_chain(tenant.tenant_id, lost.audit.entries(), [head]).fault is None
