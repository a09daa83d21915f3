"""Where the cases of what AWS KMS answers take place: one catalog and bucket, and a tenant and a KMS key for each case."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from shared.domain.model import Tenant
from shared.engine.tenants.onboarding import add_tenant
from tests.contract.engine.kms_cases import Kms, Nonsense, Scene
from tests.contract.engine.world import EngineWorld, identity
from tests.parts import AwsSimulator, aws_simulator

LONG = 20.0
"""Seconds of a lease that does not run out, however busy the machine is."""
_numbers = count(1)


def until(true: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, f"never came true: {what}"
        time.sleep(0.01)


class Stage:
    """A catalog, a bucket and a directory for all cases; a tenant and a KMS key for each."""

    def __init__(self, folder: Path, aws: AwsSimulator, nonsense: str, patch: pytest.MonkeyPatch) -> None:
        provider_key = aws.new_key()
        self.aws, self.nonsense = aws, nonsense
        self.kms = Kms(LONG / 2, aws, provider_key, patch)
        self.world = EngineWorld(folder, self.kms, provider_key, LONG)
        self.world.limit(worker_seen_seconds=3600.0)
        self.world.directory.put("users", "users/large", b'"%b"' % (b"x" * 300_000))

    def enter(self) -> Scene:
        """A new tenant under a new KMS key, backed up once."""
        scene = self.enter_bare()
        self.world.backed_up()
        self.follow(self.world.tenant)
        return scene

    def enter_bare(self) -> Scene:
        """A new tenant under a new KMS key."""
        arn = self.aws.new_key()
        context = dataclasses.replace(self.world.context, provider_key=arn)
        self.follow(add_tenant(context, f"tenant-{next(_numbers)}", identity()).tenant)
        return Scene(self.aws, self.kms, arn, self.nonsense)

    def follow(self, tenant: Tenant) -> None:
        """From now on it is about this tenant, and nothing has happened yet."""
        world = self.world
        world.tenant, world.of = tenant, world.context.catalog.tenant(tenant.tenant_id)
        world.directory.told.clear()
        self.kms.met.clear()

    def lease(self, seconds: float) -> None:
        self.world.context = dataclasses.replace(self.world.context, lease_seconds=seconds)


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with aws_simulator() as aws, Nonsense() as nonsense, pytest.MonkeyPatch.context() as patch:
        made = Stage(tmp_path_factory.mktemp("stage"), aws, nonsense, patch)
        yield made
        made.world.close()


@pytest.fixture(name="scene")
def scene_fixture(stage: Stage) -> Iterator[Scene]:
    """A tenant whose key may be taken away for ever."""
    made = stage.enter()
    yield made
    stage.world.at = lambda _: None
    stage.lease(LONG)
    stage.aws.clear_faults()


@pytest.fixture(name="only", scope="module")
def only_fixture(stage: Stage) -> tuple[Scene, Tenant]:
    return stage.enter(), stage.world.tenant


@pytest.fixture(name="steady")
def steady_fixture(stage: Stage, only: tuple[Scene, Tenant]) -> Iterator[Scene]:
    """A tenant whose key is never taken away: the same for all such cases."""
    made, tenant = only
    stage.follow(tenant)
    yield made
    made.relieve()


@pytest.fixture(name="pool")
def pool_fixture() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads
