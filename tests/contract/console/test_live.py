"""Live progress: one poller for all streams, changes alone are sent, and a right that ends takes its stream with it."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from console.web.visitor import COOKIE
from shared.domain.access import Grant, Role
from shared.domain.errors import Answer
from shared.domain.jobs import Job, JobKind, Origin, steps_of
from shared.domain.limits import LIMITS
from shared.engine.access.sign_in import hash_of
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.console.counted import counted
from tests.contract.console.served import QUICK, Browser, Console, served_console

UNKNOWN = "00000000-0000-4000-8000-000000000000"


class Stream:
    """The events of a stream, read in a thread of its own."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.text = ""
        self.over = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self, pattern: str, seconds: float = 10) -> float:
        """Return after how many seconds the stream has text that fits the pattern."""
        began = time.monotonic()
        with self._changed:
            assert self._changed.wait_for(lambda: re.search(pattern, self.text), seconds), self.text
        return time.monotonic() - began

    def _read(self) -> None:
        try:
            for part in self.answer.iter_text():
                with self._changed:
                    self.text += part
                    self._changed.notify_all()
        except httpx.HTTPError:
            pass
        self.over.set()


@contextmanager
def watched(browser: Browser, job: Job, view: str = "") -> Iterator[Stream]:
    """Watch a job as long as the block lasts."""
    headers = {"hx-request": "true", "accept": "text/event-stream"}
    with browser.stream("GET", f"/live/jobs/{job.job_id}", headers=headers, params={"view": view}) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        try:
            yield Stream(answer)
        finally:
            # A thread that reads keeps the connection open, even if its socket is closed.
            answer.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)


LOOK = 0.25
"""Seconds between two looks in these tests."""


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    limits = msgspec.structs.replace(QUICK, live_look_seconds=LOOK)
    with served_console(tmp_path_factory.mktemp("live"), limits=limits) as console:
        yield console


@pytest.fixture
def acme(console: Console, request: pytest.FixtureRequest) -> TenantCatalog:
    """Return a tenant of the test's own."""
    return console.world.add(re.sub(r"[^a-z0-9]+", "-", request.node.name)[-40:].strip("-"))


@pytest.fixture
def backup(console: Console, acme: TenantCatalog) -> Job:
    """Return a planned backup of that tenant."""
    return console.world.planned(acme, steps_of(JobKind.BACKUP))


def viewer(console: Console, acme: TenantCatalog) -> Browser:
    return console.with_grants(Grant(role=Role.VIEWER, tenant_id=acme.tenant_id))


def test_a_stream_shows_each_change_and_ends_with_the_job(console: Console, acme: TenantCatalog, backup: Job) -> None:
    with watched(viewer(console, acme), backup) as stream:
        stream.wait("Waits for a worker")
        acme.claims.finish(console.world.claim(acme, backup, "groups"), answer=Answer.FORBIDDEN)
        stream.wait(r"1 of \d+ streams done")
        stream.wait("forbidden")
        assert " hx-" not in stream.text
        assert "<script" not in stream.text
        acme.jobs.cancel(backup.job_id)
        console.world.scheduler.expire(5)
        stream.wait("Cancelled")
        stream.wait("event: ended\ndata: \n\n$")
        assert stream.over.wait(10)


def test_only_changes_are_sent(console: Console, acme: TenantCatalog, backup: Job) -> None:
    with watched(viewer(console, acme), backup) as stream, watched(viewer(console, acme), backup) as second:
        stream.wait("Waits for a worker")
        second.wait("Waits for a worker")
        time.sleep(4 * LOOK)
        assert stream.text.count("Waits for a worker") == 1


def test_many_streams_take_one_query_of_each_kind_a_look(console: Console, acme: TenantCatalog, backup: Job) -> None:
    other = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0]
    with ExitStack() as stack:
        streams = [
            stack.enter_context(watched(browser, job))
            for browser in [viewer(console, acme) for _ in range(6)]
            for job in (backup, other)
        ]
        for stream in streams:
            stream.wait("Waits for")
        with counted() as statements:
            time.sleep(8 * LOOK)
        watching = [each for each in statements if "step_of_step_id" in each]
        signed_in = [each for each in statements if each.startswith("SELECT sign_ins")]
        assert 2 <= len(watching) <= 9
        assert len(signed_in) == len(watching)


def test_nothing_is_asked_while_nobody_watches(console: Console, acme: TenantCatalog, backup: Job) -> None:
    with watched(viewer(console, acme), backup) as stream:
        stream.wait("Waits for a worker")
    assert until(lambda: _looks(3 * LOOK) == 0)


def _looks(seconds: float) -> int:
    """Return how often watched jobs are looked at in this time."""
    with counted() as statements:
        time.sleep(seconds)
    return len([each for each in statements if "step_of_step_id" in each])


def until(holds: Callable[[], bool], seconds: float = 15) -> bool:
    """Return whether something comes true in this time."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        if holds():
            return True
    return False


def test_a_look_each_second_keeps_the_promise_of_two_seconds() -> None:
    assert LIMITS.live_look_seconds <= 1


def ended_within_two_seconds(stream: Stream, end: Callable[[], object]) -> None:
    """Check that the stream ends within two seconds after ``end``, and shows nothing new meanwhile."""
    stream.wait("Waits for a worker")
    end()
    began = time.monotonic()
    assert stream.over.wait(10)
    assert time.monotonic() - began < 2
    assert stream.text.endswith("event: ended\ndata: \n\n")


def test_a_stream_ends_when_its_sign_in_ends(console: Console, acme: TenantCatalog, backup: Job) -> None:
    browser = viewer(console, acme)
    known = console.world.catalog.sign_ins().identify(
        hash_of(browser.headers["cookie"].removeprefix(f"{COOKIE}=")), datetime.now(UTC)
    )
    assert known is not None
    with watched(browser, backup) as stream:
        ended_within_two_seconds(stream, lambda: console.world.catalog.sign_ins().end_all(known.person.person_id))
    again = browser.get(f"/live/jobs/{backup.job_id}", headers={"hx-request": "true"})
    assert again.status_code == 401


def test_a_stream_ends_when_the_role_is_taken(console: Console, acme: TenantCatalog, backup: Job) -> None:
    grant = Grant(role=Role.VIEWER, tenant_id=acme.tenant_id)
    browser = console.with_grants(grant, handle="lent")
    people = console.world.catalog.people()
    person = people.find("lent")
    with watched(browser, backup) as stream:
        ended_within_two_seconds(stream, lambda: people.take(person.person_id, grant.role, grant.tenant_id))
    assert browser.get(f"/live/jobs/{backup.job_id}").status_code == 404


def test_a_job_of_another_tenant_is_refused_like_an_unknown_one(console: Console, backup: Job) -> None:
    console.world.add("stranger")
    admin = console.as_("admin", "stranger")
    foreign, none = (admin.get(f"/live/jobs/{job}", headers={"hx-request": "true"}) for job in (backup.job_id, UNKNOWN))
    assert (foreign.status_code, none.status_code) == (404, 404)
    assert foreign.text.replace(backup.job_id, "") == none.text.replace(UNKNOWN, "")


def test_a_stream_is_never_led_to_the_sign_in(console: Console, backup: Job) -> None:
    assert console.nobody().get(f"/live/jobs/{backup.job_id}").status_code == 401


def test_a_sign_in_has_four_streams_at_most(console: Console, acme: TenantCatalog, backup: Job) -> None:
    browser = viewer(console, acme)
    with ExitStack() as stack:
        for stream in [stack.enter_context(watched(browser, backup)) for _ in range(4)]:
            stream.wait("Waits for a worker")
        refused = browser.get(f"/live/jobs/{backup.job_id}")
        assert (refused.status_code, "TOO_MANY_TRIES" in refused.text) == (429, True)
        with watched(viewer(console, acme), backup) as another:
            another.wait("Waits for a worker")
    assert until(lambda: _can_watch(browser, backup)), "the places of ended streams are free"


def _can_watch(browser: Browser, job: Job) -> bool:
    with browser.stream("GET", f"/live/jobs/{job.job_id}") as answer:
        return answer.status_code == 200


def test_a_stream_ends_after_its_time_so_that_the_browser_begins_another(tmp_path: Path) -> None:
    limits = msgspec.structs.replace(QUICK, live_seconds=2.0, live_silent_seconds=0.3)
    with served_console(tmp_path, limits=limits) as console:
        acme = console.world.add("acme")
        job = console.world.planned(acme, steps_of(JobKind.BACKUP))
        with watched(console.as_("operator"), job) as stream:
            stream.wait("Waits for a worker")
            stream.wait(": still here\n\n")
            assert stream.over.wait(10)
            assert "event: ended" not in stream.text


def test_a_page_swaps_the_whole_job_when_it_has_ended(console: Console, acme: TenantCatalog, backup: Job) -> None:
    browser, path = viewer(console, acme), f"/t/{acme.tenant().name}/jobs/{backup.job_id}"
    part = browser.get(path, headers={"hx-request": "true"}).text
    assert part.lstrip().startswith('<div id="job" hx-get="')
    acme.jobs.cancel(backup.job_id)
    console.world.scheduler.expire(5)
    part = browser.get(path, headers={"hx-request": "true"}).text
    assert part.lstrip().startswith('<div id="job">')
    assert "hx-" not in part
