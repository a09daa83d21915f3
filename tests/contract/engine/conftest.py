"""Fixtures that several files use: the stage of the AWS KMS answers, and a world with a long lease."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.engine.kms_stage import (
    pool_fixture,
    scene_fixture,
    shared_scene_fixture,
    stage_fixture,
    steady_fixture,
)
from tests.contract.engine.world import EngineWorld

__all__ = ["pool_fixture", "scene_fixture", "shared_scene_fixture", "stage_fixture", "steady_fixture"]


@pytest.fixture
def long_lease(tmp_path: Path) -> Iterator[EngineWorld]:
    """Yield a world whose lease lasts on a busy machine, so that no read is released and resumed."""
    world = EngineWorld(tmp_path, lease=5.0)
    yield world
    world.close()
