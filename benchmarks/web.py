"""The console with many tenants: time to the first byte, queries, weight and memory of its pages, on both databases."""

import gzip
import http.client
import multiprocessing
import os
import re
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.fleet import seed_fleet
from console.web.visitor import COOKIE, hash_of
from shared.adapters.catalog import migrate, open_catalog
from shared.domain.access import Grant, Role
from shared.domain.jobs import JobState
from shared.domain.limits import LIMITS
from shared.domain.people import Means, SignIn
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.queries import JobFilter
from tests.contract.catalog.world import World, new_id
from tests.contract.console.counted import counted
from tests.contract.console.served import served_console
from tests.parts import free_port
from tests.postgres import OWNER, USER, postgres_server

_WRITES_A_SECOND = 20


@dataclass(frozen=True, kw_only=True)
class PageMeasure:
    """A page, measured over many requests."""

    path: str
    half: float
    """Seconds to the first byte that half of the requests took at most."""
    most: float
    """The same for 95 % of them."""
    cpu: float
    """CPU seconds of the console's process for one request."""
    queries: int
    zipped: int
    elements: int


@dataclass(frozen=True, kw_only=True)
class WebMeasure:
    """The console over one database."""

    database: str
    tenants: int
    pages: list[PageMeasure]
    rest: int
    """Bytes of memory after the start."""
    busy: int
    """The same after all requests."""


def measure_web(folder: Path, database: str, tenants: int, rows: int, requests: int) -> WebMeasure:
    """Return the measurements over ``sqlite`` or ``postgresql`` with so many tenants, and jobs and snapshots in all."""
    if database == "sqlite":
        url = f"sqlite:///{folder / f'{tenants}.sqlite3'}"
        open_catalog(url).close()
        seed_fleet(url, tenants, rows)
        return _measured(folder, url, url, database, tenants, requests)
    with postgres_server() as server:
        name = server.new_database()
        migrate(server.url(name, OWNER), USER)
        seed_fleet(server.url(name), tenants, rows)
        server.execute("VACUUM ANALYZE", name)  # as the server does by itself some minutes later
        return _measured(folder, server.url(name), server.url(name, OWNER), database, tenants, requests)


def _measured(folder: Path, url: str, owner_url: str, database: str, tenants: int, requests: int) -> WebMeasure:
    with closing(open_catalog(url)) as catalog:
        cookie = _sign_in(catalog)
        paths = _paths(catalog)
        queries = _queries(folder, url, None if database == "sqlite" else owner_url, paths)
    with _web(folder, url) as (port, process), _writing(url):
        rest = _memory(process)
        pages = [_page(port, process, cookie, path, queries[path], requests) for path in paths]
        return WebMeasure(database=database, tenants=tenants, pages=pages, rest=rest, busy=_memory(process))


def _sign_in(catalog: Catalog) -> str:
    """Add an operator who may also see the audit trail, sign in, and return the cookie."""
    now, cookie, person = datetime.now(UTC), secrets.token_urlsafe(32), new_id()
    catalog.people().add(person, "ana", grants=(Grant(role=Role.OPERATOR, tenant_id=None),))
    sign_in = SignIn(
        sign_in_id=new_id(),
        means=Means.PASSKEY,
        begun_at=now,
        seen_at=now,
        expires_at=now + timedelta(hours=8),
        confirmed_at=now,
        address="127.0.0.1",
        browser="benchmark",
    )
    catalog.sign_ins().begin(person, hash_of(cookie), sign_in)
    return cookie


def _paths(catalog: Catalog) -> list[str]:
    """Return one page of each kind, of a tenant whose backup runs."""
    ((job, name), *_) = catalog.queries().jobs(JobFilter(states=(JobState.RUNNING,), limit=1))
    tenant = f"/t/{name}"
    places = ("", "/snapshots", "/jobs", f"/jobs/{job.job_id}", "/schedule", "/audit", "/settings/key-management")
    return ["/fleet", "/tenants", "/jobs", "/people", *(f"{tenant}{place}" for place in places)]


def _queries(folder: Path, url: str, owner_url: str | None, paths: list[str]) -> dict[str, int]:
    """Return how many queries each page makes, beside those about the stack, which a process makes every few seconds."""
    counts = {}
    with served_console(folder, world=World(url, owner_url)) as console:
        browser = console.as_(Role.OPERATOR)
        for path in paths:
            browser.get("/tenants").raise_for_status()
            with counted() as queries:
                browser.get(path).raise_for_status()
            counts[path] = len(queries)
    return counts


@contextmanager
def _web(folder: Path, url: str) -> Iterator[tuple[int, int]]:
    """Run ``entrakeep web``. Yield its port and the process's id."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "ENTRAKEEP_HOME": str(folder),
        "ENTRAKEEP_DATABASE_URL": url,
        "ENTRAKEEP_WEB_LISTEN": f"127.0.0.1:{port}",
        "ENTRAKEEP_WEB_URL": f"http://localhost:{port}",
    }
    argv = (sys.executable, "-m", "console.cli", "web")
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=log)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        _get(port, "", "/help")
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def _writing(url: str) -> Iterator[None]:
    """Write to the catalog meanwhile, from another process, as often as a backup does."""
    process = multiprocessing.get_context("spawn").Process(target=_write, args=(url,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _write(url: str) -> None:
    """Add to the usage of a tenant, again and again."""
    catalog = open_catalog(url)
    tenant = catalog.tenants(1)[0].tenant_id
    while True:
        catalog.overview().add_usage({tenant: {"kms_decrypt": 1}}, {})
        time.sleep(1 / _WRITES_A_SECOND)


def _page(port: int, process: int, cookie: str, path: str, queries: int, requests: int) -> PageMeasure:
    body = _get(port, cookie, path)[1]
    before = _cpu(process)
    seconds = sorted(_get(port, cookie, path)[0] for _ in _paced(requests))
    return PageMeasure(
        path=re.sub(r"/t/[^/]+", "/t/NAME", re.sub(r"/jobs/.+", "/jobs/ID", path)),
        half=statistics.median(seconds),
        most=seconds[min(len(seconds) - 1, round(0.95 * len(seconds)))],
        cpu=(_cpu(process) - before) / requests,
        queries=queries,
        zipped=len(gzip.compress(body, 5)),
        elements=len(re.findall(rb"<[a-z]", body)),
    )


def _paced(requests: int) -> Iterator[None]:
    """Yield so many times, as often as one sign-in may send requests."""
    for _ in range(requests):
        time.sleep(1.2 * LIMITS.web_pace_seconds / LIMITS.web_sign_in_requests)
        yield


def _get(port: int, cookie: str, path: str) -> tuple[float, bytes]:
    """Return the seconds to the first byte of an answer, and its body. Raise RuntimeError unless it is a page."""
    with closing(http.client.HTTPConnection("localhost", port, timeout=60)) as connection:
        began = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": f"{COOKIE}={cookie}"})
        answer = connection.getresponse()
        seconds = time.perf_counter() - began
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        return seconds, body


def _cpu(process: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(process: int) -> int:
    """Return the resident memory of a process in bytes."""
    status = Path("/proc", str(process), "status").read_text()
    match = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024
