"""The checks of a key, against a KMS that refuses as AWS does, with keys of two accounts."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.catalog.claims import SqlClaims
from shared.adapters.kms import AwsKeys
from shared.domain.audit import event_of
from shared.domain.errors import Code
from shared.domain.jobs import Claim, Job, JobKind, JobState, KeyChecks, Origin
from shared.domain.key_checks import CHECKS
from shared.domain.model import Tenant
from shared.engine.key_management.policy import key_policy
from shared.engine.requests.customer_keys import check_and_update_key, request_enable, request_update
from shared.engine.tenants.onboarding import add_tenant
from tests.contract.engine.world import EngineWorld, identity
from tests.parts import ACCOUNT, REGION, AwsSimulator, aws_simulator

OWNER = "444455556666"


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsSimulator]:
    with aws_simulator() as simulator:
        yield simulator


class KmsWorld(EngineWorld):
    """The engine over the simulated KMS."""

    def __init__(self, folder: Path, aws: AwsSimulator) -> None:
        super().__init__(folder)
        self.aws = aws
        self.provider = aws.new_key()
        self.context = self.with_keys(AwsKeys(60.0))
        self.limit(key_steady_seconds=0.3)
        self.tenant = self.add("contoso")
        self.catalog = self.context.catalog.tenant(self.tenant.tenant_id)

    def with_keys(self, keys: AwsKeys) -> Any:
        return replace(self.context, keys=keys, provider_key=self.provider, lease_seconds=60.0)

    def add(self, name: str) -> Tenant:
        return add_tenant(self.context, name, identity()).tenant

    def key(self, change: Callable[[list[dict[str, Any]]], None] = lambda _: None, **values: Any) -> str:
        """Create a key of the owner with the policy that we show, changed by ``change``."""
        kms = self.aws.client("kms", OWNER)
        arn: str = kms.create_key(**values)["KeyMetadata"]["Arn"]
        statements = key_policy([self.context.keys.caller()], self.tenant.tenant_id, REGION, arn).statements
        change(statements)
        admin = {"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [admin, *statements]})
        kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=policy)
        return arn

    def run_check(self, arn: str) -> Job:
        job = self.catalog.jobs.request(JobKind.KEY_CHECK, origin=Origin.HAND, detail=KeyChecks(arn=arn))[0]
        self.work()
        return self.catalog.jobs.get(job.job_id)

    def failing_check(self, arn: str, check: str, code: Code = Code.KEY_INVALID) -> str:
        """Return the message of the check that fails. Earlier checks passed, and no later check was made."""
        job = self.run_check(arn)
        assert (job.state, job.code) == (JobState.FAILED, code), job
        checks = job.detail.checks
        assert [each.check for each in checks] == list(CHECKS[: CHECKS.index(check) + 1])
        assert [each.outcome for each in checks if each.outcome != "warned"][-1] == "failed"
        assert checks[-1].message in (job.message or "")
        assert f"'{check}'" in (job.message or "")
        return str(checks[-1].message)


@pytest.fixture
def world(tmp_path: Path, aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[KmsWorld]:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    environment = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": REGION}
    for name, value in (environment | {f"AWS_ENDPOINT_URL_{service}": aws.url for service in ("KMS", "STS")}).items():
        monkeypatch.setenv(name, value)
    aws.clear_faults()
    world = KmsWorld(tmp_path, aws)
    yield world
    world.close()


def without(action: str) -> Callable[[list[dict[str, Any]]], None]:
    def change(statements: list[dict[str, Any]]) -> None:
        for each in statements:
            each["Action"] = [name for name in each["Action"] if name != f"kms:{action}"] or ["kms:ListGrants"]

    return change


def test_the_shown_policy_passes_every_check(world: KmsWorld) -> None:
    arn = world.key()
    job = world.run_check(arn)
    assert job.state is JobState.SUCCEEDED, job
    assert [(each.check, each.outcome) for each in job.detail.checks] == [(name, "passed") for name in CHECKS]
    assert (job.detail.key.arn, job.detail.arn) == (arn, arn)
    assert len(job.detail.request_ids) >= 4
    assert job.detail.key.origin == "AWS_KMS"
    assert world.catalog.tenant().key_arn == world.provider


def test_an_alias_is_checked_as_its_current_key(world: KmsWorld) -> None:
    arn = world.key()
    world.aws.client("kms", OWNER).create_alias(AliasName=f"alias/{arn[-12:]}", TargetKeyId=arn)
    job = world.run_check(f"{arn.rpartition(':')[0]}:alias/{arn[-12:]}")
    assert job.state is JobState.SUCCEEDED
    assert job.detail.key.arn == arn


@pytest.mark.parametrize(
    ("action", "check", "message"),
    [
        ("DescribeKey", "seen", f"account {ACCOUNT}"),
        ("GenerateDataKey", "make", "kms:GenerateDataKey is missing"),
        ("Decrypt", "open", "kms:Decrypt is missing"),
        ("ReEncryptTo", "into", "kms:ReEncryptTo is missing"),
        ("ReEncryptFrom", "out-of", "kms:ReEncryptFrom is missing"),
    ],
)
def test_a_missing_permission_is_named(world: KmsWorld, action: str, check: str, message: str) -> None:
    assert message in world.failing_check(world.key(without(action)), check)


def test_a_policy_for_another_tenant_is_recognised_by_its_condition(world: KmsWorld) -> None:
    def other(statements: list[dict[str, Any]]) -> None:
        statements[1]["Condition"]["StringEquals"] = {"kms:EncryptionContext:tenant": "another"}

    assert f"tenant={world.tenant.tenant_id}" in world.failing_check(world.key(other), "make")


def test_a_policy_that_does_not_bind_the_key_to_the_tenant_causes_a_warning(world: KmsWorld) -> None:
    def unbound(statements: list[dict[str, Any]]) -> None:
        del statements[1]["Condition"]["StringEquals"]

    job = world.run_check(world.key(unbound))
    assert job.state is JobState.SUCCEEDED
    warned = {each.check: each.message for each in job.detail.checks if each.outcome == "warned"}
    assert set(warned) == {"bound"}
    assert "does not bind" in warned["bound"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}, "RSA_2048"),
        ({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}, "HMAC_256"),
    ],
)
def test_a_key_of_another_kind_is_refused_with_its_kind(world: KmsWorld, values: dict[str, str], message: str) -> None:
    assert message in world.failing_check(world.key(**values), "kind")


def test_a_key_managed_by_aws_and_the_provider_key_are_refused(world: KmsWorld) -> None:
    kms = world.aws.client("kms")
    managed = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    assert "managed by AWS" in world.failing_check(managed, "kind")
    assert "operator's own" in world.failing_check(world.provider, "kind")


def test_a_state_in_which_the_key_cannot_work_is_named(world: KmsWorld) -> None:
    kms = world.aws.client("kms", OWNER)
    disabled, doomed, hollow = world.key(), world.key(), world.key(Origin="EXTERNAL")
    kms.disable_key(KeyId=disabled)
    kms.schedule_key_deletion(KeyId=doomed, PendingWindowInDays=7)
    assert "is disabled" in world.failing_check(disabled, "state")
    assert "cancel the deletion before 20" in world.failing_check(doomed, "state")
    assert "key material" in world.failing_check(hollow, "state")


def test_text_that_is_no_key_arn_of_this_region_is_not_sent_to_kms(world: KmsWorld) -> None:
    world.aws.post("reset-counters")
    elsewhere = world.provider.replace(REGION, "us-east-1")
    assert f"us-east-1; your backups are wrapped in {REGION}" in world.failing_check(elsewhere, "region")
    for text, message in (
        ("https://contoso.vault.azure.net/keys/backup/0", "Azure"),
        ("projects/p/locations/l/keyRings/r/cryptoKeys/k", "Google"),
        ("arn:aws:kms:eu-central-1:111122223333:key/nonsense", "not the ARN"),
        ("", "not the ARN"),
    ):
        assert message in world.failing_check(text, "form")
    assert not [row for row in world.aws.get("requests") if row["service"] == "kms"]


def test_a_disabled_provider_key_is_reported_as_the_operators_task(world: KmsWorld) -> None:
    arn = world.key()
    world.aws.client("kms").disable_key(KeyId=world.provider)
    assert "Ask your operator" in world.failing_check(arn, "our-side", Code.KEY_MISCONFIGURED)


def enable_own_key(world: KmsWorld) -> str:
    """Give the tenant a KMS key of its owner. Return its ARN."""
    arn = world.key()
    world.catalog.customer_keys.allow()
    job = request_enable(world.catalog, arn, "ada")
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED
    return arn


@pytest.mark.parametrize("trouble", ["disabled", "denied"])
def test_a_tenant_under_its_own_key_changes_to_another_one_without_the_provider_key(
    world: KmsWorld, trouble: str
) -> None:
    enable_own_key(world)
    if trouble == "disabled":
        world.aws.client("kms").disable_key(KeyId=world.provider)
    else:
        deny(world, "Decrypt", "GenerateDataKey", "DescribeKey")
    second = world.key()
    assert world.run_check(second).state is JobState.SUCCEEDED
    job = request_update(world.catalog, second, "ada")
    world.work()
    assert world.catalog.jobs.get(job.job_id).state is JobState.SUCCEEDED, world.catalog.jobs.get(job.job_id)
    assert {key.arn for key in world.catalog.keys.all()} == {second}


def changes(world: KmsWorld) -> list[Job]:
    return [job for job in world.catalog.jobs.recent() if job.kind is JobKind.KEY_UPDATE]


def test_an_update_begins_by_itself_once_all_checks_have_passed(world: KmsWorld) -> None:
    first, second = enable_own_key(world), world.key()
    world.aws.client("kms", OWNER).create_alias(AliasName=f"alias/{second[-12:]}", TargetKeyId=second)
    alias = f"{second.rpartition(':')[0]}:alias/{second[-12:]}"
    check = check_and_update_key(world.context.catalog, "person:bob", "contoso", f" {alias}\n")
    world.work()
    (change,) = changes(world)
    assert (change.state, change.detail.check, change.detail.before) == (JobState.SUCCEEDED, check.job_id, first)
    assert {key.arn for key in world.catalog.keys.all()} == {second}, "the key's own ARN, not its alias"
    asked = [event_of(entry) for entry in world.catalog.audit.recent(20)]
    assert [event.actor for event in asked if event.action == "key.update-asked"] == ["person:bob"]


def test_a_failed_check_begins_no_update(world: KmsWorld) -> None:
    first = enable_own_key(world)
    check = check_and_update_key(world.context.catalog, "bob", "contoso", world.key(without("Decrypt")))
    world.work()
    assert world.catalog.jobs.get(check.job_id).code is Code.KEY_INVALID
    assert (changes(world), world.catalog.tenant().key_arn) == ([], first)


def test_a_worker_killed_during_the_checks_leaves_one_change(world: KmsWorld) -> None:
    """It is killed before the last check ends, and again after it has requested the change."""
    enable_own_key(world)
    check = check_and_update_key(world.context.catalog, "bob", "contoso", world.key())
    finish, kills = world.catalog.claims.finish, []

    class Killed(BaseException):
        pass

    def killed(claim: Claim, **values: Any) -> bool:
        if claim.kind == JobKind.KEY_CHECK and len(kills) < 2:
            kills.append(len(changes(world)))
            raise Killed
        return finish(claim, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlClaims, "finish", lambda _, claim, **values: killed(claim, **values))
        for _ in range(2):
            with pytest.raises(Killed):
                world.work()
            world.pass_time(3600)
        world.work()
    assert kills == [1, 1]
    (change,) = changes(world)
    assert [world.catalog.jobs.get(job).state for job in (check.job_id, change.job_id)] == [JobState.SUCCEEDED] * 2
    checked = world.catalog.jobs.get(check.job_id).detail.checks
    assert [each.check for each in checked] == list(CHECKS), "each check once"


def test_a_refused_current_key_is_reported_as_its_owners_task(world: KmsWorld) -> None:
    first = enable_own_key(world)
    world.aws.client("kms", OWNER).disable_key(KeyId=first)
    assert first in world.failing_check(world.key(), "our-side", Code.KEY_ACCESS_REVOKED)


def test_an_unknown_key_is_reported_as_not_existing(world: KmsWorld) -> None:
    unknown = world.provider[:-4] + "0000"
    assert "does not exist" in world.failing_check(unknown, "seen")


def test_a_warning_names_each_replica_to_be_revoked_separately(world: KmsWorld) -> None:
    arn = world.key(MultiRegion=True)
    world.aws.client("kms", OWNER).replicate_key(KeyId=arn, ReplicaRegion="eu-west-1")
    job = world.run_check(arn)
    assert job.state is JobState.SUCCEEDED, job
    warned = {each.check: each.message for each in job.detail.checks if each.outcome == "warned"}
    assert arn.replace(REGION, "eu-west-1") in warned["warn"]


def test_an_intermittent_permission_is_reported(world: KmsWorld) -> None:
    arn = world.key()
    match = {"service": "kms", "action": "GenerateDataKey", "key": arn}
    fault = {"what": "error", "code": "AccessDeniedException", "status": 400}
    world.aws.fault({"match": match, "skip": 1, "times": 1, **fault})
    assert "comes and goes" in world.failing_check(arn, "steady")


def deny(world: KmsWorld, *actions: str) -> None:
    """Deny these actions with the provider key."""
    kms = world.aws.client("kms")
    policy = json.loads(kms.get_key_policy(KeyId=world.provider, PolicyName="default")["Policy"])
    denied = [f"kms:{action}" for action in actions]
    policy["Statement"].append({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": denied, "Resource": "*"})
    kms.put_key_policy(KeyId=world.provider, PolicyName="default", Policy=json.dumps(policy))


def test_a_provider_key_without_reencrypt_from_is_reported_as_the_operators_task(world: KmsWorld) -> None:
    deny(world, "ReEncryptFrom")
    assert "kms:ReEncryptFrom" in world.failing_check(world.key(), "into", Code.KEY_MISCONFIGURED)


def test_trouble_with_kms_ends_a_check_at_once_and_is_no_verdict_on_the_key(world: KmsWorld) -> None:
    arn = world.key()
    world.context = world.with_keys(AwsKeys(60.0))
    world.context = replace(world.context, lease_seconds=0.5)
    world.aws.fault({"match": {"service": "kms", "action": "Decrypt"}, "what": "drop"})
    job = world.run_check(arn)
    world.aws.clear_faults()
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_UNREACHABLE)


def test_each_check_is_reported_while_the_job_runs(world: KmsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    jobs, report = world.catalog.jobs, type(world.catalog.claims).report_progress

    def record(claims: Any, claim: Any, detail: Any) -> None:
        report(claims, claim, detail)
        job = jobs.get(claim.job_id)
        assert job.state is JobState.RUNNING
        counts.append(len(job.detail.checks))

    monkeypatch.setattr(type(world.catalog.claims), "report_progress", record)
    assert world.run_check(world.key()).kind is JobKind.KEY_CHECK
    assert counts == list(range(1, len(CHECKS) + 1))
