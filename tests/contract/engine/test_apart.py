"""Two tenants under one KMS key: a wrapped key of the one, copied to the other, is refused by KMS for its context."""

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
    """Tenants ``a`` and ``b`` under one KMS key, both backed up; it is about ``a``."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.world = stage, stage.world
        self.scene: Scene = stage.enter()
        self.a = self.world.tenant
        self.of_a = self.world.of
        context = replace(self.world.context, provider_key=self.scene.arn)
        self.b = add_tenant(context, f"b-{next(_numbers)}", identity()).tenant
        stage.follow(self.b)
        self.world.backed_up()
        self.of_b = self.world.of
        stage.follow(self.a)

    def pairs(self) -> list[tuple[WrappedKey, WrappedKey]]:
        """Data keys of both, each of ``a`` with one of ``b`` that is there for the same purpose."""
        theirs = {key.purpose: key for key in self.of_b.keys.all()}
        return [(key, theirs[key.purpose]) for key in self.of_a.keys.all()]

    def write_rows(self, *, context: bool) -> None:
        """The wrapped keys of ``b`` into the rows of ``a``, with their encryption contexts if that is asked for."""
        with closing(sqlite3.connect(self.world.database)) as catalog:
            for mine, foreign in self.pairs():
                told = foreign.context if context else mine.context
                values = (foreign.wrapped, json.dumps(told), self.a.tenant_id, mine.data_key_id)
                change = "UPDATE data_keys SET wrapped = ?, context = ? WHERE tenant_id = ? AND data_key_id = ?"
                assert catalog.execute(change, values).rowcount == 1
            catalog.commit()

    def write_objects(self, *, context: bool) -> dict[str, bytes]:
        """The same in the store; what stood there."""
        stood = {}
        for mine, foreign in self.pairs():
            blob = key_object_blob(self.a.tenant_id, mine.data_key_id, mine.generation)
            theirs = self.world.store.blobs[key_object_blob(self.b.tenant_id, foreign.data_key_id, foreign.generation)]
            stood[blob] = self.world.store.blobs[blob]
            text, other = msgspec.json.decode(stood[blob]), msgspec.json.decode(theirs)
            text |= {"wrapped": other["wrapped"], **({"context": other["context"]} if context else {})}
            self.world.store.blobs[blob] = msgspec.json.encode(text)
        return stood

    def works(self, tenant: Tenant) -> None:
        """Everything of the tenant opens, and another backup is made."""
        self.stage.follow(tenant)
        self.world.backed_up()
        assert self.world.download() == self.world.directory.records()
        assert self.world.done(JobKind.VERIFY).state is JobState.SUCCEEDED


@pytest.fixture
def two(stage: Stage) -> Iterator[Two]:
    made = Two(stage)
    yield made
    made.stage.aws.clear_faults()


def _fails(kind: JobKind) -> Callable[[EngineWorld], tuple[Code, str]]:
    def fails(world: EngineWorld) -> tuple[Code, str]:
        detail = KeyChangeProgress(arn=world.of.tenant().key_arn) if kind is JobKind.KEY_UPDATE else None
        job = world.done(kind, detail=detail)
        assert job.state is JobState.FAILED, job
        assert job.code is not None
        return job.code, str(job.message)

    return fails


def _raises(call: Callable[[EngineWorld], object]) -> Callable[[EngineWorld], tuple[Code, str]]:
    def raises(world: EngineWorld) -> tuple[Code, str]:
        with pytest.raises(EntrakeepError) as met:
            call(world)
        return Code(met.value.code), met.value.message

    return raises


def _changed(world: EngineWorld) -> tuple[Code, str]:
    world.change("tenants", key_mode=KeyMode.CUSTOMER)
    keys = world.context.keys
    new = keys.aws.new_key()  # type: ignore[attr-defined]
    request_update(world.of, new)
    world.work()
    (job,) = world.of.jobs.recent(1)
    assert {left.reason for left in job.detail.left} == {Code.BLOB_DAMAGED}
    assert job.code is not None
    return job.code, str(job.message)


PATHS: dict[str, Callable[[EngineWorld], tuple[Code, str]]] = {
    "backup": _fails(JobKind.BACKUP),
    "verify": _fails(JobKind.VERIFY),
    "key-check": _fails(JobKind.KEY_CHECK),
    "download": _raises(lambda world: world.download()),
    "browse": _raises(lambda world: list(browse(world.context, world.tenant, "latest"))),
    "update": _changed,
}


@pytest.mark.parametrize("context", [False, True], ids=["wrapped", "wrapped-and-context"])
@pytest.mark.parametrize("path", PATHS)
def test_a_wrapped_key_of_another_tenant_in_a_row_opens_nothing_and_loses_nothing(
    two: Two, path: str, context: bool
) -> None:
    stood = {key.data_key_id: key for key in two.of_a.keys.all()}
    two.write_rows(context=context)
    code, message = PATHS[path](two.world)
    assert code is Code.BLOB_DAMAGED
    assert path == "verify" or any(data_key_id in message for data_key_id in stood)  # that one lists them
    assert two.of_a.keys.state().refusal is None
    two.works(two.b)


@pytest.mark.parametrize("context", [False, True], ids=["wrapped", "wrapped-and-context"])
def test_a_probe_takes_a_wrapped_key_of_another_tenant_for_damage(two: Two, context: bool) -> None:
    two.write_rows(context=context)
    of = two.world.context
    probing = Probing(
        catalog=of.catalog,
        keys=of.keys,
        clock=of.clock,
        limits=of.limits,
        lease_seconds=of.lease_seconds,
        every=60.0,
        notices=None,
        observer=of.observer,
    )
    two.world.pass_time(120)
    prober = Prober(probing)
    while prober.once():  # the tenants of other tests too, so many at a time
        assert prober.rest(20)
    assert two.of_a.health.get().condition is KeyCondition.DAMAGED
    assert two.of_b.health.get().condition is KeyCondition.OK


@pytest.mark.parametrize("context", [False, True], ids=["wrapped", "wrapped-and-context"])
def test_a_wrapped_key_of_another_tenant_in_a_key_object_is_found_by_verify_and_taken_by_no_rebuild(
    two: Two, context: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stood = two.write_objects(context=context)
    verified = two.world.done(JobKind.VERIFY)
    assert (verified.state, verified.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    assert {each.blob for each in verified.detail.damaged} <= set(stood)
    assert verified.detail.damaged
    other = two.world.over(tmp_path_factory.mktemp("rebuilt") / "catalog.sqlite3")
    try:
        rebuilt = rebuild(other.context, two.a.tenant_id, trusted=frozenset({two.a.key_arn}))
        assert (rebuilt.tenant, rebuilt.snapshots) == (None, 0)
        assert Code.BLOB_DAMAGED in {broken.reason for broken in rebuilt.broken}
        assert rebuild(other.context, two.b.tenant_id, trusted=frozenset({two.b.key_arn})).snapshots == 1
    finally:
        other.close()
    two.world.store.blobs.update(stood)
    two.works(two.a)


def forged(two: Two) -> tuple[str, WrappedKey]:
    """A data key of ``b`` in the store as if it were one of ``a``: its key object's name, and the data key."""
    foreign = next(theirs for _, theirs in two.pairs() if theirs.purpose is Purpose.BACKUP)
    text = msgspec.json.decode(
        two.world.store.blobs[key_object_blob(two.b.tenant_id, foreign.data_key_id, foreign.generation)]
    )
    blob = key_object_blob(two.a.tenant_id, foreign.data_key_id, foreign.generation)
    two.world.store.blobs[blob] = msgspec.json.encode(text | {"tenant": two.a.tenant_id})
    return blob, foreign


def test_a_data_key_of_another_tenant_is_not_wrapped_anew_under_a_key_of_this_ones_owner(two: Two) -> None:
    blob, _ = forged(two)
    two.world.change("tenants", key_mode=KeyMode.CUSTOMER)
    new = two.stage.aws.new_key()
    request_update(two.of_a, new)
    two.world.work()
    (job,) = two.of_a.jobs.recent(1)
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    assert job.detail.left == [UnmovedKey(blob=blob, reason=Code.BLOB_DAMAGED)]
    assert [name for name in two.world.store.blobs if name.startswith(blob[:-1])] == [blob]
    del two.world.store.blobs[blob]
    assert two.world.done(JobKind.KEY_UPDATE, detail=KeyChangeProgress(arn=new)).state is JobState.SUCCEEDED
    two.works(two.a)


def test_a_data_key_of_another_tenant_is_brought_back_by_no_rebuild(
    two: Two, tmp_path_factory: pytest.TempPathFactory
) -> None:
    blob, foreign = forged(two)
    other = two.world.over(tmp_path_factory.mktemp("rebuilt") / "catalog.sqlite3")
    try:
        rebuilt = rebuild(other.context, two.a.tenant_id, trusted=frozenset({two.a.key_arn}))
        assert [(broken.blob, broken.reason) for broken in rebuilt.broken] == [(blob, Code.BLOB_DAMAGED)]
        assert rebuilt.snapshots == 1
        assert foreign.data_key_id not in {key.data_key_id for key in other.of.keys.all()}
    finally:
        other.close()


def test_a_row_copied_whole_from_another_tenant_opens_nothing(two: Two) -> None:
    (_, foreign), *_ = two.pairs()
    with closing(sqlite3.connect(two.world.database)) as catalog:
        change = "UPDATE data_keys SET tenant_id = ?, job_id = ? WHERE tenant_id = ? AND data_key_id = ?"
        job = two.world.ask(JobKind.VERIFY).job_id if foreign.job_id else None
        values = (two.a.tenant_id, job, two.b.tenant_id, foreign.data_key_id)
        if job is None:
            catalog.execute("DELETE FROM data_keys WHERE tenant_id = ? AND purpose = 'secrets'", (two.a.tenant_id,))
        catalog.execute(change, values)
        catalog.commit()
    with ProcessKeys(two.world.context, two.of_a) as keys, pytest.raises(Alarm) as met:
        keys.find(foreign.data_key_id)
    assert met.value.blob == foreign.data_key_id


def test_a_sweep_of_one_tenant_leaves_the_other_alone(two: Two) -> None:
    two.write_rows(context=True)
    theirs = {name: data for name, data in two.world.store.blobs.items() if name.startswith(two.b.tenant_id)}
    two.world.limit(settled_hours=0.0)
    assert two.world.done(JobKind.SWEEP).state is JobState.SUCCEEDED
    assert {name: two.world.store.blobs.get(name) for name in theirs} == theirs
    two.works(two.b)


def test_kms_itself_refuses_what_was_wrapped_for_another_tenant(two: Two) -> None:
    for mine, foreign in two.pairs():
        with pytest.raises((Alarm, KeyRefused)):
            unwrap(two.world.context.keys, msgspec.structs.replace(foreign, context=mine.context))
    codes = {row["code"] for row in two.stage.aws.get("requests") if row["action"] == "Decrypt"}
    assert "InvalidCiphertextException" in codes
    assert {key.purpose for key in two.of_b.keys.all()} == {Purpose.SECRETS, Purpose.BACKUP}
