"""Every answer of AWS KMS in the middle of a key change, from the previous key and from the new one, over HTTP."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.adapters.kms.row import Kind, Row
from shared.domain.errors import Code
from shared.domain.jobs import Job, JobKind, JobState
from shared.domain.model import KeyMode
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.requests.customer_keys import request_update
from shared.vault.keyring import check_key_object, unwrap
from tests.contract.engine.kms_cases import Case, Scene, cases, delete_key
from tests.contract.engine.kms_stage import Stage

KEYS = 4
"""Data keys of the tenant: one has moved when KMS answers, the others wait."""


class Change:
    """A change of key, and what KMS answers once a data key has moved."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.world = stage, stage.world
        self.before = stage.enter_bare()
        self.new = replace(self.before, arn=stage.aws.new_key())
        self.world.change("tenants", key_mode=KeyMode.CUSTOMER)
        with ProcessKeys(self.world.context, self.world.catalog) as keys:
            for _ in range(KEYS - 1):
                job = self.world.request(JobKind.VERIFY)
                keys.job_key(job.job_id)
                self.world.catalog.jobs.cancel(job.job_id)
        self.ids = {key.data_key_id for key in self.world.catalog.keys.all()}

    def request(self, scene: Scene, case: Case) -> Job:
        """Request the change. The case applies to the key of ``scene`` once the first data key has moved."""

        def on_point(point: str) -> None:
            if point == "key-moved":
                self.world.on_point = lambda _: None
                self.stage.kms.errors.clear()
                case(scene)

        job = request_update(self.world.catalog, self.new.arn, "ada")
        self.world.on_point = on_point
        return job

    def finish(self, job: Job) -> Job:
        self.world.work()
        return self.world.catalog.jobs.get(job.job_id)

    def check_halted(self) -> None:
        """Check that one data key has moved, none is lost, and the previous key is not declared free."""
        keys = self.world.catalog.keys.all()
        assert {key.data_key_id for key in keys} == self.ids
        assert sorted(key.arn for key in keys) == sorted([self.new.arn, *[self.before.arn] * (KEYS - 1)])
        for key in keys:
            check_key_object(self.world.store, self.world.tenant.tenant_id, key)
        self.world.pass_time(3600)
        assert self.world.catalog.keys.state().old_key_free is False

    def check_whole(self) -> None:
        """Check that every data key opens under the new key alone."""
        self.before.state("Disabled")
        keys = self.world.catalog.keys.all()
        assert {key.data_key_id for key in keys} == self.ids
        for key in keys:
            assert key.arn == self.new.arn
            unwrap(self.world.context.keys, key).drop()
            check_key_object(self.world.store, self.world.tenant.tenant_id, key)
        self.world.pass_time(3600)
        state = self.world.catalog.keys.state()
        assert (state.old_key_free, state.refusal) == (True, None)

    def check_continues(self, scene: Scene) -> None:
        """Undo the case and check that a repeated change succeeds."""
        scene.recover()
        job = self.finish(request_update(self.world.catalog, self.new.arn, "ada"))
        assert job.state is JobState.SUCCEEDED, job
        self.check_whole()


@pytest.fixture
def change(stage: Stage) -> Iterator[Change]:
    change = Change(stage)
    yield change
    stage.world.on_point = lambda _: None
    stage.aws.clear_faults()
    stage.kms.on_error = lambda _: None
    stage.kms.use_environment()


@pytest.mark.parametrize("side", ["before", "new"])
@cases(Kind.REVOKED)
def test_a_refusal_by_either_key_halts_the_change_and_names_that_key(
    change: Change, row: Row, case: Case, side: str
) -> None:
    scene: Scene = getattr(change, side)
    job = change.finish(change.request(scene, case))
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
    assert scene.arn in str(job.message)
    assert ("The operator" in str(job.message)) == any(ours for _, ours in scene.kms.errors)
    refusal = change.world.catalog.keys.state().refusal
    assert refusal is not None
    assert refusal.arn == scene.arn
    assert refusal.message in str(job.message)
    change.check_halted()
    if case is not delete_key:
        change.check_continues(scene)


@cases(Kind.TROUBLE)
def test_the_change_continues_after_trouble(change: Change, row: Row, case: Case) -> None:
    job = change.request(change.new, case)
    change.stage.kms.on_error = lambda errors: change.new.recover() if errors == 2 else None
    assert change.finish(job).state is JobState.SUCCEEDED
    assert len(change.new.kms.errors) >= 2
    assert {code for code, _ in change.new.kms.errors} - {Code.BLOB_DAMAGED} == {Code.KEY_UNREACHABLE}
    change.check_whole()


@cases(Kind.MISCONFIGURED)
def test_wrong_settings_halt_the_change_and_record_no_refusal(change: Change, row: Row, case: Case) -> None:
    job = change.finish(change.request(change.new, case))
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_MISCONFIGURED)
    assert "The operator" in str(job.message)
    assert change.world.catalog.keys.state().refusal is None
    change.check_halted()
    change.check_continues(change.new)


@pytest.mark.parametrize("side", ["before", "new"])
@cases(Kind.CORRUPT)
def test_data_keys_that_kms_reports_as_damaged_are_named_and_not_moved(
    change: Change, row: Row, case: Case, side: str
) -> None:
    scene: Scene = getattr(change, side)
    job = change.finish(change.request(scene, case))
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    waiting = {key.data_key_id for key in change.world.catalog.keys.all() if key.arn == change.before.arn}
    assert {each.blob for each in job.detail.left} == waiting
    assert f"entrakeep jobs retry {job.job_id}" in str(job.message)
    assert change.world.catalog.keys.state().refusal is None
    change.check_halted()
    change.check_continues(scene)
