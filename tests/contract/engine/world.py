"""The engine with a real catalog on SQLite, a key service, store and directory in memory, and a clock that tests set."""

import copy
import dataclasses
import functools
import tempfile
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import msgspec

from scheduler.tick import tick
from shared.adapters.catalog import open_catalog
from shared.domain.errors import Answer, EntrakeepError, Skip
from shared.domain.jobs import Details, Job, JobKind, JobState, Origin, Phase, StepRef
from shared.domain.limits import Limits
from shared.domain.model import RefusedObject, Tenant
from shared.domain.records import Line, encode_id, prefix_tombstone, put
from shared.domain.resources import STREAMS, Reading, Stream
from shared.domain.secret import Secret
from shared.engine.context import Context
from shared.engine.jobs.runner import run_step
from shared.engine.keys.process_keys import ProcessKeys
from shared.engine.snapshots.download import download
from shared.engine.steps.claim_keeper import ClaimKeeper
from shared.engine.steps.work import Work
from shared.engine.store.marked_store import MarkedStore
from shared.engine.tenants.onboarding import add_tenant
from shared.messages import StepMessage
from shared.ports.catalog.tenant import TenantCatalog
from shared.ports.directory import Cursor, Identity
from shared.ports.keys import KeyService
from shared.ports.observer import Observer, Point
from tests.contract.catalog.world import World
from tests.migrated import migrated_file
from tests.tables import small
from tests.unit.vault.parts import ARN, MemoryKeys, MemoryStore

DIRECTORY, CLIENT = "d" * 36, "c" * 36
LEASE = 0.6


@dataclass
class MemoryPage:
    groups: list[list[Line]]
    cursor: Cursor | None
    incomplete_ids: list[str] = field(default_factory=list)
    refusals: list[RefusedObject] = field(default_factory=list)
    size: int = 0

    def refused(self) -> list[RefusedObject]:
        return self.refusals

    def entries(self) -> Iterator[list[Line]]:
        return iter(self.groups)

    def incomplete(self) -> list[str]:
        return self.incomplete_ids


class MemoryDirectory:
    """A directory that is, per stream, a log of lines. Each page has one entry of the log.

    ``tests/contract/graph/test_sources.py`` checks the contract of sources.

    ``trouble`` has, per stream, the errors of its next reads and the number of pages before each error. Objects with
    ``incomplete_ids`` come without their properties on the last page of a read. ``objects`` are the objects that a fetch
    by id finds. While ``silent``, no small request is answered. ``probe_answers`` has, per stream, the answers of its next
    probes. ``refused_ids`` has, per stream, the objects that its last page or a fetch by id refuses.
    """

    def __init__(self) -> None:
        self.log: dict[str, list[Line]] = {name: [] for name in STREAMS}
        self.trouble: dict[str, list[tuple[int, EntrakeepError | None]]] = {}
        self.incomplete_ids: list[str] = []
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.secret_expiry: datetime | None = None
        self.silent = False
        self.probes: list[tuple[str, str]] = []
        self.refused_ids: dict[str, list[str]] = {}
        self.probe_answers: dict[str, list[Answer]] = {}
        self.times_closed = 0

    def put(self, stream: str, key: str, value: bytes = b"{}") -> None:
        resource = ".".join(key.split("/")[::2])
        self.log[stream].append(put(resource.encode(), key.encode(), value))

    def records(self) -> dict[str, bytes]:
        lines = [line for log in self.log.values() for line in log]
        return {order.partition(b"\0")[2].decode(): value for order, value in lines if value is not None}

    def connect(self, identity: Identity, check: Callable[[], None]) -> "MemoryDirectory":
        self.check, self.directory_id = check, identity.directory_id
        return self

    async def pages(
        self, stream: Stream, cursor: Cursor | None, passed: Sequence[Cursor] = ()
    ) -> AsyncIterator[MemoryPage]:
        self.passed_cursors = passed
        self.requests.append((stream.name, "afresh" if cursor is None else cursor.link.reveal().decode()))
        after, error = self.trouble[stream.name].pop(0) if self.trouble.get(stream.name) else (-1, None)
        position = int(cursor.link.reveal().rpartition(b":")[2]) if cursor is not None else 0
        log = self.log[stream.name]
        pages = [[[line]] for line in log[position:]] or [[]]
        if cursor is None:
            pages[0].insert(0, [prefix_tombstone(name.encode(), b"") for name in stream.resources])
        for n, entries in enumerate(pages):
            self.check()
            if n == after and error is not None:
                raise error
            last = n == len(pages) - 1
            link = Cursor(Secret(b"next:%d" % (position + n + 1)), more=True) if not last else None
            if last and stream.reading is Reading.DELTA:
                link = Cursor(Secret(b"delta:%d" % len(log)), more=False)
            incomplete = self.incomplete_ids if last and stream.name == "users" else []
            refused_ids = self.refused_ids.get(stream.name, []) if last and stream.children else []
            refusals = [RefusedObject(id=each, request_id=f"request-{each}") for each in refused_ids]
            yield MemoryPage(entries, link, incomplete, refusals)
        if after >= len(pages) and error is not None:
            raise error

    async def fetch(self, stream: Stream, object_id: str) -> Line | None:
        self.requests.append((stream.name, object_id))
        if object_id in self.refused_ids.get(stream.name, []):
            raise Skip(Answer.FAILED, "status 400", f"request-{object_id}")
        value = self.objects.get(object_id)
        resource = stream.resource.encode()
        return None if value is None else put(resource, resource + b"/" + encode_id(object_id), value)

    async def probe(self, stream: Stream, *, listing: bool = False) -> Answer:
        self.probes.append((stream.name, "listing" if listing else "probe"))
        return self.probe_answers[stream.name].pop(0) if self.probe_answers.get(stream.name) else Answer.WHOLE

    async def answers(self, stream: Stream) -> bool:
        return not self.silent

    async def organization_id(self) -> str:
        return self.directory_id

    async def secret_expires_at(self, client_id: str, secret: Secret) -> datetime | None:
        return self.secret_expiry

    async def close(self) -> None:
        self.times_closed += 1


def identity(directory_id: str | None = None) -> Identity:
    """Return an identity for this directory, or for a new directory if none is named."""
    return Identity(directory_id=directory_id or str(uuid.uuid4()), client_id=CLIENT, secret=Secret(b"s"))


class Messages:
    """A broker that accepts messages while ``open``."""

    def __init__(self) -> None:
        self.open = True
        self.queue: list[StepRef] = []

    def send(self, step: StepRef) -> bool:
        if self.open:
            self.queue.append(step)
        return self.open


class SetClock:
    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return time.monotonic()


class _Points(Observer):
    """Passes each point to the world, whose tests may change the action of a point at any time."""

    def __init__(self, world: "EngineWorld") -> None:
        self._world = world

    def reach(self, point: Point) -> None:
        self._world.on_point(point)


@dataclass(frozen=True)
class Template:
    """A tenant after some backups, an hour apart: its catalog, bucket and directory, and what KMS has wrapped."""

    catalog: bytes
    keys: MemoryKeys
    blobs: dict[str, bytes]
    log: dict[str, list[Line]]
    time: datetime
    tenant: Tenant


@functools.cache
def template(backups: int, streams: tuple[str, ...]) -> Template:
    """Make this many backups of these streams, once in a process. Before each backup but the first, add a user."""
    with tempfile.TemporaryDirectory() as folder:
        world = EngineWorld(Path(folder), lease=60.0)
        for n in range(backups):
            if n:
                world.clock.time += timedelta(hours=1)
                world.directory.put("users", f"users/later-{n}")
            world.back_up()
        world.close()
        catalog = world.database.read_bytes()
    return Template(catalog, world.keys, world.store.blobs, world.directory.log, world.clock.time, world.tenant)


class EngineWorld:
    """The engine with one tenant, and methods that run its jobs."""

    def __init__(
        self,
        folder: Path,
        keys: KeyService | None = None,
        provider_key: str = ARN,
        lease: float = LEASE,
        *,
        backups: int = 0,
    ) -> None:
        """Add the tenant. ``keys`` replaces the key service in memory.

        With ``backups``, copy a tenant that has been backed up so often. That costs a tenth of making the backups.
        """
        self.keys, self.store, self.directory = MemoryKeys(), MemoryStore(), MemoryDirectory()
        self.messages, self.clock = Messages(), SetClock()
        saved = template(backups, tuple(STREAMS)) if backups else None
        if saved is not None:
            assert keys is None, "the data keys of a template are wrapped by the key service in memory"
            self._restore(saved, folder / "catalog.sqlite3")
        self.on_point: Callable[[str], None] = lambda _: None
        limits = Limits(
            backup_look_seconds=0.0,
            resend_seconds=0.0,
            broker_seconds=0.0,
            gone_after_seconds=0.0,
            store_pause_seconds=0.0,
        )
        catalog = open_catalog(migrated_file(folder / "catalog.sqlite3"))
        self.context = Context(
            catalog=catalog,
            keys=keys or self.keys,
            store=MarkedStore(self.store, catalog, limits, self.clock.monotonic),
            access=self.directory,
            targets=self.directory,
            dispatch=self.messages,
            clock=self.clock,
            limits=limits,
            lease_seconds=lease,
            provider_key=provider_key,
            observer=_Points(self),
        )
        self._open_database(folder / "catalog.sqlite3")
        self.tenant: Tenant = saved.tenant if saved is not None else self._add_tenant()
        self.catalog: TenantCatalog = self.context.catalog.tenant(self.tenant.tenant_id)

    def _add_tenant(self) -> Tenant:
        """Fill the directory and connect it."""
        self.directory.put("organization", f"organization/{DIRECTORY}")
        for n in range(4):
            self.directory.put("users", f"users/{n}", b'{"n":%d}' % n)
        self.directory.put("groups", "groups/g")
        self.directory.put("groups", "groups/g/members/1")
        return add_tenant(self.context, "acme", identity(DIRECTORY), choice=small()).tenant

    def _restore(self, saved: Template, database: Path) -> None:
        """Take over a copy of everything that the template has stored, and its time."""
        database.touch(0o600)
        database.write_bytes(saved.catalog)
        self.keys = saved.keys.copy()
        self.store.blobs.update(saved.blobs)
        self.directory.log = {stream: list(lines) for stream, lines in saved.log.items()}
        self.clock.time = saved.time

    def with_catalog(self, database: Path) -> "EngineWorld":
        """Return a world with the same bucket, KMS and directory, and another catalog."""
        other = copy.copy(self)
        catalog = open_catalog(migrated_file(database))
        store = MarkedStore(self.store, catalog, self.context.limits, self.clock.monotonic)
        other.context = dataclasses.replace(self.context, catalog=catalog, store=store, observer=_Points(other))
        other._open_database(database)
        other.catalog = other.context.catalog.tenant(self.tenant.tenant_id)
        return other

    def _open_database(self, database: Path) -> None:
        self.database = database
        self._aging = World(f"sqlite:///{database}")
        self.scheduler = self.context.catalog.scheduler()
        self.scheduler.record_heartbeat("w", 4)

    def limit(self, **limits: float) -> None:
        """Use other limits from now on."""
        self.context = dataclasses.replace(self.context, limits=msgspec.structs.replace(self.context.limits, **limits))

    def request(
        self,
        kind: JobKind = JobKind.BACKUP,
        snapshot: str | None = None,
        detail: Details | None = None,
        *,
        full: bool = False,
    ) -> Job:
        return self.catalog.jobs.request(kind, origin=Origin.HAND, snapshot=snapshot, detail=detail, full=full)[0]

    def pass_time(self, seconds: float) -> None:
        """Make every time in the catalog older by these seconds. The worker's heartbeat stays new."""
        self._aging.pass_time(seconds)
        self.scheduler.record_heartbeat("w", 4)

    def change(self, table: str, **values: object) -> None:
        """Write into a table without the catalog."""
        self._aging.change(table, **values)

    def rewrap(self, data_key_id: str, arn: str) -> None:
        """Add the data key's next generation without the catalog."""
        key = self.catalog.keys.get(data_key_id)
        wrapping = self.keys.reencrypt(key.arn, key.wrapped, key.context, arn, data_key_id)
        self._aging.wrap_anew(self.catalog, key, arn, wrapping.wrapped)

    def rows(self, table: str) -> list[dict[str, object]]:
        """Return all rows of a table."""
        return self._aging.rows(table)

    def tick(self) -> None:
        tick(self.context)

    def run_step(self, step: StepRef) -> None:
        """Run a step as a worker does that receives its message."""
        message = StepMessage(tenant_id=step.tenant_id, job_id=step.job_id, step_id=step.step_id)
        run_step(self.context, message, "w/1")

    def work(self, rounds: int = 99) -> None:
        """Tick and run all messages until none remains, at most ``rounds`` times."""
        for _ in range(rounds):
            self.tick()
            queue, self.messages.queue = self.messages.queue, []
            if not queue:
                return
            for step in queue:
                self.run_step(step)

    @contextmanager
    def step(self, name: str, phase: int = Phase.READ) -> Iterator[Work]:
        """Claim the step of this name, after running the steps before it. Drop the remaining messages."""
        claim = None
        while claim is None:
            self.tick()
            queue, self.messages.queue = self.messages.queue, []
            assert queue, "there is no such step"
            for message in queue:
                steps = self.catalog.jobs.steps(message.job_id)
                if any((step.step_id, step.name, step.phase) == (message.step_id, name, phase) for step in steps):
                    claim = self.catalog.claims.claim(
                        message.job_id, message.step_id, "w/1", self.context.limits.claim_seconds
                    )
                    break
                self.run_step(message)
        with (
            ClaimKeeper(self.catalog.claims, claim, self.context.limits, self.clock.monotonic) as keeper,
            ProcessKeys(self.context, self.catalog) as keys,
        ):
            yield Work(self.context, self.catalog, claim, keeper, keys)

    def cancel(self, work: Work) -> None:
        """Cancel the job of a running step. Return once its claim keeper knows."""
        cancelled = threading.Event()
        work.claim_keeper.on_lost(cancelled.set)
        self.catalog.jobs.cancel(work.claim.job_id)
        assert cancelled.wait(20)

    def run_job(
        self, kind: JobKind = JobKind.BACKUP, snapshot: str | None = None, detail: Details | None = None
    ) -> Job:
        """Request a job and work until no message remains. Return the job."""
        job = self.request(kind, snapshot, detail)
        self.work()
        return self.catalog.jobs.get(job.job_id)

    def back_up(self) -> Job:
        job = self.run_job()
        assert job.state is JobState.SUCCEEDED, job
        return job

    def download(self, snapshot: str = "latest") -> dict[str, bytes]:
        sink = BytesIO()
        download(self.context, self.tenant, snapshot, sink)
        lines = [line.removeprefix(b'{"key": "').removesuffix(b"}\n") for line in sink.getvalue().splitlines(True)]
        pairs = [line.partition(b'", "value": ') for line in lines]
        return {key.decode(): value for key, _, value in pairs}

    def close(self) -> None:
        self._aging.close()
        self.context.catalog.close()
