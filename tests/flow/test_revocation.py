"""A key administrator revokes and restores the KMS key.

Everything of that tenant stops, and nothing else does. KMS trouble without a refusal stops nothing.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from itertools import count
from typing import Any

import pytest

from shared.domain.errors import Code, KeyRefused
from shared.domain.jobs import Job, JobKind, JobState, Origin, VerifyRequest
from shared.domain.model import Schedule, Tenant
from shared.engine.snapshots.download import download
from tests.flow.points import FOLDER, OVER, Points
from tests.flow.stack import LEASE, Stack, running_stack, same, until
from tests.parts import DIRECTORY, AwsSimulator
from tests.tables import FEW

pytestmark = pytest.mark.flow

_numbers = count(1)
DELAYED = "users/delta"
"""The resource for which Graph is slow, so that a backup is in progress."""


class Disabled:
    """Revocation by disabling the key, and enabling it again."""

    def __init__(self, aws: AwsSimulator, arn: str) -> None:
        self.kms, self.arn = aws.client("kms"), arn

    def take(self) -> None:
        self.kms.disable_key(KeyId=self.arn)

    def give(self) -> None:
        self.kms.enable_key(KeyId=self.arn)


class ToBeDeleted(Disabled):
    """Revocation by a scheduled deletion.

    Cancelling it leaves the key disabled (KMS developer guide, "Deleting keys").
    """

    def take(self) -> None:
        self.kms.schedule_key_deletion(KeyId=self.arn, PendingWindowInDays=7)

    def give(self) -> None:
        self.kms.cancel_key_deletion(KeyId=self.arn)
        super().give()


class Denied(Disabled):
    """Revocation by a deny in the key policy, and its removal."""

    def __init__(self, aws: AwsSimulator, arn: str) -> None:
        super().__init__(aws, arn)
        self.policy = self.kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]

    def take(self) -> None:
        policy = json.loads(self.policy)
        actions = ["kms:Decrypt", "kms:GenerateDataKey"]
        policy["Statement"].append({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": actions, "Resource": "*"})
        self.kms.put_key_policy(KeyId=self.arn, PolicyName="default", Policy=json.dumps(policy))

    def give(self) -> None:
        self.kms.put_key_policy(KeyId=self.arn, PolicyName="default", Policy=self.policy)


WAYS = [Disabled, ToBeDeleted, Denied]
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.lower())


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("revocation")
    options = ("--users", "300", "--groups", "6")
    with running_stack(folder, *options, store=f"file://{folder}/store") as stack:
        stack.graph.post("delta", {"page_size": 50})
        stack.start("beat", "worker", application="tests.flow.few_streams", environment={FOLDER: str(stack.home)})
        yield stack


@pytest.fixture(autouse=True)
def no_faults(stack: Stack) -> Iterator[None]:
    yield
    stack.graph.clear_faults()
    stack.aws.clear_faults()


@pytest.fixture(scope="module")
def bystander(stack: Stack) -> Tenant:
    """Return a tenant with its own directory and a KMS key that is never revoked."""
    return connect(stack, stack.graph.add_directory(100))


@pytest.fixture(scope="module")
def troubled_tenant(stack: Stack) -> Tenant:
    """Return a tenant whose KMS key is in trouble at times, but never revoked."""
    tenant = connect(stack, stack.graph.add_directory(300))
    stack.backup(tenant)
    return tenant


def connect(stack: Stack, directory: str = DIRECTORY) -> Tenant:
    """Connect a new tenant with its own KMS key."""
    provided, stack.context = stack.context, replace(stack.context, provider_key=stack.aws.new_key())
    try:
        return stack.add(f"tenant-{next(_numbers)}", directory=directory)
    finally:
        stack.context = provided


def size(stack: Stack, tenant: Tenant) -> int:
    """Return how many records a whole backup of the tenant's directory holds."""
    with closing(stack.graph.directory(tenant.directory_id)) as directory:
        return len(directory.records(*FEW))


def calls(stack: Stack, arn: str) -> Callable[[], int]:
    """Count the calls to KMS for a key from now on, by a fault that has no effect."""
    mark = f"*{arn.rpartition('/')[2]}"
    stack.aws.fault({"match": {"service": "kms", "key": mark}, "what": "slow", "seconds": 0})

    def counted() -> int:
        (fault,) = (fault for fault in stack.aws.get("faults") if fault["match"].get("key") == mark)
        return int(fault["fired"])

    return counted


def most_calls(since: float) -> float:
    """Return the highest number of calls to KMS since a revocation: some of jobs, one check, and two probes per lease."""
    return 8 + 1 + 1 + (time.monotonic() - since) / (0.9 * LEASE / 2)


def cause_trouble(stack: Stack, tenant: Tenant, **fault: Any) -> Callable[[], int]:
    """Put the tenant's KMS key in trouble. Return a function that counts the affected calls."""
    arn = stack.key(tenant)
    stack.aws.fault({"match": {"service": "kms", "key": arn}, **fault})
    return lambda: next(int(each["fired"]) for each in stack.aws.get("faults") if each["match"].get("key") == arn)


def delay_graph(stack: Stack) -> None:
    """Make the next backup wait in the middle for one answer, longer than any test."""
    stack.graph.fault({"match": {"path": DELAYED}, "skip": 3, "times": 1, "what": "slow", "seconds": 600})


def wait_for_delay(stack: Stack) -> None:
    until(lambda: stack.graph.get("faults")[0]["fired"], "Graph keeps the backup waiting")


def assert_revoked(job: Job, arn: str) -> None:
    assert (job.state, job.code, job.kind == JobKind.BACKUP and job.snapshot) in (
        (JobState.FAILED, Code.KEY_ACCESS_REVOKED, None),
        (JobState.FAILED, Code.KEY_ACCESS_REVOKED, False),
    )
    assert job.message is not None
    assert arn in job.message


def assert_works(stack: Stack, tenant: Tenant) -> None:
    """Assert that a job requested by hand succeeds at once, and that nothing is lost."""
    stack.backup(tenant)
    same(stack.download(tenant), stack.graph.records(*FEW))
    assert stack.catalog_of(tenant).keys.state().refusal is None


@every_way
def test_a_key_revoked_between_jobs_stops_its_tenant_until_it_is_restored(
    stack: Stack, bystander: Tenant, way: type[Disabled]
) -> None:
    tenant = connect(stack)
    stack.backup(tenant)
    key = way(stack.aws, stack.key(tenant))
    key.take()
    taken = time.monotonic()
    counted = calls(stack, key.arn)
    stack.graph.post("reset-counters")
    for job in [stack.ask(tenant), stack.ask(tenant, JobKind.VERIFY)]:
        assert_revoked(stack.ended(job), key.arn)
    with pytest.raises(KeyRefused) as caught:
        stack.download(tenant)
    assert caught.value.code is Code.KEY_ACCESS_REVOKED
    assert_revoked(stack.catalog_of(tenant).jobs.recent()[0], key.arn)
    assert stack.graph.count(".*") == 0
    assert counted() <= most_calls(taken)
    assert len(stack.catalog_of(tenant).snapshots.all()) == 1

    shallow, _ = stack.catalog_of(tenant).jobs.request(
        JobKind.VERIFY, origin=Origin.HAND, detail=VerifyRequest(shallow=True)
    )
    assert stack.ended(shallow).state is JobState.SUCCEEDED
    stack.backup(bystander)
    key.give()
    assert_works(stack, tenant)


@every_way
def test_a_key_revoked_during_a_backup_stops_its_tenant_until_it_is_restored(
    stack: Stack, bystander: Tenant, way: type[Disabled]
) -> None:
    tenant = connect(stack)
    delay_graph(stack)
    job = stack.ask(tenant)
    wait_for_delay(stack)
    other = stack.ask(bystander)
    key = way(stack.aws, stack.key(tenant))
    key.take()
    taken = time.monotonic()
    counted = calls(stack, key.arn)
    assert_revoked(stack.ended(job), key.arn)
    assert time.monotonic() - taken < LEASE
    points = Points(stack.home, tenant.tenant_id)
    until(lambda: points.passed()[-1].point == OVER, "the step has ended, though Graph has not answered")
    assert stack.ended(other).state is JobState.SUCCEEDED
    stack.graph.post("reset-counters")
    assert_revoked(stack.ended(stack.ask(tenant)), key.arn)
    assert stack.graph.count(".*") == 0
    assert counted() <= most_calls(taken)
    assert stack.catalog_of(tenant).snapshots.all() == []
    key.give()
    assert_works(stack, tenant)


class Interrupting(BytesIO):
    """A file that triggers an action during its first write."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self.happens = happens
        self.pieces = 0

    def write(self, data: Any, /) -> int:
        self.pieces += 1
        if self.pieces == 1:
            self.happens()
        return super().write(data)


@every_way
def test_a_key_revoked_during_a_download_stops_the_download(stack: Stack, way: type[Disabled]) -> None:
    tenant = connect(stack)
    stack.backup(tenant)
    key = way(stack.aws, stack.key(tenant))
    jobs = stack.catalog_of(tenant).jobs
    took: list[float] = []

    def take() -> None:
        assert (jobs.recent()[0].kind, jobs.recent()[0].state) == (JobKind.DOWNLOAD, JobState.RUNNING)
        key.take()
        taken = time.monotonic()
        until(lambda: jobs.recent()[0].state.ended, "the download has ended in SQL")
        took.append(time.monotonic() - taken)

    file = Interrupting(take)
    with pytest.raises(KeyRefused):
        download(stack.context, tenant, "latest", file)
    assert file.pieces == 1
    assert took[0] < LEASE
    assert_revoked(jobs.recent()[0], key.arn)
    key.give()
    assert_works(stack, tenant)


def test_a_deleted_key_refuses_for_ever(stack: Stack) -> None:
    tenant = connect(stack)
    stack.backup(tenant)
    key = ToBeDeleted(stack.aws, stack.key(tenant))
    key.take()
    stack.aws.post("clock", {"advance_days": 8})
    job = stack.ended(stack.ask(tenant))
    assert_revoked(job, key.arn)
    assert "does not exist any more" in str(job.message)
    with pytest.raises(KeyRefused):
        stack.download(tenant)


def test_due_times_create_no_job_while_a_key_is_refused_and_one_once_it_answers(stack: Stack) -> None:
    tenant = connect(stack)
    key = Disabled(stack.aws, stack.key(tenant))
    key.take()
    assert_revoked(stack.ended(stack.ask(tenant)), key.arn)
    catalog = stack.catalog_of(tenant)
    refused = catalog.keys.state().refusal
    assert refused is not None
    due = stack.context.clock.now()
    catalog.schedules.set(Schedule(cron="0 0 1 1 *", timezone="UTC", paused=False, next_due=due))

    def still_refused_after_a_lease() -> bool:
        refusal = catalog.keys.state().refusal
        assert refusal is not None
        return (refusal.at - refused.at).total_seconds() > LEASE

    until(still_refused_after_a_lease, "probes renew the refusal")
    assert len(catalog.jobs.recent()) == 1
    key.give()
    until(lambda: len(catalog.jobs.recent()) == 2, "the due time becomes a job")
    job = stack.ended(catalog.jobs.recent()[0])
    assert (job.origin, job.due_at, job.state) == (Origin.SCHEDULE, due, JobState.SUCCEEDED)
    assert len(catalog.jobs.recent()) == 2
    assert_works(stack, tenant)


TROUBLES = {
    "slow": {"what": "slow", "seconds": LEASE / 10, "times": 8},
    "silent": {"what": "slow", "seconds": LEASE, "times": 4},
    "throttled": {"what": "error", "code": "ThrottlingException", "status": 400, "times": 6},
    "broken": {"what": "error", "code": "KMSInternalException", "status": 500, "times": 6},
    "cut off": {"what": "drop", "times": 6},
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_trouble_with_kms_is_no_revocation(stack: Stack, troubled_tenant: Tenant, trouble: dict[str, Any]) -> None:
    count = cause_trouble(stack, troubled_tenant, **trouble)
    stack.backup(troubled_tenant)
    until(lambda: count() >= 4, "KMS was in trouble")
    assert len(stack.download(troubled_tenant)) == size(stack, troubled_tenant)


def test_a_download_waits_for_the_end_of_kms_trouble(stack: Stack, troubled_tenant: Tenant) -> None:
    def trouble() -> None:
        count = cause_trouble(stack, troubled_tenant, what="error", code="ThrottlingException", status=400, times=4)
        until(lambda: count() == 4, "the lease was not renewed at once")

    file = Interrupting(trouble)
    assert download(stack.context, troubled_tenant, "latest", file) == size(stack, troubled_tenant)
    assert file.pieces > 1


def test_an_outage_longer_than_the_lease_releases_the_step_until_kms_answers(stack: Stack) -> None:
    tenant = connect(stack)
    delay_graph(stack)
    job = stack.ask(tenant)
    wait_for_delay(stack)
    began = time.monotonic()
    count = cause_trouble(stack, tenant, what="drop")
    points = Points(stack.home, tenant.tenant_id)
    before = len(points.passed())
    until(lambda: count_releases(points, before) >= 3, "its step was given back, and again")
    jobs = stack.catalog_of(tenant).jobs
    assert (jobs.get(job.job_id).state, jobs.get(job.job_id).code) == (JobState.RUNNING, None)
    assert stack.catalog_of(tenant).keys.state().refusal is None
    assert count() < 10 * (time.monotonic() - began)
    stack.aws.clear_faults()
    job = stack.ended(job)
    assert job.state is JobState.SUCCEEDED
    same(stack.download(tenant), stack.graph.records(*FEW))


def count_releases(points: Points, since: int) -> int:
    return sum((passing.point, passing.step) == (OVER, "users") for passing in points.passed()[since:])
