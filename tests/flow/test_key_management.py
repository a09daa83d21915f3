"""Enterprise key management with real processes and two accounts: enabled, changed, lost and killed midway."""

import base64
import json
import os
import pty
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.errors import Alarm, Code, KeyRefused
from shared.domain.jobs import Job, JobKind, JobState
from shared.domain.model import Tenant
from shared.engine.key_management.policy import key_policy
from shared.engine.requests.customer_keys import request_enable, request_update
from shared.ports.observer import Point
from shared.vault.names import key_objects_prefix
from tests.commands import Commands
from tests.flow.points import FOLDER, Plan, Points
from tests.flow.shell import PROGRAM
from tests.flow.stack import BUCKET, LEASE, Stack, running_stack, same, until
from tests.parts import ACCOUNT, REGION
from tests.tables import FEW

pytestmark = [pytest.mark.flow, pytest.mark.timeout(300)]

OWNER = "444455556666"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield a stack with a bucket that keeps every version."""
    with running_stack(tmp_path_factory.mktemp("keys"), "--users", "60", "--groups", "3") as stack:
        versions = {"Status": "Enabled"}
        stack.aws.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=versions)
        stack.start("beat", "worker", application="tests.flow.few_streams", environment={FOLDER: str(stack.home)})
        yield stack


@pytest.fixture
def shell(stack: Stack) -> Commands:
    return Commands(stack.home, stack.environment)


@pytest.fixture(autouse=True)
def no_faults(stack: Stack) -> Iterator[None]:
    yield
    stack.aws.clear_faults()


def new_key(stack: Stack, statements: list[dict[str, Any]]) -> str:
    """Create a key in the owner's account. Its policy has these statements beside those of its administrators."""
    kms = stack.aws.client("kms", OWNER)
    arn: str = kms.create_key()["KeyMetadata"]["Arn"]
    policy = json.loads(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
    policy["Statement"] += statements
    kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=json.dumps(policy))
    return arn


def key_for(stack: Stack, tenant: Tenant) -> str:
    caller = stack.context.keys.caller()
    return new_key(stack, key_policy([caller], tenant.tenant_id, REGION, None).statements)


def enable(stack: Stack, name: str) -> tuple[Tenant, str]:
    """Return a tenant with two backups under its owner's KMS key."""
    tenant = stack.add(name)
    for n in range(2):
        stack.graph.change(("update", f"users/{stack.graph.ids('users')[0]}", {"city": f"{name}-{n}"}))
        stack.backup(tenant)
    arn = key_for(stack, tenant)
    stack.catalog_of(tenant).customer_keys.allow()
    assert_succeeded(stack.ended(request_enable(stack.catalog_of(tenant), arn, "ada")))
    return tenant, arn


def assert_succeeded(job: Job) -> Job:
    assert job.state is JobState.SUCCEEDED, job
    return job


def every_version(stack: Stack, tenant: Tenant) -> list[bytes]:
    """Return the text of every key object that the bucket keeps, in any version."""
    s3 = stack.aws.client("s3")
    prefix = f"entrakeep/{key_objects_prefix(tenant.tenant_id)}"
    listed = s3.list_object_versions(Bucket=BUCKET, Prefix=prefix)
    assert not listed.get("DeleteMarkers")
    versions = [(each["Key"], each["VersionId"]) for each in listed.get("Versions", [])]
    return [s3.get_object(Bucket=BUCKET, Key=key, VersionId=version)["Body"].read() for key, version in versions]


def assert_nothing_names(stack: Stack, tenant: Tenant, arn: str) -> None:
    """Assert that no key object in any version names this key or opens under it, those of discarded data keys included."""
    texts = [json.loads(text) for text in every_version(stack, tenant)]
    assert {text["id"] for text in texts} >= {key.data_key_id for key in stack.catalog_of(tenant).keys.all()}
    assert {text["arn"] for text in texts} == {stack.key(tenant)}
    for text in texts:
        with pytest.raises((Alarm, KeyRefused)):
            stack.context.keys.decrypt(arn, base64.b64decode(text["wrapped"]), text["context"], text["id"])


def show(shell: Commands, name: str) -> dict[str, Any]:
    document = shell.document("key", "show", name)
    assert isinstance(document, dict)
    return document


def test_commands_alone_enable_and_change_a_key(stack: Stack, shell: Commands) -> None:
    provider = stack.environment["ENTRAKEEP_PROVIDER_KEY_ARN"]
    tenant = stack.add("contoso")
    stack.backup(tenant)
    before = show(shell, "contoso")
    assert (before["mode"], before["state"], before["arn"], before["old_key_free"]) == (
        "provider",
        "ok",
        provider,
        None,
    )

    policy = shell.document("key", "policy", "contoso")
    assert isinstance(policy, dict)
    assert policy["account"] == ACCOUNT
    arn = new_key(stack, policy["statements"])
    ask = ("key", "enable", "contoso", "--arn", arn)
    sentence = shell.refused(*ask, "--accept-terms", code="KEY_NOT_ALLOWED", status=1)
    assert "entrakeep key allow contoso" in sentence
    shell.run("key", "allow", "contoso")
    assert "--accept-terms" in shell.refused(*ask, code="WRONG_USE", status=2)
    shell.refused("key", "update", "contoso", "--arn", arn, code="WRONG_USE", status=2)

    out, _ = shell.run(*ask, "--rehearse")
    assert out.count(b"passed  ") == 14
    assert show(shell, "contoso")["mode"] == "provider"
    bare = new_key(stack, [])
    out, err = shell.run(*ask[:-1], bare, "--rehearse", status=1)
    assert out.splitlines()[-1] == b"failed  seen"
    assert err.startswith("KEY_INVALID: Check 'seen': ")

    out, err = shell.run(*ask, "--accept-terms", "--wait", "--json")
    job = json.loads(out)
    assert (job["kind"], job["state"], job["to_move"], err) == ("key-enable", "succeeded", 0, "")
    assert_nothing_names(stack, tenant, provider)
    document = show(shell, "contoso")
    assert (document["mode"], document["state"], document["arn"], document["account"]) == ("customer", "ok", arn, OWNER)
    assert document["data_keys"] == {arn: 2}
    (accepted,) = stack.catalog_of(tenant).customer_keys.acceptances()
    assert (accepted.arn, accepted.version, "@" in accepted.accepted_by) == (arn, "2", True)

    stack.backup(tenant)
    second = new_key(stack, policy["statements"])
    out, _ = shell.run("key", "update", "contoso", "--arn", second, "--wait")
    assert f"is under {second}".encode() in out
    until(lambda: show(shell, "contoso")["old_key_free"], "the old key may be disabled", 2 * LEASE + 10)
    assert show(shell, "contoso")["data_keys"] == {second: 3}
    stack.aws.client("kms", OWNER).disable_key(KeyId=arn)
    assert_nothing_names(stack, tenant, arn)
    same(stack.download(tenant), stack.graph.records(*FEW))
    stack.backup(tenant)
    assert shell.document("key", "check", "contoso") == {"state": "ok", "code": None, "message": None}

    stack.aws.client("kms", OWNER).disable_key(KeyId=second)
    assert stack.ended(stack.ask(tenant)).code is Code.KEY_ACCESS_REVOKED
    assert show(shell, "contoso")["state"] == "revoked"


def test_a_terminal_shows_the_terms_and_requires_typed_agreement(stack: Stack, shell: Commands) -> None:
    tenant = stack.add("asked")
    stack.catalog_of(tenant).customer_keys.allow()
    arn = key_for(stack, tenant)
    for answer, status in (("no", 1), ("Yes, I agree", 0)):
        terminal, other = pty.openpty()
        process = subprocess.Popen(
            (*PROGRAM, "key", "enable", "asked", "--arn", arn),
            env=shell.environment,
            stdin=other,
            stdout=subprocess.PIPE,
            stderr=other,
        )
        os.close(other)
        screen = b""
        while b"to agree" not in screen:
            screen += os.read(terminal, 4096)
        assert b"There is no way back" in screen
        os.write(terminal, answer.encode() + b"\n")
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(60) == status
        process.stdout.close()
        os.close(terminal)
        assert len(stack.catalog_of(tenant).customer_keys.acceptances()) == (status == 0)
    until(lambda: stack.catalog_of(tenant).tenant().key_arn == arn, "the key is enabled")


def test_a_key_rotation_within_kms_has_no_effect(stack: Stack, shell: Commands) -> None:
    tenant, arn = enable(stack, "rotated")
    before = stack.graph.records(*FEW)
    owner = stack.aws.client("kms", OWNER)
    owner.enable_key_rotation(KeyId=arn)
    owner.rotate_key_on_demand(KeyId=arn)
    same(stack.download(tenant), before)
    stack.graph.change(("update", f"users/{stack.graph.ids('users')[0]}", {"city": "after the rotation"}))
    stack.backup(tenant)
    same(stack.download(tenant), stack.graph.records(*FEW))
    document = show(shell, "rotated")
    assert (document["state"], document["arn"], set(document["data_keys"]), document["warnings"]) == (
        "ok",
        arn,
        {arn},
        [],
    )


def test_losing_the_previous_key_midway_holds_back_only_its_data_keys_until_it_returns(
    stack: Stack, shell: Commands
) -> None:
    tenant, old = enable(stack, "lost")
    new = key_for(stack, tenant)
    match = {"service": "kms", "action": "ReEncrypt", "key": old}
    refusal = {"what": "error", "code": "AccessDeniedException", "status": 400}
    # One call checks the key again, and one data key moves. Then KMS refuses.
    stack.aws.fault({"match": match, "skip": 2, **refusal})
    job = stack.ended(request_update(stack.catalog_of(tenant), new, "ada"))
    assert (job.state, job.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED), job
    assert job.detail.to_move > 0
    document = show(shell, "lost")
    assert (document["state"], document["old_key_free"], set(document["data_keys"])) == ("revoked", False, {old, new})
    stack.aws.clear_faults()
    retried = json.loads(shell.run("jobs", "retry", job.job_id, "--json")[0])["job"]
    assert_succeeded(stack.ended(stack.catalog_of(tenant).jobs.get(retried)))
    assert show(shell, "lost")["state"] == "ok"
    stack.aws.client("kms", OWNER).disable_key(KeyId=old)
    same(stack.download(tenant), stack.graph.records(*FEW))


@pytest.mark.parametrize("point", [Point.KEY_SWITCHED, Point.KEY_MOVED])
def test_another_worker_takes_over_a_key_change_after_a_kill(stack: Stack, point: Point) -> None:
    tenant, old = enable(stack, f"killed-{point.rpartition('-')[2]}")
    new = key_for(stack, tenant)
    points = Points(stack.home, tenant.tenant_id)
    points.plan(Plan(point=point, nth=1 + sum(each.point == point for each in points.passed())))
    job = assert_succeeded(stack.ended(request_update(stack.catalog_of(tenant), new, "ada")))
    assert [each.point for each in points.struck()] == [point]
    assert job.kind is JobKind.KEY_UPDATE
    assert_nothing_names(stack, tenant, old)
    stack.aws.client("kms", OWNER).disable_key(KeyId=old)
    same(stack.download(tenant), stack.graph.records(*FEW))
    stack.backup(tenant)


def test_backups_and_downloads_continue_while_the_key_changes(stack: Stack) -> None:
    tenant, _ = enable(stack, "busy")
    stack.aws.fault({"match": {"service": "kms", "action": "ReEncrypt"}, "what": "slow", "seconds": 0.3})
    changing = request_update(stack.catalog_of(tenant), key_for(stack, tenant), "ada")
    until(lambda: stack.catalog_of(tenant).tenant().key_epoch == 3, "the switch")
    stack.backup(tenant)
    same(stack.download(tenant), stack.graph.records(*FEW))
    assert_succeeded(stack.ended(changing))
    same(stack.download(tenant), stack.graph.records(*FEW))


def test_a_wrapped_key_copied_from_another_tenant_opens_nothing(stack: Stack) -> None:
    tenant, arn = enable(stack, "one")
    other = stack.add("two", directory=stack.graph.add_directory())
    foreign = stack.catalog_of(other).keys.all()[0]
    own = stack.catalog_of(tenant).keys.all()[0]
    with pytest.raises((Alarm, KeyRefused)):
        stack.context.keys.decrypt(arn, foreign.wrapped, own.context, foreign.data_key_id)
    with pytest.raises(Alarm):
        stack.context.keys.decrypt(foreign.arn, foreign.wrapped, own.context, foreign.data_key_id)
    with pytest.raises((Alarm, KeyRefused)):
        stack.context.keys.decrypt(arn, own.wrapped, foreign.context, own.data_key_id)
