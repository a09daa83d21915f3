"""The stage of the cases of AWS KMS answers: one catalog and bucket, and a tenant and a KMS key for each case."""

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
"""Seconds of a lease that does not expire on a busy machine."""
_numbers = count(1)


def until(condition: Callable[[], object], name: str) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, f"never came true: {name}"
        time.sleep(0.01)


class Stage:
    """One catalog, bucket and directory for all cases; a tenant and a KMS key for each case."""

    def __init__(self, folder: Path, aws: AwsSimulator, nonsense: str, patch: pytest.MonkeyPatch) -> None:
        provider_key = aws.new_key()
        self.aws, self.nonsense = aws, nonsense
        self.kms = Kms(LONG / 2, aws, provider_key, patch)
        self.world = EngineWorld(folder, self.kms, provider_key, LONG)
        self.world.limit(worker_seen_seconds=3600.0)
        self.world.directory.put("users", "users/large", b'"%b"' % (b"x" * 300_000))

    def enter(self) -> Scene:
        """Add a tenant under a new KMS key and back it up once."""
        scene = self.enter_bare()
        self.world.back_up()
        self.select_tenant(self.world.tenant)
        return scene

    def enter_bare(self) -> Scene:
        """Add a tenant under a new KMS key."""
        arn = self.aws.new_key()
        context = dataclasses.replace(self.world.context, provider_key=arn)
        self.select_tenant(add_tenant(context, f"tenant-{next(_numbers)}", identity()).tenant)
        return Scene(self.aws, self.kms, arn, self.nonsense)

    def select_tenant(self, tenant: Tenant) -> None:
        """Select this tenant and clear the recorded requests and errors."""
        world = self.world
        world.tenant, world.catalog = tenant, world.context.catalog.tenant(tenant.tenant_id)
        world.directory.requests.clear()
        self.kms.errors.clear()

    def lease(self, seconds: float) -> None:
        self.world.context = dataclasses.replace(self.world.context, lease_seconds=seconds)


@pytest.fixture(name="stage", scope="module")
def stage_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with aws_simulator() as aws, Nonsense() as nonsense, pytest.MonkeyPatch.context() as patch:
        stage = Stage(tmp_path_factory.mktemp("stage"), aws, nonsense, patch)
        yield stage
        stage.world.close()


@pytest.fixture(name="scene")
def scene_fixture(stage: Stage) -> Iterator[Scene]:
    """Yield a tenant whose key the case may destroy."""
    scene = stage.enter()
    yield scene
    stage.world.on_point = lambda _: None
    stage.lease(LONG)
    stage.aws.clear_faults()


@pytest.fixture(name="shared_scene", scope="module")
def shared_scene_fixture(stage: Stage) -> tuple[Scene, Tenant]:
    return stage.enter(), stage.world.tenant


@pytest.fixture(name="steady")
def steady_fixture(stage: Stage, shared_scene: tuple[Scene, Tenant]) -> Iterator[Scene]:
    """Yield a tenant whose key no case destroys: the same tenant for all such cases."""
    scene, tenant = shared_scene
    stage.select_tenant(tenant)
    yield scene
    scene.recover()


@pytest.fixture(name="pool")
def pool_fixture() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads
