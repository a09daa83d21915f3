"""Fixtures for the cases of what AWS KMS answers."""

from tests.contract.engine.kms_stage import only_fixture, pool_fixture, scene_fixture, stage_fixture, steady_fixture

__all__ = ["only_fixture", "pool_fixture", "scene_fixture", "stage_fixture", "steady_fixture"]
