"""No two transactions of the catalog deadlock: the first is stopped at each of its locks while the second runs.

The tests use only PostgreSQL, which locks rows and would end one of the two. SQLite has one writing transaction at a time.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event, text

from shared.domain.access import Grant, Role
from shared.domain.errors import ClaimLost, Code, Refuse
from shared.domain.jobs import JobKind, Origin, StepPlan
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.test_sign_ins import sign_in
from tests.contract.catalog.world import ARN, NOW, World, checkpoint, new_id, run
from tests.postgres import OWNER, PostgresServer

LOCKS = re.compile(r"^\s*(INSERT|UPDATE|DELETE)|FOR (NO KEY )?UPDATE")


@pytest.fixture
def world(postgres: PostgresServer, catalog_database: str) -> Iterator[World]:
    world = World(postgres.url(catalog_database), postgres.url(catalog_database, OWNER))
    yield world
    world.close()


class Stop:
    """Stops one thread after its n-th statement that locks rows, until the test sets ``go``."""

    def __init__(self, after: int) -> None:
        self._remaining = after
        self.thread: int | None = None
        self.reached, self.go = threading.Event(), threading.Event()

    def after_statement(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.get_ident() == self.thread and LOCKS.search(statement):
            self._remaining -= 1
            if self._remaining == 0:
                self.reached.set()
                assert self.go.wait(30)


def transactions_of(world: World, tenant: TenantCatalog) -> dict[str, Callable[[], object]]:
    """Return transactions over two jobs of the tenant: a running job, and a job without steps."""
    plan = (StepPlan(phase=1, name="verify"),)
    running = world.planned(tenant, kind=JobKind.VERIFY, steps=plan)
    claim = world.claim(tenant, running, "verify")
    unplanned, _ = tenant.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
    return {
        "refuse": lambda: tenant.keys.refuse(ARN, "Refused."),
        "checkpoint": lambda: tenant.claims.checkpoint(claim, checkpoint(run=run(claim.job_id)), []),
        "finish": lambda: tenant.claims.finish(claim),
        "cancel": lambda: tenant.jobs.cancel(running.job_id),
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


def transactions_of_people(world: World, tenant: TenantCatalog) -> dict[str, Callable[[], object]]:
    """Return transactions over the tenant and a person who has a role in it and is signed in."""
    people, sign_ins, name = world.catalog.people(), world.catalog.sign_ins(), new_id()
    grant = Grant(role=Role.VIEWER, tenant_id=tenant.tenant_id)
    person_id = people.add(name, name, grants=[grant]).person_id
    sign_ins.begin(person_id, name, sign_in())
    return {
        "give": lambda: people.give(person_id, grant, ""),
        "remove tenant": tenant.remove,
        "remove person": lambda: people.remove(person_id),
        "reset": lambda: world.catalog.ways().reset(person_id),
        "seen": lambda: sign_ins.note_seen(name, NOW),
        "begin": lambda: sign_ins.begin(person_id, new_id(), sign_in()),
    }


PAIRS_OF_PEOPLE = {
    "give": ("remove tenant",),
    "begin": ("remove person",),
    "seen": ("remove person", "reset"),
}


def run_beside(world: World, first: Callable[[], object], second: Callable[[], object], after: int) -> bool:
    """Stop ``first`` at a lock, and run ``second`` until it ends or waits. Return False if ``first`` has no such lock."""
    stop = Stop(after)

    def run_first() -> None:
        stop.thread = threading.get_ident()
        first()

    event.listen(Engine, "after_cursor_execute", stop.after_statement)
    try:
        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(run_first)
            while not stop.reached.wait(0.002) and not one.done():
                pass
            other = pool.submit(second) if stop.reached.is_set() else None
            while other is not None and not other.done() and not has_waiting_lock(world):
                time.sleep(0.01)
            stop.go.set()
            for future in (one, other):
                if future is not None:
                    await_end(future)
    finally:
        event.remove(Engine, "after_cursor_execute", stop.after_statement)
    return stop.reached.is_set()


def has_waiting_lock(world: World) -> bool:
    """Return True if any transaction waits for a lock."""
    with world._engine.connect() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


def await_end(future: Future[object]) -> None:
    """Wait for the result. Raise on a deadlock, but ignore what the other transaction ended or removed."""
    try:
        future.result(30)
    except ClaimLost:
        return
    except Refuse as error:
        assert error.code in (Code.NO_SUCH_TENANT, Code.NO_SUCH_PERSON)


@pytest.mark.parametrize("first", PAIRS)
def test_a_transaction_stopped_at_any_of_its_locks_causes_no_deadlock(world: World, first: str) -> None:
    world.scheduler.record_heartbeat("w", 50)
    for second in PAIRS[first]:
        stops, reached = 0, True
        while reached:
            tenant = world.add(f"{second}-{stops}")
            transactions = transactions_of(world, tenant)
            reached = run_beside(world, transactions[first], transactions[second], stops + 1)
            stops += reached
            for job in tenant.jobs.recent():
                if not job.state.ended:
                    tenant.jobs.cancel(job.job_id)
            world.scheduler.expire(5)
        assert stops > 1


@pytest.mark.parametrize("first", PAIRS_OF_PEOPLE)
def test_people_and_tenants_are_removed_beside_each_other_without_deadlock(world: World, first: str) -> None:
    for second in PAIRS_OF_PEOPLE[first]:
        stops, reached = 0, True
        while reached:
            transactions = transactions_of_people(world, world.add(f"{second.replace(' ', '-')}-{stops}"))
            reached = run_beside(world, transactions[first], transactions[second], stops + 1)
            stops += reached
        assert stops
