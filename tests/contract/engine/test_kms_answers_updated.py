"""Every answer of AWS KMS met in the middle of a change of key, from the key before and from the new one, over HTTP."""

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
        with ProcessKeys(self.world.context, self.world.of) as keys:
            for _ in range(KEYS - 1):
                job = self.world.ask(JobKind.VERIFY)
                keys.job_key(job.job_id)
                self.world.of.jobs.cancel(job.job_id)
        self.ids = {key.data_key_id for key in self.world.of.keys.all()}

    def ask(self, scene: Scene, case: Case) -> Job:
        """Asks for the change; the key of ``scene`` answers so from when the first data key has moved."""

        def reached(point: str) -> None:
            if point == "key-moved":
                self.world.at = lambda _: None
                self.stage.kms.errors.clear()
                case(scene)

        job = request_update(self.world.of, self.new.arn)
        self.world.at = reached
        return job

    def ended(self, job: Job) -> Job:
        self.world.work()
        return self.world.of.jobs.get(job.job_id)

    def halted(self) -> None:
        """One data key has moved, and none is lost; the key before is not declared free."""
        keys = self.world.of.keys.all()
        assert {key.data_key_id for key in keys} == self.ids
        assert sorted(key.arn for key in keys) == sorted([self.new.arn, *[self.before.arn] * (KEYS - 1)])
        for key in keys:
            check_key_object(self.world.store, self.world.tenant.tenant_id, key)
        self.world.pass_time(3600)
        assert self.world.of.keys.state().old_key_free is False

    def whole(self) -> None:
        """Every data key opens under the new key alone."""
        self.before.state("Disabled")
        keys = self.world.of.keys.all()
        assert {key.data_key_id for key in keys} == self.ids
        for key in keys:
            assert key.arn == self.new.arn
            unwrap(self.world.context.keys, key).drop()
            check_key_object(self.world.store, self.world.tenant.tenant_id, key)
        self.world.pass_time(3600)
        state = self.world.of.keys.state()
        assert (state.old_key_free, state.refusal) == (True, None)

    def goes_on(self, scene: Scene) -> None:
        """Asked for again once all is as before, it ends well."""
        scene.recover()
        job = self.ended(request_update(self.world.of, self.new.arn))
        assert job.state is JobState.SUCCEEDED, job
        self.whole()


@pytest.fixture
def change(stage: Stage) -> Iterator[Change]:
    made = Change(stage)
    yield made
    stage.world.at = lambda _: None
    stage.aws.clear_faults()
    stage.kms.on_error = lambda _: None
    stage.kms.use_environment()


@pytest.mark.parametrize("side", ["before", "new"])
@cases(Kind.REVOKED)
def test_a_refusal_by_either_key_halts_the_change_and_names_that_key(
    change: Change, row: Row, case: Case, side: str
) -> None:
    scene: Scene = getattr(change, side)
    job = change.ended(change.ask(scene, case))
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
    assert scene.arn in str(job.message)
    assert ("The operator" in str(job.message)) == any(ours for _, ours in scene.kms.errors)
    refusal = change.world.of.keys.state().refusal
    assert refusal is not None
    assert refusal.arn == scene.arn
    assert refusal.message in str(job.message)
    change.halted()
    if case is not delete_key:
        change.goes_on(scene)


@cases(Kind.TROUBLE)
def test_trouble_is_waited_out_and_the_change_goes_on(change: Change, row: Row, case: Case) -> None:
    job = change.ask(change.new, case)
    change.stage.kms.on_error = lambda met: change.new.recover() if met == 2 else None
    assert change.ended(job).state is JobState.SUCCEEDED
    assert len(change.new.kms.errors) >= 2
    assert {code for code, _ in change.new.kms.errors} - {Code.BLOB_DAMAGED} == {Code.KEY_UNREACHABLE}
    change.whole()


@cases(Kind.MISCONFIGURED)
def test_settings_that_are_wrong_halt_the_change_and_revoke_nothing(change: Change, row: Row, case: Case) -> None:
    job = change.ended(change.ask(change.new, case))
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_MISCONFIGURED)
    assert "The operator" in str(job.message)
    assert change.world.of.keys.state().refusal is None
    change.halted()
    change.goes_on(change.new)


@pytest.mark.parametrize("side", ["before", "new"])
@cases(Kind.CORRUPT)
def test_what_kms_takes_for_damaged_is_left_and_named(change: Change, row: Row, case: Case, side: str) -> None:
    scene: Scene = getattr(change, side)
    job = change.ended(change.ask(scene, case))
    assert (job.state, job.code) == (JobState.FAILED, Code.BLOB_DAMAGED)
    waiting = {key.data_key_id for key in change.world.of.keys.all() if key.arn == change.before.arn}
    assert {left.blob for left in job.detail.left} == waiting
    assert f"entrakeep jobs retry {job.job_id}" in str(job.message)
    assert change.world.of.keys.state().refusal is None
    change.halted()
    change.goes_on(scene)
