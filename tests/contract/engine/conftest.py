"""Fixtures that several files use: a small table of resources, the stage of the KMS answers, a world with a long lease."""

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
from tests.tables import FEW, only, table

__all__ = ["pool_fixture", "scene_fixture", "shared_scene_fixture", "stage_fixture", "steady_fixture"]


@pytest.fixture(scope="module", autouse=True)
def small_table(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the streams in the table of resources that the module's mark ``streams`` names, or ``FEW``."""
    mark = request.node.get_closest_marker("streams")
    with table(only(mark.args if mark else FEW)):
        yield


@pytest.fixture
def long_lease(tmp_path: Path) -> Iterator[EngineWorld]:
    """Yield a world whose lease lasts on a busy machine, so that no read is released and resumed."""
    world = EngineWorld(tmp_path, lease=5.0)
    yield world
    world.close()
