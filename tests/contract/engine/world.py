"""The engine over a real catalog on SQLite, with key service, store and directory in memory and time that can be set."""

import copy
import dataclasses
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
from tests.unit.vault.parts import ARN, MemoryKeys, MemoryStore

DIRECTORY, CLIENT = "d" * 36, "c" * 36
LEASE = 0.6


@dataclass
class MemoryPage:
    found: list[list[Line]]
    cursor: Cursor | None
    named: list[str] = field(default_factory=list)
    refusals: list[RefusedObject] = field(default_factory=list)
    size: int = 0

    def refused(self) -> list[RefusedObject]:
        return self.refusals

    def entries(self) -> Iterator[list[Line]]:
        return iter(self.found)

    def incomplete(self) -> list[str]:
        return self.named


class MemoryDirectory:
    """A directory that is, per stream, a log of lines; a page tells one entry of it.

    ``tests/contract/graph/test_sources.py`` holds it to what every source of a directory promises.

    ``trouble`` holds, per stream, what its next readings meet and after how many pages; ``named`` ids come without
    their properties on the last page of a reading; ``objects`` is what is found by id. ``silent``: no small request is
    answered. ``says`` holds, per stream, what its next probes come to; ``refusing`` the objects that its last page, or what
    is found by id, refuses.
    """

    def __init__(self) -> None:
        self.log: dict[str, list[Line]] = {name: [] for name in STREAMS}
        self.trouble: dict[str, list[tuple[int, EntrakeepError]]] = {}
        self.named: list[str] = []
        self.objects: dict[str, bytes] = {}
        self.told: list[tuple[str, str]] = []
        self.secret_expiry: datetime | None = None
        self.silent = False
        self.probed: list[tuple[str, str]] = []
        self.refusing: dict[str, list[str]] = {}
        self.says: dict[str, list[Answer]] = {}
        self.closed = 0

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
        self.passed = passed
        self.told.append((stream.name, "afresh" if cursor is None else cursor.link.reveal().decode()))
        after, error = self.trouble[stream.name].pop(0) if self.trouble.get(stream.name) else (-1, None)
        at = int(cursor.link.reveal().rpartition(b":")[2]) if cursor is not None else 0
        log = self.log[stream.name]
        pages = [[[line]] for line in log[at:]] or [[]]
        if cursor is None:
            pages[0].insert(0, [prefix_tombstone(name.encode(), b"") for name in stream.resources])
        for n, entries in enumerate(pages):
            self.check()
            if n == after and error is not None:
                raise error
            last = n == len(pages) - 1
            link = Cursor(Secret(b"next:%d" % (at + n + 1)), more=True) if not last else None
            if last and stream.reading is Reading.DELTA:
                link = Cursor(Secret(b"delta:%d" % len(log)), more=False)
            named = self.named if last and stream.name == "users" else []
            refused = self.refusing.get(stream.name, []) if last and stream.children else []
            refusals = [RefusedObject(id=each, request_id=f"request-{each}") for each in refused]
            yield MemoryPage(entries, link, named, refusals)
        if after >= len(pages) and error is not None:
            raise error

    async def fetch(self, stream: Stream, object_id: str) -> Line | None:
        self.told.append((stream.name, object_id))
        if object_id in self.refusing.get(stream.name, []):
            raise Skip(Answer.FAILED, "status 400", f"request-{object_id}")
        value = self.objects.get(object_id)
        resource = stream.resource.encode()
        return None if value is None else put(resource, resource + b"/" + encode_id(object_id), value)

    async def probe(self, stream: Stream, *, listing: bool = False) -> Answer:
        self.probed.append((stream.name, "listing" if listing else "probe"))
        return self.says[stream.name].pop(0) if self.says.get(stream.name) else Answer.WHOLE

    async def answers(self, stream: Stream) -> bool:
        return not self.silent

    async def organization_id(self) -> str:
        return self.directory_id

    async def secret_expires_at(self, client_id: str, secret: Secret) -> datetime | None:
        return self.secret_expiry

    async def close(self) -> None:
        self.closed += 1


def identity(directory_id: str | None = None) -> Identity:
    """What signs in to a directory, to one that nothing else has signed in to if none is named."""
    return Identity(directory_id=directory_id or str(uuid.uuid4()), client_id=CLIENT, secret=Secret(b"s"))


class Messages:
    """A broker that takes messages while ``open``."""

    def __init__(self) -> None:
        self.open = True
        self.taken: list[StepRef] = []

    def send(self, step: StepRef) -> bool:
        if self.open:
            self.taken.append(step)
        return self.open


class SetClock:
    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return time.monotonic()


class _Points(Observer):
    """Hands each point on to the world, whose tests may change what happens there at any time."""

    def __init__(self, world: "EngineWorld") -> None:
        self._world = world

    def reach(self, point: Point) -> None:
        self._world.at(point)


class EngineWorld:
    """The engine with one tenant, and hands to move its jobs along."""

    def __init__(
        self, folder: Path, keys: KeyService | None = None, provider_key: str = ARN, lease: float = LEASE
    ) -> None:
        """``keys``: another key service than the one in memory."""
        self.keys, self.store, self.directory = MemoryKeys(), MemoryStore(), MemoryDirectory()
        self.messages, self.clock = Messages(), SetClock()
        self.at: Callable[[str], None] = lambda _: None
        limits = Limits(resend_seconds=0.0, broker_seconds=0.0, gone_after_seconds=0.0, store_pause_seconds=0.0)
        catalog = open_catalog(migrated_file(folder / "catalog.sqlite3"))
        self.context = Context(
            catalog=catalog,
            keys=keys or self.keys,
            store=MarkedStore(self.store, catalog, limits, self.clock.monotonic),
            access=self.directory,
            dispatch=self.messages,
            clock=self.clock,
            limits=limits,
            lease_seconds=lease,
            provider_key=provider_key,
            observer=_Points(self),
        )
        self._see(folder / "catalog.sqlite3")
        self.directory.put("organization", f"organization/{DIRECTORY}")
        for n in range(4):
            self.directory.put("users", f"users/{n}", b'{"n":%d}' % n)
        self.directory.put("groups", "groups/g")
        self.directory.put("groups", "groups/g/members/1")
        self.tenant: Tenant = add_tenant(self.context, "acme", identity(DIRECTORY)).tenant
        self.of: TenantCatalog = self.context.catalog.tenant(self.tenant.tenant_id)

    def over(self, database: Path) -> "EngineWorld":
        """The same bucket, KMS and directory, over another catalog."""
        other = copy.copy(self)
        catalog = open_catalog(migrated_file(database))
        store = MarkedStore(self.store, catalog, self.context.limits, self.clock.monotonic)
        other.context = dataclasses.replace(self.context, catalog=catalog, store=store, observer=_Points(other))
        other._see(database)
        other.of = other.context.catalog.tenant(self.tenant.tenant_id)
        return other

    def _see(self, database: Path) -> None:
        self.database = database
        self._aging = World(f"sqlite:///{database}")
        self.scheduler = self.context.catalog.scheduler()
        self.scheduler.record_heartbeat("w", 4)

    def limit(self, **limits: float) -> None:
        """Other limits from now on."""
        self.context = dataclasses.replace(self.context, limits=msgspec.structs.replace(self.context.limits, **limits))

    def ask(
        self,
        kind: JobKind = JobKind.BACKUP,
        snapshot: str | None = None,
        detail: Details | None = None,
        *,
        full: bool = False,
    ) -> Job:
        return self.of.jobs.request(kind, origin=Origin.HAND, snapshot=snapshot, detail=detail, full=full)[0]

    def pass_time(self, seconds: float) -> None:
        """Everything that stands in the catalog is so much older; the worker has just been seen."""
        self._aging.pass_time(seconds)
        self.scheduler.record_heartbeat("w", 4)

    def change(self, table: str, **values: object) -> None:
        """Writes behind the catalog's back."""
        self._aging.change(table, **values)

    def wrap_anew(self, data_key_id: str, arn: str) -> None:
        """The data key's next generation, behind the catalog's back."""
        key = self.of.keys.get(data_key_id)
        wrapping = self.keys.reencrypt(key.arn, key.wrapped, key.context, arn, data_key_id)
        self._aging.wrap_anew(self.of, key, arn, wrapping.wrapped)

    def rows(self, table: str) -> list[dict[str, object]]:
        """All that stands in a table."""
        return self._aging.rows(table)

    def tick(self) -> None:
        tick(self.context)

    def perform(self, step: StepRef) -> None:
        """What a worker does with a message."""
        message = StepMessage(tenant_id=step.tenant_id, job_id=step.job_id, step_id=step.step_id)
        run_step(self.context, message, "w/1")

    def work(self, rounds: int = 12) -> None:
        """Ticks and works until no message is left, or so often."""
        for _ in range(rounds):
            self.scheduler.record_heartbeat("w", 4)  # a slow machine is no silent worker
            self.tick()
            taken, self.messages.taken = self.messages.taken, []
            if not taken:
                return
            for step in taken:
                self.perform(step)

    @contextmanager
    def step(self, name: str, phase: int = Phase.READ) -> Iterator[Work]:
        """The step of this name, held by the test; those that come before it are done, and their messages are gone."""
        claim = None
        while claim is None:
            self.tick()
            taken, self.messages.taken = self.messages.taken, []
            assert taken, "there is no such step"
            for sent in taken:
                steps = self.of.jobs.steps(sent.job_id)
                if any((step.step_id, step.name, step.phase) == (sent.step_id, name, phase) for step in steps):
                    claim = self.of.claims.claim(sent.job_id, sent.step_id, "w/1", self.context.limits.claim_seconds)
                    break
                self.perform(sent)
        with (
            ClaimKeeper(self.of.claims, claim, self.context.limits, self.clock.monotonic) as hold,
            ProcessKeys(self.context, self.of) as keys,
        ):
            yield Work(self.context, self.of, claim, hold, keys)

    def cancel(self, work: Work) -> None:
        """Cancels the job of a step at work; returns when its claim knows."""
        known = threading.Event()
        work.claim_keeper.on_lost(known.set)
        self.of.jobs.cancel(work.claim.job_id)
        assert known.wait(20)

    def done(self, kind: JobKind = JobKind.BACKUP, snapshot: str | None = None, detail: Details | None = None) -> Job:
        """A job asked for and worked on until it rests."""
        job = self.ask(kind, snapshot, detail)
        self.work()
        return self.of.jobs.get(job.job_id)

    def backed_up(self) -> Job:
        job = self.done()
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
