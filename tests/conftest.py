"""Fixtures for all rooms."""

from tests.parts import aws_simulator_fixture, graph_simulator_fixture, redis_server_fixture
from tests.postgres import migrated_fixture, postgres_fixture

__all__ = [
    "aws_simulator_fixture",
    "graph_simulator_fixture",
    "migrated_fixture",
    "postgres_fixture",
    "redis_server_fixture",
]
