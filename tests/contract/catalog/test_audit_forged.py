"""A trail forged with the application's own role is refused in one sentence, on either database."""

from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import create_engine, text

from shared.domain.audit import Action, Entry, following
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobKind, JobState, Origin, VerifyResult
from shared.domain.trust import Untrusted
from shared.engine.audit import anchor, verify_audit
from shared.engine.context import Context
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.catalog.upkeep import BucketContents
from shared.vault.names import head_blob, heads_prefix
from tests.contract.catalog.world import ARN, NOW, OTHER_ARN, VERIFY, World
from tests.unit.vault.parts import MemoryStore

SET_BACK = "UPDATE audit_heads SET number = 1, hash = (SELECT hash FROM audit_events WHERE number = 1)"
FORGED = f"UPDATE audit_heads SET hash = '{'f' * 64}'"


def forge(world: World, tenant: TenantCatalog, *statements: str, **values: object) -> None:
    """Execute statements with the rights of the application's role."""
    engine = create_engine(world.url)
    with engine.begin() as connection:
        if not world.is_sqlite:
            connection.execute(text("SELECT set_config('entrakeep.tenant', :id, true)"), {"id": tenant.tenant_id})
        for statement in statements:
            connection.execute(text(statement), values)
    engine.dispose()


def add_after_head(world: World, tenant: TenantCatalog) -> Entry:
    """Add an event after the newest one without moving the head."""
    entry, _ = following(tenant.audit.head(), tenant.tenant_id, NOW, "mallory", Action.KEY_ALLOWED, {}, {})
    statement = "INSERT INTO audit_events (tenant_id, number, line, hash) VALUES (:tenant_id, :number, :line, :hash)"
    values = {"tenant_id": tenant.tenant_id, "number": entry.number, "line": entry.line, "hash": entry.hash}
    forge(world, tenant, statement, **values)
    return entry


def broken_message(call: object) -> str:
    with pytest.raises(Refuse) as caught:
        call()  # type: ignore[operator]
    assert caught.value.code is Code.AUDIT_BROKEN
    return caught.value.message


@pytest.fixture
def tenant(acme: TenantCatalog) -> TenantCatalog:
    """Return a tenant with three events."""
    for _ in range(2):
        acme.audit.append(Action.KEY_ANSWERED)
    return acme


@pytest.fixture
def context(world: World) -> Context:
    """Return the part of the engine's context that an anchor needs."""
    return cast(Context, SimpleNamespace(store=MemoryStore(), catalog=world.catalog))


@pytest.mark.parametrize("statement", [SET_BACK, FORGED])
@pytest.mark.parametrize("kind", [JobKind.BACKUP, JobKind.VERIFY])
def test_a_forged_head_refuses_requests_and_the_message_says_what_to_do(
    world: World, tenant: TenantCatalog, statement: str, kind: JobKind
) -> None:
    forge(world, tenant, statement)
    message = broken_message(lambda: tenant.jobs.request(kind, origin=Origin.HAND))
    assert "'entrakeep audit verify'" in message
    assert "'entrakeep catalog rebuild'" in message
    assert tenant.jobs.recent() == []


@pytest.mark.parametrize("statement", [SET_BACK, FORGED])
@pytest.mark.postgresql
def test_a_running_verify_fails_if_the_head_is_forged(world: World, tenant: TenantCatalog, statement: str) -> None:
    job = world.planned(tenant, VERIFY, kind=JobKind.VERIFY)
    claim = world.claim(tenant, job, "verify")
    forge(world, tenant, statement)
    tenant.claims.finish(claim, detail=VerifyResult(snapshots=0, blobs=0, damaged=[]))
    ended = tenant.jobs.get(job.job_id)
    assert (ended.state, ended.code) == (JobState.FAILED, Code.AUDIT_BROKEN)
    assert "head is not that of its newest event" in (ended.message or "")


def test_a_forged_head_prevents_neither_cancellation_nor_a_key_refusal(world: World, tenant: TenantCatalog) -> None:
    first, second = (tenant.jobs.request(JobKind.KEY_CHECK, origin=Origin.HAND)[0] for _ in range(2))
    forge(world, tenant, SET_BACK)
    assert tenant.jobs.cancel(first.job_id).state is JobState.CANCELLED
    assert tenant.keys.refuse(ARN, "The key is disabled.") == 1
    assert tenant.jobs.get(second.job_id).code is Code.KEY_ACCESS_REVOKED
    tenant.keys.allow(ARN)
    assert tenant.keys.state().refusal is None


@pytest.mark.postgresql
def test_an_event_after_the_head_is_detected_by_the_next_event_and_the_next_anchor(
    world: World, tenant: TenantCatalog, context: Context
) -> None:
    anchor(context, tenant)
    forged = add_after_head(world, tenant)
    assert "event 4 was added behind the head of the trail" in broken_message(lambda: anchor(context, tenant))
    broken_message(lambda: tenant.audit.append(Action.KEY_ANSWERED))
    fault = verify_audit(context, tenant.tenant_id).fault
    assert fault is not None
    assert fault.number == forged.number


@pytest.mark.parametrize(("statement", "number"), [(SET_BACK, 2), (FORGED, 3)])
def test_a_forged_head_is_detected_by_verify_and_a_reset_head_by_the_next_anchor(
    world: World, tenant: TenantCatalog, context: Context, statement: str, number: int
) -> None:
    anchor(context, tenant)
    forge(world, tenant, statement)
    fault = verify_audit(context, tenant.tenant_id).fault
    assert fault is not None
    assert fault.number == number
    if statement is SET_BACK:
        broken_message(lambda: anchor(context, tenant))


def test_a_rebuild_lets_the_trail_continue_after_its_newest_event(
    world: World, tenant: TenantCatalog, context: Context
) -> None:
    anchor(context, tenant)
    forge(world, tenant, SET_BACK)
    contents = BucketContents(
        tenant=tenant.tenant(),
        data_keys=[],
        snapshots=[],
        uncommitted={},
        jobs=set(),
        head=None,
    )
    tenant.upkeep.restore(contents)
    tenant.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    anchor(context, tenant)
    verdict = verify_audit(context, tenant.tenant_id)
    assert (verdict.fault, verdict.events, verdict.lost) == (None, 5, [])


@pytest.mark.postgresql
def test_an_anchor_reads_only_its_last_head_and_nothing_without_new_events(
    tenant: TenantCatalog, context: Context
) -> None:
    store = cast(MemoryStore, context.store)
    reads: list[str] = []
    get, names = store.get, store.names
    store.get = lambda name: reads.append(name) or get(name)  # type: ignore[func-returns-value, method-assign]
    store.names = lambda *arguments, **options: reads.append("names") or names(*arguments, **options)  # type: ignore[func-returns-value, method-assign]
    anchor(context, tenant)
    assert list(names(heads_prefix(tenant.tenant_id))) == [head_blob(tenant.tenant_id, 3)]
    reads.clear()
    anchor(context, tenant)
    assert reads == []
    for _ in range(5):
        tenant.audit.append(Action.KEY_ANSWERED)
    anchor(context, tenant)
    assert reads == [head_blob(tenant.tenant_id, 3)]
    assert tenant.audit.position().anchored == 8


@pytest.mark.postgresql
def test_untrusted_keys_are_stored_and_audited_once_each(tenant: TenantCatalog) -> None:
    one, two = (Untrusted(arn=arn, data_keys=1, manifests=0) for arn in (ARN, OTHER_ARN))
    for untrusted in ([one], [one, two], [two], []):
        tenant.upkeep.note_untrusted(untrusted)
        assert [(each.arn, each.data_keys) for each in tenant.upkeep.untrusted()] == [
            (each.arn, each.data_keys) for each in untrusted
        ]
        assert all(each.found_at is not None for each in tenant.upkeep.untrusted())
    lines = [entry.line for entry in tenant.audit.entries(3)]
    assert [line.count("key.untrusted") for line in lines] == [1, 1]
