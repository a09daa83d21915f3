"""Two tenants under one KMS key: KMS refuses a wrapped key of one tenant for the other by its encryption context."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count

import msgspec
import pytest

from shared.domain.errors import Alarm, Code, EntrakeepError, KeyRefused
from shared.domain.jobs import JobKind, JobState, KeyChangeProgress, UnmovedKey
from shared.domain.key_health import KeyCondition
from shared.domain.model import KeyMode, Purpose, Tenant, WrappedKey
from shared.engine.key_health import Prober, Probing
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.requests.customer_keys import request_update
from shared.engine.snapshots.browse import browse
from shared.engine.tenants.onboarding import add_tenant
from shared.engine.upkeep.rebuild import rebuild
from shared.vault.keyring import unwrap
from shared.vault.names import key_object_blob
from tests.contract.engine.kms_cases import Scene
from tests.contract.engine.kms_stage import Stage
from tests.contract.engine.world import EngineWorld, identity

_numbers = count(1)


class Two:
    """Tenants ``a`` and ``b`` under one KMS key, both backed up. Tenant ``a`` is selected."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.world = stage, stage.world
        self.scene: Scene = stage.enter()
        self.a = self.world.tenant
        self.catalog_a = self.world.catalog
        context = replace(self.world.context, provider_key=self.scene.arn)
        self.b = add_tenant(context, f"b-{next(_numbers)}", identity()).tenant
        stage.select_tenant(self.b)
        self.world.back_up()
        self.catalog_b = self.world.catalog
        stage.select_tenant(self.a)

    def pairs(self) -> list[tuple[WrappedKey, WrappedKey]]:
        """Return each data key of ``a`` with one of ``b`` of the same purpose."""
        foreign_keys = {key.purpose: key for key in self.catalog_b.keys.all()}
        return [(key, foreign_keys[key.purpose]) for key in self.catalog_a.keys.all()]

    def write_rows(self, *, context: bool) -> None:
        """Write the wrapped keys of ``b`` into the rows of ``a``, with their encryption contexts if ``context``."""
        with closing(sqlite3.connect(self.world.database)) as catalog:
            for own, foreign in self.pairs():
                stored_context = foreign.context if context else own.context
                values = (foreign.wrapped, json.dumps(stored_context), self.a.tenant_id, own.data_key_id)
                change = "UPDATE data_keys SET wrapped = ?, context = ? WHERE tenant_id = ? AND data_key_id = ?"
                assert catalog.execute(change, values).rowcount == 1
            catalog.commit()

    def write_objects(self, *, context: bool) -> dict[str, bytes]:
        """Write the same into the key objects of ``a``. Return the original key objects."""
        originals = {}
        for own, foreign in self.pairs():
            blob = key_object_blob(self.a.tenant_id, own.data_key_id, own.generation)
            theirs = self.world.store.blobs[key_object_blob(self.b.tenant_id, foreign.data_key_id, foreign.generation)]
            originals[blob] = self.world.store.blobs[blob]
            text, other = msgspec.json.decode(originals[blob]), msgspec.json.decode(theirs)
            text |= {"wrapped": other["wrapped"], **({"context": other["context"]} if context else {})}
            self.world.store.blobs[blob] = msgspec.json.encode(text)
        return originals

    def check_works(self, tenant: Tenant) -> None:
        """Check that the tenant's data opens and that another backup succeeds."""
        self.stage.select_tenant(tenant)
        self.world.back_up()
        assert self.world.download() == self.world.directory.records()
        assert self.world.run_job(JobKind.VERIFY).state is JobState.SUCCEEDED


@pytest.fixture
def two(stage: Stage) -> Iterator[Two]:
    two = Two(stage)
    yield two
    two.stage.aws.clear_faults()


def _job_failure(kind: JobKind) -> Callable[[EngineWorld], tuple[Code, str]]:
    def failure(world: EngineWorld) -> tuple[Code, str]:
        detail = KeyChangeProgress(arn=world.catalog.tenant().key_arn) if kind is JobKind.KEY_UPDATE else None
        job = world.run_job(kind, detail=detail)
        assert job.state is JobState.FAILED, job
        assert job.code is not None
        return job.code, str(job.message)

    return failure


def _call_failure(call: Callable[[EngineWorld], object]) -> Callable[[EngineWorld], tuple[Code, str]]:
    def failure(world: EngineWorld) -> tuple[Code, str]:
        with pytest.raises(EntrakeepError) as caught:
            call(world)
        return Code(caught.value.code), caught.value.message

    return failure


def _key_change_failure(world: EngineWorld) -> tuple[Code, str]:
    world.change("tenants", key_mode=KeyMode.CUSTOMER)
    keys = world.context.keys
    new = keys.aws.new_key()  # type: ignore[attr-defined]
    request_update(world.catalog, new, "ada")
    world.work()
    (job,) = world.catalog.jobs.recent(1)
    assert {each.reason for each in job.detail.left} == {Code.BLOB_DAMAGED}
    assert job.code is not None
    return job.code, str(job.message)


PATHS: dict[str, Callable[[EngineWorld], tuple[Code, str]]] = {
    "backup": _job_failure(JobKind.BACKUP),
    "verify": _job_failure(JobKind.VERIFY),
    "key-check": _job_failure(JobKind.KEY_CHECK),
    "tenant-check": _job_failure(JobKind.TENANT_CHECK),
    "download": _call_failure(lambda world: world.download()),
    "browse": _call_failure(lambda world: list(browse(world.context, world.tenant, "latest"))),
    "update": _key_change_failure,
}


@pytest.mark.parametrize("context", [False, True], ids=["wrapped", "wrapped-and-context"])
@pytest.mark.parametrize("path", PATHS)
def test_a_wrapped_key_of_another_tenant_in_a_row_counts_as_damage_and_harms_no_tenant(
    two: Two, path: str, context: bool
) -> None:
    originals = {key.data_key_id: key for key in two.catalog_a.keys.all()}
    two.write_rows(context=context)
    code, message = PATHS[path](two.world)
    assert code is Code.BLOB_DAMAGED
    # Verify names the data keys in its detail, and all other paths in their message.
    assert path == "verify" or any(data_key_id in message for data_key_id in originals)
    assert two.catalog_a.keys.state().refusal is None
    two.check_works(two.b)


@pytest.mark.parametrize("context", [False, True], ids=["wrapped", "wrapped-and-context"])
def test_a_probe_reports_a_wrapped_key_of_another_tenant_as_damage(two: Two, context: bool) -> None:
    two.write_rows(context=context)
    engine = two.world.context
    probing = Probing(
        catalog=engine.catalog,
        keys=engine.keys,
        clock=engine.clock,
        limits=engine.limits,
        lease_seconds=engine.lease_seconds,
        every=60.0,
        notices=None,
        observer=engine.observer,
    )
    two.world.pass_time(120)
    prober = Prober(probing)
    while prober.once():  # other tests have tenants too, and a round probes a limited number
        assert prober.rest(20)
    assert two.catalog_a.health.get().condition is KeyCondition.DAMAGED
    assert two.catalog_b.health.get().condition is KeyCondition.OK


@pytest.mark.parametrize("context", [False, True], ids=["wrapped", "wrapped-and-context"])
def test_verify_names_and_rebuild_rejects_a_wrapped_key_of_another_tenant_in_a_key_object(
    two: Two, context: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    originals = two.write_objects(context=context)
    verified = two.world.run_job(JobKind.VERIFY)
    assert (verified.state, verified.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    assert {each.blob for each in verified.detail.damaged} <= set(originals)
    assert verified.detail.damaged
    other = two.world.with_catalog(tmp_path_factory.mktemp("rebuilt") / "catalog.sqlite3")
    try:
        rebuilt = rebuild(other.context, two.a.tenant_id, trusted=frozenset({two.a.key_arn}))
        assert (rebuilt.tenant, rebuilt.snapshots) == (None, 0)
        assert Code.BLOB_DAMAGED in {broken.reason for broken in rebuilt.broken}
        assert rebuild(other.context, two.b.tenant_id, trusted=frozenset({two.b.key_arn})).snapshots == 1
    finally:
        other.close()
    two.world.store.blobs.update(originals)
    two.check_works(two.a)


def forge(two: Two) -> tuple[str, WrappedKey]:
    """Store a data key of ``b`` as one of ``a``. Return the name of its key object, and the data key."""
    foreign = next(foreign for _, foreign in two.pairs() if foreign.purpose is Purpose.BACKUP)
    text = msgspec.json.decode(
        two.world.store.blobs[key_object_blob(two.b.tenant_id, foreign.data_key_id, foreign.generation)]
    )
    blob = key_object_blob(two.a.tenant_id, foreign.data_key_id, foreign.generation)
    two.world.store.blobs[blob] = msgspec.json.encode(text | {"tenant": two.a.tenant_id})
    return blob, foreign


def test_a_key_change_does_not_rewrap_a_data_key_of_another_tenant(two: Two) -> None:
    blob, _ = forge(two)
    two.world.change("tenants", key_mode=KeyMode.CUSTOMER)
    new = two.stage.aws.new_key()
    request_update(two.catalog_a, new, "ada")
    two.world.work()
    (job,) = two.catalog_a.jobs.recent(1)
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    assert job.detail.left == [UnmovedKey(blob=blob, reason=Code.BLOB_DAMAGED)]
    assert [name for name in two.world.store.blobs if name.startswith(blob[:-1])] == [blob]
    del two.world.store.blobs[blob]
    assert two.world.run_job(JobKind.KEY_UPDATE, detail=KeyChangeProgress(arn=new)).state is JobState.SUCCEEDED
    two.check_works(two.a)


def test_a_rebuild_does_not_restore_a_data_key_of_another_tenant(
    two: Two, tmp_path_factory: pytest.TempPathFactory
) -> None:
    blob, foreign = forge(two)
    other = two.world.with_catalog(tmp_path_factory.mktemp("rebuilt") / "catalog.sqlite3")
    try:
        rebuilt = rebuild(other.context, two.a.tenant_id, trusted=frozenset({two.a.key_arn}))
        assert [(broken.blob, broken.reason) for broken in rebuilt.broken] == [(blob, Code.BLOB_DAMAGED)]
        assert rebuilt.snapshots == 1
        assert foreign.data_key_id not in {key.data_key_id for key in other.catalog.keys.all()}
    finally:
        other.close()


def test_a_complete_row_copied_from_another_tenant_opens_nothing(two: Two) -> None:
    (_, foreign), *_ = two.pairs()
    with closing(sqlite3.connect(two.world.database)) as catalog:
        change = "UPDATE data_keys SET tenant_id = ?, job_id = ? WHERE tenant_id = ? AND data_key_id = ?"
        job = two.world.request(JobKind.VERIFY).job_id if foreign.job_id else None
        values = (two.a.tenant_id, job, two.b.tenant_id, foreign.data_key_id)
        if job is None:
            catalog.execute("DELETE FROM data_keys WHERE tenant_id = ? AND purpose = 'secrets'", (two.a.tenant_id,))
        catalog.execute(change, values)
        catalog.commit()
    with ProcessKeys(two.world.context, two.catalog_a) as keys, pytest.raises(Alarm) as caught:
        keys.find(foreign.data_key_id)
    assert caught.value.blob == foreign.data_key_id


def test_a_sweep_of_one_tenant_removes_no_blob_of_another_tenant(two: Two) -> None:
    two.write_rows(context=True)
    blobs_of_b = {name: data for name, data in two.world.store.blobs.items() if name.startswith(two.b.tenant_id)}
    two.world.limit(settled_hours=0.0)
    assert two.world.run_job(JobKind.SWEEP).state is JobState.SUCCEEDED
    assert {name: two.world.store.blobs.get(name) for name in blobs_of_b} == blobs_of_b
    two.check_works(two.b)


def test_kms_refuses_a_data_key_that_was_wrapped_for_another_tenant(two: Two) -> None:
    for own, foreign in two.pairs():
        with pytest.raises((Alarm, KeyRefused)):
            unwrap(two.world.context.keys, msgspec.structs.replace(foreign, context=own.context))
    codes = {row["code"] for row in two.stage.aws.get("requests") if row["action"] == "Decrypt"}
    assert "InvalidCiphertextException" in codes
    assert {key.purpose for key in two.catalog_b.keys.all()} == {Purpose.SECRETS, Purpose.BACKUP}
