"""Fixtures for all rooms."""

from hypothesis import settings

from tests.parts import aws_simulator_fixture, graph_simulator_fixture, redis_server_fixture
from tests.postgres import migrated_fixture, postgres_fixture

__all__ = [
    "aws_simulator_fixture",
    "graph_simulator_fixture",
    "migrated_fixture",
    "postgres_fixture",
    "redis_server_fixture",
]

# An example takes as long as the machine lets it: on a busy one, 200 milliseconds say nothing about the code.
settings.register_profile("on any machine", deadline=None)
settings.load_profile("on any machine")
