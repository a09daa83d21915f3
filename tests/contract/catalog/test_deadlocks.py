"""No two transactions of the catalog deadlock: each is stopped at every lock that it takes, while the other runs.

Only on PostgreSQL, which locks rows and would end one of the two. On SQLite one transaction writes at a time.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event, text

from shared.domain.errors import ClaimLost
from shared.domain.jobs import JobKind, Origin, StepPlan
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import ARN, World, checkpoint, run
from tests.postgres import OWNER, PostgresServer

LOCKS = re.compile(r"^\s*(INSERT|UPDATE|DELETE)|FOR (NO KEY )?UPDATE")


@pytest.fixture
def world(postgres: PostgresServer, catalog_database: str) -> Iterator[World]:
    made = World(postgres.url(catalog_database), postgres.url(catalog_database, OWNER))
    yield made
    made.close()


class Stop:
    """Stops one thread behind its n-th statement that locks rows, until the test lets it go on."""

    def __init__(self, after: int) -> None:
        self._left = after
        self.thread: int | None = None
        self.reached, self.go = threading.Event(), threading.Event()

    def passed(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.get_ident() == self.thread and LOCKS.search(statement):
            self._left -= 1
            if self._left == 0:
                self.reached.set()
                assert self.go.wait(30)


def works_of(world: World, tenant: TenantCatalog) -> dict[str, Callable[[], object]]:
    """Transactions over two jobs of the tenant: one at work, and one without steps."""
    plan = (StepPlan(phase=1, name="verify"),)
    at_work = world.planned(tenant, kind=JobKind.VERIFY, steps=plan)
    claim = world.claim(tenant, at_work, "verify")
    unplanned, _ = tenant.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
    return {
        "refuse": lambda: tenant.keys.refuse(ARN, "Refused."),
        "checkpoint": lambda: tenant.claims.checkpoint(claim, checkpoint(run=run(claim.job_id)), []),
        "finish": lambda: tenant.claims.finish(claim),
        "cancel": lambda: tenant.jobs.cancel(at_work.job_id),
        "plan": lambda: world.scheduler.offer_steps(unplanned, plan),
        "send": world.send,
    }


PAIRS = {
    "refuse": ("refuse", "checkpoint", "plan", "send"),
    "cancel": ("refuse", "checkpoint", "finish"),
    "checkpoint": ("refuse", "cancel"),
    "finish": ("refuse", "cancel"),
}
"""Each transaction that locks rows of several tables, and those that lock some of the same rows."""


def run_beside(world: World, first: Callable[[], object], second: Callable[[], object], after: int) -> bool:
    """Stop ``first`` at a lock, and run ``second`` until it ends or waits. Return False if ``first`` has no such lock."""
    stop = Stop(after)

    def stopped() -> None:
        stop.thread = threading.get_ident()
        first()

    event.listen(Engine, "after_cursor_execute", stop.passed)
    try:
        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(stopped)
            while not stop.reached.wait(0.002) and not one.done():
                pass
            other = pool.submit(second) if stop.reached.is_set() else None
            while other is not None and not other.done() and not waits(world):
                time.sleep(0.01)
            stop.go.set()
            for future in (one, other):
                if future is not None:
                    ended(future)
    finally:
        event.remove(Engine, "after_cursor_execute", stop.passed)
    return stop.reached.is_set()


def waits(world: World) -> bool:
    """Return whether any transaction waits for a lock."""
    with world._engine.connect() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


def ended(future: Future[object]) -> None:
    """A deadlock raises here. That the other was first and ended the job is no error."""
    try:
        future.result(30)
    except ClaimLost:
        return


@pytest.mark.parametrize("first", PAIRS)
def test_a_transaction_that_stops_at_any_of_its_locks_deadlocks_with_no_other(world: World, first: str) -> None:
    world.scheduler.record_heartbeat("w", 50)
    for second in PAIRS[first]:
        stops, reached = 0, True
        while reached:
            tenant = world.add(f"{second}-{stops}")
            works = works_of(world, tenant)
            reached = run_beside(world, works[first], works[second], stops + 1)
            stops += reached
            for job in tenant.jobs.recent():
                if not job.state.ended:
                    tenant.jobs.cancel(job.job_id)
            world.scheduler.expire(5)
        assert stops > 1
