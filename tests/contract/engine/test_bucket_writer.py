"""An attacker who may write to the bucket takes over no tenant: the whole attack and its variants."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from shared.domain.errors import Code
from shared.domain.jobs import JobKind, JobState, VerifyRequest
from shared.domain.model import Purpose
from shared.domain.secret import Secret
from shared.domain.trust import Untrusted
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.requests.customer_keys import request_enable
from shared.engine.tenants.onboarding import update_tenant
from shared.engine.upkeep.rebuild import Rebuilt, rebuild
from shared.vault.names import chunk_blob, key_object_blob, key_objects_prefix, manifest_blob, trust_records_prefix
from shared.vault.reader import BlobReader
from tests.contract.engine.attacker import EVIL, Attacker
from tests.contract.engine.stories import copy_database, play_story
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN

OWN = "arn:aws:kms:eu-central-1:444455556666:key/0f3e5a3c-7c1e-4a3d-9a44-0000000000aa"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=30.0, backups=1)
    world.clock.time += timedelta(hours=1)
    yield world
    world.close()


@pytest.fixture
def attacker(world: EngineWorld) -> Attacker:
    return Attacker(world)


@pytest.fixture
def empty(world: EngineWorld, tmp_path: Path) -> Iterator[EngineWorld]:
    """Yield a world with the same bucket and an empty catalog."""
    other = world.with_catalog(tmp_path / "empty.sqlite3")
    other.context.store.recognise()
    yield other
    other.close()


def run_rebuild(world: EngineWorld, *trusted: str) -> Rebuilt:
    return rebuild(world.context, world.tenant.tenant_id, trusted=frozenset(trusted))


def enable_own_key(world: EngineWorld) -> None:
    """Give the tenant its own KMS key."""
    world.catalog.customer_keys.allow()
    job = request_enable(world.catalog, OWN, "ada")
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED, world.catalog.jobs.get(job.job_id)


def arns(world: EngineWorld) -> set[str]:
    """Return the KMS keys that SQL names."""
    return {key.arn for key in world.catalog.keys.all()} | {world.catalog.tenant().key_arn}


def check_unharmed(world: EngineWorld) -> None:
    """Check that the tenant's next backup is sealed under its own key and has its own directory."""
    assert world.catalog.tenant().key_arn == world.tenant.key_arn
    before = set(world.store.names(key_objects_prefix(world.tenant.tenant_id)))
    world.directory.put("users", "users/later")
    world.back_up()
    assert world.download() == world.directory.records()
    new_objects = set(world.store.names(key_objects_prefix(world.tenant.tenant_id))) - before
    assert new_objects
    assert EVIL not in arns(world)


def test_a_planted_key_and_snapshot_do_not_take_over_the_tenant(world: EngineWorld, attacker: Attacker) -> None:
    planted = attacker.snapshot()
    job = world.run_job(JobKind.SWEEP)
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_UNTRUSTED)
    assert f"1 data key and 1 manifest under {EVIL} (account 666677778888, Region eu-central-1)" in (job.message or "")
    outcome = run_rebuild(world)
    assert (outcome.snapshots, outcome.data_keys, outcome.broken, outcome.trouble) == (0, 0, [], None)
    assert outcome.untrusted == [Untrusted(arn=EVIL, data_keys=1, manifests=1)]
    assert planted not in {each.snapshot_id for each in world.catalog.snapshots.all()}
    check_unharmed(world)
    assert manifest_blob(world.tenant.tenant_id, planted) in world.store.blobs


def test_a_rebuild_of_a_lost_catalog_restores_the_tenant_under_its_own_key(
    world: EngineWorld, empty: EngineWorld, attacker: Attacker
) -> None:
    planted = attacker.snapshot()
    outcome = run_rebuild(empty)
    assert (outcome.snapshots, outcome.untrusted) == (1, [Untrusted(arn=EVIL, data_keys=1, manifests=1)])
    assert empty.catalog.tenant() == world.tenant
    assert planted not in {each.snapshot_id for each in empty.catalog.snapshots.all()}
    update_tenant(empty.context, "acme", None, Secret(b"s"))
    check_unharmed(empty)


def test_a_planted_job_alone_changes_no_key(world: EngineWorld, attacker: Attacker) -> None:
    attacker.key("11111111-1111-4111-8111-111111111111")
    attacker.key(None, Purpose.SECRETS)
    world.store.blobs[chunk_blob(attacker.tenant_id, "11111111-1111-4111-8111-111111111111", "0" * 64)] = b"x"
    assert world.run_job(JobKind.SWEEP).code is Code.KEY_UNTRUSTED
    assert run_rebuild(world).untrusted == [Untrusted(arn=EVIL, data_keys=2, manifests=0)]
    check_unharmed(world)


def test_a_tenant_that_the_attacker_invented_is_not_restored(empty: EngineWorld, attacker: Attacker) -> None:
    attacker.tenant_id = "99999999-9999-4999-8999-999999999999"
    attacker.snapshot()
    outcome = rebuild(empty.context, attacker.tenant_id)
    assert (outcome.tenant, outcome.untrusted) == (None, [Untrusted(arn=EVIL, data_keys=1, manifests=1)])
    assert empty.context.catalog.tenants() == []


def test_a_planted_newer_generation_under_another_key_is_rejected(world: EngineWorld, attacker: Attacker) -> None:
    (own, *_) = world.catalog.keys.all()
    _, planted = attacker.key()
    attacker.rewrite(planted, id=own.data_key_id, generation=9)
    outcome = run_rebuild(world)
    assert outcome.untrusted == [Untrusted(arn=EVIL, data_keys=2, manifests=0)]
    assert world.catalog.keys.get(own.data_key_id) == own
    check_unharmed(world)


def test_a_planted_generation_that_claims_a_trusted_key_does_not_replace_the_working_one(
    world: EngineWorld, empty: EngineWorld, attacker: Attacker
) -> None:
    planted = [attacker.rewrite(key, generation=9, epoch=99, wrapped="AAAA") for key in world.catalog.keys.all()]
    outcome = run_rebuild(empty)
    assert {(each.blob, each.reason) for each in outcome.broken} == {(blob, Code.BLOB_DAMAGED) for blob in planted}
    assert outcome.snapshots == 1
    assert empty.catalog.keys.all() == world.catalog.keys.all()
    update_tenant(empty.context, "acme", None, Secret(b"s"))
    check_unharmed(empty)


def test_a_rebuild_rejects_key_objects_copied_from_another_tenant(
    world: EngineWorld, empty: EngineWorld, attacker: Attacker
) -> None:
    (own, *_) = world.catalog.keys.all()
    other = "99999999-9999-4999-8999-999999999999"
    source = key_object_blob(attacker.tenant_id, own.data_key_id, own.generation)
    as_it_is = key_object_blob(other, own.data_key_id, own.generation)
    world.store.blobs[as_it_is] = world.store.blobs[source]
    context = {"tenant": other, "purpose": own.purpose.value}
    renamed = attacker.rewrite(
        own, key_object_blob(other, own.data_key_id, 2), tenant=other, context=context, generation=2
    )
    for name in list(world.store.names(f"{attacker.tenant_id}/snapshots/")):
        world.store.blobs[name.replace(attacker.tenant_id, other)] = world.store.blobs[name]
    outcome = rebuild(empty.context, other)
    assert (outcome.tenant, outcome.snapshots) == (None, 0)
    assert {as_it_is, renamed} <= {each.blob for each in outcome.broken}


def test_a_planted_manifest_with_runs_of_genuine_jobs_does_not_become_a_snapshot(
    world: EngineWorld, attacker: Attacker
) -> None:
    snapshot = world.catalog.snapshots.get("latest")
    with ProcessKeys(world.context, world.catalog) as keys:
        genuine = BlobReader(world.store, keys.find, world.tenant.tenant_id, keys.check).manifest(snapshot)
    planted = attacker.snapshot(stolen=[run for state in genuine.streams for run in state.runs])
    assert run_rebuild(world).untrusted == [Untrusted(arn=EVIL, data_keys=1, manifests=1)]
    assert planted not in {each.snapshot_id for each in world.catalog.snapshots.all()}
    check_unharmed(world)


@pytest.mark.parametrize("shallow", [True, False])
def test_verify_names_planted_blobs_even_if_their_job_is_running(
    world: EngineWorld, attacker: Attacker, shallow: bool
) -> None:
    _, planted = attacker.key(world.request(JobKind.KEY_CHECK).job_id)
    snapshot = attacker.snapshot()
    job = world.run_job(JobKind.VERIFY, detail=VerifyRequest(shallow=shallow))
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    reasons = {each.blob: each.reason for each in job.detail.damaged}
    assert reasons[key_object_blob(attacker.tenant_id, planted.data_key_id, 1)] == "KEY_UNTRUSTED"
    assert reasons[manifest_blob(attacker.tenant_id, snapshot)] == "BLOB_UNKNOWN"


def test_a_swept_manifest_that_is_put_back_does_not_become_a_snapshot_again(world: EngineWorld) -> None:
    world.limit(settled_hours=0.0)
    before = set(world.store.blobs)
    play_story(world, [("cancel", "manifest-stored")])
    removed = {name: blob for name, blob in world.store.blobs.items() if name not in before}
    world.run_job(JobKind.SWEEP)
    assert removed.keys() - world.store.blobs.keys()
    offered = world.catalog.snapshots.all()
    world.store.blobs |= removed
    assert world.run_job(JobKind.SWEEP).code is Code.CATALOG_OUTDATED
    outcome = run_rebuild(world)
    assert outcome.snapshots == 0
    assert world.catalog.snapshots.all() == offered
    assert world.run_job(JobKind.SWEEP).state is JobState.SUCCEEDED


def test_an_older_manifest_under_the_name_of_a_newer_one_counts_as_damage(world: EngineWorld) -> None:
    first = world.catalog.snapshots.get("latest")
    world.back_up()
    second = world.catalog.snapshots.get("latest")
    older, newer = (manifest_blob(world.tenant.tenant_id, each.snapshot_id) for each in (first, second))
    world.store.blobs[newer] = world.store.blobs[older]
    job = world.run_job(JobKind.VERIFY)
    assert job.code is Code.BLOB_DAMAGED
    assert [each.blob for each in job.detail.damaged] == [newer]


def test_a_rebuild_restores_a_tenant_under_its_own_key_without_trust_from_the_operator(
    world: EngineWorld, empty: EngineWorld, attacker: Attacker
) -> None:
    enable_own_key(world)
    attacker.snapshot()
    outcome = run_rebuild(empty)
    assert outcome.untrusted == [Untrusted(arn=EVIL, data_keys=1, manifests=1)]
    assert empty.catalog.tenant() == world.catalog.tenant()
    assert empty.download() == world.directory.records()


@pytest.mark.parametrize("harm", ["removed", "forged", "of another tenant"])
def test_the_operator_must_name_the_tenants_own_key_without_a_valid_trust_record(
    world: EngineWorld, empty: EngineWorld, harm: str
) -> None:
    enable_own_key(world)
    records = list(world.store.names(trust_records_prefix(world.tenant.tenant_id)))
    assert records
    for name in records:
        text = world.store.blobs.pop(name)
        if harm == "forged":
            world.store.blobs[name] = text.replace(OWN.encode(), EVIL.encode())
        elif harm == "of another tenant":
            fields = msgspec.json.decode(text) | {"tenant": "99999999-9999-4999-8999-999999999999"}
            world.store.blobs[name] = msgspec.json.encode(fields)
    Attacker(world).snapshot()
    outcome = run_rebuild(empty)
    assert (outcome.tenant, {each.arn for each in outcome.untrusted}) == (None, {OWN, EVIL})
    outcome = run_rebuild(empty, OWN)
    assert [each.arn for each in outcome.untrusted] == [EVIL]
    tenant = empty.catalog.tenant()
    assert (tenant.key_arn, tenant.key_mode) == (OWN, world.catalog.tenant().key_mode)
    assert empty.download() == world.directory.records()
    assert ("key.trusted", OWN) in [
        (event["action"], event["detail"].get("arn"))
        for event in (msgspec.json.decode(entry.line) for entry in empty.catalog.audit.entries())
    ]


def test_a_rebuild_never_changes_the_key_of_a_tenant_that_sql_knows(world: EngineWorld, tmp_path: Path) -> None:
    older = world.with_catalog(copy_database(world.database, tmp_path / "dump.sqlite3"))
    enable_own_key(world)
    world.directory.put("users", "users/later")
    world.back_up()
    assert older.run_job(JobKind.SWEEP).code is Code.CATALOG_OUTDATED
    outcome = run_rebuild(older, OWN)
    assert (outcome.snapshots, outcome.other_key, outcome.untrusted) == (1, OWN, [])
    assert older.catalog.tenant() == world.tenant
    assert older.download() == world.directory.records()
    older.close()


def test_a_key_change_does_not_rewrap_a_planted_data_key(world: EngineWorld, attacker: Attacker) -> None:
    _, planted = attacker.key("11111111-1111-4111-8111-111111111111")
    snapshot = attacker.snapshot()
    enable_own_key(world)
    objects = list(world.store.names(key_objects_prefix(attacker.tenant_id, planted.data_key_id)))
    assert objects == [key_object_blob(attacker.tenant_id, planted.data_key_id, 1)]
    assert snapshot not in {each.snapshot_id for each in world.catalog.snapshots.all()}
    assert [each.arn for each in run_rebuild(world).untrusted] == [EVIL]


def test_the_proof_detects_an_old_wrapping_under_an_invented_name(world: EngineWorld, attacker: Attacker) -> None:
    (own, *_) = world.catalog.keys.all()
    blob = attacker.rewrite(own, id="f" * 64, arn=EVIL)
    world.catalog.customer_keys.allow()
    job = request_enable(world.catalog, OWN, "ada")
    world.work()
    ended = world.catalog.jobs.get(job.job_id)
    assert (ended.state, ended.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    assert blob in (ended.message or "")


def test_a_tenant_whose_newest_manifest_names_an_untrusted_key_waits_for_the_operator(
    world: EngineWorld, empty: EngineWorld
) -> None:
    def on_point(point: str) -> None:
        if point == "key-row-stored":
            world.change("tenants", key_arn=OWN, key_epoch=2, key_mode="customer")

    world.on_point = on_point
    world.back_up()
    outcome = run_rebuild(empty)
    assert outcome.trouble is not None
    assert (outcome.trouble.code, outcome.tenant) == (Code.KEY_UNTRUSTED, None)
    assert f"--trust-key {OWN}" in outcome.trouble.message
    assert run_rebuild(empty, OWN).tenant == world.catalog.tenant()


def test_an_invalid_kms_key_name_counts_as_damage_and_is_not_printed(world: EngineWorld, attacker: Attacker) -> None:
    _, planted = attacker.key()
    blob = attacker.rewrite(planted, arn="arn:\x1b[31mevil")
    outcome = run_rebuild(world)
    assert [(each.blob, each.reason) for each in outcome.broken] == [(blob, Code.BLOB_DAMAGED)]
    assert outcome.untrusted == []


def test_a_tenant_under_the_provider_key_needs_no_trust_record(world: EngineWorld) -> None:
    world.run_job(JobKind.SWEEP)
    assert list(world.store.names(trust_records_prefix(world.tenant.tenant_id))) == []
    assert arns(world) == {ARN}
