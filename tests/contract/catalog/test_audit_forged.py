"""A trail that somebody has forged with the application's own role: refused in one sentence, on either database."""

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
    """Do what the application's role may do."""
    engine = create_engine(world.url)
    with engine.begin() as connection:
        if not world.is_sqlite:
            connection.execute(text("SELECT set_config('entrakeep.tenant', :id, true)"), {"id": tenant.tenant_id})
        for statement in statements:
            connection.execute(text(statement), values)
    engine.dispose()


def add_behind(world: World, tenant: TenantCatalog) -> Entry:
    """Add an event behind the newest one, and leave the head where it is."""
    entry, _ = following(tenant.audit.head(), tenant.tenant_id, NOW, "mallory", Action.KEY_ALLOWED, {}, {})
    statement = "INSERT INTO audit_events (tenant_id, number, line, hash) VALUES (:tenant_id, :number, :line, :hash)"
    values = {"tenant_id": tenant.tenant_id, "number": entry.number, "line": entry.line, "hash": entry.hash}
    forge(world, tenant, statement, **values)
    return entry


def broken(call: object) -> str:
    with pytest.raises(Refuse) as caught:
        call()  # type: ignore[operator]
    assert caught.value.code is Code.AUDIT_BROKEN
    return caught.value.message


@pytest.fixture
def trailed(acme: TenantCatalog) -> TenantCatalog:
    """A tenant with three events."""
    for _ in range(2):
        acme.audit.append(Action.KEY_ANSWERED)
    return acme


@pytest.fixture
def context(world: World) -> Context:
    """As much of the engine's context as an anchor needs."""
    return cast(Context, SimpleNamespace(store=MemoryStore(), catalog=world.catalog))


@pytest.mark.parametrize("statement", [SET_BACK, FORGED])
@pytest.mark.parametrize("kind", [JobKind.BACKUP, JobKind.VERIFY])
def test_nothing_is_asked_for_behind_a_forged_head_and_the_refusal_says_what_to_do(
    world: World, trailed: TenantCatalog, statement: str, kind: JobKind
) -> None:
    forge(world, trailed, statement)
    message = broken(lambda: trailed.jobs.request(kind, origin=Origin.HAND))
    assert "'entrakeep audit verify'" in message
    assert "'entrakeep catalog rebuild'" in message
    assert trailed.jobs.recent() == []


@pytest.mark.parametrize("statement", [SET_BACK, FORGED])
def test_a_verify_at_work_while_the_head_is_forged_ends_as_broken(
    world: World, trailed: TenantCatalog, statement: str
) -> None:
    job = world.planned(trailed, VERIFY, kind=JobKind.VERIFY)
    claim = world.claim(trailed, job, "verify")
    forge(world, trailed, statement)
    trailed.claims.finish(claim, detail=VerifyResult(snapshots=0, blobs=0, damaged=[]))
    ended = trailed.jobs.get(job.job_id)
    assert (ended.state, ended.code) == (JobState.FAILED, Code.AUDIT_BROKEN)
    assert "head is not that of its newest event" in (ended.message or "")


def test_a_forged_head_keeps_no_refused_key_from_ending_jobs_and_no_job_from_being_cancelled(
    world: World, trailed: TenantCatalog
) -> None:
    first, second = (trailed.jobs.request(JobKind.KEY_CHECK, origin=Origin.HAND)[0] for _ in range(2))
    forge(world, trailed, SET_BACK)
    assert trailed.jobs.cancel(first.job_id).state is JobState.CANCELLED
    assert trailed.keys.refuse(ARN, "The key is disabled.") == 1
    assert trailed.jobs.get(second.job_id).code is Code.KEY_ACCESS_REVOKED
    trailed.keys.allow(ARN)
    assert trailed.keys.state().refusal is None


def test_an_event_added_behind_the_head_is_noticed_by_the_next_event_and_the_next_anchor(
    world: World, trailed: TenantCatalog, context: Context
) -> None:
    anchor(context, trailed)
    forged = add_behind(world, trailed)
    assert "event 4 was added behind the head of the trail" in broken(lambda: anchor(context, trailed))
    broken(lambda: trailed.audit.append(Action.KEY_ANSWERED))
    fault = verify_audit(context, trailed.tenant_id).fault
    assert fault is not None
    assert fault.number == forged.number


@pytest.mark.parametrize(("statement", "number"), [(SET_BACK, 2), (FORGED, 3)])
def test_a_forged_head_is_noticed_by_the_next_anchor(
    world: World, trailed: TenantCatalog, context: Context, statement: str, number: int
) -> None:
    anchor(context, trailed)
    forge(world, trailed, statement)
    trailed_fault = verify_audit(context, trailed.tenant_id).fault
    assert trailed_fault is not None
    assert trailed_fault.number == number
    if statement is SET_BACK:
        broken(lambda: anchor(context, trailed))


def test_a_rebuild_lets_the_trail_go_on_behind_its_newest_event(
    world: World, trailed: TenantCatalog, context: Context
) -> None:
    anchor(context, trailed)
    forge(world, trailed, SET_BACK)
    found = BucketContents(
        tenant=trailed.tenant(),
        data_keys=[],
        snapshots=[],
        uncommitted={},
        jobs=set(),
        head=None,
    )
    trailed.upkeep.restore(found)
    trailed.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    anchor(context, trailed)
    verdict = verify_audit(context, trailed.tenant_id)
    assert (verdict.fault, verdict.events, verdict.lost) == (None, 5, [])


def test_an_anchor_reads_what_was_added_and_nothing_if_nothing_was(trailed: TenantCatalog, context: Context) -> None:
    store = cast(MemoryStore, context.store)
    asked: list[str] = []
    get, names = store.get, store.names
    store.get = lambda name: asked.append(name) or get(name)  # type: ignore[func-returns-value, method-assign]
    store.names = lambda *words, **given: asked.append("names") or names(*words, **given)  # type: ignore[func-returns-value, method-assign]
    anchor(context, trailed)
    assert list(names(heads_prefix(trailed.tenant_id))) == [head_blob(trailed.tenant_id, 3)]
    asked.clear()
    anchor(context, trailed)
    assert asked == []
    for _ in range(5):
        trailed.audit.append(Action.KEY_ANSWERED)
    anchor(context, trailed)
    assert asked == [head_blob(trailed.tenant_id, 3)]
    assert trailed.audit.position().anchored == 8


def test_what_is_under_untrusted_keys_is_remembered_and_gets_one_event(trailed: TenantCatalog) -> None:
    one, two = (Untrusted(arn=arn, data_keys=1, manifests=0) for arn in (ARN, OTHER_ARN))
    for found in ([one], [one, two], [two], []):
        trailed.upkeep.note_untrusted(found)
        assert [(each.arn, each.data_keys) for each in trailed.upkeep.untrusted()] == [
            (each.arn, each.data_keys) for each in found
        ]
        assert all(each.found_at is not None for each in trailed.upkeep.untrusted())
    lines = [entry.line for entry in trailed.audit.entries(3)]
    assert [line.count("key.untrusted") for line in lines] == [1, 1]
