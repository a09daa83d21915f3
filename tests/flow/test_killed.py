"""Workers are killed and frozen between every two steps of the write order.

Another worker finishes, and the snapshot is right.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, Signals

import pytest
from redis import Redis

from shared.domain.errors import Code
from shared.domain.jobs import Job, JobState, Phase
from shared.domain.model import Tenant
from shared.ports.observer import Point
from tests.flow.points import FOLDER, OVER, Passed, Plan, Points
from tests.flow.stack import TOP, Stack, running_stack, same, until
from tests.parts import DIRECTORY, GraphSimulator, RedisServer
from tests.tables import FEW

pytestmark = pytest.mark.flow

PAGE, USERS = 10, 120
SOURCES = ("shared", "workers", "scheduler", "console")
_numbers = count(1)


def in_first_round(point: Point, nth: int | None = 1, signal: Signals = SIGKILL) -> Plan:
    """Plan a fault in the first round of the users."""
    return Plan(point=point, step="users", phase=Phase.READ, nth=nth, signal=signal)


def in_second_round(point: Point) -> Plan:
    """Plan a fault in the second round of the users."""
    return Plan(point=point, step="users", phase=Phase.SECOND_ROUND)


def committing(point: Point, nth: int = 1, signal: Signals = SIGKILL) -> Plan:
    return Plan(point=point, step="commit", phase=Phase.COMMIT, nth=nth, signal=signal)


def compacting(point: Point, nth: int = 1, signal: Signals = SIGKILL) -> Plan:
    """Plan a fault while runs are merged.

    The first backup of a tenant passes some of these points too, with nothing to merge.
    """
    return Plan(point=point, step="compact", phase=Phase.COMPACT, nth=nth, signal=signal)


KILLS = [
    in_first_round(Point.CLAIMED),
    Plan(point=Point.KEY_OBJECT_STORED),
    Plan(point=Point.KEY_ROW_STORED),
    in_first_round(Point.KEY_READY),
    in_first_round(Point.PAGE, 5),
    in_first_round(Point.RUN_STORED, 2),
    in_first_round(Point.CHECKPOINTED, 3),
    in_first_round(Point.READ),
    Plan(point=Point.PHASE_OPENED, phase=Phase.READ),
    in_second_round(Point.PAGE),
    in_second_round(Point.CHECKPOINTED),
    in_second_round(Point.READ),
    Plan(point=Point.PHASE_OPENED, phase=Phase.SECOND_ROUND),
    committing(Point.CLAIMED),
    committing(Point.MANIFEST_NOTED),
    committing(Point.MANIFEST_STORED),
    committing(Point.COMMITTED),
]
MERGES = [
    compacting(Point.CLAIMED, 2),
    compacting(Point.RUN_MERGED),
    compacting(Point.CHECKPOINTED),
    compacting(Point.COMPACTED, 2),
    Plan(point=Point.PHASE_OPENED, phase=Phase.COMPACT, nth=2),
    compacting(Point.RUN_MERGED, 1, SIGSTOP),
]
FREEZES = [
    in_first_round(Point.RUN_STORED, 2, SIGSTOP),
    in_first_round(Point.READ, 1, SIGSTOP),
    committing(Point.MANIFEST_NOTED, 1, SIGSTOP),
]


def second_rounds(plan: Plan) -> int:
    """Return the number of second rounds of the users, of one page each, that remain."""
    if plan.phase == Phase.SECOND_ROUND:
        return 1 if plan.point is Point.PAGE else 0
    return 1 if plan.phase == Phase.READ else 0


def plan_id(plan: Plan) -> str:
    where = f"{plan.step or 'any'}-in-phase-{plan.phase or 'any'}"
    return f"{plan.point}-{plan.nth}-of-{where}"


class Story:
    """A tenant whose workers follow plans of faults."""

    def __init__(self, stack: Stack, *plans: Plan, directory: str = DIRECTORY) -> None:
        self.stack = stack
        self.tenant: Tenant = stack.add(f"tenant-{next(_numbers)}", directory=directory)
        self.points = Points(stack.home, self.tenant.tenant_id)
        self.points.plan(*plans)

    def snapshots(self) -> list[str]:
        return [snapshot.snapshot_id for snapshot in self.stack.catalog_of(self.tenant).snapshots.all()]

    def struck(self, count: int = 1) -> list[Passed]:
        """Wait for this many matched passings. Return the first of them."""
        until(lambda: len(self.points.struck()) >= count, f"{count} plans have struck")
        return self.points.struck()

    def wait_for_end(self, frozen: Passed) -> None:
        """Wait until the task that was hit at this point has returned."""

        def returned() -> bool:
            passings = self.points.passed()
            later = passings[passings.index(frozen) + 1 :]
            return any((after.point, after.process) == (OVER, frozen.process) for after in later)

        until(returned, "the frozen worker has ended its task")

    def rows(self, job: Job) -> list[object]:
        """Return the rows in SQL about the job and its snapshot."""
        catalog = self.stack.catalog_of(self.tenant)
        (snapshot,) = catalog.snapshots.all()
        runs = catalog.snapshots.runs(snapshot.snapshot_id)
        return [catalog.jobs.get(job.job_id), catalog.jobs.steps(job.job_id), snapshot, runs]

    def assert_complete(self, job: Job, before: Sequence[str] = ()) -> None:
        """Assert that the job succeeded with one new snapshot, and that this snapshot equals the directory."""
        job = self.stack.ended(job)
        assert (job.state, job.code) == (JobState.SUCCEEDED, None)
        assert self.snapshots() == [job.snapshot, *before]
        with closing(self.graph()) as directory:
            same(self.stack.download(self.tenant), directory.records(*FEW))

    def graph(self) -> GraphSimulator:
        """Return the controls of the tenant's directory."""
        return self.stack.graph.directory(self.tenant.directory_id)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("killed")
    options = ("--users", str(USERS), "--groups", "6")
    with running_stack(folder, *options, store=f"file://{folder}/store") as stack:
        stack.graph.post("delta", {"page_size": PAGE, "repeat": False})
        start(stack, "beat", "worker")
        yield stack


@pytest.fixture(autouse=True)
def no_faults(stack: Stack) -> Iterator[None]:
    yield
    stack.graph.clear_faults()


def start(stack: Stack, *names: str) -> None:
    stack.start(*names, application="tests.flow.few_streams", environment={FOLDER: str(stack.home)})


def restart_redis(stack: Stack) -> None:
    """Kill Redis and start an empty one in its place."""
    stack.redis.process.kill()
    stack.redis.process.wait()
    other = RedisServer(int(stack.redis.url.rpartition(":")[2].partition("/")[0]), stack.home)
    stack.redis.process = other.process
    other.wait()


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_for_requests(stack: Stack) -> None:
    """Wait until no request to Graph is in progress."""
    counts = [-1]

    def settled() -> bool:
        counts.append(stack.graph.count(".*"))
        return counts[-1] == counts[-2]

    until(settled, "Graph has answered what was asked")


def stored_pages(stack: Stack, tenant: Tenant, job: Job) -> int:
    """Return the number of pages of users whose lines are in runs that a checkpoint names."""
    steps = stack.catalog_of(tenant).jobs.steps(job.job_id)
    (step,) = (step for step in steps if (step.name, step.phase) == ("users", Phase.READ))
    records = sum(progress.records for progress in step.progress if progress.resource == "users")
    return -(-records // PAGE)


def test_the_tests_kill_a_worker_at_every_point_of_the_write_order() -> None:
    """Points of sweep, shred, key management and restores are excluded.

    They write no snapshot, and their own tests kill workers there.
    """
    paths = [path for source in SOURCES for path in (TOP / source).rglob("*.py")]
    excluded = ("engine/upkeep/sweep.py", "engine/tenants/shred.py", "engine/key_management/", "engine/restore/")
    text = "".join(path.read_text() for path in paths if not any(other in str(path) for other in excluded))
    points = {Point[name] for name in re.findall(r"\.reach\(\s*Point\.([A-Z_]+)\)", text)}
    assert points == {plan.point for plan in KILLS + MERGES}


def test_a_job_fails_after_five_workers_were_lost_without_progress(stack: Stack) -> None:
    story = Story(stack, in_first_round(Point.CLAIMED, None))
    job = stack.ended(stack.ask(story.tenant))
    assert (job.state, job.code, job.snapshot) == (JobState.FAILED, Code.WORKER_LOST, None)
    assert len(story.struck()) == 5
    assert story.snapshots() == []
    story.points.plan()
    story.assert_complete(stack.ask(story.tenant))


@pytest.mark.parametrize("plan", KILLS, ids=plan_id)
def test_a_killed_worker_leaves_the_remaining_work_to_another(stack: Stack, plan: Plan) -> None:
    story = Story(stack, plan)
    job = stack.ask(story.tenant)
    (struck,) = story.struck()
    until(lambda: not alive(struck.process), "the worker is dead")
    if plan.point != Point.COMMITTED:
        assert story.snapshots() == []
    wait_for_requests(stack)
    pages = stored_pages(stack, story.tenant, job)
    stack.graph.post("reset-counters")
    story.assert_complete(job)
    if plan.phase is not None:
        assert stack.graph.count("/v1.0/users/delta") == USERS // PAGE - pages + second_rounds(plan)


@pytest.mark.parametrize("plan", FREEZES, ids=plan_id)
def test_a_frozen_worker_that_resumes_late_changes_nothing(stack: Stack, plan: Plan) -> None:
    story = Story(stack, plan)
    job = stack.ask(story.tenant)
    (frozen,) = story.struck()
    story.assert_complete(job)
    before = story.rows(job)
    os.kill(frozen.process, SIGCONT)
    story.wait_for_end(frozen)
    assert story.rows(job) == before
    same(stack.download(story.tenant), stack.graph.records(*FEW))


@pytest.mark.parametrize("plan", MERGES, ids=plan_id)
def test_a_worker_killed_while_merging_runs_leaves_the_remaining_work_to_another(stack: Stack, plan: Plan) -> None:
    story = Story(stack)
    story.assert_complete(stack.ask(story.tenant))
    before = story.snapshots()
    story.points.plan(plan)
    note = f"changed for {story.tenant.name}"
    stack.graph.change(*(("update", f"users/{user}", {"department": note}) for user in stack.graph.ids("users")[:90]))
    job = stack.ask(story.tenant)
    (struck,) = story.struck()
    story.assert_complete(job, before)
    if plan.signal is SIGSTOP:
        os.kill(struck.process, SIGCONT)
        story.wait_for_end(struck)
    catalog = stack.catalog_of(story.tenant)
    assert catalog.snapshots.get("latest").objects == catalog.snapshots.get(before[0]).objects
    runs = catalog.snapshots.runs(catalog.snapshots.get("latest").snapshot_id)
    assert [run.job_id for run in runs if run.stream == "users"] == [job.job_id]


def test_neither_of_two_late_committers_wins(stack: Stack) -> None:
    story = Story(stack, *(committing(Point.MANIFEST_STORED, nth, SIGSTOP) for nth in (1, 2)))
    job = stack.ask(story.tenant)
    late = story.struck(2)
    assert len({frozen.process for frozen in late}) == 2
    manifests = {name for name in stack.blobs(story.tenant) if "/snapshots/" in name}
    assert len(manifests) == 2
    assert story.snapshots() == []
    catalog = stack.catalog_of(story.tenant)
    until(lambda: not any(step.state == "running" for step in catalog.jobs.steps(job.job_id)), "both claims are over")
    for frozen in late:
        os.kill(frozen.process, SIGCONT)
    story.assert_complete(job)
    for frozen in late:
        story.wait_for_end(frozen)
    (snapshot,) = story.snapshots()
    assert not any(name.endswith(snapshot) for name in manifests)


def test_another_worker_process_finishes_the_job_of_a_killed_one(stack: Stack) -> None:
    story = Story(stack)
    job = stack.ask(story.tenant)
    until(
        lambda: any(passing.point == Point.CHECKPOINTED for passing in story.points.passed()), "there is a checkpoint"
    )
    stack.kill("worker")
    assert story.snapshots() == []
    start(stack, "worker")
    story.assert_complete(job)


def test_a_running_job_is_cancelled_while_it_waits_for_graph(stack: Stack) -> None:
    story = Story(stack)
    stack.graph.fault({"match": {"path": "users/delta"}, "skip": 3, "times": 1000, "what": "slow", "seconds": 100})
    job = stack.ask(story.tenant)
    until(lambda: stack.graph.get("faults")[0]["fired"], "Graph keeps it waiting")
    stack.catalog_of(story.tenant).jobs.cancel(job.job_id)
    job = stack.ended(job, seconds=20)
    assert (job.state, job.code, job.snapshot) == (JobState.CANCELLED, Code.CANCELLED, None)
    assert story.snapshots() == []
    stack.graph.clear_faults()
    story.assert_complete(stack.ask(story.tenant))


def test_jobs_end_although_redis_is_replaced_by_an_empty_one(stack: Stack) -> None:
    directories = [DIRECTORY, *(stack.graph.add_directory(USERS, seed) for seed in (2, 3))]
    stories = [Story(stack, directory=directory) for directory in directories]
    for story in stories:
        with closing(story.graph()) as graph:
            graph.post("delta", {"page_size": PAGE, "repeat": False})
            graph.fault({"match": {"path": "delta"}, "times": 100000, "what": "slow", "seconds": 0.1})
    jobs = [stack.ask(story.tenant) for story in stories]
    with closing(Redis.from_url(stack.redis.url)) as redis:
        for point in (Point.CLAIMED, Point.CHECKPOINTED):
            until(lambda point=point: any_passed(stories, point), f"somebody has passed {point}")  # type: ignore[misc]
            redis.flushall()
    until(lambda: any_passed(stories, Point.READ), "a stream has been read")
    restart_redis(stack)
    for story, job in zip(stories, jobs, strict=True):
        story.assert_complete(job)


def any_passed(stories: list[Story], point: Point) -> bool:
    return any(passing.point == point for story in stories for passing in story.points.passed())
