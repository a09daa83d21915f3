"""Fixtures of several files: the cases of what AWS KMS answers, and a world whose lease lasts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.engine.kms_stage import only_fixture, pool_fixture, scene_fixture, stage_fixture, steady_fixture
from tests.contract.engine.world import EngineWorld

__all__ = ["only_fixture", "pool_fixture", "scene_fixture", "stage_fixture", "steady_fixture"]


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[EngineWorld]:
    """With a lease that a busy machine does not outlast: a reading is not given back and taken up again."""
    made = EngineWorld(tmp_path, lease=5.0)
    yield made
    made.close()
