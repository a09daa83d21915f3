"""A worker shuts down while it works.

It releases its step without counting a failure, and another worker continues from there.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from shared.domain.jobs import Job, JobState, Phase
from shared.ports.observer import Point
from tests.flow.points import FOLDER, Points
from tests.flow.stack import Stack, running_stack, same, until

pytestmark = pytest.mark.flow

PAGE, USERS = 10, 120


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("shutdown")
    with running_stack(folder, "--users", str(USERS), store=f"file://{folder}/store") as stack:
        stack.graph.post("delta", {"page_size": PAGE, "repeat": False})
        stack.start("beat")
        start_worker(stack)
        yield stack


def start_worker(stack: Stack) -> None:
    stack.start("worker", application="tests.flow.killing_worker", environment={FOLDER: str(stack.home)})


def first_step(stack: Stack, job: Job) -> list[tuple[str, int]]:
    """Return the state and the number of lost claims of the users' first step, as stored in SQL."""
    with closing(sqlite3.connect(stack.home / "catalog.sqlite3")) as database:
        query = "SELECT state, claims_lost FROM steps WHERE job_id = ? AND name = 'users' AND phase = ?"
        return database.execute(query, (job.job_id, int(Phase.READ))).fetchall()


def test_a_worker_that_shuts_down_releases_its_step_and_another_continues_from_the_checkpoint(
    stack: Stack,
) -> None:
    tenant = stack.add("interrupted")
    points = Points(stack.home, tenant.tenant_id)
    stack.graph.fault({"match": {"path": "users/delta"}, "skip": 8, "times": 1, "what": "slow", "seconds": 600})
    job = stack.ask(tenant)
    until(lambda: stack.graph.get("faults")[0]["fired"], "Graph keeps it waiting")
    until(
        lambda: any(each.point == Point.CHECKPOINTED and each.step == "users" for each in points.passed()),
        "a checkpoint",
    )
    assert first_step(stack, job) == [("running", 0)]

    stack.terminate("worker")
    assert first_step(stack, job) == [("queued", 0)]
    assert stack.catalog_of(tenant).snapshots.all() == []
    stack.graph.clear_faults()
    stack.graph.post("reset-counters")
    start_worker(stack)
    ended = stack.ended(job)
    assert (ended.state, ended.code) == (JobState.SUCCEEDED, None)
    assert 0 < stack.graph.count("/v1.0/users/delta") < USERS // PAGE
    same(stack.download(tenant), stack.graph.records())
