"""A revoked key is detected without any job and reported, and work waits for it.

When the key is restored, everything resumes by itself.
"""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.errors import Code
from shared.domain.jobs import JobState, Origin
from shared.domain.key_health import KeyCondition
from shared.domain.model import Schedule, Tenant
from tests.commands import Commands
from tests.contract.receivers import WebhookReceiver, serving
from tests.contract.test_webhook import Listener, listening
from tests.flow.stack import LEASE, Stack, running_stack, until

pytestmark = pytest.mark.flow

EVERY = 2
"""Seconds between two probes."""


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening() as server:
        yield server


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("health")
    with running_stack(folder, "--users", "20", store=f"file://{folder}/store") as stack:
        environment = {
            "ENTRAKEEP_KEY_PROBE_SECONDS": str(EVERY),
            "ENTRAKEEP_KEY_WEBHOOK_URL": f"http://127.0.0.1:{listener.server_port}/hook",
        }
        stack.start("beat")
        stack.start("worker", environment=environment)
        yield stack


@pytest.fixture(scope="module")
def tenant(stack: Stack) -> Tenant:
    return stack.add("acme")


def state(stack: Stack, tenant: Tenant) -> KeyCondition:
    return stack.catalog_of(tenant).health.get().condition


def probers(stack: Stack) -> list[int]:
    """Return the processes that probe keys beside the worker of this stack."""
    ids = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                argv = (folder / "cmdline").read_bytes().split(b"\0")
                ours = os.getsid(int(folder.name)) in stack.sessions
            except OSError:
                continue
            if b"workers.prober" in argv and ours:
                ids.append(int(folder.name))
    return ids


def test_a_revoked_key_is_detected_without_a_job_and_its_return_resumes_the_schedule(
    stack: Stack, tenant: Tenant, listener: Listener
) -> None:
    catalog, kms, arn = stack.catalog_of(tenant), stack.aws.client("kms"), stack.key(tenant)
    until(lambda: catalog.health.get().checked_at, "the key was probed")
    assert state(stack, tenant) is KeyCondition.OK
    kms.disable_key(KeyId=arn)
    until(lambda: state(stack, tenant) is KeyCondition.REVOKED, "the probes are refused")
    assert catalog.jobs.recent() == []
    refusal = catalog.keys.state().refusal
    assert refusal is not None
    assert arn in refusal.message
    until(lambda: listener.posted, "the listener was told")
    ((path, _, notice),) = listener.posted
    assert path == "/hook"
    assert (notice["tenant"], notice["tenant_id"], notice["arn"]) == ("acme", tenant.tenant_id, arn)
    assert (notice["state"], notice["code"], notice["message"]) == ("revoked", Code.KEY_ACCESS_REVOKED, refusal.message)
    assert [warning["warning"] for warning in notice["warnings"]] == ["disabled"]

    due = stack.context.clock.now()
    catalog.schedules.set(Schedule(cron="0 3 1 1 *", timezone="UTC", paused=False, next_due=due))
    since = catalog.health.get().since
    until(lambda: (catalog.keys.state().refusal.at - since).total_seconds() > 2 * LEASE, "it is refused for two leases")
    assert catalog.jobs.recent() == []

    kms.enable_key(KeyId=arn)
    until(lambda: state(stack, tenant) is KeyCondition.OK, "the probes are answered")
    until(catalog.jobs.recent, "the due time becomes a job")
    job = stack.ended(catalog.jobs.recent()[0])
    assert (job.state, job.origin, job.due_at) == (JobState.SUCCEEDED, Origin.SCHEDULE, due)
    until(lambda: len(listener.posted) > 1, "the listener was told")
    assert [(notice["event"], notice["state"]) for _, _, notice in listener.posted] == [(1, "revoked"), (2, "ok")]
    assert [event.condition for event in catalog.health.history()] == [KeyCondition.OK, KeyCondition.REVOKED]

    shell = Commands(stack.home, stack.environment)
    document = shell.document("key", "show", "acme")
    assert isinstance(document, dict)
    assert (document["state"], document["warnings"], document["arn"]) == ("ok", [], arn)
    assert [event["state"] for event in document["history"]] == ["ok", "revoked"]
    assert document["checked_at"] >= document["since"] == document["history"][0]["at"]
    notice, _ = shell.run("metrics")
    (sample,) = re.findall(
        rf'^entrakeep_key_state{{state="ok",.*{tenant.tenant_id}.*}} (\S+)$', notice.decode(), re.MULTILINE
    )
    assert float(sample) == 1
    out, _ = shell.run("key", "show", "acme")
    assert "disabled" in out.decode()


def test_a_notice_target_of_a_command_is_sealed_tried_by_a_worker_and_removed(stack: Stack, tmp_path: Path) -> None:
    shell, file = Commands(stack.home, stack.environment), tmp_path / "url"
    with serving(WebhookReceiver()) as receiver:
        file.write_text(f"{receiver.url}\n")
        file.chmod(0o600)
        added = shell.document("notices", "add", "siem", "--kind", "webhook", "--address-file", str(file))
        assert isinstance(added, dict)
        delivery = shell.document("notices", "test", "siem")
        assert isinstance(delivery, dict)
        assert (delivery["state"], delivery["outcome"]) == ("delivered", "HTTP 204")
        assert [each["notice"] for each in receiver.notices][-1] == "test"
        assert receiver.posts[-1][0]["entrakeep-signature"].startswith("t=")
        receiver.status = 500
        _, error = shell.run("notices", "test", "siem", status=1)
        assert (
            error
            == f"NOTICE_NOT_TAKEN: siem (http://127.0.0.1:{receiver.server_port}) did not take the test: HTTP 500.\n"
        )
    listed = shell.document("notices", "list")
    assert isinstance(listed, list)
    assert [each["outcome"] for each in listed[0]["deliveries"] if each["notice"] == "test"] == ["HTTP 500", "HTTP 204"]
    out, _ = shell.run("notices", "list")
    assert "s3cr3t" not in out.decode() + error + str(listed)
    shell.document("notices", "remove", "siem")
    assert shell.document("notices", "list") == []
    _, error = shell.run("notices", "add", "x", "--kind", "webhook", "--address", "https://h.example/s3cr3t", status=2)
    assert "s3cr3t" not in error


def test_lasting_kms_trouble_is_reported_as_trouble(stack: Stack, tenant: Tenant) -> None:
    arn = stack.key(tenant)
    stack.aws.fault(
        {"match": {"service": "kms", "key": arn}, "what": "error", "code": "KMSInternalException", "status": 500}
    )
    until(lambda: state(stack, tenant) is KeyCondition.UNREACHABLE, "KMS is in trouble")
    assert stack.catalog_of(tenant).keys.state().refusal is None
    stack.aws.clear_faults()
    until(lambda: state(stack, tenant) is KeyCondition.OK, "KMS answers")


def test_a_killed_prober_is_restarted_and_ends_with_its_worker(stack: Stack, tenant: Tenant) -> None:
    (first,) = probers(stack)
    account = stack.key(tenant).split(":")[4]
    until(
        lambda: [each.aws_account for each in stack.context.catalog.overview().workers()] == [account],
        "the worker's AWS account is in SQL",
    )
    os.kill(first, signal.SIGKILL)
    until(lambda: first not in probers(stack), "the prober is gone")
    until(lambda: probers(stack), "there is another one")
    before = stack.catalog_of(tenant).health.get().checked_at
    until(lambda: stack.catalog_of(tenant).health.get().checked_at != before, "keys are probed again")
    with stack.killed_alone("worker"):
        until(lambda: not probers(stack), "the prober is gone with its worker")
